"""A kernel that answers each cell with the outputs recorded when it was executed.

nbval runs a notebook in a kernel and compares what comes back. With this kernel what comes back
is what papermill recorded, so that one execution serves both. The kernel computes nothing: a cell
whose source differs from the recorded one, or that never ran, is answered with an error.
"""

import json
import os
import sys
from pathlib import Path

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

from coursehelpers.execution import notebooks

NAME = "coursehelpers-replay"
RECORDED = "COURSEHELPERS_RECORDED"


def environment(recorded, folder):
    """Return the environment in which a tool finds this kernel by its name.

    Parameters
    ----------
    recorded : path-like
        The executed copy to replay.
    folder : path-like
        Where the kernel's specification goes.

    Returns
    -------
    dict of str to str
    """
    folder = Path(folder).resolve() / "jupyter"
    spec = folder / "kernels" / NAME
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
    """Replays the notebook that the environment variable COURSEHELPERS_RECORDED names."""

    implementation = NAME
    implementation_version = "1"
    banner = "Replays recorded outputs; computes nothing."
    language_info: dict = {  # noqa: RUF012  (the base class declares it so)
        "name": "python",
        "mimetype": "text/x-python",
        "file_extension": ".py",
    }

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
