"""A submission is graded by what its kernel answers: the whole way, in real kernels."""

import itertools
import json

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.grading import isolation, results
from coursehelpers.grading.judge import digest_of, grade, seed_of
from coursehelpers.lessons import notebooks
from tests.answers import BANK, load, source_of
from tests.submissions import L2, PATHS, ROOT, SECRET

pytestmark = pytest.mark.heavy

load()

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def isolated():
    return isolation.choose()


def submission(folder, path, answers=()):
    """Write a student's copy with answers filled in."""
    copy = notebooks.read(ROOT / "notebooks" / "student" / path.name)
    for name, cell in notebooks.answers(copy).items():
        cell.source = dict(answers).get(name, cell.source)
    target = folder / path.name
    nbformat.write(copy, target)
    return target


def outcomes(target, path, isolated):
    return {o["id"]: o for o in grade(target, notebooks.read(path), SECRET, isolated).outcomes}


@each_notebook
def test_untouched_copy_gets_nothing_and_says_so(path, tmp_path, isolated):
    graded = outcomes(submission(tmp_path, path), path, isolated)
    assert {o["status"] for o in graded.values()} == {"not attempted"}
    assert set(graded) == {e.id for e in EXERCISES.values() if e.notebook == path.stem}


def packs():
    """Pack the bank into submissions: of each exercise at most one answer."""
    for path, right in itertools.product(PATHS, (True, False)):
        variants = [
            [v for v in BANK if v.exercise == exercise.id and v.accepted == right]
            for exercise in EXERCISES.values()
            if exercise.notebook == path.stem
        ]
        for number, pack in enumerate(itertools.zip_longest(*variants)):
            marks = [pytest.mark.attack] * (number > 0)  # all of them take minutes
            name = f"{path.stem}-{'accepted' if right else 'refused'}-{number}"
            yield pytest.param(path, right, [v for v in pack if v], id=name, marks=marks)


@pytest.mark.parametrize(("path", "right", "pack"), list(packs()))
def test_verdict_is_that_of_the_bank(path, right, pack, tmp_path, isolated):
    variants = {variant.exercise: variant for variant in pack}
    target = submission(tmp_path, path, {name: source_of(v) for name, v in variants.items()})
    graded = outcomes(target, path, isolated)
    for name, variant in variants.items():
        outcome = graded[name]
        earned = EXERCISES[name].points if right else variant.earned
        assert (outcome["earned"], outcome["status"] == "passed") == (earned, right), outcome
        assert outcome["misconception"] == variant.misconception
        if not right:
            assert variant.is_told_in(outcome["messages"]), outcome


@each_notebook
def test_solutions_need_none_of_the_cells_that_are_skipped(path, tmp_path, isolated):
    source = notebooks.read(path)
    target = tmp_path / path.name
    nbformat.write(nbformat.v4.new_notebook(cells=list(notebooks.answers(source).values())), target)
    graded = grade(target, source, SECRET, isolated)
    assert {o["status"] for o in graded.outcomes} == {"passed"}, graded
    skipped = len(notebooks.code_cells(source)) - len(graded.outcomes)
    assert f"Of the lesson's own code cells {skipped - 1} are missing" in graded.mentions[0]


def test_seeds_depend_on_secret_exercise_and_submission():
    seeds = {
        seed_of(*key)
        for key in [(b"a", "x", "1"), (b"b", "x", "1"), (b"a", "y", "1"), (b"a", "x", "2")]
    }
    assert len(seeds) == 4


def test_version_depends_on_the_teachers_notebook_and_private_checks():
    versions = {results.checks_version(notebooks.read(path)) for path in PATHS}
    assert len(versions) == len(PATHS)
    assert results.checks_version(notebooks.read(L2)) in versions
    assert results.checks_version(notebooks.read(L2), b"private checks") not in versions


def test_results_are_plain_json(tmp_path, isolated):
    target = tmp_path / "empty.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), target)
    log = results.Log(tmp_path, "1")
    result = grade(target, notebooks.read(L2), SECRET, isolated)
    log.append(result)
    (line,) = (tmp_path / "results.jsonl").read_text().splitlines()
    assert json.loads(line)["grade"]["digest"] == digest_of(target)
    found = results.Log(tmp_path, "1").find(result.submission, result.digest)
    assert (found.submission, found.earned, found.possible) == ("empty.ipynb", 0, 56)
    assert results.Log(tmp_path, "2").find(result.submission, result.digest) is None
