"""What the cells of notebooks are, and what an executed copy says of its source."""

import re

import pytest

from coursehelpers.lessons import notebooks
from tests.lessons import cell, claiming, executed, notebook, text, write


def resting(**needed):
    """Return a text with the states that it needs of "It helps." or "It harms."."""
    statements = {f"It {verb}.": state for verb, state in needed.items()}
    return text("On new images it helps.", coursehelpers={"claims": statements})


@pytest.mark.parametrize(
    ("state", "needed", "holds"),
    [
        ("supported", "supported", True),
        ("supported", "supported or undecided", True),
        ("undecided", "supported or undecided", True),
        ("undecided", "supported", False),
        ("refuted", "supported", False),
        ("supported", "refuted", False),
        ("supported", "undecided", False),
    ],
)
def test_text_needs_its_claims_to_be_as_it_says(state, needed, holds):
    made = notebook(cell("claim()", claiming(state)), resting(helps=needed))
    wrong = f"the text cell-3 needs “It helps.” to be {needed}, and it is {state}"
    assert notebooks.contradictions(made, executed(made)) == ([] if holds else [wrong])


def test_text_that_rests_on_a_claim_that_nobody_makes_does_not_hold():
    made = notebook(cell("claim()", claiming("supported")), resting(harms="supported"))
    (wrong,) = notebooks.contradictions(made, executed(made))
    assert wrong.endswith("needs “It harms.” to be supported, and it is not claimed")


def test_claims_that_came_out_otherwise_are_listed():
    made = notebook(
        cell("a", claiming("supported", "A.")),
        cell("b", claiming("refuted", "B."), tags=[notebooks.BY_A_THREAD]),
    )
    assert notebooks.changed_claims(made, made) == []

    def change(cells):
        del cells[2]
        cells[2].outputs = [claiming("undecided", "B.")]

    assert notebooks.changed_claims(made, executed(made, change)) == [
        ("A.", "supported", "not claimed", False),
        ("B.", "refuted", "undecided", True),
    ]


def test_cells_that_did_not_run_are_faults():
    made = notebook("1", "2")

    def change(cells):
        cells[2].execution_count = cells[3].execution_count = None

    assert notebooks.faults(made, made) == []
    found = notebooks.faults(executed(made, change), made)
    assert found == ["cell cell-2 did not run", "cell cell-3 did not run"]


def test_missing_cell_is_a_fault():
    made = notebook("1", "2")
    (found,) = notebooks.faults(executed(made, lambda cells: cells.pop()), made)
    assert found == "its code cells are not those of the source; execute it again"


def test_what_is_no_notebook_is_told(tmp_path):
    path = write(tmp_path / "a.ipynb", notebook())
    assert notebooks.find(tmp_path) == notebooks.find(tmp_path, ["a"]) == [path]
    with pytest.raises(SystemExit, match=re.escape("no notebook b in") + r".*; there are: a\."):
        notebooks.find(tmp_path, ["a", "b"])
    with pytest.raises(SystemExit, match=r"no notebook \*\.ipynb in .*; there are: none\."):
        notebooks.find(tmp_path / "empty")
    path.write_text("what")
    with pytest.raises(SystemExit, match=r"a\.ipynb is not a notebook: "):
        notebooks.read(path)
    path.unlink()
    with pytest.raises(SystemExit, match=r"There is no notebook .*a\.ipynb\."):
        notebooks.read(path)
