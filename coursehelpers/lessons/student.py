"""Make the students' copies of the notebooks: stubs in place of solutions, nothing run yet."""

import hashlib
import re
import tomllib
from pathlib import Path

import nbformat

from coursehelpers.lessons import notebooks

# The body that a student replaces; the checks take it for "not attempted".
STUB = "raise NotImplementedError  # your code here, in place of this line"
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.M | re.S)
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

    Raises
    ------
    SystemExit
        If a solution would be left in it, or two cells have the same nbgrader id.
    """
    source = Path(source).resolve()
    target = Path(folder).resolve() / source.name
    notebook = notebooks.read(source)
    # In place of what came out of a run: by this a submission tells what it was made from.
    notebook.metadata["coursehelpers"] = {"lesson": notebooks.lesson(notebook)}
    try:
        release(notebook)
    except ValueError as error:
        raise SystemExit(f"{source} gives no student's copy: {error}") from None
    path = target.relative_to(source.parents[1]).as_posix()
    published = f"{address}/blob/main/notebooks/{target.name}"
    text = TOP.format(colab=colab(path, address), published=published)
    notebook.cells[:0] = [
        nbformat.v4.new_markdown_cell(text, id="top"),
        nbformat.v4.new_code_cell(INSTALL.format(address=address), id="install"),
    ]
    nbformat.validate(notebook)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return target


def release(notebook):
    """Do to a notebook, in place, what nbgrader does to release it: nbgrader can grade the copies.

    Its exercises are a cell for the answer, with one solution region, and a cell for the check.
    Metadata and checksums become those that ``nbgrader generate_assignment`` writes.

    Raises
    ------
    ValueError
        If an answer has not exactly one solution region, a solution stands anywhere else, or two
        cells have the same id.
    """
    known = set()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        facts = cell.metadata.get("nbgrader", {})
        if facts.get("solution"):
            cell.source, count = SOLUTION.subn(rf"\1{STUB}", cell.source)
            if count != 1:
                raise ValueError(f"The answer {cell.id} has {count} solutions, expected one.")
        if "BEGIN SOLUTION" in cell.source or "END SOLUTION" in cell.source:
            raise ValueError(f"A solution would be left in the cell {cell.id}.")
        if not facts:
            continue
        if facts.grade_id in known:
            raise ValueError(f"Two cells have the nbgrader id {facts.grade_id}.")
        known.add(facts.grade_id)
        cell.metadata["deletable"] = False
        if facts.grade:
            cell.metadata["editable"] = False
        facts["checksum"] = _checksum(cell)
        facts["cell_type"] = cell.cell_type


def _checksum(cell):
    """Return nbgrader's checksum, by which it tells whether a cell has been changed."""
    facts = cell.metadata.nbgrader
    parts = [cell.source, cell.cell_type, facts.grade, facts.solution, facts.locked, facts.grade_id]
    if facts.grade:
        parts.append(float(facts.points))
    return hashlib.md5("".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def repository(root):
    """Return the address of the repository, which pyproject.toml has."""
    project = tomllib.loads((Path(root) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def colab(path, address):
    """Return the link that opens a file of the repository in Colab."""
    place = address.removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{place}/blob/main/{path}"
