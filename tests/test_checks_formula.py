"""A formula's declaration gives the right value, the text of its solution, and the known mistakes."""

import itertools
import pickle

import numpy as np
import pytest

from coursehelpers.checks import core, formula
from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.declared import edited
from coursehelpers.checks.formula import Case, Formula

DECLARED = {name: exercise.declared for name, exercise in core.EXERCISES.items()}
FORMULAS = {name: d for name, d in DECLARED.items() if isinstance(d, Formula)}


def half(x):
    """Return half of x."""
    return x / 2


def bounds(x):
    """Return the smallest and the largest of x."""
    return min(x), max(x)


def cases(rng):
    yield [Case(f"For {x}", (float(x),)) for x in rng.uniform(1, 2, size=2)]


def lists(rng):
    yield Case("For a list", (list(rng.uniform(1, 2, size=3)),))


def judge(monkeypatch, answer, solution=half, cases=cases, **options):
    """Declare an exercise for the time of a test, and judge an answer to it."""
    monkeypatch.setattr(core, "EXERCISES", {})
    options = {"points": 1, "hints": ["hint"], "otherwise": "Take the half.", **options}
    formula.formula("1.1 Halves", notebook="notebook", cases=cases, **options)(solution)
    (exercise,) = core.EXERCISES.values()
    return core.judge(exercise, lambda seconds: LocalAnswer(answer, seconds))


MISTAKES = """
doubled | / 2 -> * 2 | The half, not the double.
doubled | return x + x + 0 * x
a quarter | x / 2 -> x / 4 | Only once.
nothing | return None | Return it.
"""


def test_solution_passes(monkeypatch):
    assert judge(monkeypatch, half).status == "passed"
    assert judge(monkeypatch, half, mistakes=MISTAKES).earned == 1


@pytest.mark.parametrize(
    ("answer", "misconception", "says"),
    [
        (lambda x: 2 * x, "doubled", ": The half, not the double. For one example your answer is "),
        (lambda x: x / 4, "a quarter", ": Only once. For one example"),
        (lambda x: None, "nothing", ": Return it."),
        (lambda x: x / 3, None, ": Take the half. For one example"),
        (lambda x: "half", None, ": Take the half. Your answer is a text, expected one number."),
    ],
)
def test_what_was_wrong_is_told(monkeypatch, answer, misconception, says):
    outcome = judge(monkeypatch, answer, mistakes=MISTAKES)
    assert (outcome.status, outcome.misconception) == ("failed", misconception)
    assert says in outcome.messages[0]


def test_mistake_has_to_explain_all_cases_of_a_question(monkeypatch):
    calls = itertools.count()
    outcome = judge(monkeypatch, lambda x: x * 2 if next(calls) else x / 3, mistakes=MISTAKES)
    assert outcome.misconception is None


def test_values_are_judged_one_by_one(monkeypatch):
    parts = [(", the smallest", "It is smaller."), (", the largest", "It is larger.")]
    options = {"solution": bounds, "cases": lists, "returns": "both bounds", "parts": parts}
    options |= {"points": 2, "mistakes": "swapped | return max(x), min(x) | Exchange them."}
    outcome = judge(monkeypatch, lambda x: (min(x), min(x)), **options)
    assert (outcome.status, outcome.earned, outcome.misconception) == ("partial", 1, "swapped")
    assert outcome.messages[0].startswith("For a list, the largest: Exchange them.")
    outcome = judge(monkeypatch, lambda x: (0, max(x)), **options)
    assert outcome.messages[0].startswith("For a list, the smallest: It is smaller.")
    assert "Return two values, both bounds." in judge(monkeypatch, min, **options).messages[0]


def test_case_may_have_its_own_text(monkeypatch):
    def own(rng):
        yield Case("", ([1.0, 2.0],), otherwise="Mind the order.")

    options = {"solution": bounds, "cases": own, "returns": "both bounds"}
    for parts in ([], [("", "It is smaller."), ("", "It is larger.")]):
        options["points"] = len(parts) or 1
        outcome = judge(monkeypatch, lambda x: (0, max(x)), parts=parts, **options)
        assert outcome.messages[0].startswith("Mind the order. For one example")


def test_what_rounding_makes_of_zero_is_told_as_zero(monkeypatch):
    outcome = judge(monkeypatch, half, solution=lambda x: x * 1e-31)
    assert outcome.messages[0].endswith(", expected 0.")


def test_values_may_be_judged_together(monkeypatch):
    options = {"solution": bounds, "cases": lists, "returns": "both bounds"}
    assert judge(monkeypatch, bounds, **options).status == "passed"
    assert judge(monkeypatch, lambda x: (0, max(x)), **options).earned == 0


def test_answer_that_changes_what_it_gets_changes_no_other(monkeypatch):
    def greedy(x):
        total = x.sum() / 2
        x[:] = 0
        return total

    def total(x):
        return x.sum() / 2

    def arrays(rng):
        yield Case("", (rng.uniform(1, 2, size=3),))

    assert judge(monkeypatch, greedy, total, arrays).status == "passed"
    assert np.isnan(formula._value(lambda x: x / [], Case("", (1,))))


# The edits


SOURCE = 'def f(a, b):\n    """Return a."""\n    c = a + b\n    return c'


@pytest.mark.parametrize(
    ("edits", "body"),
    [
        ("a + b -> a", "    c = a\n    return c"),
        ("+ b ->", "    c = a \n    return c"),
        ("a -> b; b -> 2", "    c = 2 + 2\n    return c"),
        ("return a", "    c = a + b\n    return a"),
    ],
)
def test_edits_change_what_follows_the_docstring(edits, body):
    assert edited(SOURCE, edits) == f'def f(a, b):\n    """Return a."""\n{body}'


def test_edit_that_finds_nothing_is_an_error():
    with pytest.raises(ValueError, match="There is no 'd' to be edited in"):
        edited(SOURCE, "d -> a")


@pytest.mark.parametrize("declared", FORMULAS.values(), ids=FORMULAS)
def test_source_is_the_solution_without_its_decorator(declared):
    assert declared.source.startswith(f"def {declared.solution.__name__}(")
    scope = dict(declared.solution.__globals__)
    exec(declared.source, scope)
    assert scope[declared.solution.__name__].__doc__ == declared.solution.__doc__


@pytest.mark.parametrize("declared", FORMULAS.values(), ids=FORMULAS)
def test_formula_can_go_to_another_process(declared):
    assert declared.slips
    assert pickle.loads(pickle.dumps(declared)) == declared


@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_every_mistake_has_an_edit_of_its_own(declared):
    sources = [slip.source for slip in declared.slips]
    assert len({declared.source, *sources}) == len(sources) + 1
    assert len(declared.rows) >= 4
