"""Read notebooks and tell what their cells are: the words the other modules here share."""

import re
from pathlib import Path

import nbformat

INJECTED = "injected-parameters"
BY_PROFILE = "by-profile"


def read(path):
    """Read a notebook; an error names the file and what is wrong with it."""
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise SystemExit(f"There is no notebook {path}.") from None
    except Exception as error:
        raise SystemExit(f"{path} is not a notebook: {error}") from None


def find(folder, names=()):
    """Return the paths of the notebooks in a folder, or of the named ones.

    Raises
    ------
    SystemExit
        If a name is not among them; the message lists what there is.
    """
    paths = {path.stem: path for path in sorted(Path(folder).glob("*.ipynb"))}
    names = [Path(name).stem for name in names] or list(paths)
    unknown = [name for name in names if name not in paths]
    if unknown or not paths:
        raise SystemExit(
            f"There is no notebook {', '.join(unknown) or '*.ipynb'} in {folder}; "
            f"there are: {', '.join(paths) or 'none'}."
        )
    return [paths[name] for name in names]


def tags(cell):
    """Return the tags of a cell."""
    return cell.metadata.get("tags", [])


def code_cells(notebook):
    """Return the code cells of the lesson, without the parameters that papermill injects."""
    return [c for c in notebook.cells if c.cell_type == "code" and INJECTED not in tags(c)]


def is_grade(cell):
    """Return whether a cell is graded (nbgrader's metadata)."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def rtol(cell):
    """Return a cell's relative tolerance, from its tag ``rtol=0.05``; 0 is exact."""
    for tag in tags(cell):
        if match := re.fullmatch(r"rtol=(\d*\.?\d+)", tag):
            return float(match[1])
    return 0.0


def faults(executed, source):
    """Say why an executed notebook is not a complete, faithful run of its source.

    Parameters
    ----------
    executed, source : nbformat.NotebookNode

    Returns
    -------
    list of str
        Empty if every code cell of the source ran as it stands, and none ended in an error.
    """
    found = []
    ran, wanted = code_cells(executed), code_cells(source)
    if [c.id for c in ran] != [c.id for c in wanted]:
        found.append("its code cells are not those of the source; execute it again")
    for cell, original in zip(ran, wanted, strict=False):
        if cell.source != original.source:
            found.append(f"cell {cell.id} is stale: its source has changed since it ran")
        elif any(output.output_type == "error" for output in cell.outputs):
            found.append(f"cell {cell.id} ended in an error")
        elif cell.execution_count is None:
            found.append(f"cell {cell.id} did not run")
    return found
