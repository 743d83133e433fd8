"""Let nbval compare an executed notebook with its stored outputs, without running it again.

nbval compares text exactly and pictures not at all. So before it sees them, the recorded outputs
are prepared here: a number within its cell's tolerance of the stored one is written as the stored
one, and every picture gets a line of text that says whether it looks as stored. What differs by
more stays as it is, and nbval shows the difference.
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

from coursehelpers.execution import notebooks, replay

KERNEL = "coursehelpers-replay"
NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
# Differences of grey values in 0..1 after averaging blocks of pixels. The antialiasing of another
# matplotlib stays below both, a moved curve or a missing label does not.
BLOCK = 4
MEAN_TOLERANCE = 0.01
LARGEST_TOLERANCE = 0.2


class Validated(NamedTuple):
    """What came of comparing one executed notebook with its stored outputs.

    Attributes
    ----------
    name : str
    outputs, compared : int
        Cells with stored outputs, and how many of them were compared.
    passed : bool
    report : str
        What nbval printed.
    """

    name: str
    outputs: int
    compared: int
    passed: bool
    report: str

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
        Outside "standard", outputs of cells tagged ``by-profile`` are not compared.
    folder : path-like
        Where the prepared copies go.

    Returns
    -------
    Validated
    """
    stored, executed, folder = Path(stored), Path(executed), Path(folder).resolve()
    reference, recorded = notebooks.read(stored), notebooks.read(executed)
    by_id = {cell.id: cell for cell in notebooks.code_cells(recorded)}
    unpublished = [c.id for c in notebooks.code_cells(reference) if c.execution_count is None]
    outputs = compared = 0
    for cell in notebooks.code_cells(reference):
        twin = by_id.get(cell.id)
        for either in filter(None, (cell, twin)):
            either.outputs = [o for o in either.outputs if o.get("name") != "stderr"]
        ignored = profile != "standard" and notebooks.BY_PROFILE in notebooks.tags(cell)
        if ignored:
            cell.metadata["tags"] = [*notebooks.tags(cell), "nbval-ignore-output"]
        elif twin is not None:
            _prepare(cell, twin)
        outputs += bool(cell.outputs)
        compared += bool(cell.outputs) and not ignored
    folder.mkdir(parents=True, exist_ok=True)
    reference_path = folder / stored.name
    recorded_path = folder / f"{stored.stem}-recorded.ipynb"
    nbformat.write(reference, reference_path)
    nbformat.write(recorded, recorded_path)
    passed, report = _nbval(reference_path, recorded_path, folder)
    if unpublished:
        passed = False
        report += f"\nNever published: {', '.join(unpublished)}. Run `make publish`."
    return Validated(stored.stem, outputs, compared, passed, report)


def _nbval(reference, recorded, folder):
    spec = folder / "jupyter" / "kernels" / KERNEL
    spec.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", replay.__name__, "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Replay", "language": "python"})
    )
    env = {
        **os.environ,
        replay.RECORDED: str(recorded),
        "JUPYTER_PATH": str(folder / "jupyter"),
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    # A run of its own: neither this project's pytest options nor a surrounding run's apply.
    env = {k: v for k, v in env.items() if k not in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST")}
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"),
        *("--nbval", "--nbval-kernel-name", KERNEL, "--nbval-cell-timeout", "60"),
        *("-c", os.devnull, "--rootdir", str(folder), str(reference)),
    ]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def _prepare(cell, twin):
    """Write what agrees in the recorded outputs as it is stored."""
    tolerance = notebooks.rtol(cell)
    for stored, recorded in zip(cell.outputs, twin.outputs, strict=False):
        if stored.output_type == recorded.output_type == "stream":
            recorded.text = agree(stored.text, recorded.text, tolerance)
        for kind in set(stored.get("data", {})) & set(recorded.get("data", {})):
            if kind == "image/png":
                # A picture of trained values may move; its words are compared with a tolerance.
                pictures = stored.data[kind], recorded.data[kind]
                difference = "" if tolerance else picture_difference(*pictures)
                stored.data["text/x-picture"] = "looks as stored"
                recorded.data["text/x-picture"] = difference or "looks as stored"
            elif kind.startswith("text/"):
                recorded.data[kind] = agree(stored.data[kind], recorded.data[kind], tolerance)


def agree(stored, recorded, rtol):
    """Return the stored text if the recorded one agrees with it, else the recorded one.

    They agree if they are equal but for white space and for numbers that differ by at most `rtol`
    of the stored one. With ``rtol=0`` every number is exact.

    Examples
    --------
    >>> agree("loss 0.50 after 3 epochs", "loss 0.51 after 3 epochs", rtol=0.05)
    'loss 0.50 after 3 epochs'
    >>> agree("loss 0.50 after 3 epochs", "loss 0.58 after 3 epochs", rtol=0.05)
    'loss 0.58 after 3 epochs'
    """
    skeletons = [" ".join(NUMBER.sub("#", text).split()) for text in (stored, recorded)]
    if skeletons[0] != skeletons[1]:
        return recorded
    pairs = zip(NUMBER.findall(stored), NUMBER.findall(recorded), strict=True)
    numbers = np.array([[float(n.replace(",", "")) for n in pair] for pair in pairs])
    if rtol == 0:
        return stored if stored.split() == recorded.split() else recorded
    if len(numbers) and not np.allclose(numbers[:, 1], numbers[:, 0], rtol=rtol, atol=1e-12):
        return recorded
    return stored


def picture_difference(stored, recorded):
    """Return how two pictures (base64 PNG) differ, in words; empty if they look the same."""
    from matplotlib.image import imread

    one, other = (
        imread(io.BytesIO(base64.b64decode(png)))[..., :3].mean(axis=-1)
        for png in (stored, recorded)
    )
    if one.shape != other.shape:
        return f"another size: {other.shape} instead of {one.shape}"
    blocks = [_block_means(picture) for picture in (one, other)]
    difference = np.abs(blocks[0] - blocks[1])
    # The mean hides a small thing that is missing, the largest difference does not.
    if difference.mean() > MEAN_TOLERANCE or difference.max() > LARGEST_TOLERANCE:
        return f"mean difference {difference.mean():.3f}, largest {difference.max():.3f}"
    return ""


def _block_means(picture):
    height, width = (size // BLOCK * BLOCK for size in picture.shape)
    blocks = picture[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return blocks.mean(axis=(1, 3))
