"""The mutation tool derives the mutants it should, and tells which survive."""

import pytest

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, Exercise, judge
from tests import mutation
from tests.answers import Variant, load, source_of
from tests.equivalent_mutants import EQUIVALENT
from tests.mutants import draw, mutants_of

pytestmark = [pytest.mark.usefixtures("keras_at_hand"), pytest.mark.slow]
CHEAP = ("initial_std", "label_preserving", "read_curves", "ridge_towards")


def changes(source):
    return {mutant.change for mutant in mutants_of(source, "f")}


@pytest.mark.parametrize(
    ("line", "mutated"),
    [
        ("return a - b", {"return a + b", "return a", "return b"}),
        ("return -a", {"return a"}),
        ("return a < b", {"return a <= b", "return a >= b"}),
        ("return a and b", {"return a or b", "return a", "return b"}),
        ("return a if b else 3", {"return a if not b else 3"} | {f"return a if b else {n}" for n in (2, 4)}),
        ("return g(a, b)", {"return g(b, a)"}),
        ("return g(a, training=True)", {"return g(a)", "return g(a, training=False)"}),
        ("return [a, b]", {"return [b, a]"}),
        ("return a[:b]", {"return a[:]", "return a[:b + 1]", "return a[:b - 1]"}),
        ("return np.sum(a)", {"return np.mean(a)"}),
        ("return range(a)", {"return range(a + 1)", "return range(a - 1)"}),
        ("return layers.Dense(10)", {"return layers.Dense(11)", "return layers.Dense(9)"}),
        ("return a * 0.5", {"return a * 1.0", "return a * 0.25", "return a / 0.5", "return a", "return 0.5"}),
        ("return a / 255", {"return a / 510", "return a / 127", "return a * 255", "return a", "return 255"}),
    ],
)  # fmt: skip
def test_one_change_at_a_time(line, mutated):
    assert changes(f"def f(a, b):\n    {line}") == {f"{line} -> {other}" for other in mutated}


@pytest.mark.parametrize(
    ("line", "mutated"),
    [
        ("a += b", {"a -= b", "a = b", "pass"}),
        ("a[b] = a", {"pass"}),
        ("a = g(a)", {"pass"}),
        ("g(a)", {"pass"}),
        ("b = a", set()),
    ],
)
def test_statements_are_dropped_where_something_was_before(line, mutated):
    assert changes(f"def f(a, b):\n    {line}") == {f"{line} -> {other}" for other in mutated}


def test_loops_are_left_and_gone_on_with():
    found = changes("def f(a):\n    while a:\n        if g(a):\n            break\n        g(a)")
    assert {"break -> continue", "while a: -> while not a:"} <= found


@pytest.mark.parametrize(
    "line",
    [
        '"""Return 1 + 1."""',
        "import numpy as np",
        "a: list[1] = None",
        "return np.random.default_rng(1 + 2)",
        'return g(a, name="one", seed=1, dtype="float32", strict=True)',
        "return layers.Dense(64, activation='relu')",
        "return g(a, training=training)",
        "return a.astype('float32')",
        "a = a.astype('float32')",
        "raise ValueError(1 + 1)",
        "return f'{1 + 1}'",
        "return 1e-12",
    ],
)
def test_what_changes_nothing_is_left_alone(line):
    assert changes(f"def f(a: 1, training: 2 = None) -> 3:\n    {line}") == set()


def test_other_functions_are_left_alone():
    assert changes("def g(a):\n    return a + 1\n\ndef f(a):\n    return g(a)") == set()


def test_equal_mutants_count_once():
    mutants = mutants_of("def f(a):\n    return (a + a) * 1", "f")
    assert len({mutant.source for mutant in mutants}) == len(mutants)
    assert len(mutants) == 6  # a + a is a when either of its operands is dropped


def test_draw_is_small_fixed_and_spread():
    answers = [v for v in load() if v.exercise == "early_stopping" and v.accepted]
    pool = [m for v in answers for m in mutants_of(source_of(v), v.exercise, v.name)]
    drawn = draw(pool, 25)
    assert draw(pool[::-1], 25) == drawn
    assert len(set(drawn)) == 25 < len(pool)
    assert {m.kind for m in drawn} == {m.kind for m in pool}
    assert {m.answer for m in drawn} == {v.name for v in answers}
    assert len(draw(pool, None)) == len(pool)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_source_of_an_answer_does_what_the_answer_does(exercise):
    for variant in load():
        if variant.exercise != exercise:
            continue
        source, found = source_of(variant), {}
        exec(compile(source, "answer", "exec"), found)
        assert callable(found[exercise])
        assert "tests.answers" not in source
        if exercise in CHEAP:
            theirs, ours = (
                judge(EXERCISES[exercise], lambda seconds, a=a: LocalAnswer(a, seconds), seed=(0,))
                for a in (variant.answer, found[exercise])
            )
            assert (ours.status, ours.earned) == (theirs.status, theirs.earned), variant.name


def weak(answer, expect, rng):
    """Accept whatever gives 0 for 0."""
    expect.close(answer.call(0.0), 0.0, "", points=1)


def sharp(answer, expect, rng):
    x = rng.normal()
    expect.close(answer.call(x), x / 2, "", points=1)


def three(answer, expect, rng):
    expect.close(answer.call(1), 3, "", points=1)


def broken(answer, expect, rng):
    if answer.call(1.0) != 0.5:
        raise RuntimeError("not foreseen")
    expect.that(True, "", points=1)


HALF = 'def {}(x):\n    """Half of x."""\n    return x / 2\n'
MADE_UP = {
    "weak": (weak, HALF),
    "sharp": (sharp, HALF),
    "three": (
        three,
        "from itertools import repeat\n\ndef {}(n):\n    return sum(repeat(object=n, times=3))\n",
    ),
    "broken": (broken, HALF),
    "refusing": (three, HALF),
}
LISTED = {
    "weak": {("right", "return x / 2 -> return x"): "The check is weak."},
    "sharp": {
        ("right", "return x / 2 -> return x * 2"): "It is not.",
        ("right", "return x / 3 -> return x"): "No such line.",
    },
}


@pytest.fixture(scope="module")
def reports():
    exercises = [Exercise(name, "", "", 1, 0.5, (), check) for name, (check, _) in MADE_UP.items()]
    bank = [Variant(name, "right", text.format(name), True) for name, (_, text) in MADE_UP.items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutation, "source_of", lambda variant: variant.answer)
        mutation.verdict(exercises[0], bank[0].answer)  # starts what the processes are forked off
        # Only a mutant that hangs waits for this long; a right answer needs it on a busy machine.
        found = mutation.examine(exercises, bank, LISTED, patience=20)
    return {report.exercise: report for report in found}


def test_weak_check_lets_mutants_survive(reports, capsys):
    report = reports["weak"]
    assert (report.mutants, report.killed, report.equivalent) == (5, 1, 1)
    assert {m.new for m in report.survivors} == {"return x * 2", "return x / 3", "return x / 1"}
    assert mutation.failures(report) == [
        "1 listed as equivalent, at most 5 % of the mutants may be",
        "only 25% of the mutants are killed",
    ]
    mutation.show(list(reports.values()))
    assert "weak, right:\n- return x / 2\n+ return x * 2\n" in capsys.readouterr().out


def test_wrongly_listed_mutants_are_told(reports):
    assert reports["sharp"].score == 1
    assert sorted(mutation.failures(reports["sharp"])) == [
        "listed as equivalent, but killed: right: return x / 2 -> return x * 2",
        "listed as equivalent, but not found: right: return x / 3 -> return x",
    ]


def test_hanging_mutant_ends(reports):
    report = reports["three"]
    assert "return sum(repeat(object=n))" in {
        m.new for m in mutants_of(MADE_UP["three"][1].format("three"), "three")
    }
    assert (report.killed, mutation.failures(report)) == (report.mutants, [])


def test_check_that_fails_itself_is_told(reports):
    assert "RuntimeError: not foreseen" in mutation.failures(reports["broken"])[0]


def test_answer_that_does_not_pass_unchanged_is_told(reports):
    assert mutation.failures(reports["refusing"])[0].startswith("right, without a change: failed")


def test_equivalent_mutants_are_listed_with_a_reason():
    names = {(v.exercise, v.name) for v in load() if v.accepted}
    for exercise, listed in EQUIVALENT.items():
        for (answer, change), reason in listed.items():
            assert (exercise, answer) in names
            assert " -> " in change
            assert reason.endswith(".")


def test_command_knows_the_exercises(capsys):
    with pytest.raises(SystemExit):
        mutation.main(["l3_penalty"])
    assert "no exercise l3_penalty; there are" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        mutation.main(["--jobs", "0"])
