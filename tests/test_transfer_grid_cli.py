"""Storing the grid and reading it back, and the command line, without the hours of computing."""

import os
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from coursehelpers import data as files
from coursehelpers.data import DataError
from coursehelpers.transfer import grid, strategies

ROOT = Path(__file__).resolve().parents[1]


def runs_of(seeds):
    """Return a run for each cell, in the documented order, with accuracies as they come."""
    cells = product(range(seeds), strategies.STRATEGIES, strategies.SIZES, strategies.DOMAINS)
    return [
        {
            **{"domain": domain, "size": size, "strategy": strategy, "seed": seed},
            **{"validation": (37 * i % 500) / 500, "test": (691 * i % 2000) / 2000},
            **{"choice": ("", "block2b", "learning rate 3e-05")[i % 3], "seconds": i / 10},
        }
        for i, (seed, strategy, size, domain) in enumerate(cells)
    ]


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A data folder of this test's own, with the table alone: no other file is read here."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(ROOT / "data" / "README.md", folder)
    for module in (files, grid):
        monkeypatch.setattr(module, "data_folder", lambda: folder)
    return folder


# --- Storing ------------------------------------------------------------------------------------


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def rows_of(folder):
    text = (folder / "README.md").read_text()
    return text, [line for line in text.splitlines() if line.startswith("| `transfer-grid/")]


def test_grid_is_read_back_as_it_was_stored(copied_data):
    before, _ = rows_of(copied_data)
    runs, now = runs_of(2), grid.current_settings()
    grid.store_grid(runs, now)
    frame = grid.load_grid()
    assert list(frame) == list(grid.COLUMNS)
    assert frame.to_dict("records") == runs
    assert grid.differences() == []
    computed_with = grid.stored_settings()["computed with"]
    assert computed_with["python"] == ".".join(map(str, sys.version_info[:3]))

    after, rows = rows_of(copied_data)
    assert len(rows) == 2
    for name, row in zip((grid.GRID, grid.SETTINGS), rows, strict=True):
        path = copied_data / name
        assert row == f"| `{name}` | {path.stat().st_size:,} | `{files.recorded_hashes()[name]}` |"
        assert os.stat(path).st_mode & 0o777 == 0o644
    others = [[s for s in text.splitlines() if s not in rows] for text in (before, after)]
    assert [s for s in others[0] if not s.startswith("| `transfer-grid/")] == others[1]


def test_grid_stored_again_takes_the_place_of_the_one_before(copied_data):
    for seeds in (2, 1):
        grid.store_grid(runs_of(seeds), grid.current_settings())
        assert grid.load_grid().to_dict("records") == runs_of(seeds)
    assert files_in(copied_data) == {"README.md", grid.GRID, grid.SETTINGS}


def test_full_disk_leaves_the_grid_of_before(copied_data, monkeypatch):
    grid.store_grid(runs_of(2), grid.current_settings())

    def fail(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="No space left"):
            grid.store_grid(runs_of(1), grid.current_settings())
    assert grid.load_grid().to_dict("records") == runs_of(2)
    assert files_in(copied_data) == {"README.md", grid.GRID, grid.SETTINGS}


def test_accuracies_that_keras_counted_in_float32_are_stored_as_shares(copied_data):
    (run,) = runs_of(1)[:1]
    measured = run | {"validation": 0.6200000047683716, "test": 0.49950000643730164}
    grid.store_grid([measured], grid.current_settings())
    expected = run | {"validation": 0.62, "test": 0.4995}
    assert grid.load_grid().to_dict("records") == [expected]


def test_table_without_a_row_is_an_error_before_anything_is_written(copied_data):
    readme = copied_data / "README.md"
    readme.write_text(re.sub("(?m)^.*settings.json.*\n", "", readme.read_text()))
    with pytest.raises(DataError, match=r"must have one row for `.*settings.json`.* got 0"):
        grid.store_grid(runs_of(1), grid.current_settings())
    assert files_in(copied_data) == {"README.md"}


@pytest.mark.parametrize("name", [grid.GRID, grid.SETTINGS])
def test_grid_that_someone_has_edited_is_refused(copied_data, name):
    grid.store_grid(runs_of(1), grid.current_settings())
    path = copied_data / name
    path.write_text(path.read_text().replace("0", "1"))
    with pytest.raises(DataError, match=r"transfer-grid.* is damaged"):
        grid.load_grid() if name == grid.GRID else grid.differences()


# --- Command line -------------------------------------------------------------------------------


@pytest.fixture
def measured(monkeypatch, copied_data):
    """Which calls would have computed for hours."""
    calls = []

    def compute(folder, jobs, settings):
        calls.append((folder, jobs))
        return runs_of(grid.SEEDS)

    monkeypatch.setattr(grid, "compute_grid", compute)
    return calls


def test_check_tells_what_changed_and_computes_nothing(capsys, measured, monkeypatch):
    assert grid.main(["--check"]) == 1
    assert "computed: everything: it is not there, or damaged." in capsys.readouterr().out
    grid.store_grid(runs_of(1), grid.current_settings())
    assert grid.main(["--check"]) == 0
    assert re.match(r'The stored grid is up to date .*"keras": "\d', capsys.readouterr().out)
    monkeypatch.setattr(strategies, "BATCH_SIZE", 8)
    monkeypatch.setattr(strategies, "IMAGE_SIZE", 64)
    assert grid.main(["--check"]) == 1
    told = "Changed since the stored grid was computed: image size, batch size.\n"
    assert capsys.readouterr() == (told, "")
    assert measured == []


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
def test_damaged_grid_is_computed_again(capsys, measured, copied_data, name, damage):
    grid.store_grid(runs_of(1), grid.current_settings())
    damage(copied_data / name, copied_data / "README.md")
    assert grid.main(["--check"]) == 1
    assert "computed: everything" in capsys.readouterr().out
    assert grid.main([]) == 0
    assert grid.load_grid().to_dict("records") == runs_of(grid.SEEDS)


def test_grid_is_computed_if_it_is_stale_or_asked_for_anew(capsys, measured, tmp_path):
    command = ["--jobs", "3", "--build", str(tmp_path / "build")]
    assert grid.main(command) == 0
    assert "120 runs are stored in " in capsys.readouterr().out
    assert grid.load_grid().to_dict("records") == runs_of(grid.SEEDS)
    assert grid.main(command) == 0
    assert "up to date" in capsys.readouterr().out
    assert measured == [(tmp_path / "build" / "grid", 3)]
    assert grid.main([*command, "--anew"]) == 0
    assert "computed: nothing." in capsys.readouterr().out
    assert len(measured) == 2


def test_what_is_stored_is_measured_again_when_asked_for_anew(copied_data, monkeypatch, tmp_path):
    # Otherwise nothing would be measured anew: what is written down counts as done.
    seen = []

    def compute(folder, jobs, settings):
        path = grid._runs_file(folder, settings)
        seen.append(path.exists())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("written down")
        return runs_of(grid.SEEDS)

    monkeypatch.setattr(grid, "compute_grid", compute)
    for _ in range(2):
        assert grid.main(["--build", str(tmp_path / "build"), "--anew"]) == 0
    assert seen == [False, False]


def test_settings_are_stored_as_they_were_when_it_started(capsys, measured, monkeypatch):
    def edit(*_):
        monkeypatch.setattr(strategies, "BATCH_SIZE", 8)
        return runs_of(grid.SEEDS)

    monkeypatch.setattr(grid, "compute_grid", edit)
    assert grid.main([]) == 0
    assert grid.differences() == ["batch size"]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ("kept in {folder}; the next call goes on.\n", "")),
        (RuntimeError("It ended."), 1, ("", "Error: It ended.\n")),
    ],
)
def test_interrupt_and_errors_have_no_traceback_and_store_nothing(
    capsys, measured, monkeypatch, copied_data, tmp_path, error, code, said
):
    def fail(*_):
        raise error

    monkeypatch.setattr(grid, "compute_grid", fail)
    assert grid.main(["--build", str(tmp_path)]) == code
    out, err = capsys.readouterr()
    assert out.endswith(said[0].format(folder=tmp_path / "grid"))
    assert err == said[1]
    assert list(copied_data.iterdir()) == [copied_data / "README.md"]


@pytest.mark.parametrize("jobs", ["0", "-2"])
def test_no_jobs_are_refused_before_anything_starts(capsys, measured, jobs):
    with pytest.raises(SystemExit) as stopped:
        grid.main(["--jobs", jobs])
    assert stopped.value.code == 2
    assert f"--jobs must be at least 1, got {jobs}." in capsys.readouterr().err
    assert measured == []


def test_help_starts_no_tensorflow():
    command = [sys.executable, "-X", "importtime", "-m", "coursehelpers.transfer.grid", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: python -m coursehelpers.transfer.grid ")
    for option in ("--jobs", "--build", "--check", "--anew"):
        assert option in done.stdout
    assert "tensorflow" not in done.stderr
