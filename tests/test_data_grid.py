"""How `data/grid.py` measures for hours: what is stored, what is stale, what is never done twice."""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from coursehelpers import data
from coursehelpers.data import DataError, recorded_hashes
from coursehelpers.transfer import load_grid, strategies
from data import grid

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {"seeds": 2}
CELLS = [
    (domain, size, strategy, seed)
    for seed, strategy, size, domain in product(
        range(5), strategies.STRATEGIES, strategies.SIZES, strategies.DOMAINS
    )
]
COUNT = 48  # cells of two seeds


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    """A folder of this test's own for what is measured."""
    monkeypatch.setattr(grid, "BUILD", tmp_path / "build")
    return tmp_path / "build"


# What processes call has to be found by its name in a module.


def invented(*cell):
    """Return a run whose numbers tell the cell."""
    number = CELLS.index(cell)
    found = {"validation": number / 500, "test": number / 2000, "choice": f"number {number}"}
    return dict(zip(grid.CELL, cell, strict=True)) | found | {"seconds": number / 10}


def in_a_process(*cell):
    import tensorflow as tf

    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return invented(*cell) | {"choice": f"{threads} threads, process {os.getpid()}"}


def dying(*cell):
    os._exit(9)


def slow(*cell):
    time.sleep(0 if CELLS.index(cell) == 40 else 600)
    return invented(*cell)


def nothing():
    """Start a process without TensorFlow."""


@pytest.fixture
def in_threads(monkeypatch):
    """Replace processes, which take a second to start, by threads with the same interface."""
    monkeypatch.setattr(
        grid, "ProcessPoolExecutor", lambda jobs, *_, **__: ThreadPoolExecutor(jobs)
    )


def write(count):
    """Write down the first runs, as if an earlier call had measured them."""
    grid.BUILD.mkdir()
    with contextlib.closing(sqlite3.connect(grid.database_path(SETTINGS))) as database, database:
        database.execute("CREATE TABLE runs (run TEXT)")
        runs = [[json.dumps(invented(*cell))] for cell in CELLS[:count]]
        database.executemany("INSERT INTO runs VALUES (?)", runs)


def written(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        runs = [json.loads(text) for (text,) in database.execute("SELECT run FROM runs")]
    return sorted(CELLS.index(tuple(run[name] for name in grid.CELL)) for run in runs)


# --- Measuring ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 30, 48])
def test_all_runs_come_in_their_order_and_none_is_measured_twice(in_threads, bars, count):
    write(count)
    measured = []

    def measure(*cell):
        measured.append(CELLS.index(cell))
        return invented(*cell)

    expected = [invented(*cell) for cell in CELLS[:COUNT]]
    for _ in range(2):
        assert grid.measure_all(SETTINGS, 3, measure=measure) == expected
    assert sorted(measured) == list(range(count, COUNT))
    assert all(tuple(run) == grid.COLUMNS for run in expected)
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == 2 * [(COUNT, COUNT, True)]


def test_runs_under_other_settings_are_not_used_and_kept(in_threads, build):
    write(COUNT)
    grid.measure_all({"seeds": 1}, 1, measure=invented)
    assert sorted(len(written(path)) for path in build.iterdir()) == [24, COUNT]
    one = {"sizes": {"little": 1, "much": 2}, "batch size": 8}
    other = {"batch size": 8, "sizes": {"much": 2, "little": 1}}
    assert grid.database_path(one) == grid.database_path(other)


@pytest.mark.parametrize("error", [ValueError("no such cell"), KeyboardInterrupt()])
def test_run_that_raises_leaves_the_others_written_down(in_threads, error):
    write(40)

    def measure(*cell):
        if CELLS.index(cell) == 45:
            raise error
        return invented(*cell)

    with pytest.raises(type(error), match=str(error) or None):
        grid.measure_all(SETTINGS, 1, measure=measure)
    kept = written(grid.database_path(SETTINGS))
    assert set(range(40)) <= set(kept) <= set(range(COUNT)) - {45}
    assert len(grid.measure_all(SETTINGS, 1, measure=invented)) == COUNT


def test_runs_are_measured_in_another_process_on_one_core():
    write(46)
    runs = grid.measure_all(SETTINGS, 1, measure=in_a_process)
    (choice,) = {run["choice"] for run in runs[46:]}
    threads, process = choice.split(", process ")
    assert threads == "1 threads"
    assert int(process) != os.getpid()


def test_process_that_dies_is_an_error_that_says_what_is_kept(monkeypatch):
    write(46)
    monkeypatch.setattr(grid, "_start", nothing)
    with pytest.raises(RuntimeError, match=r"ended unexpectedly.* 46 of 48 runs are kept.*fewer"):
        grid.measure_all(SETTINGS, 1, measure=dying)
    assert written(grid.database_path(SETTINGS)) == list(range(46))


@pytest.mark.parametrize("group", [True, False])
def test_interrupt_ends_all_processes_at_once(build, group):
    write(40)
    code = (
        "from tests.test_data_grid import *; grid._start = nothing; "
        f"grid.BUILD = Path({str(build)!r}); grid.measure_all(SETTINGS, 2, measure=slow)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        while len(written(grid.database_path(SETTINGS))) < 41:
            assert run.poll() is None
            time.sleep(0.05)
        # A terminal sends Ctrl-C to all processes, `kill` to one.
        (os.killpg if group else os.kill)(run.pid, signal.SIGINT)
        # All processes share this pipe, so that its end is the end of the last one.
        assert b"KeyboardInterrupt" in run.communicate(timeout=60)[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    assert written(grid.database_path(SETTINGS)) == list(range(41))


# --- What has changed ---------------------------------------------------------------------------


def test_stored_grid_is_what_would_be_measured_now(capsys):
    changed = grid.differences()
    assert changed == [], f"Changed since it was measured: {', '.join(changed)}. Run `make grid`."
    computed_with = grid.stored_settings()["computed with"]
    assert set(computed_with) == {"tensorflow", "keras", "numpy", "python"}
    assert all(re.match(r"\d+\.\d+", version) for version in computed_with.values())
    assert grid.main(["--check"]) == 0
    assert capsys.readouterr().out.startswith("The stored grid is up to date ({")


@pytest.mark.parametrize(
    ("module", "attribute", "value", "told"),
    [
        (grid, "SEEDS", 3, "seeds"),
        (strategies, "IMAGE_SIZE", 64, "image size"),
        (strategies, "BATCH_SIZE", 8, "batch size"),
        (strategies, "DOMAINS", {"similar": ("cat", "dog")}, "domains"),
        (strategies, "SIZES", strategies.SIZES | {"more": {"train": 9}}, "sizes"),
        (strategies, "STRATEGIES", {"none": None}, "strategies"),
        (strategies, "STAGES", strategies.STAGES[1:], "stages"),
        (strategies, "FEW", strategies.FEW | {"keep_last": 2}, "fine-tuning"),
        (strategies, "MANY", strategies.MANY | {"rates": (1e-3,)}, "fine-tuning"),
        (strategies, "SMALL", strategies.SMALL | {"epochs": {"little": 1}}, "from scratch"),
        (strategies, "SAME", strategies.SAME | {"patience": {"much": 1}}, "from scratch"),
    ],
)
def test_changed_setting_is_told_by_its_name(monkeypatch, module, attribute, value, told):
    monkeypatch.setattr(module, attribute, value)
    assert grid.differences() == [told]


def test_changed_data_are_told_by_their_files(monkeypatch):
    hashes = recorded_hashes()
    monkeypatch.setattr(grid, "recorded_hashes", lambda: hashes)
    hashes["digits/digits.csv.gz"] = "0" * 64  # in no domain
    assert grid.differences() == []
    hashes["cats-dogs/test-cats.png"] = "0" * 64
    hashes["cats-dogs/test-cows.png"] = "0" * 64
    del hashes["efficientnet-lite0/efficientnet-lite0.npz"]
    assert grid.differences() == [
        *("cats-dogs/test-cats.png", "cats-dogs/test-cows.png"),
        "efficientnet-lite0/efficientnet-lite0.npz",
    ]


# --- Storing ------------------------------------------------------------------------------------


def runs_of(seeds):
    return [invented(*cell) for cell in CELLS[: 24 * seeds]]


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A data folder of this test's own, with the table alone: no other file is read here."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(ROOT / "data" / "README.md", folder)
    for module in (data, grid):
        monkeypatch.setattr(module, "data_folder", lambda: folder)
    return folder


def test_grid_is_read_back_as_it_was_stored_and_only_its_rows_change(copied_data):
    before = (copied_data / "README.md").read_text().splitlines()
    for seeds in (2, 1):
        grid.store_grid(runs_of(seeds), grid.current_settings())
        frame = load_grid()
        assert list(frame) == list(grid.COLUMNS)
        assert frame.to_dict("records") == runs_of(seeds)
    assert grid.differences() == []
    python = grid.stored_settings()["computed with"]["python"]
    assert python == ".".join(map(str, sys.version_info[:3]))
    after = (copied_data / "README.md").read_text().splitlines()
    rows = [
        f"| `{name}` | {(copied_data / name).stat().st_size:,} | `{recorded_hashes()[name]}` |"
        for name in (grid.GRID, grid.SETTINGS)
    ]
    assert [line for line in after if line.startswith("| `transfer-grid/")] == rows
    assert all(new == old or new in rows for old, new in zip(before, after, strict=True))


def test_accuracies_that_keras_counted_in_float32_are_stored_as_rates(copied_data):
    measured = runs_of(1)[0] | {"validation": 0.6200000047683716, "test": 0.49950000643730164}
    grid.store_grid([measured], grid.current_settings())
    expected = measured | {"validation": 0.62, "test": 0.4995}
    assert load_grid().to_dict("records") == [expected]


def test_table_without_a_row_is_an_error_before_anything_is_written(copied_data):
    readme = copied_data / "README.md"
    readme.write_text(re.sub("(?m)^.*settings.json.*\n", "", readme.read_text()))
    with pytest.raises(DataError, match=r"must have one row for `.*settings.json`.* got 0"):
        grid.store_grid(runs_of(1), grid.current_settings())
    assert list(copied_data.iterdir()) == [readme]


# --- Command line -------------------------------------------------------------------------------


@pytest.fixture
def measured(monkeypatch, copied_data):
    """Which calls would have measured for hours."""
    calls = []

    def measure_all(settings, jobs):
        # Otherwise nothing would be measured again: what is written down counts as done.
        assert not grid.database_path(settings).exists()
        calls.append(jobs)
        grid.BUILD.mkdir(exist_ok=True)
        grid.database_path(settings).write_text("written down")
        return runs_of(grid.SEEDS)

    monkeypatch.setattr(grid, "measure_all", measure_all)
    return calls


def test_grid_is_measured_if_it_is_stale_or_if_asked_for_again(capsys, measured, monkeypatch):
    assert grid.main(["--check"]) == 1
    assert "measured: everything: it is not there, or damaged." in capsys.readouterr().out
    assert grid.main(["--jobs", "3"]) == 0
    assert "120 runs are stored in " in capsys.readouterr().out
    assert load_grid().to_dict("records") == runs_of(grid.SEEDS)
    for arguments in (["--jobs", "3"], ["--check"]):
        assert grid.main(arguments) == 0
        assert re.match(r'The stored grid is up to date .*"keras": "\d', capsys.readouterr().out)
    assert measured == [3]
    assert grid.main(["--again"]) == 0
    assert "measured: nothing." in capsys.readouterr().out
    assert measured == [3, os.cpu_count()]
    monkeypatch.setattr(strategies, "BATCH_SIZE", 8)
    monkeypatch.setattr(strategies, "IMAGE_SIZE", 64)
    assert grid.main(["--check"]) == 1
    told = "Changed since the stored grid was measured: image size, batch size.\n"
    assert capsys.readouterr() == (told, "")


@pytest.mark.parametrize("name", [grid.GRID, grid.SETTINGS])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path, readme: path.unlink(),
        lambda path, readme: path.write_text("damaged"),
        # As if the first call had been ended between writing the files and writing the table.
        lambda path, readme: readme.write_text(
            re.sub("(?m)`[0-9a-f]{64}`", "``", readme.read_text())
        ),
    ],
)
def test_damaged_grid_is_measured_again(capsys, measured, copied_data, name, damage):
    grid.store_grid(runs_of(1), grid.current_settings())
    damage(copied_data / name, copied_data / "README.md")
    assert grid.main([]) == 0
    assert "measured: everything" in capsys.readouterr().out
    assert load_grid().to_dict("records") == runs_of(grid.SEEDS)


def test_settings_are_stored_as_they_were_when_it_started(measured, monkeypatch):
    measure_all = grid.measure_all

    def edit(*arguments):
        monkeypatch.setattr(strategies, "BATCH_SIZE", 8)
        return measure_all(*arguments)

    monkeypatch.setattr(grid, "measure_all", edit)
    assert grid.main([]) == 0
    assert grid.differences() == ["batch size"]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ("kept in {build}; the next call goes on.\n", "")),
        (RuntimeError("It ended."), 1, ("", "Error: It ended.\n")),
    ],
)
def test_interrupt_and_errors_have_no_traceback_and_store_nothing(
    capsys, monkeypatch, copied_data, build, error, code, said
):
    def fail(*_):
        raise error

    monkeypatch.setattr(grid, "measure_all", fail)
    assert grid.main([]) == code
    out, err = capsys.readouterr()
    assert out.endswith(said[0].format(build=build))
    assert err == said[1]
    assert list(copied_data.iterdir()) == [copied_data / "README.md"]


def test_no_jobs_are_refused_before_anything_starts(capsys, measured):
    with pytest.raises(SystemExit) as stopped:
        grid.main(["--jobs", "0"])
    assert stopped.value.code == 2
    assert "--jobs must be at least 1, got 0." in capsys.readouterr().err
    assert measured == []
