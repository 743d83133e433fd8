"""A declaration gives the text of its solution and the known mistakes, which a check names."""

import ast
import pickle

import pytest

from coursehelpers.checks import core, declared
from coursehelpers.checks.answers import LocalAnswer

EXERCISES = {
    name: exercise.declared
    for name, exercise in core.EXERCISES.items()
    if isinstance(exercise.declared, declared.Specified)
}

MISTAKES = """
doubled | 1 | / 2 -> * 2 | The half, not the double.
doubled | 1 | return x + x
nothing | - | It is no number.
"""


def half(x):
    """Return half of x."""
    return x / 2


def is_half(answer, expect, rng):
    got = answer.call(6.0)
    expect.require(isinstance(got, float), "nothing", seen=f"It is {got}.")
    expect(got > 0, 1, "It is positive.")
    expect(got == 3, 1, "It is not the half.", {"doubled": got == 12}, "It is not 3.")


def judge(monkeypatch, answer):
    """Declare an exercise for the time of a test, and judge an answer to it."""
    monkeypatch.setattr(core, "EXERCISES", {})
    place = {"notebook": "notebook", "points": 2, "hints": ["hint"]}
    declared.exercise("1.1 Halves", requires=is_half, mistakes=MISTAKES, **place)(half)
    return core.judge(core.EXERCISES["half"], lambda seconds: LocalAnswer(answer, seconds))


@pytest.mark.parametrize(
    ("answer", "earned", "misconception", "messages"),
    [
        (half, 2, None, ()),
        (lambda x: 2 * x, 1, "doubled", ("The half, not the double. It is not 3.",)),
        (lambda x: 1.0, 1, None, ("It is not the half. It is not 3.",)),
        (lambda x: -1.0, 0, None, ("It is positive.", "It is not the half. It is not 3.")),
        (lambda x: "half", 0, "nothing", ("It is no number. It is half.",)),
    ],
)
def test_mistakes_are_told_by_their_names(monkeypatch, answer, earned, misconception, messages):
    outcome = judge(monkeypatch, answer)
    assert (outcome.earned, outcome.misconception) == (earned, misconception)
    assert outcome.messages == messages


def test_mistakes_are_edits_of_the_solution():
    slips = declared.Specified(half, MISTAKES, is_half).slips
    assert [(slip.name, slip.earned, slip.message) for slip in slips] == [
        ("doubled", 1, "The half, not the double.")
    ] * 2
    assert [slip.source.splitlines()[-1] for slip in slips] == [
        "    return x * 2",
        "    return x + x",
    ]


@pytest.mark.heavy
@pytest.mark.usefixtures("keras_at_hand")
def test_solution_and_mistakes_are_functions_once_they_are_asked():
    (one, other) = declared.Specified(half, MISTAKES, is_half).slips
    assert (one.function(3), other.function(3)) == (6, 6)


@pytest.mark.parametrize("name", EXERCISES)
def test_mistake_tells_what_it_earns_and_has_a_message(name):
    exercise = EXERCISES[name]
    for row in exercise.rows:
        assert exercise.messages[row[0]]
    for slip in exercise.slips:
        assert slip.earned < core.EXERCISES[name].points
        ast.parse(slip.source)


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_declaration_can_go_to_another_process(exercise):
    assert exercise.source.startswith(f"def {exercise.solution.__name__}(")
    assert exercise.rows
    assert pickle.loads(pickle.dumps(exercise)) == exercise
