"""Nothing that was graded is lost or graded twice, whatever ends the run."""

import errno
import itertools
import json
import multiprocessing
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from coursehelpers.grading import judge, results
from tests import grading_victim
from tests.grading_victim import FakeKernel
from tests.submissions import ROOT, WRONG, command, grade_here, small, submitted, write, write_batch

pytestmark = pytest.mark.heavy

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([grading_victim.__name__])


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    return write_batch(tmp_path_factory.mktemp("batch"))


def run(batch, out, jobs=1, kill_after=None, **how):
    """Grade in a process; return its exit code and what it printed."""
    log = out.with_suffix(".log")
    log.unlink(missing_ok=True)
    process = PROCESSES.Process(
        target=grading_victim.grade, args=(command(batch, out, jobs), log), kwargs=how
    )
    process.start()
    if kill_after is not None:
        process.join(kill_after)
        process.kill()
    process.join()
    return process.exitcode, log.read_text() if log.exists() else ""


def records(out):
    """Return what the complete lines of the results say, by submission, with no times."""
    found = Counter()
    grades = {}
    path = out / "results.jsonl"
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            grade = json.loads(line)["grade"]
        except ValueError:
            continue  # a run was killed while it wrote this
        found[grade["submission"]] += 1
        grades[grade["submission"]] = {**grade, "seconds": 0}
    assert set(found.values()) <= {1}, "graded twice"
    return grades


@pytest.fixture(scope="module")
def undisturbed(batch, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    code, told = run(batch, out)
    assert code == 0, told
    graded = records(out)
    earned = {name: sum(o["earned"] for o in g["outcomes"]) for name, g in graded.items()}
    assert earned == {
        **{"all.ipynb": 9, "broken.ipynb": 0, "none right.ipynb": 0, "untouched.ipynb": 0},
        **{"student 0.ipynb": 7, "student 1.ipynb": 5, "student 2.ipynb": 6},
    }
    return graded, (out / "grades.csv").read_bytes(), pages(out)


def pages(out):
    return {path.name: path.read_bytes() for path in (out / "feedback").iterdir()}


def check_resumed(batch, out, undisturbed, **how):
    """Go on where a run was ended, and see that nothing shows it."""
    kept = records(out)
    code, told = run(batch, out, **how)
    assert code == 0, told
    assert f"7 submissions, {7 - len(kept)} to grade" in told
    graded, table, feedback = undisturbed
    assert records(out) == graded
    assert (out / "grades.csv").read_bytes() == table
    assert sorted(path.name for path in out.iterdir()) == [
        *(".lock", "feedback", "grades.csv", "grades.json", "results.jsonl", "secret")
    ]
    assert pages(out) == feedback


KILLS = [
    *itertools.product(["start"], [1, 2, 3, 4, 6], ["before", "after"]),
    *itertools.product(["ask"], [1, 2, 3, 8, 14, 15], ["before", "after"]),
    *itertools.product(["append"], [1, 2, 4, 7], ["before", "half", "after"]),
    *itertools.product(["sync"], [1, 2, 3, 5, 10, 12], ["before", "after"]),
    *itertools.product(["rename"], [1, 2], ["before", "after"]),
]


@pytest.mark.parametrize(("place", "count", "moment"), KILLS)
def test_killed_run_goes_on_as_if_nothing_had_been(
    place, count, moment, batch, undisturbed, tmp_path
):
    out = tmp_path / "out"
    code, told = run(batch, out, place=place, count=count, moment=moment, jobs=1 + count % 2)
    assert code == -signal.SIGKILL, told
    check_resumed(batch, out, undisturbed)


@pytest.mark.parametrize("seed", range(10))
def test_killed_at_any_time_and_again_it_goes_on(seed, batch, undisturbed, tmp_path):
    draw = random.Random(seed)
    codes = [
        run(batch, tmp_path / "out", kill_after=draw.uniform(0.01, 0.12), jobs=2)[0]
        for _ in range(1 + seed % 3)
    ]
    assert set(codes) <= {-signal.SIGKILL, 0}
    check_resumed(batch, tmp_path / "out", undisturbed)


@pytest.fixture
def homes():
    """A folder for the homes of kernels: a killed run cannot remove them."""
    with tempfile.TemporaryDirectory(prefix="homes-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


REAL = [("start", 2), ("ask", 2), ("ask", 7), ("append", 1), ("rename", 1), ("rename", 2)]


@pytest.mark.parametrize(("place", "count"), REAL)
def test_killed_run_with_real_kernels_goes_on(place, count, batch, undisturbed, tmp_path, homes):
    out = tmp_path / "out"
    code, told = run(batch, out, 2, homes=homes, place=place, count=count, moment="after")
    assert code == -signal.SIGKILL, told
    code, told = run(batch, out, 2, homes=homes)
    assert code == 0, told
    graded, table, _ = undisturbed
    assert records(out) == graded
    assert (out / "grades.csv").read_bytes() == table


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(judge, "Kernel", FakeKernel)


@pytest.mark.usefixtures("fake")
def test_only_what_has_changed_is_graded_again(batch, tmp_path, capsys):
    folder, out = tmp_path / "batch", tmp_path / "out"
    (folder / "submitted").mkdir(parents=True)
    write(folder / "teacher.ipynb", small())
    for name in ("ada", "bob"):
        write(folder / "submitted" / f"{name}.ipynb", submitted())

    def told():
        code, text, _ = grade_here(folder, out, capsys)
        assert code == 0
        return text

    assert "2 submissions, 2 to grade" in told()
    assert "2 submissions, 0 to grade" in told()
    write(folder / "submitted" / "bob.ipynb", submitted(WRONG))
    assert "2 submissions, 1 to grade" in told()
    write(folder / "submitted" / "bob.ipynb", submitted())
    assert "2 submissions, 0 to grade" in told()  # this very content has been graded before
    write(folder / "teacher.ipynb", small("import numpy as np, sys"))
    assert "2 submissions, 2 to grade" in told()
    (out / "secret").unlink()  # other inputs would be drawn
    assert "2 submissions, 2 to grade" in told()
    (folder / "submitted" / "ada.ipynb").unlink()
    assert "1 submissions, 0 to grade" in told()
    table = (out / "grades.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [row.split(",")[0] for row in table] == ["student", "bob"]


@pytest.mark.usefixtures("fake")
def test_what_the_teacher_alone_may_read(batch, tmp_path, capsys):
    out = tmp_path / "out"
    grade_here(batch, out, capsys)
    for name in ("secret", "results.jsonl", "grades.csv"):
        assert stat.S_IMODE((out / name).stat().st_mode) == 0o600
    (out / "secret").chmod(0o644)
    grade_here(batch, out, capsys)
    assert stat.S_IMODE((out / "secret").stat().st_mode) == 0o600
    (out / "secret").write_text("what")
    code, _, error = grade_here(batch, out, capsys)
    assert code == 2
    assert "secret holds no secret; remove it" in error


def test_two_runs_do_not_share_a_folder(batch, tmp_path, capsys):
    with results.locked(tmp_path / "out"):
        code, _, error = grade_here(batch, tmp_path / "out", capsys)
    assert code == 2
    assert f"Another run writes to {tmp_path / 'out'}. Wait until it has ended" in error
    with results.locked(tmp_path / "out"):
        pass


@pytest.mark.usefixtures("fake")
def test_full_disk_leaves_whole_results_and_says_so(batch, undisturbed, tmp_path, capsys):
    out, real, number = tmp_path / "out", os.write, itertools.count(1)

    def fill(handle, data):
        if next(number) < 3:
            return real(handle, data)
        real(handle, data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", fill)
        code, _, error = grade_here(batch, out, capsys)
    assert code == 1
    assert "Stopped: [Errno 28] No space left on device. What was graded is kept" in error
    lines = (out / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["grade"]["submission"] for line in lines] == list(records(out))
    assert len(lines) == 2
    grade_here(batch, out, capsys)
    assert {g["submission"] for g in records(out).values()} == set(undisturbed[0])


@pytest.mark.usefixtures("fake")
def test_results_come_as_they_are_done(batch, tmp_path, capsys, monkeypatch):
    later, real = threading.Event(), FakeKernel.run

    def run_slowly(self, source, seconds):
        if "undefined" in source:  # two of them; the others do not wait for these
            later.wait(30)
        return real(self, source, seconds)

    def append(self, grade, real=results.Log.append):
        real(self, grade)
        if grade.submission == "untouched.ipynb":
            later.set()

    monkeypatch.setattr(FakeKernel, "run", run_slowly)
    monkeypatch.setattr(results.Log, "append", append)
    code, told, _ = grade_here(batch, tmp_path, capsys, jobs=3)
    assert code == 0
    assert list(records(tmp_path))[-2:] != ["student 2.ipynb", "untouched.ipynb"]
    assert set(list(records(tmp_path))[-2:]) == {"none right.ipynb", "student 1.ipynb"}
    shown = [line.split(":")[0].strip() for line in told.splitlines() if ".ipynb: " in line]
    assert sorted(shown) == sorted(records(tmp_path))


def test_appending_does_not_read_what_is_there(tmp_path):
    log = results.Log(tmp_path, "1")
    log.append(judge.Grade("a", "1"))
    os.truncate(tmp_path / "results.jsonl", 10**11)  # takes no space on the disk
    log.append(judge.Grade("b", "2"))
    with open(tmp_path / "results.jsonl", "rb") as file:
        file.seek(10**11)
        assert json.loads(file.read())["grade"]["submission"] == "b"


@pytest.mark.parametrize("line", ["", "3", "[]", "{}", '{"grade": 3}', '{"grade": {"a": 1}}', "\0"])
def test_lines_of_no_result_are_passed_over(line, tmp_path):
    log = results.Log(tmp_path, "1")
    log.append(judge.Grade("a", "1"))
    with open(tmp_path / "results.jsonl", "a") as file:
        file.write(line)
    log.append(judge.Grade("b", "2"))
    again = results.Log(tmp_path, "1")
    assert again.find("a", "1") == judge.Grade("a", "1")
    assert again.find("b", "2") == judge.Grade("b", "2")


def test_ctrl_c_ends_promptly_and_keeps_what_was_graded(tmp_path, homes):
    folder, out = tmp_path / "batch", tmp_path / "out"
    (folder / "submitted").mkdir(parents=True)
    write(folder / "teacher.ipynb", small())
    forever = "import threading\nthreading.Event().wait()"
    write(folder / "submitted" / "a.ipynb", submitted(fill={}))
    write(folder / "submitted" / "b.ipynb", submitted({}, [forever]))
    write(folder / "submitted" / "c.ipynb", submitted({}, [forever]))
    process = subprocess.Popen(
        [sys.executable, "-m", "coursehelpers", "grade", *command(folder, out, jobs=2)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(homes)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(records(out)) < 1 or len(list(homes.iterdir())) < 2:  # the two without end run
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130
    assert time.monotonic() - start < judge.CELL_SECONDS / 2
    assert error == (
        "coursehelpers: Interrupted. What was graded is kept; the same command goes on from there.\n"
    )
    assert list(homes.iterdir()) == []
    assert list(records(out)) == ["a.ipynb"]
    assert not (out / "grades.csv").exists()
