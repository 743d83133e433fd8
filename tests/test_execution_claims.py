"""Claims are compared by their states: undecided contradicts nothing, refuted contradicts supported."""

import json
import re

import nbformat
import pytest

from coursehelpers.claims import claim
from coursehelpers.execution import notebooks
from coursehelpers.execution.publish import PUBLISHED, publish
from coursehelpers.execution.run import execute, table
from coursehelpers.execution.validate import validate

ESTIMATES = {"supported": 1.0, "undecided": 0.0, "refuted": -1.0}
PARAMETERS = 'PROFILE = "standard"\nSEED = 0\nDEVICE = "cpu"'


def lesson(path, states, tags=(), statement="It helps."):
    """Write a notebook of claims with the given states, as if it had been executed."""
    made = nbformat.v4.new_notebook()
    for number, state in enumerate(states):
        middle = ESTIMATES[state]
        row = {"estimate": middle, "low": middle - 0.5, "high": middle + 0.5, "n": 5}
        data = claim(statement, "Difference", row, above=0)._repr_mimebundle_()
        output = nbformat.v4.new_output("execute_result", data, execution_count=1)
        source = f"claim({number}, ...)"
        cell = nbformat.v4.new_code_cell(source, id=f"claim-{number}", execution_count=1)
        cell.outputs, cell.metadata["tags"] = [output], list(tags)
        made.cells.append(cell)
    nbformat.write(made, path)
    return path


def compare(tmp_path, stored, recorded, profile, tags=()):
    path = lesson(tmp_path / "lesson.ipynb", stored, tags)
    copy = lesson(tmp_path / "copy.ipynb", recorded, tags)
    return validate(path, copy, profile, tmp_path / "validation")


def test_opposite_states_fail_where_they_are_compared(tmp_path):
    states = ["supported", "refuted"], ["refuted", "supported"]
    standard = compare(tmp_path, *states, "standard")
    assert not standard.passed
    for number, recorded in enumerate(states[1]):
        assert f"{recorded}: It helps." in standard.report
        assert f"claim({number}, ...)" in standard.report
    # They say nothing outside the standard profile.
    smoke = compare(tmp_path, *states, "smoke")
    assert smoke.passed
    assert smoke.compared == 0


def test_undecided_contradicts_nothing(tmp_path):
    stored = ["supported", "supported", "undecided", "undecided", "refuted", "refuted"]
    recorded = ["supported", "undecided", "supported", "refuted", "undecided", "refuted"]
    result = compare(tmp_path, stored, recorded, "standard")
    assert result.passed, result.report
    assert result.compared == 6


def test_another_statement_or_none_at_all_is_a_difference(tmp_path):
    path = lesson(tmp_path / "lesson.ipynb", ["supported"])
    other = lesson(tmp_path / "copy.ipynb", ["supported"], statement="It hurts.")
    assert not validate(path, other, "standard", tmp_path / "validation").passed
    copy = notebooks.read(path)
    del copy.cells[0].outputs[0].data[notebooks.CLAIM]
    nbformat.write(copy, other)
    assert not validate(path, other, "standard", tmp_path / "validation").passed


def test_numbers_of_a_claim_lie_beside_the_executed_copy(tmp_path):
    cells = [
        (PARAMETERS, "parameters"),
        ("from coursehelpers.claims import claim", "import"),
        ('claim("A.", "B", {"estimate": 1, "low": 0.5, "high": 2, "n": 5}, above=0)', "clear"),
        ('claim("C.", "D", {"estimate": 1, "low": -9, "high": 9, "n": 3}, below=0)', "plain"),
    ]
    made = nbformat.v4.new_notebook()
    for source, tag in cells:
        cell = nbformat.v4.new_code_cell(source, id=f"cell-{tag}")
        cell.metadata["tags"] = [tag]
        made.cells.append(cell)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "P", "language": "python"}
    path = tmp_path / "lesson.ipynb"
    nbformat.write(made, path)
    target = tmp_path / "build" / "lesson.ipynb"
    result = execute(path, target, {"PROFILE": "smoke", "SEED": 0, "DEVICE": "cpu"})
    assert result.problems == ()
    first, second = json.loads((target.parent / "lesson.claims.json").read_text())
    assert (first["cell"], first["state"]) == ("cell-clear", "supported")
    assert (first["estimate"], first["low"], first["high"], first["n"]) == (1, 0.5, 2, 5)
    assert (second["state"], second["claimed"]) == ("undecided", "below 0")
    assert (result.supported, result.claims) == (1, 2)
    assert "1 of 2" in table([result])


def resting(needed, source="On new images it helps."):
    """A text with the states it needs of its claims."""
    facts = {"coursehelpers": {"claims": needed}}
    return nbformat.v4.new_markdown_cell(source, id="text", metadata=facts)


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
def test_text_needs_its_claims_to_be_as_it_says(tmp_path, state, needed, holds):
    made = notebooks.read(lesson(tmp_path / "lesson.ipynb", [state]))
    executed = nbformat.from_dict(made)
    made.cells.append(resting({"It helps.": needed}))
    wrong = f"the text text needs “It helps.” to be {needed}, and it is {state}"
    assert notebooks.contradictions(made, executed) == ([] if holds else [wrong])


def test_text_that_does_not_hold_fails_in_the_lesson_only(tmp_path):
    path = lesson(tmp_path / "lesson.ipynb", ["refuted"])
    copy = lesson(tmp_path / "copy.ipynb", ["refuted"])
    made = notebooks.read(path)
    made.cells.append(resting({"It helps.": "supported"}))
    nbformat.write(made, path)
    result = validate(path, copy, "standard", tmp_path / "validation")
    assert not result.passed
    assert "the text text needs “It helps.” to be supported, and it is refuted" in result.report
    # What is hardly trained decides nothing.
    assert validate(path, copy, "smoke", tmp_path / "validation").passed


def test_text_that_rests_on_a_claim_that_nobody_makes_does_not_hold(tmp_path):
    made = notebooks.read(lesson(tmp_path / "lesson.ipynb", ["supported"]))
    text = resting({"It harms.": "supported"})
    executed = nbformat.from_dict(made)
    made.cells.append(text)
    (wrong,) = notebooks.contradictions(made, executed)
    assert wrong.endswith("needs “It harms.” to be supported, and it is not claimed")


def test_text_that_does_not_hold_is_not_published(tmp_path):
    path = lesson(tmp_path / "lesson.ipynb", ["undecided"])
    made = notebooks.read(path)
    made.cells.append(resting({"It helps.": "supported"}))
    nbformat.write(made, path)
    executed = nbformat.from_dict(made)
    executed.metadata["papermill"] = {"parameters": PUBLISHED}
    nbformat.write(executed, tmp_path / "copy.ipynb")
    before = path.read_bytes()
    with pytest.raises(
        SystemExit, match=re.escape("the text text needs “It helps.” to be supported")
    ):
        publish(path, tmp_path / "copy.ipynb")
    assert path.read_bytes() == before


def test_claims_that_came_out_otherwise_are_listed(tmp_path):
    published = notebooks.read(lesson(tmp_path / "a.ipynb", ["supported", "refuted"]))
    for cell, statement in zip(published.cells, ("A.", "B."), strict=True):
        cell.outputs[0].data[notebooks.CLAIM]["statement"] = statement
    published.cells[1].metadata["tags"] = [notebooks.BY_A_THREAD]
    executed = nbformat.from_dict(published)
    assert notebooks.changed_claims(published, executed) == []
    executed.cells[1].outputs[0].data[notebooks.CLAIM]["state"] = "undecided"
    (changed,) = notebooks.changed_claims(published, executed)
    assert changed == ("B.", "refuted", "undecided", True)
    assert changed.by_a_thread
    del executed.cells[0]
    assert notebooks.changed_claims(published, executed)[0] == (
        *("A.", "supported", "not claimed"),
        False,
    )
