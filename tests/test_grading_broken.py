"""A broken submission costs no more than what is broken, and neither ends a batch nor another's.

One batch of all kinds is graded, by two kernels at a time. Each kind says what it loses: whatever
it does not name has to be right.
"""

import contextlib
import csv
import io
import json
import os

import pytest

from coursehelpers import cli
from coursehelpers.grading import isolation, judge
from coursehelpers.lessons import notebooks
from tests.broken import KINDS, NAMES
from tests.submissions import (
    L2,
    POINTS,
    SECRET,
    SMALL,
    code,
    small,
    submitted,
    write,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """Grade all kinds at once; return the results by name, the rows, the exit code, the text."""
    folder = tmp_path_factory.mktemp("batch")
    inbox = folder / "submitted"
    inbox.mkdir()
    teacher = write(folder / "teacher.ipynb", small())
    for name, kind in KINDS.items():
        path = inbox / f"{name}.ipynb"
        if callable(kind.notebook):
            kind.notebook(path)
        elif isinstance(kind.notebook, bytes):
            path.write_bytes(kind.notebook)
        else:
            write(path, kind.notebook)
    for name in NAMES:
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        write(inbox / name, submitted(fill={}))
    out = io.StringIO(), io.StringIO()
    arguments = [inbox, "--notebook", teacher, "--out", folder / "out", "--jobs", 2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "CELL_SECONDS", 8)
        with (
            contextlib.redirect_stdout(out[0]),
            contextlib.redirect_stderr(out[1]),
            pytest.raises(SystemExit) as end,
        ):
            cli.main(["grade", *map(str, arguments)])
    lines = (folder / "out" / "results.jsonl").read_text().splitlines()
    graded = [json.loads(line)["grade"] for line in lines]
    with open(folder / "out" / "grades.csv", newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(graded) == len({g["submission"] for g in graded}) == len(KINDS) + len(NAMES)
    return {g["submission"]: g for g in graded}, rows, end.value.code, [o.getvalue() for o in out]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_broken_costs_no_more_than_itself(name, batch):
    kind, grade = KINDS[name], batch[0][f"{name}.ipynb"]
    assert grade["final"] == kind.final, grade["problem"]
    assert [outcome["id"] for outcome in grade["outcomes"]] == list(SMALL)
    for outcome in grade["outcomes"]:
        status, says = kind.lost.get(outcome["id"], ("passed", ""))
        assert outcome["status"] == status, outcome
        assert outcome["earned"] == (POINTS[outcome["id"]] if status == "passed" else 0)
        assert outcome["possible"] == POINTS[outcome["id"]]
        assert says in " ".join(outcome["messages"])
        assert bool(outcome["messages"]) == (status != "passed")
    assert kind.says in " ".join([grade["problem"], *grade["mentions"]]), grade
    is_notebook = isinstance(kind.notebook, dict) or not kind.lost
    assert bool(grade["problem"]) == (not is_notebook)


def test_cells_after_the_last_answer_are_not_run(batch):
    assert "left out" not in str(batch[0]["last cell without end.ipynb"]["mentions"])


def test_notebook_that_takes_too_long_as_a_whole_is_timed_out(tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "NOTEBOOK_SECONDS", 0)
    path = write(tmp_path / "a.ipynb", submitted({}, ["x = 1"] * 100))
    grade = judge.grade(path, small(), SECRET, isolation.choose())
    assert {outcome["status"] for outcome in grade.outcomes} == {"timed out"}
    says = ("The notebook took too long, all cells together.",)
    assert {outcome["messages"] for outcome in grade.outcomes} == {says}


def test_there_are_kinds_enough():
    assert len(KINDS) >= 40


def test_names_do_no_harm(batch):
    grades, rows, _, (told, _) = batch
    names = {os.path.normpath(name) for name in NAMES}
    assert names < set(grades)
    assert len(rows) == len(grades)
    assert all(None not in row and None not in row.values() for row in rows)
    shown = {row["submission"] for row in rows}
    assert {"'-rf.ipynb", "'=1+1.ipynb"} < shown
    assert not any(character in name for character in "\x1b\t\n\u202e\udcff" for name in shown)
    assert not any(character in told for character in "\x1b\t\u202e\udcff")


def test_table_has_all_and_the_exit_code_tells_of_those_not_graded(batch):
    grades, rows, code, (told, error) = batch
    points = {row["submission"]: (int(row["total"]), row["problem"]) for row in rows}
    for name in KINDS:
        grade = grades[f"{name}.ipynb"]
        earned = sum(outcome["earned"] for outcome in grade["outcomes"])
        assert points[f"{name}.ipynb"][0] == earned
        assert bool(points[f"{name}.ipynb"][1]) == bool(grade["problem"])
    failed = [name for name, kind in KINDS.items() if not kind.final]
    assert code == 1
    assert error == f"The next run tries to grade {len(failed)} again.\n"
    assert f"{len(grades)} submissions, {len(grades)} to grade" in told


@pytest.mark.parametrize(
    ("text", "may_lose"),
    [
        ("keras.backend.clear_session()\nkeras.config.set_floatx('float64')", "nothing"),
        # Its outputs add up to 1 in two digits only, which the notebook's own check refuses, too.
        ("keras.mixed_precision.set_global_policy('mixed_bfloat16')", "build_"),
    ],
    ids=["float64", "mixed precision"],
)
def test_settings_of_keras_cost_no_other_answer(text, may_lose, tmp_path):
    copy = notebooks.read(L2)
    copy.cells[3:3] = [code(text)]
    path = write(tmp_path / "a.ipynb", copy)
    grade = judge.grade(path, notebooks.read(L2), SECRET, isolation.choose())
    lost = [outcome for outcome in grade.outcomes if outcome["status"] != "passed"]
    assert all(outcome["id"].startswith(may_lose) for outcome in lost), lost
    assert {outcome["status"] for outcome in lost} <= {"partial", "failed"}
