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

from coursehelpers.lessons import notebooks
from coursehelpers.transfer.cache import VARIABLE

CELL_SECONDS = 1200  # far longer than any cell on a slow machine
SAVING_SECONDS = 30
# A run that leaves the GPU idle still allocates a little when TensorFlow starts.
LEAST_GPU_BYTES = 2**20
GPU_PROOF = (
    "import tensorflow as tf\n"
    'print("GPU peak bytes:", tf.config.experimental.get_memory_info("GPU:0")["peak"])'
)
# What nbclient and jupyter_client raise, by type, in a teacher's words.
REASONS = {
    "DeadKernelError": "the kernel died (out of memory, or the process was killed)",
    "CellTimeoutError": "a cell ran longer than its time limit",
}


class SavingEngine(NBClientEngine):
    """The engine of papermill, but it saves the copy now and then, not twice for every cell.

    To write a long notebook with its pictures takes a tenth of a second.
    """

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **options):
        """Execute the notebook; what papermill saves in the end is not held back."""
        save = nb_man.save

        def save_now_and_then(**kwargs):
            if (nb_man.now() - nb_man.last_save_time).total_seconds() > SAVING_SECONDS:
                save(**kwargs)

        with mock.patch.object(nb_man, "save", save_now_and_then):
            super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register("saving", SavingEngine)


class Executed(NamedTuple):
    """What came of executing one notebook."""

    name: str
    cells: int  # code cells that ran
    seconds: float  # wall time
    cpu_seconds: float  # of the kernel
    passed: int  # checks that gave all their points
    checks: int
    supported: int  # claims that the measurements support
    claims: int
    longest: str  # the cell that took longest, and its seconds
    path: str  # the executed copy
    problems: tuple[str, ...]  # empty if every cell ran without an error


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
    problems, start, cpu = [], time.monotonic(), [_cpu_seconds()]

    def note(cell, cell_index, **_):
        cpu.append(_cpu_seconds())
        cell.metadata["coursehelpers"] = {"cpu_seconds": round(cpu[-1] - cpu[-2], 2)}

    try:
        _papermill(prepared, target, parameters, source.parent, cell_seconds, note)
    except papermill.PapermillExecutionError:
        pass  # the cell's own output tells more
    except Exception as error:
        # nbclient and jupyter_client raise a dozen types; each is a failed run.
        kind, text = type(error).__name__, str(error).strip() or "no message"
        problems.append(REASONS.get(kind, f"{kind}: {text.splitlines()[0]}"))
    seconds = time.monotonic() - start
    executed = notebooks.read(target) if target.exists() else nbformat.v4.new_notebook()
    drop_empty_displays(executed)
    nbformat.write(executed, target)
    proof = executed.cells.pop() if gpu and executed.cells else None
    if gpu and not problems:
        problems += gpu_problems(proof)
    if not problems:
        problems += notebooks.faults(executed, original)
    code = notebooks.code_cells(executed)
    ran = [cell for cell in code if cell.execution_count is not None]
    longest = max(((notebooks.seconds(c), c.id) for c in ran), default=(0, ""))
    claims = [{"cell": cell.id, **claim} for cell in code for claim in notebooks.claims(cell)]
    target.with_suffix(".claims.json").write_text(json.dumps(claims, indent=1) + "\n")
    passed, possible = checks(executed)
    return Executed(
        name=source.stem,
        cells=len(ran),
        seconds=seconds,
        cpu_seconds=cpu[-1] - cpu[0],
        passed=passed,
        checks=possible,
        supported=sum(claim["state"] == "supported" for claim in claims),
        claims=len(claims),
        longest=f"{longest[1]}, {longest[0]:.0f} s",
        path=str(target),
        problems=tuple(problems),
    )


def _papermill(notebook, target, parameters, folder, cell_seconds, note):
    # Without stored features a kernel computes all itself: its times are those of a first run.
    with (
        tempfile.TemporaryDirectory() as cache,
        mock.patch.dict(os.environ, {VARIABLE: cache}),
    ):
        papermill.execute_notebook(
            notebook,
            target,
            parameters=parameters,
            engine_name="saving",
            cwd=folder,
            execution_timeout=cell_seconds,
            progress_bar=sys.stderr.isatty(),
            on_cell_executed=note,
            # Asked to exit, a kernel's own threads may trip over its closed sockets, and say so.
            shutdown_kernel="immediate",
            # Errors only: newer kernels warn that a local connection is not encrypted.
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )


def _cpu_seconds():
    """Return the processor time of the kernel, the only child of this process."""
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


def checks(executed):
    """Count the checks that gave all their points, and all; a grade cell's value is its points."""
    cells = [cell for cell in notebooks.code_cells(executed) if notebooks.is_grade(cell)]
    passed = 0
    for cell in cells:
        results = [o for o in cell.outputs if o.output_type == "execute_result"]
        points = [output.data.get("text/plain") for output in results]
        passed += points == [str(cell.metadata.nbgrader.points)]
    return passed, len(cells)


def gpu_problems(proof):
    """Return why the last cell of a run does not show that a GPU did the work, if so."""
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


def execute_all(paths, folder, parameters):
    """Execute notebooks one after the other, print a table, and return a list of `Executed`."""
    if parameters["DEVICE"] == "gpu":
        _require_gpu()
    # papermill warns of parameters through a logger; without this it would also tell each step.
    logging.getLogger("papermill").setLevel(logging.WARNING)
    told = ", ".join(f"{name}={value}" for name, value in parameters.items())
    results = []
    for number, path in enumerate(paths, 1):
        place = f"[{number}/{len(paths)}]"
        print(f"{place} executing {path.stem} ({told})", file=sys.stderr, flush=True)
        results.append(execute(path, Path(folder) / path.name, parameters))
    print(table(results))
    return results


def table(results):
    """Return the closing table: what ran, how long, what passed, and where the copy lies."""
    import pandas as pd

    rows = {
        r.name: {
            "cells": r.cells,
            "seconds": round(r.seconds),
            "CPU s": round(r.cpu_seconds),
            "longest": r.longest,
            "checks passed": f"{r.passed} of {r.checks}",
            "claims supported": f"{r.supported} of {r.claims}",
            "executed copy": os.path.relpath(r.path),
        }
        for r in results
    }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("notebook", axis="columns")
    failed = [f"FAILED {r.name}: {problem}" for r in results for problem in r.problems]
    return "\n".join([frame.to_string(), *failed])
