"""The grid of size, domain and strategy: hours of training, stored with all that it depends on."""

import argparse
import ast
import csv
import hashlib
import io
import json
import multiprocessing
import os
import platform
import re
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from itertools import product
from pathlib import Path

from coursehelpers.data import DataError, data_folder, read_verified, recorded_hashes
from coursehelpers.profiles import prepare
from coursehelpers.progress import progress_bar
from coursehelpers.transfer import strategies
from coursehelpers.transfer.standings import GRID, load_grid

SETTINGS = "transfer-grid/settings.json"
SEEDS = 5
RUN = ("domain", "size", "strategy", "seed")
COLUMNS = (*RUN, "validation", "test", "choice", "seconds")
# What decides the numbers. How features and epochs are computed fast is tested to change none.
CODE = (
    "data.py",
    "models/backbones.py",
    "models/blocks.py",
    "models/efficientnet_lite.py",
    "models/networks.py",
    "transfer/head.py",
    "transfer/strategies.py",
    "transfer/tuning.py",
)
DATA = ("cats-dogs/", "efficientnet-lite0/efficientnet-lite0.npz", "fashion-mnist/")


def current_settings():
    """Return what a grid computed now would depend on: settings, seeds, hashes of code and data."""
    package = Path(__file__).resolve().parents[1]
    s = strategies
    return {
        "seeds": SEEDS,
        "image size": s.IMAGE_SIZE,
        "batch size": s.BATCH_SIZE,
        "domains": {name: list(classes) for name, classes in s.DOMAINS.items()},
        "sizes": {name: size._asdict() for name, size in s.SIZES.items()},
        "strategies": list(s.STRATEGIES),
        "stages": list(s.STAGES),
        "fine-tuning": {"few": s.FEW._asdict(), "many": s.MANY._asdict()},
        "from scratch": {"small": s.SMALL._asdict(), "same": s.SAME._asdict()},
        "code": {name: code_hash((package / name).read_text()) for name in CODE},
        "data": {name: sha for name, sha in recorded_hashes().items() if name.startswith(DATA)},
    }


def stored_settings():
    """Return what the stored grid depends on, and with what it was computed."""
    return json.loads(read_verified(SETTINGS))


def differences():
    """Return the names of settings in which the stored grid differs from one computed now."""
    stored, now = stored_settings(), json.loads(json.dumps(current_settings()))
    found = [name for name in now if name not in ("code", "data") and stored.get(name) != now[name]]
    for part in ("code", "data"):
        names = {*stored.get(part, {}), *now[part]}
        found += [n for n in sorted(names) if stored.get(part, {}).get(n) != now[part].get(n)]
    return found


def code_hash(source):
    """Return the SHA-256 of what a module does: docstrings, comments and layout do not count.

    Examples
    --------
    >>> code_hash("x = 1  # why") == code_hash("x = 1") != code_hash("x = 2")
    True
    """
    return hashlib.sha256(repr(_meaning(ast.parse(source))).encode()).hexdigest()


def _meaning(node):
    """Return the syntax tree without what differs between versions of Python: empty fields."""
    if isinstance(node, list):
        return [_meaning(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    fields = dict(ast.iter_fields(node))
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = fields["body"][1:]
    fields = {name: _meaning(value) for name, value in fields.items()}
    return type(node).__name__, {k: v for k, v in fields.items() if v is not None and v != []}


def compute_grid(folder, jobs, settings, *, measure=strategies.measure):
    """Measure all strategies in all cells over all seeds; what was measured before is kept.

    Parameters
    ----------
    folder : path-like
        Where each run is written down as soon as it is done, in a file for these settings.
    jobs : int
        Runs at a time, each on one core.
    settings : dict
        What `current_settings` returns.
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
    path = _runs_file(folder, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    s = strategies
    order = product(range(settings["seeds"]), s.STRATEGIES, s.SIZES, s.DOMAINS)
    cells = [dict(zip(("seed", "strategy", "size", "domain"), cell, strict=True)) for cell in order]
    done = {_key(run): run for run in _read(path)}
    left = [cell for cell in cells if _key(cell) not in done]
    _end_line(path)
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with (
        path.open("a") as file,
        progress_bar(len(cells), "measuring") as bar,
        ProcessPoolExecutor(jobs, context, initializer=_start) as pool,
    ):
        bar.update(len(cells) - len(left))
        try:
            futures = [pool.submit(measure, **cell) for cell in left]
            for future in as_completed(futures):
                run = future.result()
                file.write(json.dumps(run) + "\n")
                file.flush()
                os.fsync(file.fileno())
                done[_key(run)] = run
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
    return [done[_key(cell)] for cell in cells]


def store_grid(runs, settings):
    """Write the grid and its settings into the data folder, and their hashes into its README."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for run in runs:
        # Keras counts in float32; 6 decimals are exact for shares of a few thousand images.
        writer.writerow(run | {part: round(run[part], 6) for part in ("validation", "test")})
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    settings = settings | {"computed with": packages | {"python": platform.python_version()}}
    readme = data_folder() / "README.md"
    table, files = readme.read_text(), {}
    for name, content in {GRID: text.getvalue(), SETTINGS: json.dumps(settings, indent=1)}.items():
        content = content.encode()
        row = f"| `{name}` | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |"
        table, rows = re.subn(rf"^\| `{re.escape(name)}` \|.*$", row, table, flags=re.M)
        if rows != 1:
            raise DataError(f"{readme} must have one row for `{name}` in its table, got {rows}.")
        files[data_folder() / name] = content
    for path, content in files.items():
        _write(path, content)
    _write(readme, table.encode())


def _start():
    """Prepare a process for runs: one core, and no bars among those of other processes."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    prepare(threads=1)


def _runs_file(folder, settings):
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return Path(folder) / f"{key[:16]}.jsonl"


def _key(run):
    return tuple(run[name] for name in RUN)


def _end_line(path):
    """End a line that was cut off: the next run, written behind it, would be lost with it."""
    if path.exists() and not path.read_bytes().endswith(b"\n"):
        with path.open("a") as file:
            file.write("\n")


def _read(path):
    """Return the runs that are written down; a line that was cut off is measured again."""
    if not path.exists():
        return []
    runs = []
    for line in path.read_text().splitlines():
        try:
            runs.append(json.loads(line))
        except ValueError:
            continue
    return runs


def _write(path, content):
    path.parent.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(content)
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _changed():
    """Return what differs; a grid that cannot be read differs in everything."""
    try:
        load_grid()
        return differences()
    except (DataError, KeyError):  # a KeyError is a file without a hash in the table
        return ["everything: it is not there, or damaged"]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m coursehelpers.transfer.grid",
        description="Measure all strategies of transfer learning in all cells of the grid, about "
        "two hours of CPU time. It can be interrupted at any time and goes on from there.",
    )
    add = parser.add_argument
    add("--jobs", type=int, default=os.cpu_count(), help="runs at a time (default: %(default)s)")
    add("--build", type=Path, default=Path("build"), help="folder to work in (default: build)")
    add("--check", action="store_true", help="only tell whether the stored grid is up to date")
    add("--anew", action="store_true", help="compute it even if it is up to date")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}.")
    changed = _changed()
    if not changed and not options.anew:
        print(f"The stored grid is up to date ({json.dumps(stored_settings()['computed with'])}).")
        return 0
    print(f"Changed since the stored grid was computed: {', '.join(changed) or 'nothing'}.")
    if options.check:
        return 1
    folder, settings = options.build / "grid", current_settings()
    try:
        runs = compute_grid(folder, options.jobs, settings)
    except KeyboardInterrupt:
        print(f"Interrupted. What is measured is kept in {folder}; the next call goes on.")
        return 130
    except RuntimeError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    # As they were at the start: what is edited meanwhile had no part in it.
    store_grid(runs, settings)
    # What is stored need not be kept twice, and would leave nothing to compute anew.
    _runs_file(folder, settings).unlink(missing_ok=True)
    print(f"{len(runs)} runs are stored in {data_folder() / GRID}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
