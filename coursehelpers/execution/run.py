"""Execute notebooks with papermill, and never take an exit code for a success."""

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import nbformat
import papermill
import psutil
from papermill.engines import NBClientEngine, papermill_engines

from coursehelpers.execution import notebooks
from coursehelpers.transfer.cache import VARIABLE

CELL_SECONDS = 1200  # far longer than any cell on a slow machine
SAVING_SECONDS = 30
# A run that leaves the GPU idle still allocates a little when TensorFlow starts.
LEAST_GPU_BYTES = 2**20
GPU_PROOF = (
    "import tensorflow as tf\n"
    'print("GPU peak bytes:", tf.config.experimental.get_memory_info("GPU:0")["peak"])'
)


class SavingEngine(NBClientEngine):
    """The engine of papermill, but it saves the copy now and then, not twice for every cell.

    To write a long notebook with its pictures takes a tenth of a second.
    """

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **options):
        """Execute the notebook; what papermill saves in the end is not held back."""
        save, last = nb_man.save, time.monotonic()

        def save_now_and_then(**kwargs):
            nonlocal last
            if time.monotonic() - last > SAVING_SECONDS:
                save(**kwargs)
                last = time.monotonic()

        nb_man.save = save_now_and_then
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **options)
        finally:
            nb_man.save = save


papermill_engines.register("saving", SavingEngine)


class Executed(NamedTuple):
    """What came of executing one notebook.

    Attributes
    ----------
    name : str
    cells : int
        Code cells that ran.
    seconds, cpu_seconds : float
        Wall time, and processor time of the kernel.
    passed, checks : int
        Checks that gave all their points, and checks there are.
    supported, claims : int
        Claims that the measurements support, and claims there are.
    longest : str
        The cell that took longest, and its seconds.
    path : str
        The executed copy.
    problems : tuple of str
        Empty if every cell ran without an error.
    """

    name: str
    cells: int
    seconds: float
    cpu_seconds: float
    passed: int
    checks: int
    supported: int
    claims: int
    longest: str
    path: str
    problems: tuple[str, ...]


def execute(source, target, parameters, cell_seconds=CELL_SECONDS):
    """Execute one notebook into a copy.

    Parameters
    ----------
    source, target : path-like
        The notebook, and where the executed copy goes.
    parameters : dict
        Values for the cell tagged ``parameters``; with ``DEVICE="gpu"`` the run has to show that
        a GPU did the work.
    cell_seconds : float, default 1200
        Time limit for each cell.

    Returns
    -------
    Executed
        A failed cell, a timeout or a dead kernel are told in ``problems``, never raised. The
        claims with their numbers lie beside the copy, in ``<name>.claims.json``.
    """
    source, target = Path(source).resolve(), Path(target).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    original = notebooks.read(source)
    prepared = nbformat.from_dict(original)
    gpu = parameters.get("DEVICE") == "gpu"
    if gpu:
        prepared.cells.append(nbformat.v4.new_code_cell(GPU_PROOF, id="gpu-proof"))
    cpu = _CpuMeter()
    problems, start = [], time.monotonic()
    try:
        with _no_stored_features():
            papermill.execute_notebook(
                prepared,
                target,
                parameters=parameters,
                engine_name="saving",
                cwd=source.parent,
                execution_timeout=cell_seconds,
                progress_bar=sys.stderr.isatty(),
                on_cell_executed=cpu.note,
                # Asked to exit, a kernel's own threads may trip over its closed sockets, and say so.
                shutdown_kernel="immediate",
                # Errors only: newer kernels warn that a local connection is not encrypted.
                extra_arguments=["--IPKernelApp.log_level=ERROR"],
            )
    except KeyboardInterrupt:
        raise
    except papermill.PapermillExecutionError:
        pass  # the cell's own output tells more
    except Exception as error:
        # nbclient and jupyter_client raise a dozen types; each is a failed run.
        problems.append(_reason(error))
    seconds = time.monotonic() - start
    executed = notebooks.read(target) if target.exists() else nbformat.v4.new_notebook()
    drop_empty_displays(executed)
    nbformat.write(executed, target)
    proof = executed.cells.pop() if gpu and executed.cells else None
    if gpu and not problems:
        problems += _gpu_problems(proof)
    if not problems:
        problems += notebooks.faults(executed, original)
    ran = [c for c in notebooks.code_cells(executed) if c.execution_count is not None]
    claims = recorded_claims(executed)
    target.with_suffix(".claims.json").write_text(json.dumps(claims, indent=1) + "\n")
    return Executed(
        source.stem,
        len(ran),
        seconds,
        cpu.total,
        *checks(executed),
        *(sum(claim["state"] == "supported" for claim in claims), len(claims)),
        "{1}, {0:.0f} s".format(*max(((notebooks.seconds(c), c.id) for c in ran), default=(0, ""))),
        str(target),
        tuple(problems),
    )


@contextlib.contextmanager
def _no_stored_features():
    """Let a kernel compute all features itself, so that its times are those of a first run."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {VARIABLE: folder}):
        yield


def recorded_claims(executed):
    """Return every claim of an executed notebook, with the cell that makes it."""
    return [
        {"cell": cell.id, **claim}
        for cell in notebooks.code_cells(executed)
        for claim in notebooks.claims(cell)
    ]


def execute_all(paths, folder, parameters, cell_seconds=CELL_SECONDS):
    """Execute notebooks one after the other, print a table, and record it as JSON.

    Returns
    -------
    list of Executed
    """
    if parameters.get("DEVICE") == "gpu":
        _require_gpu()
    # papermill warns of parameters through a logger; without this it would also tell each step.
    logging.getLogger("papermill").setLevel(logging.WARNING)
    results = []
    for number, path in enumerate(paths, 1):
        told = ", ".join(f"{name}={value}" for name, value in parameters.items())
        print(
            f"[{number}/{len(paths)}] executing {path.stem} ({told})", file=sys.stderr, flush=True
        )
        results.append(execute(path, Path(folder) / path.name, parameters, cell_seconds))
    summary = {"parameters": parameters, "notebooks": [r._asdict() for r in results]}
    Path(folder, "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(table(results))
    return results


def table(results):
    """Return the closing table: what ran, how long, what passed, and where the copy lies."""
    checked = ("checks passed", "claims supported")
    rows = [("notebook", "cells", "seconds", "CPU s", "longest", *checked, "executed copy")]
    for r in results:
        row = (r.name, str(r.cells), f"{r.seconds:.0f}", f"{r.cpu_seconds:.0f}", r.longest)
        checked = (f"{r.passed} of {r.checks}", f"{r.supported} of {r.claims}")
        rows.append((*row, *checked, os.path.relpath(r.path)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    for r in results:
        lines += [f"FAILED {r.name}: {problem}" for problem in r.problems]
    return "\n".join(line.rstrip() for line in lines)


class _CpuMeter:
    """Note the processor time of the kernel, the only child of this process, after each cell."""

    def __init__(self):
        self.before = self._children()
        self.total = 0.0

    def note(self, cell, cell_index, **_):
        used = self._children() - self.before
        cell.metadata["coursehelpers"] = {"cpu_seconds": round(used - self.total, 2)}
        self.total = used

    @staticmethod
    def _children():
        seconds = 0.0
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                times = child.cpu_times()
                seconds += times.user + times.system
        return seconds


def drop_empty_displays(executed):
    """Drop what progress bars leave behind: displays whose text is empty."""
    for cell in notebooks.code_cells(executed):
        cell.outputs = [
            output
            for output in cell.outputs
            if output.output_type != "display_data" or any(output.data.values())
        ]


def _reason(error):
    kind = type(error).__name__
    text = str(error).strip().splitlines()
    known = {
        "DeadKernelError": "the kernel died (out of memory, or the process was killed)",
        "CellTimeoutError": "a cell ran longer than its time limit",
    }
    return known.get(kind, f"{kind}: {text[0] if text else 'no message'}")


def checks(executed):
    """Count the checks that gave all their points, and all; a grade cell's value is its points."""
    cells = [cell for cell in notebooks.code_cells(executed) if notebooks.is_grade(cell)]
    values = [
        [o.data.get("text/plain") for o in cell.outputs if o.output_type == "execute_result"]
        for cell in cells
    ]
    full = [[str(cell.metadata.nbgrader.points)] for cell in cells]
    return sum(got == points for got, points in zip(values, full, strict=True)), len(cells)


def _gpu_problems(proof):
    text = "".join(output.get("text", "") for output in proof.outputs)
    peak = int(text.rsplit(":", 1)[-1]) if ":" in text else 0
    if peak < LEAST_GPU_BYTES:
        return [f"the GPU did not do the work: it never held more than {peak:,} bytes"]
    return []


def _require_gpu():
    code = "from coursehelpers.profiles import prepare; prepare(device='gpu')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise SystemExit(next((line for line in lines[::-1] if "DEVICE" in line), done.stderr))
