"""Every check accepts all the right answers of the bank and refuses the wrong ones, saying why."""

from collections import Counter

import pytest

import tests.answers.regularization  # noqa: F401  (enters its answers into the bank)
from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, judge
from tests.answers import BANK


def outcome_of(variant, seed):
    exercise = EXERCISES[variant.exercise]
    return judge(exercise, lambda seconds: LocalAnswer(variant.answer, seconds), seed=(seed,))


@pytest.mark.parametrize("variant", BANK, ids=lambda v: f"{v.exercise}-{v.name}".replace(" ", "_"))
def test_check_gives_every_answer_its_due(variant):
    for seed in range(3):
        outcome = outcome_of(variant, seed)
        if variant.accepted:
            assert outcome.status == "passed", outcome
            assert outcome.earned == outcome.possible
            assert outcome.messages == ()
        else:
            assert outcome.status != "passed"
            assert outcome.earned == variant.earned, outcome
            assert any(variant.says in message for message in outcome.messages), outcome


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
