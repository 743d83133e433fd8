"""Rebuild the notebook to grade: the teacher's cells, with the student's answers in their place."""

import ast
from pathlib import Path
from typing import NamedTuple

import nbformat

from coursehelpers.execution import notebooks

MAX_FILE = 20 * 2**20
SETUP = ("parameters", "setup")  # tags of the lesson cells that answers need


class Unreadable(Exception):
    """A submission that is no notebook; the text says why."""


class Step(NamedTuple):
    """A cell to run, or an exercise to ask about.

    Attributes
    ----------
    kind : str
        "setup" (the teacher's), "answer" or "extra" (the student's), or "ask".
    name : str
        The exercise, or the cell's id.
    source : str
    """

    kind: str
    name: str
    source: str = ""


def read(path):
    """Read a submitted notebook.

    Raises
    ------
    Unreadable
        If it is too large, no JSON, or no notebook of format 4.
    """
    path = Path(path)
    if path.is_symlink():  # it may lead to what somebody else has handed in
        raise Unreadable("The file is a link; hand in the notebook itself.")
    if path.stat().st_size > MAX_FILE:
        raise Unreadable(f"The file has more than {MAX_FILE // 2**20} MB.")
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        for cell in notebook.cells:
            if not isinstance(cell.source, str):
                raise TypeError("a cell's source is no text")
        return notebook
    except RecursionError:
        raise Unreadable("The file is nested too deeply.") from None
    except Exception as error:  # nbformat and json raise a dozen types
        raise Unreadable(f"The file is not a notebook: {error}"[:300]) from None


def rebuild(source, submitted):
    """Return the steps to grade a submission, and what there is to mention.

    Parameters
    ----------
    source : nbformat.NotebookNode
        The teacher's notebook.
    submitted : nbformat.NotebookNode

    Returns
    -------
    list of Step
        The teacher's first cells, then for each exercise the student's own cells before it, the
        answer, and the question.
    list of str
    """
    known = {cell.id for cell in source.cells} | {"top", "install"}
    wanted = list(notebooks.answers(source))
    answers, mentions = _answers(submitted, wanted)
    extras = _extras(submitted, known, {id(cell) for cell in answers.values()}, source)
    steps = [
        Step("setup", cell.id, cell.source)
        for cell in notebooks.code_cells(source)
        if set(SETUP) & set(notebooks.tags(cell))
    ]
    steps += [Step("extra", "", text) for text in extras.pop(None, ())]
    # In the student's order: an answer may need what an earlier cell defines.
    given = [name for name in answers if name in wanted]
    for name in [*given, *(name for name in wanted if name not in answers)]:
        if name in answers:
            steps.append(Step("answer", name, answers[name].source))
        steps.append(Step("ask", name))
        steps += [Step("extra", name, text) for text in extras.pop(name, ())]
    return steps, mentions


def _answers(submitted, wanted):
    """Return the answer cell of each exercise, in the order of the submission, and mentions."""
    found, mentions = {}, []
    cells = [cell for cell in submitted.cells if cell.cell_type == "code"]
    for cell in cells:
        name = _graded_id(cell)
        if name in wanted:
            if name in found:
                mentions.append(f"{name}: there are several answer cells; the last one counts.")
            found[name] = cell
    for cell in cells:
        for name in _defines(cell.source) & (set(wanted) - set(found)):
            found[name] = cell
            mentions.append(f"{name}: found by the function's name.")
    order = {id(cell): number for number, cell in enumerate(cells)}
    return dict(sorted(found.items(), key=lambda item: order[id(item[1])])), mentions


def _graded_id(cell):
    facts = cell.metadata.get("nbgrader")
    if isinstance(facts, dict) and facts.get("solution"):
        return facts.get("grade_id")
    return None


def _defines(source):
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


def _extras(submitted, known, answers, source):
    """Return the student's own cells by the exercise that they follow."""
    lesson = {"", *(cell.source.strip() for cell in source.cells)}
    extras, last = {}, None
    for cell in submitted.cells:
        if id(cell) in answers:
            last = _graded_id(cell) or next(iter(_defines(cell.source)), last)
            continue
        own = cell.get("id") not in known and cell.source.strip() not in lesson
        if own and cell.cell_type == "code":
            extras.setdefault(last, []).append(cell.source)
    return extras
