"""Hours of runs: each is written down when it is done, and never measured twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from coursehelpers.transfer import grid, strategies

SETTINGS = {"seeds": 2}
CELLS = [
    {"domain": domain, "size": size, "strategy": strategy, "seed": seed}
    for seed, strategy, size, domain in product(
        range(2), strategies.STRATEGIES, strategies.SIZES, strategies.DOMAINS
    )
]


# What processes call has to be found by its name in a module.


def invented(domain, size, strategy, seed):
    """Return a run whose numbers tell the cell."""
    cell = {"domain": domain, "size": size, "strategy": strategy, "seed": seed}
    number = CELLS.index(cell)
    found = {"validation": number / 100, "test": number / 2000, "choice": f"number {number}"}
    return cell | found | {"seconds": 0.1}


def in_a_process(**cell):
    import tensorflow as tf

    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return invented(**cell) | {"choice": f"{threads} threads, process {os.getpid()}"}


def dying(**cell):
    os._exit(9)


def slow(**cell):
    time.sleep(0 if CELLS.index(cell) == 40 else 600)
    return invented(**cell)


def nothing():
    """Start a process without TensorFlow."""


class Counted:
    """Measure, and remember the numbers of the cells; some of them fail."""

    def __init__(self, *, failing=(), error=None):
        self.cells, self.failing, self.error = [], failing, error

    def __call__(self, **cell):
        number = CELLS.index(cell)
        if number in self.failing:
            raise self.error
        self.cells.append(number)
        return invented(**cell)


def threads_for_processes(patch):
    patch.setattr(grid, "ProcessPoolExecutor", lambda jobs, *_, **__: ThreadPoolExecutor(jobs))


@pytest.fixture
def in_threads(monkeypatch):
    """Replace processes, which take a second to start, by threads with the same interface."""
    threads_for_processes(monkeypatch)


def line(number):
    return json.dumps(invented(**CELLS[number])) + "\n"


def written(folder, lines=None):
    """Return the file of `SETTINGS`, with all runs or with these lines."""
    with pytest.MonkeyPatch.context() as patch:
        threads_for_processes(patch)
        grid.compute_grid(folder, 1, SETTINGS, measure=invented)
    (path,) = folder.iterdir()
    if lines is not None:
        path.write_text("".join(lines))
    return path


def numbers(runs):
    return [CELLS.index({name: run[name] for name in grid.RUN}) for run in runs]


def test_all_runs_come_in_the_documented_order(in_threads, tmp_path):
    runs = grid.compute_grid(tmp_path / "build" / "grid", 3, SETTINGS, measure=invented)
    assert runs == [invented(**cell) for cell in CELLS]
    assert len(runs) == 2 * 24
    assert all(tuple(run) == grid.COLUMNS for run in runs)


def test_bar_counts_all_runs_and_closes(in_threads, tmp_path, bars):
    for _ in range(2):
        grid.compute_grid(tmp_path, 1, SETTINGS, measure=invented)
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == 2 * [(48, 48, True)]


def test_written_runs_are_not_measured_again(in_threads, tmp_path):
    path = written(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    assert sorted(lines) == sorted(line(number) for number in range(48))
    kept = lines[:20] + lines[30:]
    path.write_text("".join(kept[::-1]))
    measure = Counted()
    runs = grid.compute_grid(tmp_path, 1, SETTINGS, measure=measure)
    assert runs == [invented(**cell) for cell in CELLS]
    assert sorted(measure.cells) == numbers(map(json.loads, lines[20:30]))
    again = Counted()
    assert grid.compute_grid(tmp_path, 1, SETTINGS, measure=again) == runs
    assert again.cells == []


def test_every_run_is_on_disk_before_the_next_one_is_waited_for(in_threads, tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    path = written(tmp_path)
    assert len(synced) == 48
    assert synced == sorted(set(synced))
    assert synced[-1] == path.stat().st_size


@pytest.mark.parametrize("kept", [0, 1, 0.5, -2])
def test_line_that_was_cut_off_is_measured_again(in_threads, tmp_path, kept):
    last = line(47)
    end = int(len(last) * kept) if kept == 0.5 else kept
    written(tmp_path, [*map(line, range(47)), last[:end]])
    measure = Counted()
    runs = grid.compute_grid(tmp_path, 1, SETTINGS, measure=measure)
    assert runs == [invented(**cell) for cell in CELLS]
    assert measure.cells == [47]
    # What was written behind the damage is found again.
    again = Counted()
    assert grid.compute_grid(tmp_path, 1, SETTINGS, measure=again) == runs
    assert again.cells == []


@pytest.mark.parametrize("damage", ["", "null bytes: \0\0\0", "[", "}"])
def test_line_that_is_no_run_is_passed_over(in_threads, tmp_path, damage):
    written(tmp_path, [line(0), f"{damage}\n", *map(line, range(2, 48))])
    measure = Counted()
    grid.compute_grid(tmp_path, 1, SETTINGS, measure=measure)
    assert measure.cells == [1]


@pytest.mark.parametrize("other", [{"seeds": 1}, SETTINGS | {"image size": 64}])
def test_runs_under_other_settings_are_not_used_and_kept(in_threads, tmp_path, other):
    path = written(tmp_path)
    before = path.read_bytes()
    measure = Counted()
    runs = grid.compute_grid(tmp_path, 1, other, measure=measure)
    assert sorted(measure.cells) == numbers(runs) == list(range(24 * other["seeds"]))
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2
    # Back to the settings of before, such as after an edit that was undone.
    again = Counted()
    grid.compute_grid(tmp_path, 1, SETTINGS, measure=again)
    assert again.cells == []


def test_order_of_the_settings_does_not_matter(in_threads, tmp_path):
    one = SETTINGS | {"sizes": {"little": 1, "much": 2}, "batch size": 8}
    other = {"batch size": 8, "sizes": {"much": 2, "little": 1}} | SETTINGS
    for settings in (one, other):
        grid.compute_grid(tmp_path, 1, settings, measure=invented)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("error", [ValueError("no such cell"), KeyboardInterrupt()])
def test_run_that_raises_leaves_the_others_written_down(in_threads, tmp_path, error):
    path = written(tmp_path, map(line, range(40)))
    measure = Counted(failing=[45], error=error)
    with pytest.raises(type(error), match=str(error) or None):
        grid.compute_grid(tmp_path, 1, SETTINGS, measure=measure)
    kept = numbers(map(json.loads, path.read_text().splitlines()))
    assert kept[:40] == list(range(40))
    again = Counted()
    runs = grid.compute_grid(tmp_path, 1, SETTINGS, measure=again)
    assert runs == [invented(**cell) for cell in CELLS]
    assert again.cells == [number for number in range(40, 48) if number not in kept]


# --- Processes ----------------------------------------------------------------------------------


def test_runs_are_measured_in_another_process_on_one_core(tmp_path):
    written(tmp_path, map(line, range(46)))
    runs = grid.compute_grid(tmp_path, 1, SETTINGS, measure=in_a_process)
    (choice,) = {run["choice"] for run in runs[46:]}
    threads, process = choice.split(", process ")
    assert threads == "1 threads"
    assert int(process) != os.getpid()


def test_process_that_dies_is_an_error_that_says_what_is_kept(tmp_path, monkeypatch):
    path = written(tmp_path, map(line, range(46)))
    monkeypatch.setattr(grid, "_start", nothing)
    with pytest.raises(RuntimeError, match=r"ended unexpectedly.* 46 of 48 runs are kept.*fewer"):
        grid.compute_grid(tmp_path, 1, SETTINGS, measure=dying)
    assert path.read_text() == "".join(map(line, range(46)))


@pytest.mark.parametrize("group", [True, False])
def test_interrupt_ends_all_processes_at_once(tmp_path, group):
    path = written(tmp_path, map(line, range(40)))
    code = (
        "from tests.test_transfer_grid_compute import *; grid._start = nothing; "
        f"grid.compute_grid({str(tmp_path)!r}, 2, SETTINGS, measure=slow)"
    )
    root = Path(__file__).parents[1]
    run = subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        while path.read_text().count("\n") < 41:
            assert run.poll() is None
            time.sleep(0.05)
        # A terminal sends Ctrl-C to all processes, `kill` to one.
        (os.killpg if group else os.kill)(run.pid, signal.SIGINT)
        # All processes share this pipe, so that its end is the end of the last one.
        assert b"KeyboardInterrupt" in run.communicate(timeout=60)[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    assert path.read_text() == "".join(map(line, range(41)))
