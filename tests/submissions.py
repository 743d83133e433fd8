"""Make submissions to be graded, whole or broken, and a small teacher's notebook for them."""

import json
from pathlib import Path

import nbformat

from coursehelpers.execution import notebooks

ROOT = Path(__file__).parents[1]
PATHS = notebooks.find(ROOT / "notebooks")
L2 = next(path for path in PATHS if path.stem == "regularization")
SECRET = b"nobody knows"
# Exercises whose answers need nothing but NumPy, so that a kernel starts in a second.
SMALL = ("l2_penalty", "early_stopping", "inverted_dropout")
_ANSWERS = notebooks.answers(notebooks.read(L2))
RIGHT = {name: _ANSWERS[name].source for name in SMALL}
POINTS = {"l2_penalty": 2, "early_stopping": 4, "inverted_dropout": 3}


def code(source, id=None, grade_id=None, **metadata):
    """Return a code cell, with nbgrader's metadata if it is for an answer."""
    if grade_id:
        metadata["nbgrader"] = _ANSWERS[grade_id].metadata["nbgrader"]
    return nbformat.v4.new_code_cell(source, metadata=metadata, **({"id": id} if id else {}))


def answer(name, source=None):
    """Return the cell of an answer, by default the right one."""
    return code(RIGHT[name] if source is None else source, f"cell-{name}", name)


def stub(name):
    """Return the cell of an answer as students get it."""
    (first, *_) = RIGHT[name].split("\n")
    return answer(name, f'{first}\n    """What to do."""\n    raise NotImplementedError  # here')


def small(setup="import numpy as np"):
    """Return a small teacher's notebook: a setup cell, a lesson cell and a few exercises."""
    cells = [code(setup, "imports", tags=["setup"]), code("np.ones(3)", "lesson")]
    for name in SMALL:
        cells += [answer(name), code(f'check("{name}").earned', f"check-{name}")]
    return nbformat.v4.new_notebook(cells=cells)


def submitted(changes=(), extra=(), fill=RIGHT):
    """Return a student's copy of the small notebook.

    Parameters
    ----------
    changes : mapping of str to str
        The text of the answers that are not as `fill` has them.
    extra : sequence of str
        The student's own cells, before the answers.
    fill : mapping of str to str
    """
    notebook = small()
    for name, cell in notebooks.answers(notebook).items():
        cell.source = {**fill, **dict(changes)}.get(name, stub(name).source)
    notebook.cells[2:2] = [code(text) for text in extra]
    return notebook


def write(path, notebook):
    """Write a notebook as it is, valid or not; return the path."""
    path.write_text(json.dumps(notebook))
    return path
