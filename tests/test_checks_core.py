"""Expectations hold or tell why not, and a judgement comes out whatever the answer does."""

import dataclasses
import json
import time

import numpy as np
import pytest

from coursehelpers.checks import core
from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import Exercise, Mistake, Outcome, judge
from coursehelpers.checks.values import Fixture, Handle


def outcome(specification, answer=lambda *values: None, points=1, seconds=5.0):
    exercise = Exercise("demo", "notebook", "section", points, seconds, ("hint",), specification)
    return judge(exercise, lambda seconds: LocalAnswer(answer, seconds))


def close_to(wanted, **options):
    def specification(answer, expect, rng):
        expect.close(answer.call(), wanted, otherwise="Wrong.", points=1, **options)

    return specification


def steps(*expectations, given=""):
    """Specify some expectations, and a call after them."""

    def specification(answer, expect, rng):
        expect.given = given
        for expectation in expectations:
            expect.that(*expectation)
        answer.call()

    return specification


def returns(requirement, *names):
    """Specify that the answer returns what a method of `Expect` requires."""

    def specification(answer, expect, rng):
        getattr(expect, requirement)(answer.call(), *names)
        expect.that(True, "", points=1)

    return specification


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
        (Handle(0), 0, "Your answer is a Keras model, expected one number."),
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


@pytest.mark.parametrize(
    ("got", "wanted", "tolerance", "status"),
    [
        (1.09, 1, {"rtol": 0.1}, "passed"),
        (0.09, 0, {"atol": 0.1}, "passed"),
        (1 + 1e-8, 1, {"rtol": 1e-9, "atol": 0}, "failed"),
    ],
)
def test_close_takes_tolerances(got, wanted, tolerance, status):
    assert outcome(close_to(wanted, **tolerance), lambda: got).status == status


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
    def specification(answer, expect, rng):
        expect.known = {"no": "No.", "yes": "Yes.", "also": "Also."}
        expect(False, 1, "Otherwise.", {"no": False, "yes": True, "also": True}, "It is so.")

    assert outcome(specification).messages == ("Yes. It is so.",)
    assert outcome(specification).misconception == "yes"


# points and requirements


NEVER = raises(AssertionError("not reached"))


@pytest.mark.parametrize(
    ("specification", "answer", "wanted"),
    [
        (
            steps((False, "A.", 1), (True, "B.", 2), (False, "C.", 1), (False, "A.", 1)),
            lambda: None,
            Outcome("demo", "partial", 2, 5, ("A.", "C.")),
        ),
        (
            steps((True, "Held.", 1), (True, "Held too.", 0), (False, "Required.", 0)),
            NEVER,
            Outcome("demo", "partial", 1, 2, ("Required.",)),
        ),
        (
            steps((True, "", 3), (False, "Not that.", 0)),
            NEVER,
            Outcome("demo", "partial", 2, 3, ("Not that.",)),
        ),
    ],
)
def test_points_and_requirements(specification, answer, wanted):
    assert outcome(specification, answer, points=wanted.possible) == wanted


def test_message_comes_once_with_what_was_given_first():
    expect = core.Expect()
    for expect.given in ("For 1", "For 2"):
        expect.tell("Wrong.")
    expect.tell("Worse.", "It is 3.")
    assert expect.messages == ("For 1: Wrong.", "For 2: Worse. It is 3.")


@pytest.mark.parametrize("got", [(1, 2), [np.ones(2), 3.0], np.array([1, 2]), np.ones((2, 3))])
def test_pair_accepts_two_of_anything(got):
    one, other = core.Expect().pair(LocalAnswer(lambda: got).call(), "one and other")
    assert np.array_equal(one, got[0])
    assert np.array_equal(other, got[1])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing (None)"),
        (Handle(0), "a Keras model"),
        (Fixture("tiny_backbone", 0), "a Keras model"),
        (1.5, "the number 1.5"),
        (np.array(1.5), "the number 1.5"),
        (np.array(True), "the number 1"),
        (True, "the number 1"),
        (2**64 - 1, "the number 1.84467e+19"),
        (float("nan"), "the number nan"),
        ("ab", "a text"),
        ({"a": 1, "b": 2}, "a dict of 2 entries"),
        ([], "a list of 0 entries"),
        ([np.ones(2), np.ones(3), 1], "a list of 3 entries"),
        (np.ones((3, 2)), "an array of shape (3, 2)"),
        (np.zeros((0, 2)), "an array of shape (0, 2)"),
    ],
)
def test_pair_refuses_and_describes_anything_else(value, words):
    (message,) = outcome(returns("pair", "one and other"), lambda: value).messages
    assert message == f"Return two values, one and other. Your function returned {words}."


def test_triple_takes_three_values_and_no_other_number():
    triple = returns("triple", "a, b and c")
    assert outcome(triple, lambda: (1, 2, 3)).status == "passed"
    (message,) = outcome(triple, lambda: (1, 2)).messages
    assert message == "Return three values, a, b and c. Your function returned a list of 2 entries."


@pytest.mark.parametrize("got", [2, 2.0, np.float32(2), np.array([2])])
def test_number_gives_a_float(got):
    number = core.Expect().number(got)
    assert (type(number), number) == (float, 2)


@pytest.mark.parametrize("got", ["2", None, [1, 2], {}, [[1], [2, 3]]])
def test_number_refuses_anything_else(got):
    (message,) = outcome(returns("number"), lambda: got).messages
    assert message.startswith("Each value should be a number. ")


# judging


def test_points_have_to_add_up():
    with pytest.raises(ValueError, match="'demo' offer 1 points, its declaration 2"):
        outcome(close_to(1), lambda: 1, points=2)


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (None, "not attempted", "There is no answer yet."),
        (raises(NotImplementedError), "not attempted", "There is no answer yet."),
        (raises(ValueError("no")), "error", "For 1: Your code raised ValueError: no."),
        (raises(SystemExit), "error", "For 1: Your code called sys.exit or exit."),
        (raises(type("Odd", (BaseException,), {})), "error", "For 1: Your code raised Odd."),
        (raises(core._Refused), "error", "For 1: Your code raised _Refused."),
        (lambda: time.sleep(5), "timed out", "For 1: Your code took longer than the check allows."),
        (3, "error", "For 1: The answer should be a function, got an object of type int."),
    ],
)
def test_trouble_is_an_outcome(answer, status, says):
    got = outcome(steps(given="For 1"), answer, seconds=0.2)
    assert got == Outcome("demo", status, 0, 1, (says,))


def test_trouble_after_a_point_is_partial_credit():
    got = outcome(steps((True, "", 1)), raises(ValueError("late")), points=2)
    assert got == Outcome("demo", "partial", 1, 2, ("Your code raised ValueError: late.",))


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
