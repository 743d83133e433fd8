"""The tools of nbgrader accept the notebooks, and give the points that the checks give.

To autograde a notebook nbgrader runs all of it. Here it gets the cells that the answers need: the
first ones, the answers and their checks.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.lessons import notebooks
from coursehelpers.lessons.student import STUB
from tests.answers import BANK, load, source_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PATHS = notebooks.find(ROOT / "notebooks")
NEEDED = {"parameters", "setup"}  # tags

load()


def facts(cell):
    return cell.metadata.get("nbgrader", {})


@pytest.fixture(autouse=True, scope="module")
def tools_on_the_path():
    """Let nbgrader find alembic, which it starts by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        yield


def nbgrader(course, *command):
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command],
        cwd=course,
        env={**os.environ, "JUPYTER_PLATFORM_DIRS": "1", "HOME": str(course)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of nbgrader's: the notebooks as they are, and their exercises alone, released."""
    course = tmp_path_factory.mktemp("course")
    stub = f"c.ClearSolutions.code_stub = {{'python': {STUB!r}}}"
    (course / "nbgrader_config.py").write_text(f"c = get_config()\n{stub}\n")
    for path in PATHS:
        notebook = notebooks.read(path)
        for name in ("lessons", "exercises"):
            if name == "exercises":
                notebook.cells = [
                    c for c in notebook.cells if NEEDED & {*notebooks.tags(c)} or facts(c)
                ]
            target = course / "source" / name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, target)
    for name in ("lessons", "exercises"):
        nbgrader(course, "generate_assignment", name)
    return course


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_its_release_has_the_cells_of_the_students_copy(path, course):
    release = notebooks.read(course / "release" / "lessons" / path.name)
    copy = notebooks.read(ROOT / "notebooks" / "student" / path.name)
    graded = [cell for cell in copy.cells if facts(cell)]
    released = [cell for cell in release.cells if facts(cell)]
    assert len(graded) == 2 * sum(e.notebook == path.stem for e in EXERCISES.values())
    for ours, theirs in zip(graded, released, strict=True):
        assert (ours.source, ours.metadata) == (theirs.source, theirs.metadata)


def submit(course, student, answers):
    """Hand in the released exercises with the answers filled in."""
    for path in PATHS:
        notebook = notebooks.read(course / "release" / "exercises" / path.name)
        for name, cell in notebooks.answers(notebook).items():
            cell.source = answers.get(name, cell.source)
        target = course / "submitted" / student / "exercises" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def test_autograde_gives_the_points_of_the_checks(course):
    from nbgrader.api import Gradebook

    right = {v.exercise: v for v in BANK if v.accepted}
    wrong = {v.exercise: v for v in BANK if not v.accepted}
    partial = {**wrong, **{v.exercise: v for v in BANK if v.earned}}
    students = {"untouched": {}, "solved": right, "partial": partial}
    for student, variants in students.items():
        submit(course, student, {name: source_of(v) for name, v in variants.items()})
    nbgrader(course, "autograde", "exercises")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for student, variants in students.items():
            submission = gradebook.find_submission("exercises", student)
            given = {g.name: g.auto_score for book in submission.notebooks for g in book.grades}
            assert given == {
                f"check_{e.id}": points(e, variants.get(e.id)) for e in EXERCISES.values()
            }
    assert sum(v.earned > 0 for v in partial.values()) >= 5


def points(exercise, variant):
    if variant is None:
        return 0
    return exercise.points if variant.accepted else variant.earned
