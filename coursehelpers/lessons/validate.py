"""Let nbval compare an executed notebook with its stored outputs, without running it again.

nbval runs a notebook in a kernel and compares what comes back. Its kernel here, this module as a
program, answers each cell with the outputs that papermill recorded, so that one execution serves
both.

nbval compares text exactly and pictures not at all. So before it sees them, the recorded outputs
are prepared: a number within its cell's tolerance of the stored one is written as the stored one,
every picture gets a line of text that says whether it looks as stored, and of a claim only its
state is left. What differs by more stays as it is, and nbval shows the difference.
"""

import base64
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel
from PIL import Image

from coursehelpers.lessons import notebooks

# Share of the output cells that validation has to compare. What is trained cannot be compared in a
# smoke test, where an epoch is a step.
LEAST_SHARE = {"smoke": 0.3, "standard": 0.9}
NUMBER = re.compile(r"(?<![\w.#])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")
# Differences of colours in 0..1 after averaging blocks of pixels. The antialiasing of another
# matplotlib stays below both, a moved curve or a missing label does not.
BLOCK = 4
MEAN_TOLERANCE = 0.01
LARGEST_TOLERANCE = 0.2
KERNEL = "coursehelpers-replay"
RECORDED = "COURSEHELPERS_RECORDED"


class Validated(NamedTuple):
    """What came of comparing one executed notebook with its stored outputs."""

    outputs: int  # cells with stored outputs
    compared: int  # how many of them were compared
    passed: bool
    report: str  # what nbval printed

    @property
    def share(self):
        """Share of the output cells that were compared."""
        return self.compared / self.outputs if self.outputs else 1.0


def validate(stored, executed, profile, folder):
    """Compare an executed notebook with its stored outputs through nbval.

    Parameters
    ----------
    stored, executed : path-like
        The notebook with its published outputs, and the copy that papermill executed.
    profile : str
        Outside "standard", claims and outputs of cells tagged ``by-profile`` are not compared, and
        no text is held to its claims.
    folder : path-like
        Where the prepared copies go.

    Returns
    -------
    Validated
    """
    stored, folder = Path(stored), Path(folder).resolve()
    reference, recorded = notebooks.read(stored), notebooks.read(executed)
    # Before the outputs are prepared for nbval, which leaves no claim in them.
    wrong = notebooks.contradictions(reference, recorded) if profile == "standard" else []
    by_id = {cell.id: cell for cell in notebooks.code_cells(recorded)}
    unpublished = [c.id for c in notebooks.code_cells(reference) if c.execution_count is None]
    outputs = compared = 0
    for cell in notebooks.code_cells(reference):
        twin = by_id.get(cell.id)
        for either in filter(None, (cell, twin)):
            either.outputs = [o for o in either.outputs if o.get("name") != "stderr"]
        by_profile = notebooks.depends_on_profile(cell)
        ignored = "nbval-ignore-output" in notebooks.tags(cell)
        if by_profile and profile != "standard" and not ignored:
            cell.metadata["tags"] = [*notebooks.tags(cell), "nbval-ignore-output"]
            ignored = True
        if twin is not None and not ignored:
            _prepare(cell, twin, pictures=not by_profile)
        outputs += bool(cell.outputs)
        compared += bool(cell.outputs) and not ignored
    folder.mkdir(parents=True, exist_ok=True)
    reference_path = folder / stored.name
    recorded_path = folder / f"{stored.stem}-recorded.ipynb"
    nbformat.write(reference, reference_path)
    nbformat.write(recorded, recorded_path)
    passed, report = _nbval(reference_path, recorded_path, folder)
    report = "\n".join([*wrong, report])
    if unpublished:
        report += f"\nNever published: {', '.join(unpublished)}. Run `make publish`."
    passed = passed and not wrong and not unpublished
    return Validated(outputs, compared, passed, report)


def _nbval(reference, recorded, folder):
    # A run of its own: neither this project's pytest options, nor a surrounding run's, nor other
    # plugins apply.
    env = replaying(recorded, folder) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env = {k: v for k, v in env.items() if k not in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST")}
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"),
        *("-p", "nbval.plugin", "--nbval", "--nbval-kernel-name", KERNEL),
        *("--nbval-cell-timeout", "60", "-c", os.devnull, "--rootdir", str(folder), str(reference)),
    ]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def _prepare(cell, twin, pictures):
    """Write what agrees in the recorded outputs as it is stored."""
    limits = tolerance(cell)
    for output in (*cell.outputs, *twin.outputs):
        # nbval passes over pictures: without a line of text it would not miss one.
        if "image/png" in output.get("data", {}):
            output.data["text/x-picture"] = "looks as stored"
    for stored, recorded in zip(cell.outputs, twin.outputs, strict=False):
        if stored.output_type == recorded.output_type == "stream":
            recorded.text = agree(stored.text, recorded.text, **limits)
        kinds = set(stored.get("data", {})) & set(recorded.get("data", {}))
        if notebooks.CLAIM in kinds:
            _prepare_claim(stored, recorded)
            continue
        for kind in kinds & {"text/plain", "text/html"}:
            recorded.data[kind] = agree(stored.data[kind], recorded.data[kind], **limits)
        # The picture of trained values may move: only its words are compared.
        if pictures and "image/png" in kinds:
            difference = picture_difference(stored.data["image/png"], recorded.data["image/png"])
            recorded.data["text/x-picture"] = difference or "looks as stored"


def _prepare_claim(stored, recorded):
    """Leave the statements and their states; undecided contradicts nothing."""
    before, now = stored.data[notebooks.CLAIM], recorded.data[notebooks.CLAIM]
    if "undecided" in (before["state"], now["state"]):
        now = {**now, "state": before["state"]}
    for output, told in ((stored, before), (recorded, now)):
        output.data = {"text/x-claim": f"{told['state']}: {told['statement']}"}


def tolerance(cell):
    """Return how far the numbers of a cell may be off, from its tags ``rtol=0.05``, ``atol=0.1``."""
    found = {}
    for tag in notebooks.tags(cell):
        kind, _, value = tag.partition("=")
        if kind in ("rtol", "atol"):
            try:
                found[kind] = float(value)
            except ValueError:
                raise SystemExit(
                    f"Cell {cell.id} has the tag {tag!r}, expected a number."
                ) from None
    return found


def agree(stored, recorded, rtol=0.0, atol=0.0):
    """Return the stored text if the recorded one agrees with it, else the recorded one.

    They agree if they are equal but for white space and for numbers that differ by at most
    ``atol + rtol * |stored|``, or by one in the last printed digit of a number with decimals. With
    both tolerances 0 every number is exact.

    Examples
    --------
    >>> agree("loss 0.50 after 3 epochs", "loss 0.52 after 3 epochs", rtol=0.05)
    'loss 0.50 after 3 epochs'
    >>> agree("loss 0.50 after 3 epochs", "loss 0.58 after 3 epochs", rtol=0.05)
    'loss 0.58 after 3 epochs'
    """
    if rtol == atol == 0:
        return stored if stored.split() == recorded.split() else recorded
    skeletons = [" ".join(NUMBER.sub("#", text).split()) for text in (stored, recorded)]
    if skeletons[0] != skeletons[1]:
        return recorded
    for one, other in zip(NUMBER.findall(stored), NUMBER.findall(recorded), strict=True):
        value, seen = (float(number.replace(",", "")) for number in (one, other))
        digit = 10.0 ** -len(one.partition(".")[2]) if "." in one and "e" not in one else 0.0
        if abs(value - seen) > max(atol + rtol * abs(value), digit) * (1 + 1e-9):
            return recorded
    return stored


def picture_difference(stored, recorded):
    """Return how two pictures (base64 PNG) differ, in words; empty if they look the same."""
    pictures = [Image.open(io.BytesIO(base64.b64decode(png))) for png in (stored, recorded)]
    one, other = (np.asarray(p.convert("RGB").reduce(BLOCK)) / 255 for p in pictures)
    if one.shape != other.shape:
        return f"another size: {pictures[1].size} instead of {pictures[0].size} pixels"
    difference = np.abs(one - other)
    # The mean hides a small thing that is missing, the largest difference does not.
    if difference.mean() > MEAN_TOLERANCE or difference.max() > LARGEST_TOLERANCE:
        return f"mean difference {difference.mean():.3f}, largest {difference.max():.3f}"
    return ""


def replaying(recorded, folder):
    """Return the environment in which a tool finds a kernel named `KERNEL`, which replays a notebook.

    The kernel's specification goes into the folder.
    """
    folder = Path(folder).resolve() / "jupyter"
    spec = folder / "kernels" / KERNEL
    spec.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", __name__, "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Replay", "language": "python"})
    )
    return {
        **os.environ,
        RECORDED: str(recorded),
        "JUPYTER_PATH": str(folder),
        "JUPYTER_PLATFORM_DIRS": "1",
    }


class ReplayKernel(Kernel):
    """Replays the notebook that an environment variable names; computes nothing.

    A cell whose source differs from the recorded one, or that never ran, is answered with an error.
    """

    implementation = KERNEL
    implementation_version = "1"
    banner = "Replays recorded outputs; computes nothing."
    language_info: dict[str, object] = {"name": "python"}  # noqa: RUF012  (as the base class)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._cells = iter(notebooks.code_cells(notebooks.read(os.environ[RECORDED])))

    async def do_execute(self, code, silent, *args, **kwargs):
        """Answer the next cell with its recorded outputs."""
        cell = next(self._cells, None)
        if cell is None:
            return self._refuse("NotRecorded", "the executed copy has no more cells")
        if cell.source != code:
            return self._refuse(
                "Stale", f"the source of cell {cell.id} differs from the executed one"
            )
        for output in cell.outputs:
            content = {k: v for k, v in output.items() if k != "output_type"}
            self.send_response(self.iopub_socket, output.output_type, content)
            if output.output_type == "error":
                return {"status": "error", **content}
        if cell.execution_count is None:
            return self._refuse("NotRun", f"cell {cell.id} was not run")
        return {
            "status": "ok",
            "execution_count": cell.execution_count,
            "payload": [],
            "user_expressions": {},
        }

    def _refuse(self, ename, evalue):
        content = {"ename": ename, "evalue": evalue, "traceback": [f"{ename}: {evalue}"]}
        self.send_response(self.iopub_socket, "error", content)
        return {"status": "error", **content}


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=ReplayKernel)
