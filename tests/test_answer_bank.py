"""Every check accepts all the right answers of the bank and refuses the wrong ones, saying why."""

import ast
import re
from collections import Counter

import pytest

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, judge
from coursehelpers.checks.display import solution_source
from tests.answers import BANK, load, published

load()
pytestmark = [pytest.mark.usefixtures("keras_at_hand"), pytest.mark.heavy]


def outcome_of(name, answer, seed):
    return judge(EXERCISES[name], lambda seconds: LocalAnswer(answer, seconds), seed=(seed,))


def squeezed(text):
    return re.sub(r"\s", "", text)


def solution_lines(name):
    """Return the lines of the published solution that say how it is done."""
    _docstring, *statements = ast.parse(solution_source(name)).body[0].body
    lines = "\n".join(map(ast.unparse, statements)).splitlines()
    return {squeezed(line) for line in lines if len(squeezed(line)) >= 10}


@pytest.mark.parametrize("variant", BANK, ids=lambda v: f"{v.exercise}-{v.name}".replace(" ", "_"))
def test_check_gives_every_answer_its_due(variant, request, keras_at_hand):
    for seed in range(request.config.getoption("--bank-seeds")):
        # A student's kernel is in any state.
        keras_at_hand.utils.set_random_seed(seed)
        outcome = outcome_of(variant.exercise, variant.answer, seed)
        assert outcome.misconception == variant.misconception, outcome
        if variant.accepted:
            assert outcome.status == "passed", outcome
            assert outcome.earned == outcome.possible
            assert outcome.messages == ()
        else:
            assert outcome.status != "passed"
            assert outcome.earned == variant.earned, outcome
            assert variant.is_told_in(outcome.messages), outcome
            told = squeezed(" ".join(outcome.messages))
            assert not [line for line in solution_lines(variant.exercise) if line in told]


@pytest.mark.parametrize(
    "variant",
    [v for v in BANK if v.exercise.endswith("_errors") and v.misconception],
    ids=lambda v: f"{v.exercise}-{v.name}".replace(" ", "_"),
)
def test_mistake_in_both_errors_is_told_once(variant):
    for seed in range(5):
        assert len(outcome_of(variant.exercise, variant.answer, seed).messages) == 1


@pytest.mark.parametrize("name", EXERCISES)
def test_published_solution_passes(name):
    outcome = outcome_of(name, published(name), seed=0)
    assert outcome.status == "passed", outcome


@pytest.mark.parametrize("name", EXERCISES)
def test_bank_holds_three_right_and_six_wrong_answers(name):
    count = Counter(variant.accepted for variant in BANK if variant.exercise == name)
    assert count[True] >= 3
    assert count[False] >= 6


@pytest.mark.parametrize("name", EXERCISES)
def test_exercise_is_worth_doing(name):
    exercise = EXERCISES[name]
    assert exercise.points >= 1
    assert len(exercise.hints) >= 2
    assert exercise.section


def test_answers_belong_to_exercises():
    assert {variant.exercise for variant in BANK} <= set(EXERCISES)
    assert len({(v.exercise, v.name) for v in BANK}) == len(BANK)
