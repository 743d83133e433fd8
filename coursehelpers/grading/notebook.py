"""Rebuild the notebook to grade: the teacher's cells, with the student's answers in their place."""

import json
import os
import re
import stat
from collections import Counter
from typing import NamedTuple

import nbformat

from coursehelpers.lessons import notebooks

MAX_FILE = 20 * 2**20
MAX_PARTS = 2**20  # lists and objects, of which each takes some 64 bytes once it is read
MAX_CELLS = 5_000
SETUP = ("parameters", "setup")  # tags of the lesson cells that answers need
DAMAGED = "damaged"

# What a cell defines, told by its lines: that works where the cell has magics or errors, too, and
# costs no more than reading it, as nothing is ever tried twice (`*+`).
_DEFINITION = re.compile(
    r"^(?:async[ \t]++)?(?:def|class)[ \t]++(\w++)|^(\w++)[ \t]*+(?::[^=\n]*+)?=(?!=)", re.MULTILINE
)
_STUB = re.compile(
    r'\s*+def[^:]*+:\s*+(?:""".*?"""\s*+)?+raise NotImplementedError[^\n]*+\s*+', re.DOTALL
)


_KINDS = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe"}


class Unreadable(Exception):
    """A submission that is no notebook; the text says why."""


class Step(NamedTuple):
    """A cell to run, or an exercise to ask about.

    Attributes
    ----------
    kind : str
        "setup" (the teacher's), "answer" or "extra" (the student's), or "ask".
    name : str
        Which cell it is; for an answer its exercises, separated by spaces, and to ask the exercise.
    source : str
    """

    kind: str
    name: str
    source: str = ""


def is_hidden(path):
    """Return whether a program has put this there by itself: JupyterLab or macOS."""
    return bool({".ipynb_checkpoints", "__MACOSX"} & {*path.parts}) or path.name.startswith("._")


def read(path):
    """Read a submitted notebook: what `parse` makes of what `load` finds."""
    return parse(load(path))


def load(path):
    """Return what is in a submitted file, and at most a byte more than a notebook may have.

    Raises
    ------
    Unreadable
        If it is no file, or may not be read.
    """
    try:
        # A named pipe would be waited for until somebody writes to it; and a link may lead
        # anywhere, such as to what somebody else has handed in.
        with open(path, "rb", opener=_open_nothing_else) as file:
            return file.read(MAX_FILE + 1)
    except OSError as error:
        raise Unreadable(f"The file is not readable: {error.strerror}.") from None


def _open_nothing_else(path, flags):
    """Open a regular file."""
    kind = stat.S_IFMT(os.lstat(path).st_mode)
    if kind != stat.S_IFREG:
        what = _KINDS.get(kind, "a socket or a device")
        raise Unreadable(f"The file is {what}; hand in the notebook itself.")
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def parse(content):
    """Return a submitted notebook, whatever its format, with what grading needs of it.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    nbformat.NotebookNode
        Its cells have ``cell_type``, ``source``, ``metadata`` and ``id``. One that is none, or
        whose source is no text, is of the type `DAMAGED`.

    Raises
    ------
    Unreadable
        If it is too large, no JSON, or no notebook.
    """
    if len(content) > MAX_FILE:
        limit = f"{MAX_FILE // 2**20} MB"
        raise Unreadable(f"The file is too large, more than {limit}. Clear the outputs.")
    if content.count(b"[") + content.count(b"{") > MAX_PARTS:
        raise Unreadable(f"The file is made of more than {MAX_PARTS:,} parts. Clear the outputs.")
    if not content.strip():
        raise Unreadable("The file is empty.")
    try:
        try:
            tree = json.loads(content)  # in UTF-8, -16 or -32, with or without a mark
        except UnicodeDecodeError:
            tree = json.loads(content.decode("cp1252", "replace"))
        metadata = tree.get("metadata") if isinstance(tree, dict) else None
        cells = [_cell(found) for found in _cells(tree)]
        return nbformat.from_dict({"metadata": _dict(metadata), "cells": cells})
    except RecursionError:
        raise Unreadable("The file is nested too deeply.") from None
    except ValueError as error:
        raise Unreadable(f"The file is not a notebook: {error}"[:300]) from None


def _cells(tree):
    """Return the cells of a notebook of format 4, or 3, which has them in worksheets."""
    # nbformat would upgrade the outputs, too, and fails on what it does not expect.
    sheets = [tree, *_list(_dict(tree).get("worksheets"))]
    found = [_dict(sheet).get("cells") for sheet in sheets]
    if not any(isinstance(cells, list) for cells in found):
        raise ValueError("it has no list of cells")
    if sum(len(_list(cells)) for cells in found) > MAX_CELLS:
        raise ValueError(f"it has more than {MAX_CELLS:,} cells")
    return [cell for cells in found for cell in _list(cells)]


def _cell(found):
    found = _dict(found)
    kind, source = found.get("cell_type"), found.get("source", found.get("input"))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        ended = "source" in found or "\n" in "".join(source[:1])  # format 3 has both
        source = ("" if ended else "\n").join(source)
    if not isinstance(kind, str) or not isinstance(source, str):
        kind, source = DAMAGED, ""
    # Half a surrogate pair is no text, and Python takes each kind of line end for the same.
    source = source.encode(errors="replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    facts = _dict(_dict(found.get("metadata")).get("nbgrader"))
    return {
        "cell_type": kind,
        "source": source,
        "metadata": {"nbgrader": facts},
        "id": found.get("id") if isinstance(found.get("id"), str) else "",
    }


def _dict(value):
    return value if isinstance(value, dict) else {}


def _list(value):
    return value if isinstance(value, list) else []


def lesson_of(submitted):
    """Return the version of the lesson that a student's copy was made from, or "unknown"."""
    version = _dict(_dict(submitted.get("metadata")).get("coursehelpers")).get("lesson")
    known = isinstance(version, str) and re.fullmatch("v[0-9a-f]{7}", version)
    return version if known else "unknown"


def rebuild(source, submitted, wanted=None):
    """Return the steps to grade a submission, and what there is to mention.

    Parameters
    ----------
    source : nbformat.NotebookNode
        The teacher's notebook.
    submitted : nbformat.NotebookNode
        What `read` returned.
    wanted : sequence of str, optional
        The exercises, by default those of the teacher's notebook.

    Returns
    -------
    list of Step
        The teacher's first cells, then the student's answers and own cells in the student's
        order, as an answer may need what an earlier cell defines. After each answer comes the
        question; exercises without an answer are asked about last.
    list of str
    """
    wanted = list(notebooks.answers(source) if wanted is None else wanted)
    own, mentions = _own(source, submitted.cells, wanted)
    chosen, more = _chosen(submitted.cells, own, wanted)
    steps = [
        Step("setup", cell.id, cell.source)
        for cell in notebooks.code_cells(source)
        if set(SETUP) & set(notebooks.tags(cell))
    ]
    for number, cell in enumerate(submitted.cells):
        names = [name for name, place in chosen.items() if place == number]
        if names:
            steps.append(Step("answer", " ".join(names), cell.source))
            steps += [Step("ask", name) for name in names]
        elif number in own:
            steps.append(Step("extra", f"cell {number + 1}", cell.source))
    return steps + [Step("ask", name) for name in wanted if name not in chosen], more + mentions


def _own(source, cells, wanted):
    """Return the numbers of the code cells that are the student's, and mentions of the others.

    A changed setup cell is the student's, too, as imports are often added there; it runs besides
    the teacher's. So does one that comes after other own cells, which may have undone it. Other
    cells of the lesson have no part in grading, changed or not.
    """
    lesson = [cell for cell in notebooks.code_cells(source) if not _exercise(cell)]
    parameters = {cell.id for cell in lesson if "parameters" in notebooks.tags(cell)}
    fixed = {cell.id for cell in lesson if "setup" not in notebooks.tags(cell)}
    texts = {"", *(cell.source.strip() for cell in lesson)}
    setup = {cell.source.strip() for cell in lesson if "setup" in notebooks.tags(cell)}
    count = Counter(cell.id for cell in cells)  # an id that several cells have tells nothing
    ids = {id for id, times in count.items() if times == 1}
    own, changed = set[int](), 0
    for number, cell in enumerate(cells):
        text = cell.source.strip()
        if cell.cell_type != "code" or text in texts - (setup if own else set()):
            continue
        if cell.id in ids & (parameters | {"install"}):  # they are others in students' copies
            continue
        if cell.id in ids & fixed and not _definitions(cell.source) & set(wanted):
            changed += 1
        else:
            own.add(number)
    there = ids | parameters | {cell.source.strip() for cell in cells}
    missing = sum(not {cell.id, cell.source.strip()} & there for cell in lesson)
    damaged = sum(cell.cell_type == DAMAGED for cell in cells)
    mentions = []
    if missing or changed:
        mentions.append(
            f"Of the lesson's own code cells {missing} are missing and {changed} are changed; "
            "that has no effect on the grade."
        )
    if damaged:
        mentions.append(f"Cells that are damaged and were passed over: {damaged}.")
    return own, mentions


def _chosen(cells, own, wanted):
    """Return the number of the cell that answers each exercise, and mentions of the choice.

    It is found by nbgrader's id, even if it is no code cell any more, or by the name of the
    function. Of several the last one counts, but a stub only if there is nothing else.
    """
    given = {n: _exercise(cell) for n, cell in enumerate(cells) if _exercise(cell) in wanted}
    defined = {
        n: _definitions(cells[n].source)
        for n in own | set(given)
        if not _STUB.fullmatch(cells[n].source)
    }
    chosen, mentions = {}, []
    for name in wanted:
        named = {n for n, exercise in given.items() if exercise == name}
        written = {n for n, names in defined.items() if name in names}

        def rank(n, named=named, written=written):
            return n in written, cells[n].cell_type == "code", n in named, n

        candidates = sorted(written | named, key=rank)
        if not candidates:
            continue
        chosen[name] = best = candidates[-1]
        if len(candidates) > 1:
            mentions.append(
                f"{name}: {len(candidates)} cells could be the answer; cell {best + 1} counts."
            )
        if best not in named:
            mentions.append(f"{name}: found by the function's name.")
        elif cells[best].cell_type != "code":
            mentions.append(f"{name}: its cell is no code cell any more, but was run as one.")
    places = list(chosen.values())
    if places != sorted(places):
        mentions.append("The answers are not in the lesson's order; they were run in their own.")
    return chosen, mentions


def _exercise(cell):
    """Return the exercise that a cell is for, as nbgrader's metadata tell, or None."""
    facts = cell.metadata.get("nbgrader", {})
    name = facts.get("grade_id")
    return name if facts.get("solution") and isinstance(name, str) else None


def _definitions(source):
    return {name for names in _DEFINITION.findall(source) for name in names if name}
