"""The notebook that is graded is the teacher's, whatever has become of the student's copy."""

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursehelpers.grading.notebook import read, rebuild
from coursehelpers.lessons import notebooks
from tests.submissions import (
    PATHS,
    RIGHT,
    ROOT,
    SMALL,
    answer,
    answers_in,
    code,
    rebuilt,
    small,
    stub,
    submitted,
)

TEACHERS = small()
each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


# what is asked, and where the answers are found


@each_notebook
def test_students_copy_is_rebuilt_without_a_mention(path):
    source = notebooks.read(path)
    copy = read(ROOT / "notebooks" / "student" / path.name)
    steps, mentions = rebuild(source, copy)
    wanted = list(notebooks.answers(source))
    assert mentions == []
    assert [step.name for step in steps if step.kind == "ask"] == wanted
    assert [step.name for step in steps if step.kind == "answer"] == wanted
    assert not [step for step in steps if step.kind == "extra"]
    kinds = [step.kind for step in steps]
    assert kinds == sorted(kinds, key=lambda kind: kind != "setup")
    assert 2 <= kinds.count("setup") <= 3


@each_notebook
def test_lesson_is_told_from_own_cells_without_ids_and_metadata(path):
    copy = read(ROOT / "notebooks" / "student" / path.name)
    for cell in copy.cells:
        cell.metadata, cell.id = nbformat.from_dict({}), ""
    steps, _ = rebuild(notebooks.read(path), copy)
    extras = [step.source for step in steps if step.kind == "extra"]
    # One cell is another in students' copies from the start, and what comes after own cells is set
    # up anew.
    kept = [text for text in extras if "raise NotImplementedError" not in text]
    assert kept[0].startswith("import ")
    assert kept[1:] == [step.source for step in steps if step.kind == "setup"][1:]


def test_private_exercises_are_asked_besides():
    steps, _ = rebuild(TEACHERS, submitted({}, ["def double(x): return 2 * x"]), [*SMALL, "double"])
    assert ("answer", "double") in [step[:2] for step in steps]
    assert [step.name for step in steps if step.kind == "ask"] == ["double", *SMALL]


FOUND = {
    "def": "def l2_penalty(w, l, m):\n    return 1",
    "decorated": "import functools\n@functools.cache\ndef l2_penalty(w, l, m): return 1",
    "lambda": "l2_penalty = lambda w, l, m: 1",
    "annotated": "l2_penalty: object = lambda w, l, m: 1",
    "partial": "from functools import partial\nl2_penalty=partial(max, 1)",
    "async": "async  def l2_penalty(w, l, m): return 1",
    "class": "class l2_penalty:\n    pass",
    "after magics": "%matplotlib inline\n!ls\n\ndef l2_penalty(w, l, m): return 1",
    "timed": "%%time\ndef l2_penalty(w, l, m): return 1",
    "await": "await something\ndef l2_penalty(w, l, m): return 1",
    "with helpers": "def half(x): return x / 2\n\ndef l2_penalty(w, l, m): return half(1)",
    "broken": "def l2_penalty(w, l, m:\n    return “1”",
    "CRLF": "x = 1\r\ndef l2_penalty(w, l, m):\r\n    return 1",
    "CR": "x = 1\rdef l2_penalty(w, l, m):\r    return 1",
}


@pytest.mark.parametrize("source", FOUND.values(), ids=FOUND)
def test_answer_is_found_by_the_functions_name(source):
    steps, mentions = rebuilt([code("a = 1"), code(source), code("b = 2")])
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    assert [step[0] for step in steps[:4]] == ["extra", "answer", "ask", "extra"]
    assert answers_in(steps) == {"l2_penalty": text}
    assert mentions[0] == "l2_penalty: found by the function's name."


@pytest.mark.parametrize(
    "source",
    ["l2_penalty", "l2_penalty == 3", "    l2_penalty = 1", "# def l2_penalty", "l2_penalty(w=1)"]
    + ["from answers import l2", "def l2_penalty_old(w): return 1", ""],
)
def test_other_cells_are_no_answers(source):
    assert not answers_in(rebuilt([code(source)])[0])


def test_two_answers_in_one_cell_are_run_once_and_asked_each():
    both = RIGHT["l2_penalty"] + "\n\n" + RIGHT["early_stopping"]
    steps, _ = rebuilt([code(both)])
    assert [step[:2] for step in steps] == [
        ("answer", "l2_penalty early_stopping"),
        *[("ask", name) for name in SMALL],
    ]


def test_own_cells_stay_in_place_with_setups_among_them_and_the_lessons_are_left_out():
    first, *others = SMALL
    cells = [code("x = 1"), code("import numpy as np"), code("y = 2"), answer(first), code("z = 3")]
    cells += [answer(name) for name in others] + [code("print(1)"), code("np.ones(3)")]
    steps, mentions = rebuilt(cells)
    told = [step.source if step.kind == "extra" else step.kind for step in steps]
    assert told == [
        "x = 1",
        "import numpy as np",
        "y = 2",
        *["answer", "ask"],
        "z = 3",
        *["answer", "ask"] * 2,
        "print(1)",
    ]
    assert mentions == [
        "Of the lesson's own code cells 3 are missing and 0 are changed; "
        "that has no effect on the grade."
    ]


def test_changed_setup_runs_besides_the_teachers_and_other_changes_have_no_effect():
    cells = submitted().cells
    cells[0].source = "import numpy as np\nimport scipy"
    cells[1].source = "np.ones(10**12)"
    steps, mentions = rebuilt(cells)
    assert steps[0] == ("extra", "cell 1", "import numpy as np\nimport scipy")
    assert not [step for step in steps if "10**12" in step.source]
    assert "0 are missing and 1 are changed" in mentions[0]


def test_answer_may_stand_in_a_cell_of_the_lesson():
    cells = [stub("l2_penalty"), code(RIGHT["l2_penalty"] + "\ncheck(1)", "check-l2_penalty")]
    steps, _ = rebuilt(cells)
    assert answers_in(steps)["l2_penalty"].endswith("check(1)")


def test_id_that_several_cells_have_tells_nothing():
    cells = submitted({}, ["helper = 1"]).cells
    for cell in cells:
        cell.id = "lesson"
    steps, _ = rebuilt(cells)
    assert steps[0] == ("extra", "cell 3", "helper = 1")


OTHER = "def l2_penalty(*given): return 0"
# Which of several cells counts, by its number from 0; the stub and the right one are l2_penalty's.
SEVERAL = {
    "the last": ([answer("l2_penalty", OTHER), answer("l2_penalty")], 1),
    "not the stub": ([answer("l2_penalty"), stub("l2_penalty")], 0),
    "by id before by name": ([code(OTHER), answer("l2_penalty"), code(OTHER)], 1),
    "own cell before the stub": ([code(RIGHT["l2_penalty"]), stub("l2_penalty")], 0),
    "own cell after the stub": ([stub("l2_penalty"), code(RIGHT["l2_penalty"])], 1),
    "own cell, emptied cell": ([answer("l2_penalty", ""), code(RIGHT["l2_penalty"])], 1),
    "broken before the stub": ([stub("l2_penalty"), answer("l2_penalty", "def l2_penalty(")], 1),
    "only stubs": ([stub("l2_penalty"), stub("l2_penalty")], 1),
}


@pytest.mark.parametrize(("cells", "counts"), SEVERAL.values(), ids=SEVERAL)
def test_of_several_answers_the_sensible_one_counts_and_is_named(cells, counts):
    steps, mentions = rebuilt(cells)
    assert answers_in(steps)["l2_penalty"] == cells[counts].source
    assert [step for step in steps if step.kind == "extra"] == [
        ("extra", f"cell {n + 1}", cell.source)
        for n, cell in enumerate(cells)
        if n != counts and cell.source
    ]
    assert f"{len(cells)} cells could be the answer; cell {counts + 1} counts." in mentions[0]


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading"])
def test_answer_whose_cell_is_no_code_cell_any_more_counts(kind):
    cell = {**answer("l2_penalty"), "cell_type": kind}
    steps, mentions = rebuilt([cell])
    assert answers_in(steps) == {"l2_penalty": RIGHT["l2_penalty"]}
    assert mentions[0] == "l2_penalty: its cell is no code cell any more, but was run as one."
    steps, mentions = rebuilt([cell, code(OTHER)])
    assert answers_in(steps) == {"l2_penalty": OTHER}
    assert mentions[0].startswith("l2_penalty: 2 cells could be the answer; cell 2 counts")


def test_other_order_is_kept_and_mentioned():
    steps, mentions = rebuilt([answer(name) for name in SMALL[::-1]])
    assert [step.name for step in steps if step.kind == "ask"] == list(SMALL[::-1])
    assert mentions[0] == "The answers are not in the lesson's order; they were run in their own."


COPY = submitted({"early_stopping": stub("early_stopping").source}, ["x = 1"]).cells
COPY += [answer("early_stopping", "def early_stopping(*given): return 0, 0"), code("%reset -f")]


@given(st.lists(st.sampled_from(COPY), max_size=2 * len(COPY)))
def test_shuffled_doubled_and_missing_cells_give_each_exercise_one_question(cells):
    steps, _ = rebuilt(cells)
    found = answers_in(steps)
    for cell in (COPY[3], COPY[5], COPY[7], COPY[-2]):
        name = cell.metadata.nbgrader.grade_id
        if name not in found:
            assert cell not in cells
        elif cell in cells and cell.source.count("NotImplementedError") == 0:
            assert found[name] == cell.source
    given = [cell.source for cell in cells if cell.source in ("x = 1", "%reset -f")]
    assert all(step.source != "np.ones(3)" for step in steps)
    assert [step.source for step in steps if step.source in given] == given
