"""What stands in the students' copies.

What comes out of them is in `tests.copies`, and that nbgrader makes the same in `test_nbgrader`.
"""

from pathlib import Path

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.lessons import notebooks
from coursehelpers.lessons.student import STUB, repository, write_student_copy
from tests.answers import load
from tests.lessons import cell, notebook, text, write

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[1]
PATHS = notebooks.find(ROOT / "notebooks")
COPIES = notebooks.find(ROOT / "notebooks" / "student")

load()

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
each_copy = pytest.mark.parametrize("path", COPIES, ids=lambda path: path.stem)


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


@each_notebook
def test_copy_is_up_to_date(path, tmp_path):
    source = tmp_path / "notebooks" / path.name
    source.parent.mkdir()
    source.write_bytes(path.read_bytes())
    made = write_student_copy(source, source.parent / "student", repository(ROOT))
    stored = ROOT / "notebooks" / "student" / path.name
    assert made.read_bytes() == stored.read_bytes(), "run `make student`"


def test_there_is_a_copy_of_each_notebook():
    assert [path.stem for path in COPIES] == [path.stem for path in PATHS]


@each_notebook
def test_copy_differs_from_its_source_in_what_students_should_not_see_only(path):
    copy = notebooks.read(ROOT / "notebooks" / "student" / path.name)
    source = notebooks.read(path)
    nbformat.validate(copy)
    assert [c.id for c in copy.cells] == ["top", "install", *(c.id for c in source.cells)]
    answers = {cell.id for cell in notebooks.answers(copy).values()}
    for each in copy.cells[2:]:
        if each.id not in answers:
            assert each.source == by_id(source)[each.id].source
        if each.cell_type == "code":
            assert (each.outputs, each.execution_count) == ([], None)
    assert by_id(copy)["parameters"].source.startswith('PROFILE = "standard"\n')


@each_copy
def test_no_solution_is_left(path):
    cells = notebooks.answers(notebooks.read(path))
    assert set(cells) == {e.id for e in EXERCISES.values() if e.notebook == path.stem}
    for each in cells.values():
        assert each.source.endswith(f"\n    {STUB}")
        assert each.source.count("\n    ") <= 8  # the docstring and the stub
    assert "SOLUTION" not in path.read_text()


@each_copy
def test_cells_are_locked_as_their_role_says(path):
    for each in notebooks.read(path).cells:
        facts = each.metadata.get("nbgrader", {})
        assert each.metadata.get("editable", True) == (not facts.get("grade")), each.id
        assert each.metadata.get("deletable", True) == (not facts), each.id


@each_copy
def test_badge_opens_this_very_copy(path):
    top = by_id(notebooks.read(path))["top"].source
    owner = repository(ROOT).removeprefix("https://github.com/")
    place = path.relative_to(ROOT).as_posix()
    assert f"(https://colab.research.google.com/github/{owner}/blob/main/{place})" in top
    assert "![Open in Colab](" in top
    assert f"({repository(ROOT)}/blob/main/notebooks/{path.name})" in top


ANSWER = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"


def answer(source, name="f"):
    return cell(source, nbgrader={"grade_id": name, "solution": True, "grade": False})


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([answer("def f(): return 1")], "The answer cell-2 has 0 solutions, expected one."),
        ([answer(f"{ANSWER}\n{ANSWER}")], "The answer cell-2 has 2 solutions, expected one."),
        ([answer(ANSWER + "\n### END SOLUTION")], "A solution would be left in the cell cell-2."),
        ([cell(ANSWER)], "A solution would be left in the cell cell-2."),
        ([text(ANSWER)], "A solution would be left in the cell cell-2."),
        ([answer(ANSWER), answer(ANSWER)], "Two cells have the nbgrader id f."),
    ],
)
def test_copy_that_would_show_a_solution_is_not_written(tmp_path, cells, says):
    for each in cells:
        each.metadata.get("nbgrader", {}).update(locked=False)
    path = write(tmp_path / "notebooks" / "a.ipynb", notebook(*cells))
    with pytest.raises(SystemExit, match=f"a.ipynb gives no student's copy: {says}"):
        write_student_copy(path, path.parent / "student", "https://github.com/a/b")
    assert not (path.parent / "student").exists()
