"""Make the students' copies of the notebooks: stubs in place of solutions, nothing run yet."""

import tomllib
from pathlib import Path

import nbformat

from coursehelpers.execution import notebooks

# The body that a student replaces; the checks take it for "not attempted".
STUB = "raise NotImplementedError  # your code here, in place of this line"
TOP = """\
[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})

This is your copy. Write each answer in place of its line `raise NotImplementedError`, run it, and run the check below it. Your
copy runs the same experiments as the [published notebook]({published}), over the same seeds.
A cell that takes long says so in its first line."""
INSTALL = """\
import importlib.util

if importlib.util.find_spec("coursehelpers") is None:  # where it is there, nothing changes
    %pip install --quiet git+{address}"""


def write_student_copy(source, folder, address):
    """Write the copy of a notebook that students get.

    Parameters
    ----------
    source : path-like
        The notebook with its solutions.
    folder : path-like
        Where the copy goes, under the same name.
    address : str
        Of the repository, from which Colab opens the copy and installs the package.

    Returns
    -------
    pathlib.Path
        The copy. Its solutions are stubs, its outputs are gone, the cells of the checks are
        locked, and its metadata has the lesson's version.
    """
    target = Path(folder) / Path(source).name
    notebook = notebooks.read(source)
    nbformat.validate(notebook)
    # In place of what came out of a run: by this a submission tells what it was made from.
    notebook.metadata["coursehelpers"] = {"lesson": notebooks.lesson(notebook)}
    top = Path(source).resolve().parents[1]
    path = target.resolve().relative_to(top).as_posix()
    published = f"{address}/blob/main/notebooks/{target.name}"
    text = TOP.format(colab=colab(path, address), published=published)
    notebook.cells[:0] = [
        nbformat.v4.new_markdown_cell(text, id="top"),
        nbformat.v4.new_code_cell(INSTALL.format(address=address), id="install"),
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_released(notebook), encoding="utf-8")
    return target


def repository(root):
    """Return the address of the repository, which pyproject.toml has."""
    project = tomllib.loads((Path(root) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def colab(path, address):
    """Return the link that opens a file of the repository in Colab."""
    place = address.removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{place}/blob/main/{path}"


def _released(notebook):
    """Return the text of a notebook after the steps in which nbgrader releases an assignment."""
    from nbconvert.exporters import NotebookExporter
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearOutput,
        ClearSolutions,
        ComputeChecksums,
        LockCells,
    )
    from traitlets.config import Config

    exporter = NotebookExporter(config=Config(ClearSolutions={"code_stub": {"python": STUB}}))
    for step in (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ComputeChecksums):
        exporter.register_preprocessor(step, enabled=True)
    text, _ = exporter.from_notebook_node(notebook)
    return text.rstrip("\n") + "\n"
