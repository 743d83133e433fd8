"""Measure the strategies of transfer learning, and store the grid with the settings it depends on.

Usage: python data/grid.py [--jobs N] [--check] [--again]

That takes about two hours of CPU time. It can be interrupted at any time and goes on from there.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import re
import sqlite3
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from importlib.metadata import version
from itertools import product
from pathlib import Path

from coursehelpers.data import DataError, data_folder, read_verified, recorded_hashes
from coursehelpers.profiles import prepare
from coursehelpers.progress import progress_bar
from coursehelpers.transfer import load_grid, strategies
from coursehelpers.transfer.strategies import GRID

SETTINGS = "transfer-grid/settings.json"
BUILD = Path(__file__).resolve().parents[1] / "build" / "grid"  # runs that are not stored yet
SEEDS = 5
CELL = ("domain", "size", "strategy", "seed")
COLUMNS = (*CELL, "validation", "test", "choice", "seconds")
DATA = ("cats-dogs/", "efficientnet-lite0/efficientnet-lite0.npz", "fashion-mnist/")


def current_settings():
    """Return what a grid measured now would depend on: settings, seeds and hashes of the data."""
    s = strategies
    settings = {
        "seeds": SEEDS,
        "image size": s.IMAGE_SIZE,
        "batch size": s.BATCH_SIZE,
        "domains": s.DOMAINS,
        "sizes": s.SIZES,
        "strategies": list(s.STRATEGIES),
        "stages": s.STAGES,
        "fine-tuning": {"few": s.FEW, "many": s.MANY},
        "from scratch": {"small": s.SMALL, "same": s.SAME},
        "data": {name: sha for name, sha in recorded_hashes().items() if name.startswith(DATA)},
    }
    return json.loads(json.dumps(settings))


def stored_settings():
    """Return what the stored grid depends on, and with what it was measured."""
    return json.loads(read_verified(SETTINGS))


def differences():
    """Return the names of settings and data in which the stored grid differs from one of now."""
    stored, now = stored_settings(), current_settings()
    old, new = stored.get("data", {}), now.pop("data")
    changed = [name for name in now if stored.get(name) != now[name]]
    return changed + [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def measure_all(settings, jobs, *, measure=strategies.measure):
    """Measure all strategies in all cells over all seeds; what was measured before is kept.

    Parameters
    ----------
    settings : dict
        What `current_settings` returns. Each run is written down as soon as it is done, in a
        database for these settings.
    jobs : int
        Runs at a time, each on one core.
    measure : callable
        See `coursehelpers.transfer.strategies.measure`.

    Returns
    -------
    list of dict
        One for each run, in the order of seeds, strategies, sizes and domains.

    Raises
    ------
    RuntimeError
        If a process ended unexpectedly, such as for want of memory. Runs that are done are kept.
    """
    s = strategies
    order = product(range(settings["seeds"]), s.STRATEGIES, s.SIZES, s.DOMAINS)
    cells = [(domain, size, strategy, seed) for seed, strategy, size, domain in order]
    BUILD.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with (
        closing(sqlite3.connect(database_path(settings))) as database,
        progress_bar(len(cells), "measuring") as bar,
        ProcessPoolExecutor(jobs, context, initializer=_start) as pool,
    ):
        database.execute("CREATE TABLE IF NOT EXISTS runs (run TEXT)")
        runs = [json.loads(text) for (text,) in database.execute("SELECT run FROM runs")]
        done = {tuple(run[name] for name in CELL): run for run in runs}
        bar.update(len(done))
        try:
            futures = {pool.submit(measure, *cell): cell for cell in cells if cell not in done}
            for future in as_completed(futures):
                run = future.result()
                with database:
                    database.execute("INSERT INTO runs VALUES (?)", [json.dumps(run)])
                done[futures[future]] = run
                bar.update()
        except BrokenProcessPool:
            raise RuntimeError(
                "A process ended unexpectedly, perhaps for want of memory: each job takes 4 to 5 "
                f"GB. {len(done)} of {len(cells)} runs are kept; start again with fewer jobs."
            ) from None
        except BaseException:
            # To leave the pool waits for what is under way, minutes, and all that is left, hours.
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(cancel_futures=True)
            raise
    return [done[cell] for cell in cells]


def database_path(settings):
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return BUILD / f"{key[:16]}.sqlite"


def store_grid(runs, settings):
    """Write the grid and its settings into the data folder, and their hashes into its README."""
    import pandas as pd

    # Keras counts in float32; 6 decimals are exact for rates of a few thousand images.
    frame = pd.DataFrame(runs, columns=COLUMNS).round({"validation": 6, "test": 6})
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    settings = settings | {"computed with": packages | {"python": platform.python_version()}}
    readme = data_folder() / "README.md"
    table, files = readme.read_text(), {}
    for name, text in {
        GRID: frame.to_csv(index=False, lineterminator="\n"),
        SETTINGS: json.dumps(settings, indent=1),
    }.items():
        content = text.encode()
        row = f"| `{name}` | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |"
        table, rows = re.subn(rf"^\| `{re.escape(name)}` \|.*$", row, table, flags=re.M)
        if rows != 1:
            raise DataError(f"{readme} must have one row for `{name}` in its table, got {rows}.")
        files[data_folder() / name] = content
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    readme.write_text(table)


def _start():
    """Prepare a process for runs: one core, and no bars among those of other processes."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    prepare(threads=1)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0::2]))
    add = parser.add_argument
    add("--jobs", type=int, default=os.cpu_count(), help="runs at a time (default: %(default)s)")
    add("--check", action="store_true", help="only tell whether the stored grid is up to date")
    add("--again", action="store_true", help="measure even if it is up to date")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}.")
    try:
        load_grid()
        changed = differences()
    except (DataError, KeyError):  # a KeyError is a file without a hash in the table
        changed = ["everything: it is not there, or damaged"]
    if not changed and not options.again:
        print(f"The stored grid is up to date ({json.dumps(stored_settings()['computed with'])}).")
        return 0
    print(f"Changed since the stored grid was measured: {', '.join(changed) or 'nothing'}.")
    if options.check:
        return 1
    # As they are at the start: what is edited meanwhile has no part in it.
    settings = current_settings()
    try:
        runs = measure_all(settings, options.jobs)
    except KeyboardInterrupt:
        print(f"Interrupted. What is measured is kept in {BUILD}; the next call goes on.")
        return 130
    except RuntimeError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    store_grid(runs, settings)
    # What is stored need not be kept twice, and would leave nothing to measure again.
    database_path(settings).unlink()
    print(f"{len(runs)} runs are stored in {data_folder() / GRID}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
