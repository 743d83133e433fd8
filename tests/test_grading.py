"""A submission is graded by what its kernel answers: the whole way, in real kernels."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.execution import notebooks
from coursehelpers.grading import isolation, judge, results
from coursehelpers.grading.cli import main
from coursehelpers.grading.judge import digest_of, grade, seed_of
from tests.answers import BANK, load, source_of

ROOT = Path(__file__).parents[1]
PATHS = notebooks.find(ROOT / "notebooks")
SECRET = b"nobody knows"

load()

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def isolated():
    return isolation.choose()


def submission(folder, path, answers=(), extra=()):
    """Write a student's copy with answers filled in, and cells of the student's own before them."""
    copy = notebooks.read(ROOT / "notebooks" / "student" / path.name)
    for name, cell in notebooks.answers(copy).items():
        cell.source = dict(answers).get(name, cell.source)
    copy.cells[2:2] = [nbformat.v4.new_code_cell(text) for text in extra]
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


@each_notebook
@pytest.mark.parametrize("right", [True, False], ids=["accepted", "refused"])
def test_verdict_is_that_of_the_bank(path, right, tmp_path, isolated):
    variants = {v.exercise: v for v in BANK if v.accepted == right}
    target = submission(tmp_path, path, {name: source_of(v) for name, v in variants.items()})
    for name, outcome in outcomes(target, path, isolated).items():
        variant = variants[name]
        earned = EXERCISES[name].points if right else variant.earned
        assert (outcome["earned"], outcome["status"] == "passed") == (earned, right), outcome
        assert outcome["misconception"] == variant.misconception
        if not right:
            assert any(variant.says in message for message in outcome["messages"]), outcome


L2 = next(path for path in PATHS if path.stem == "regularization")
RIGHT = "def l2_penalty(weights, lambda_, m):\n    return lambda_ / m * sum((w**2).sum() for w in weights)"


@pytest.mark.parametrize(
    ("extra", "status", "says"),
    [
        ("import os\nos._exit(0)", "error", "ended the kernel, with exit code 0"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "error", "signal 11"),
        ("import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'x' * 50)\n    except OSError: pass", "error", "The kernel was ended: it sent a frame"),
        ("def l2_penalty(*inputs): return undefined", "passed", ""),
        ("raise SystemExit", "passed", ""),
        ("print('x' * 10**7)", "passed", ""),
        ("def broken(:", "passed", ""),
    ],
    ids=["exit", "crash", "unasked reply", "earlier answer", "SystemExit", "prints", "syntax"],
)  # fmt: skip
def test_what_a_cell_does_costs_no_more_than_it_has_to(extra, status, says, tmp_path, isolated):
    target = submission(tmp_path, L2, {"l2_penalty": RIGHT}, [extra])
    outcome = outcomes(target, L2, isolated)["l2_penalty"]
    assert outcome["status"] == status
    assert says in " ".join(outcome["messages"])


def test_a_cell_without_end_is_ended_and_says_so(tmp_path, isolated, monkeypatch):
    monkeypatch.setattr(judge, "CELL_SECONDS", 20)  # the imports take a few of them
    target = submission(tmp_path, L2, {"l2_penalty": RIGHT}, ["while True: pass"])
    for outcome in outcomes(target, L2, isolated).values():
        assert outcome["status"] == "timed out"
        assert outcome["messages"] == ("A cell ran longer than 20 s, so the kernel was ended.",)


def test_answers_are_found_without_their_metadata(tmp_path, isolated):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(RIGHT)])
    target = tmp_path / "colab.ipynb"
    nbformat.write(notebook, target)
    result = grade(target, notebooks.read(L2), SECRET, isolated)
    assert result.earned == 2
    assert result.mentions == ["l2_penalty: found by the function's name."]


@pytest.mark.parametrize("text", ["", "{}", "[1]", "no JSON", '{"cells": 3}', "[" * 10**5])
def test_what_is_no_notebook_gets_nothing_with_the_reason(text, tmp_path, isolated):
    target = tmp_path / "broken.ipynb"
    target.write_text(text)
    result = grade(target, notebooks.read(L2), SECRET, isolated)
    assert result.earned == 0
    assert result.problem.startswith("The file is ")
    assert all(result.problem in o["messages"][0] for o in result.outcomes)


def test_seeds_depend_on_secret_exercise_and_submission():
    seeds = {
        seed_of(*key)
        for key in [(b"a", "x", "1"), (b"b", "x", "1"), (b"a", "y", "1"), (b"a", "x", "2")]
    }
    assert len(seeds) == 4


# the command


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["grade", *map(str, arguments)])
    return end.value.code, capsys.readouterr().out


def test_batch_is_graded_once_and_a_changed_submission_again(tmp_path, capsys):
    folder, out = tmp_path / "submitted", tmp_path / "out"
    folder.mkdir()
    submission(folder, L2, {"l2_penalty": RIGHT}).rename(folder / "=ada.ipynb")
    (folder / "bob.ipynb").write_text("nothing")
    command = (folder, "--notebook", L2, "--out", out)
    code, told = run(capsys, *command)
    assert code == 0
    assert "2 submissions, 2 to grade" in told
    assert "=ada.ipynb: 2 of 56 points; 1 passed, 18 not attempted" in told
    table = (out / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert table[1].startswith("'=ada,,2,56,")
    assert re.search(r"bob,,0,56,.*The file is not a notebook", table[2])
    assert len(list((out / "feedback").iterdir())) == 2
    assert "2 submissions, 0 to grade" in run(capsys, *command)[1]
    (folder / "bob.ipynb").write_text("nothing else")
    with open(out / "results.jsonl", "a") as file:
        file.write('{"version": "half a li')
    assert "2 submissions, 1 to grade" in run(capsys, *command)[1]
    assert "2 submissions, 0 to grade" in run(capsys, *command)[1]
    assert len([r for r in (out / "results.jsonl").read_text().splitlines() if "grade" in r]) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere", "--notebook", L2], "There is no file or folder nowhere"),
        ([".", "--notebook", "physics"], "There is no notebook physics in notebooks"),
    ],
)
def test_wrong_calls_say_what_is_missing(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    code, _ = run(capsys, *arguments, "--out", tmp_path)
    assert says in code


def test_version_depends_on_the_teachers_notebook():
    versions = {results.checks_version(notebooks.read(path)) for path in PATHS}
    assert len(versions) == len(PATHS)
    assert results.checks_version(notebooks.read(L2)) in versions


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
