"""What stands in the students' copies; what comes out of them is in `tests.copies`."""

from pathlib import Path

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.execution import notebooks
from coursehelpers.execution.student import STUB, repository, write_student_copy
from tests.answers import load

ROOT = Path(__file__).parents[1]
PATHS = notebooks.find(ROOT / "notebooks")
COPIES = notebooks.find(ROOT / "notebooks" / "student")

load()

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
each_copy = pytest.mark.parametrize("path", COPIES, ids=lambda path: path.stem)


def exercises_of(path):
    return [e for e in EXERCISES.values() if e.notebook == path.stem]


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


# what stands in a copy


@each_notebook
def test_copy_is_up_to_date(path, tmp_path):
    folder = tmp_path / "notebooks" / "student"
    (tmp_path / "notebooks" / path.name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "notebooks" / path.name).write_bytes(path.read_bytes())
    made = write_student_copy(tmp_path / "notebooks" / path.name, folder, repository(ROOT))
    stored = ROOT / "notebooks" / "student" / path.name
    assert made.read_text() == stored.read_text(), "run `make student`"


def test_there_is_a_copy_of_each_notebook():
    assert [path.stem for path in COPIES] == [path.stem for path in PATHS]


@each_notebook
def test_copy_differs_from_its_source_in_what_students_should_not_see_only(path):
    copy = notebooks.read(ROOT / "notebooks" / "student" / path.name)
    source = notebooks.read(path)
    nbformat.validate(copy)
    assert [c.id for c in copy.cells] == ["top", "install", *(c.id for c in source.cells)]
    answers = {cell.id for cell in notebooks.answers(copy).values()}
    for cell in copy.cells[2:]:
        original = by_id(source)[cell.id]
        if cell.id not in answers:
            assert cell.source == original.source
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert by_id(copy)["parameters"].source.startswith('PROFILE = "standard"\n')


@each_copy
def test_no_solution_is_left(path):
    copy = notebooks.read(path)
    cells = notebooks.answers(copy)
    assert set(cells) == {exercise.id for exercise in exercises_of(path)}
    for cell in cells.values():
        assert cell.source.endswith(f"\n    {STUB}")
        assert cell.source.count("\n    ") <= 8  # the docstring and the stub
    assert "SOLUTION" not in path.read_text()


@each_copy
def test_cells_are_locked_as_their_role_says(path):
    for cell in notebooks.read(path).cells:
        facts = cell.metadata.get("nbgrader", {})
        locked = "editable" in cell.metadata and not cell.metadata.editable
        kept = "deletable" in cell.metadata and not cell.metadata.deletable
        assert locked == bool(facts.get("grade")), cell.id
        assert kept == bool(facts), cell.id


@each_copy
def test_badge_opens_this_very_copy(path):
    top = by_id(notebooks.read(path))["top"].source
    owner = repository(ROOT).removeprefix("https://github.com/")
    place = path.relative_to(ROOT).as_posix()
    assert f"(https://colab.research.google.com/github/{owner}/blob/main/{place})" in top
    assert "![Open in Colab](" in top
    assert f"({repository(ROOT)}/blob/main/notebooks/{path.name})" in top
