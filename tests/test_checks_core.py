"""Expectations hold or tell why not, and a judgement comes out whatever the answer does."""

import dataclasses
import json
import time

import numpy as np
import pytest

from coursehelpers.checks import core
from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import Exercise, Mistake, Outcome, describe, judge
from coursehelpers.checks.values import Fixture, Handle


def outcome(specification, answer=lambda *values: None, points=1, seconds=5.0):
    exercise = Exercise("demo", "notebook", "section", points, seconds, ("hint",), specification)
    return judge(exercise, lambda seconds: LocalAnswer(answer, seconds))


def close_to(wanted, **options):
    def specification(answer, expect, rng):
        expect.close(answer.call(), wanted, otherwise="Wrong.", points=1, **options)

    return specification


def calls(answer, expect, rng):
    answer.call()


def raises(error):
    def answer():
        raise error

    return answer


NO_ARRAY = "2 entries that make no array of numbers, expected an array of shape (2,)."


# what holds


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (0.1, 0.1),
        (np.float32(0.1), 0.1),
        (np.float16(0.5), 0.5),
        (1, 1.0),
        (True, 1),
        (np.array(2.0), 2),
        (np.array([[2.0]]), 2),
        ([2.0], 2),
        (1 + 9e-5, 1),
        (1e-7, 0),
        ([1, 2], [1, 2]),
        ((1.0, np.float32(2)), np.array([1, 2])),
        (np.array([1, 2], "int8"), (1, 2)),
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.inf, np.inf),
    ],
)
def test_close_accepts_the_same_numbers_in_any_form(got, wanted):
    assert outcome(close_to(wanted), lambda: got) == Outcome("demo", "passed", 1, 1)


@pytest.mark.parametrize(
    ("got", "wanted", "says"),
    [
        (1.001, 1, "For one example your answer is 1.001, expected 1."),
        (2e-6, 0, "For one example your answer is 2e-06, expected 0."),
        (np.nan, 1, "your answer is nan, expected 1."),
        (np.inf, 1, "your answer is inf, expected 1."),
        (1e308, -1e308, "your answer is 1e+308, expected -1e+308."),
        ([1, 2, 4], [1, 2, 3], "For one example entry [2] is 4, expected 3."),
        ([[1, np.nan], [7, 4]], [[1, 2], [3, 4]], "entry [0, 1] is nan, expected 2."),
        (None, 1, "Your function returned nothing; is there a `return`?"),
        ("1", 1, "Your answer is a text, expected one number."),
        (["1", "2"], [1, 2], NO_ARRAY),
        ([None, 1.0], [np.nan, 1.0], NO_ARRAY),
        ({"a": 1}, 1, "Your answer is a dict of 1 entries, expected one number."),
        ([1, [2, 3]], [1, 2], NO_ARRAY),
        ([np.ones(2), np.ones(3)], [1, 2], NO_ARRAY),
        ([[1, 2]], [1, 2], "that make an array of shape (1, 2), expected an array of shape (2,)."),
        ([Handle(0)], 0, "a list of 1 entries that make no array of numbers, expected one number."),
        ([1, 2], 1, "a list of 2 entries, expected one number."),
        (3.0, [1, 2], "the number 3, expected an array of shape (2,)."),
        (np.ones((2, 1)), [1, 1], "an array of shape (2, 1), expected an array of shape (2,)."),
        ([], 1, "a list of 0 entries, expected one number."),
    ],
)
def test_close_tells_what_is_wrong(got, wanted, says):
    (message,) = outcome(close_to(wanted), lambda: got).messages
    assert message.startswith("Wrong. ")
    assert message.endswith(says)


def test_close_takes_tolerances():
    assert outcome(close_to(1, rtol=0.1), lambda: 1.09).status == "passed"
    assert outcome(close_to(0, atol=0.1), lambda: 0.09).status == "passed"
    assert outcome(close_to(1, rtol=1e-9, atol=0), lambda: 1 + 1e-8).status == "failed"


def test_model_is_no_number():
    def model():
        import keras

        return keras.Sequential()

    got = outcome(close_to(0), model, seconds=20)
    assert got.messages == ("Wrong. Your answer is a Keras model, expected one number.",)


# known mistakes

DOUBLE = Mistake("doubled", 2.0, "This is twice as much.")
TWIN = Mistake("twin", 1 + 5e-5, "Never told.")
PAIR = Mistake("pair", [2.0, 2.0], "Never told.")
BACK = Mistake("reversed", [3, 2, 1], "Turn it round.")


@pytest.mark.parametrize(
    ("got", "wanted", "mistakes", "misconception"),
    [
        (2.0, 1, [Mistake("zero", 0, "Zero."), DOUBLE], "doubled"),
        (3.0, 1, [DOUBLE], None),
        (1 + 12e-5, 1, [TWIN], None),  # one that equals the right value is skipped
        (2.0, 1, [PAIR, DOUBLE], "doubled"),  # one of another shape, too
        ([3, 2, 1], [1, 2, 3], [BACK], "reversed"),
        ([3, 2, 0], [1, 2, 3], [BACK], None),
    ],
)
def test_mistakes_are_recognized_by_their_value(got, wanted, mistakes, misconception):
    found = outcome(close_to(wanted, mistakes=mistakes), lambda: got)
    assert (found.status, found.misconception) == ("failed", misconception)
    says = next((m.message for m in mistakes if m.name == misconception), "Wrong.")
    (message,) = found.messages
    assert message.startswith(f"{says} For one example ")


def test_right_value_is_right_whatever_mistake_equals_it():
    assert outcome(close_to(1, mistakes=[TWIN]), lambda: TWIN.value).status == "passed"


def test_mistake_of_a_condition_is_the_first_true_one():
    known = core.mistakes_from({"no": "No.", "yes": "Yes.", "also": "Also."})

    def specification(answer, expect, rng):
        mistakes = known(("no", False), ("yes", True), ("also", True))
        expect.that(False, "Otherwise.", points=1, mistakes=mistakes, seen="It is so.")

    assert outcome(specification).messages == ("Yes. It is so.",)
    assert outcome(specification).misconception == "yes"


# points and requirements


def test_points_add_up_to_partial_credit():
    def specification(answer, expect, rng):
        expect.that(False, "First.", points=1)
        expect.that(True, "Second.", points=2)
        expect.that(False, "Third.", points=1)
        expect.that(False, "First.", points=1)

    assert outcome(specification, points=5) == Outcome(
        "demo", "partial", 2, 5, ("First.", "Third.")
    )


def test_failed_requirement_ends_the_check():
    def specification(answer, expect, rng):
        expect.that(True, "Held.", points=1)
        expect.that(True, "Held too.")
        expect.that(False, "Required.")
        raise AssertionError("not reached")

    assert outcome(specification, points=2) == Outcome("demo", "partial", 1, 2, ("Required.",))


def returns_several(wanted, names):
    def specification(answer, expect, rng):
        got = getattr(expect, wanted)(answer.call(), names)
        expect.that(len(list(got)) == {"pair": 2, "triple": 3}[wanted], "", points=1)

    return specification


@pytest.mark.parametrize("got", [(1, 2), [np.ones(2), 3.0], np.array([1, 2]), np.ones((2, 3))])
def test_pair_accepts_two_of_anything(got):
    assert outcome(returns_several("pair", ""), lambda: got).status == "passed"


@pytest.mark.parametrize(
    ("got", "says"),
    [
        (None, "nothing (None)."),
        (1.5, "the number 1.5."),
        (np.array(1.5), "the number 1.5."),
        ("ab", "a text."),
        ({"a": 1, "b": 2}, "a dict of 2 entries."),
        ([1, 2, 3], "a list of 3 entries."),
        ([np.ones(2), np.ones(3), 1], "a list of 3 entries."),
        (np.ones((3, 2)), "an array of shape (3, 2)."),
    ],
)
def test_pair_refuses_anything_else(got, says):
    (message,) = outcome(returns_several("pair", "one and other"), lambda: got).messages
    assert message == f"Return two values, one and other. Your function returned {says}"


def test_triple_takes_three_values_and_no_other_number():
    triple = returns_several("triple", "a, b and c")
    assert outcome(triple, lambda: (1, 2, 3)).status == "passed"
    (message,) = outcome(triple, lambda: (1, 2)).messages
    assert message == "Return three values, a, b and c. Your function returned a list of 2 entries."


def test_number_gives_a_float():
    def specification(answer, expect, rng):
        number = expect.number(answer.call())
        expect.that(type(number) is float and number == 2, "", points=1)

    for got in (2, 2.0, np.float32(2), np.array([2])):
        assert outcome(specification, lambda got=got: got).status == "passed"
    for got in ("2", None, [1, 2], {}, [[1], [2, 3]]):
        (message,) = outcome(specification, lambda got=got: got).messages
        assert message.startswith("Each value should be a number. ")


def test_messages_say_what_was_given_and_come_once():
    def specification(answer, expect, rng):
        for expect.given in ("For 1", "For 2"):
            expect.that(False, "Wrong.", points=1)
        expect.that(False, "Worse.", points=1)
        answer.call()

    assert outcome(specification, raises(ValueError("no")), points=3).messages == (
        "For 1: Wrong.",
        "For 2: Worse.",
        "For 2: Your code raised ValueError: no.",
    )


# judging


def test_points_have_to_add_up():
    with pytest.raises(ValueError, match="'demo' offer 1 points, its declaration 2"):
        outcome(close_to(1), lambda: 1, points=2)


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (None, "not attempted", "There is no answer yet."),
        (raises(NotImplementedError), "not attempted", "There is no answer yet."),
        (raises(ValueError("no")), "error", "Your code raised ValueError: no."),
        (raises(SystemExit), "error", "Your code called sys.exit or exit."),
        (raises(type("Odd", (BaseException,), {})), "error", "Your code raised Odd."),
        (raises(core._Refused), "error", "Your code raised _Refused."),
        (lambda: time.sleep(5), "timed out", "Your code took longer than the check allows."),
        ("text", "error", "The answer should be a function, got an object of type str."),
    ],
)
def test_trouble_is_an_outcome(answer, status, says):
    assert outcome(calls, answer, seconds=0.2) == Outcome("demo", status, 0, 1, (says,))


def test_stub_is_told_nothing_but_that():
    def specification(answer, expect, rng):
        expect.given = "For one example"
        answer.call()

    got = outcome(specification, raises(NotImplementedError))
    assert got.messages == ("There is no answer yet.",)


def test_trouble_after_a_point_is_partial_credit():
    def specification(answer, expect, rng):
        expect.that(True, "", points=1)
        answer.call()

    got = outcome(specification, raises(ValueError("late")), points=2)
    assert (got.status, got.earned) == ("partial", 1)
    assert got.messages == ("Your code raised ValueError: late.",)


def test_a_requirement_that_comes_last_costs_a_point():
    def specification(answer, expect, rng):
        expect.that(True, "", points=3)
        expect.that(False, "Not that.")

    got = outcome(specification, points=3)
    assert (got.status, got.earned, got.messages) == ("partial", 2, ("Not that.",))


def test_mistake_of_the_check_itself_is_not_hidden():
    def specification(answer, expect, rng):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        outcome(specification)


def test_random_inputs_follow_the_seed_and_the_exercise():
    def draw(id, seed):
        seen = []

        def specification(answer, expect, rng):
            seen.append(rng.random())
            expect.that(True, "", points=1)

        judge(Exercise(id, "n", "s", 1, 5.0, (), specification), LocalAnswer, seed)
        return seen[0]

    assert draw("one", (1,)) == draw("one", (1,))
    assert len({draw("one", ()), draw("one", (1,)), draw("one", (2,)), draw("two", (1,))}) == 4


def test_time_limit_is_the_exercises():
    limits = []
    exercise = Exercise("demo", "n", "s", 1, 7.5, (), close_to(1))
    judge(exercise, lambda seconds: limits.append(seconds) or LocalAnswer(lambda: 1, seconds))
    assert limits == [7.5]


def test_outcome_travels_as_json():
    got = outcome(close_to(1, mistakes=[DOUBLE]), lambda: np.float64(2))
    copy = json.loads(json.dumps(dataclasses.asdict(got)))
    assert Outcome(**{**copy, "messages": tuple(copy["messages"])}) == got


def test_exercise_registers_its_specification_once(monkeypatch):
    monkeypatch.setattr(core, "EXERCISES", {})
    declare = core.exercise("demo", notebook="n", section="s", points=2, hints=["one", "two"])
    specification = close_to(1)
    assert declare(specification) is specification
    (registered,) = core.EXERCISES.values()
    assert registered == Exercise("demo", "n", "s", 2, 5.0, ("one", "two"), specification)
    with pytest.raises(ValueError, match="named 'demo' exists already"):
        declare(specification)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing (None)"),
        (Handle(0), "a Keras model"),
        (Fixture("tiny_backbone", 0), "a Keras model"),
        (np.zeros((2, 0)), "an array of shape (2, 0)"),
        (np.array(True), "the number 1"),
        ([], "a list of 0 entries"),
        ("", "a text"),
        (True, "the number 1"),
        (2**64 - 1, "the number 1.84467e+19"),
        (float("nan"), "the number nan"),
        (np.float32(0.1), "the number 0.1"),
        (np.bool_(True), "the number 1"),
        (b"", "a bytes"),
    ],
)
def test_describe(value, words):
    assert describe(value) == words
