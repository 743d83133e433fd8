"""Read notebooks and tell what their cells are: the words the other modules here share."""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import nbformat

from coursehelpers.claims import MIME

CLAIM = MIME  # of an output that is a claim
# Tags of cells.
INJECTED = "injected-parameters"
BY_PROFILE = "by-profile"
BY_A_THREAD = "by-a-thread"  # a claim that another processor may decide otherwise
# The first line of a cell that takes long, which publishing writes.
RUNTIME = re.compile(r"\A# takes about (\d+) s on two cores\n")


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


def answers(notebook):
    """Return the cells for the answers by exercise (nbgrader's ids), in the notebook's order."""
    facts = [(cell, cell.metadata.get("nbgrader", {})) for cell in notebook.cells]
    return {fact["grade_id"]: cell for cell, fact in facts if fact.get("solution")}


def lesson(notebook):
    """Return what tells one version of a lesson from another: a hash of its code."""
    text = "\0".join(cell.source for cell in code_cells(notebook))
    # A letter first: a spreadsheet would take some hashes for numbers.
    return f"v{hashlib.sha256(text.encode()).hexdigest()[:7]}"


def claims(cell):
    """Return the claims among the outputs of a cell, as dicts."""
    return [o.data[CLAIM] for o in cell.get("outputs", ()) if CLAIM in o.get("data", {})]


def _states(cells):
    """Return the states of the claims of cells by their statements."""
    return {claim["statement"]: claim["state"] for cell in cells for claim in claims(cell)}


def contradictions(notebook, executed):
    """Return sentences on the texts of a notebook that do not hold in an executed copy of it.

    A text cell that says what came out names in its metadata the claims that it rests on, and the
    state that it needs of each: ``{"coursehelpers": {"claims": {"It helps.": "supported"}}}``; a
    text that holds in two states needs ``"supported or undecided"``.
    """
    states = _states(code_cells(executed))
    return [
        f"the text {cell.id} needs “{statement}” to be {needed}, and it is "
        f"{states.get(statement, 'not claimed')}"
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for statement, needed in cell.metadata.get("coursehelpers", {}).get("claims", {}).items()
        if states.get(statement) not in needed.split(" or ")
    ]


class Changed(NamedTuple):
    """A claim that came out otherwise than published."""

    statement: str
    published: str  # its state
    now: str  # its state, or "not claimed"
    by_a_thread: bool  # whether the lesson says that it may come out otherwise


def changed_claims(published, executed):
    """Return the claims of an executed notebook that came out otherwise, as a list of `Changed`."""
    now = _states(code_cells(executed))
    return [
        Changed(statement, state, now.get(statement, "not claimed"), BY_A_THREAD in tags(cell))
        for cell in code_cells(published)
        for statement, state in _states([cell]).items()
        if now.get(statement) != state
    ]


def depends_on_profile(cell):
    """Return whether the outputs of a cell are comparable in the standard profile only."""
    return bool(claims(cell)) or BY_PROFILE in tags(cell)


def seconds(cell):
    """Return how long an executed cell takes on an idle machine, 0 if papermill has not noted it.

    Other work lengthens the time on the clock, but hardly that of the processor.
    """
    clock = (cell.metadata.get("papermill") or {}).get("duration") or 0.0
    return min(clock, cell.metadata.get("coursehelpers", {}).get("cpu_seconds", clock))


def faults(executed, source):
    """Return sentences on why an executed notebook is not a complete, faithful run of its source."""
    found = []
    ran, wanted = code_cells(executed), code_cells(source)
    if [c.id for c in ran] != [c.id for c in wanted]:
        found.append("its code cells are not those of the source; execute it again")
    for cell, original in zip(ran, wanted, strict=False):
        if cell.source != original.source:
            found.append(f"cell {cell.id} is stale: its source has changed since it ran")
        elif errors := [o for o in cell.outputs if o.output_type == "error"]:
            # The cells after it did not run, of course.
            return [*found, f"cell {cell.id} raised {errors[0].ename}: {errors[0].evalue}"]
        elif cell.execution_count is None:
            found.append(f"cell {cell.id} did not run")
    return found
