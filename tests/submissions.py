"""Make submissions to be graded, whole or broken, and a small teacher's notebook for them."""

import json
from pathlib import Path

import nbformat
import pytest

from coursehelpers import cli
from coursehelpers.grading.notebook import parse, rebuild
from coursehelpers.lessons import notebooks

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


def rebuilt(cells):
    """Return the steps after the setup, and the mentions, of a notebook with these cells."""
    notebook = parse(json.dumps({"cells": cells, "metadata": {}}).encode())
    steps, mentions = rebuild(small(), notebook)
    assert steps[:1] == [("setup", "imports", "import numpy as np")]
    assert sorted(s.name for s in steps if s.kind == "ask") == sorted(SMALL)
    assert all(step.kind != "setup" for step in steps[1:])
    return steps[1:], mentions


def answers_in(steps):
    """Return the answers' cells by exercise."""
    return {step.name: step.source for step in steps if step.kind == "answer"}


WRONG = {
    "l2_penalty": "def l2_penalty(weights, lambda_, m): return 0.0",
    "early_stopping": "def early_stopping(*given): return undefined",
    "inverted_dropout": "def inverted_dropout(x, rate, uniform): return x.sum()",
}


def write_batch(folder):
    """Write a small teacher's notebook and seven submissions, of which six need a kernel."""
    write(folder / "teacher.ipynb", small())
    (folder / "submitted").mkdir()
    for number, name in enumerate(SMALL):
        copy = submitted({name: WRONG[name]}, ["x = 1"])
        write(folder / "submitted" / f"student {number}.ipynb", copy)
    write(folder / "submitted" / "all.ipynb", submitted())
    write(folder / "submitted" / "none right.ipynb", submitted(WRONG))
    write(folder / "submitted" / "untouched.ipynb", submitted(fill={}))
    (folder / "submitted" / "broken.ipynb").write_text("no notebook")
    return folder


def command(batch, out, jobs=1):
    """Return the arguments that grade it."""
    notebook = batch / "teacher.ipynb"
    return [*map(str, (batch / "submitted", "--notebook", notebook, "--out", out, "--jobs", jobs))]


def grade_here(batch, out, capsys, *more, jobs=1):
    """Grade it in this process; return the exit code, what is printed, and the errors."""
    with pytest.raises(SystemExit) as end:
        cli.main(["grade", *command(batch, out, jobs), *more])
    told = capsys.readouterr()
    return end.value.code, told.out, told.err
