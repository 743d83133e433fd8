"""When a recorded output agrees with the stored one, seen by the real nbval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursehelpers.lessons.validate import agree, picture_difference, tolerance, validate
from tests.lessons import (
    cell,
    claiming,
    executed,
    failure,
    notebook,
    png,
    shown,
    stream,
    text,
    value,
    write,
)

pytestmark = pytest.mark.heavy


@pytest.fixture
def compare(tmp_path):
    """Return a function that validates a copy of a notebook, changed after it was executed."""

    def compare(made, change=lambda cells: None, profile="standard"):
        path = write(tmp_path / "lesson.ipynb", made)
        copy = write(tmp_path / "build" / "lesson.ipynb", executed(made, change))
        return validate(path, copy, profile, tmp_path / "validation")

    return compare


def test_faithful_copy_agrees_whatever_the_warnings(compare):
    made = notebook(
        cell("a", stream("a 0.5\n")),
        cell("b", value("{'b': [1, 2]}")),
        cell("c", stream("c\n"), tags=["by-profile"]),
    )

    def change(cells):
        cells[2].outputs.insert(0, stream("a warning", name="stderr"))

    result = compare(made, change)
    assert result.passed, result.report
    assert (result.outputs, result.compared) == (3, 3)
    smoke = compare(made, profile="smoke")
    assert smoke.passed
    assert (smoke.outputs, smoke.compared) == (3, 2)


def test_every_difference_of_a_copy_is_told(compare):
    made = notebook(*(cell(f"print({number})", stream("0.5\n")) for number in range(6)))

    def change(cells):
        cells[2].source += "  # edited since"
        cells[3].update(execution_count=None, outputs=[])
        cells[4].outputs = [failure("Swallowed")]
        cells[5].outputs = [stream("0.51\n")]
        cells[6].outputs.append(shown(text_plain="more"))
        del cells[7]

    result = compare(made, change)
    assert not result.passed
    for told in (
        "the source of cell cell-2 differs",
        "cell cell-3 was not run",
        "Swallowed",
        "0.51",
        "Unexpected output fields",
        "the executed copy has no more cells",
    ):
        assert told in result.report
    assert "6 failed, 1 passed" in result.report


def test_notebook_that_was_never_published_is_refused(compare):
    made = notebook("x = 1")
    for each in made.cells[1:]:
        each.execution_count = None
    ran = [1, 1]

    def change(cells):
        for each in cells[1:]:
            each.execution_count = ran.pop()

    result = compare(made, change)
    assert not result.passed
    assert "Never published: cell-1, cell-2. Run `make publish`." in result.report


def test_figures_and_trained_values_may_drift_a_little(compare):
    # Same source, same text: only the picture tells.
    figure = shown(image_png=png(2), text_plain="a figure")
    figures = [cell(f"plot({number})", figure) for number in range(3)]
    losses = [cell(f"fit({n})", stream("loss 0.500"), tags=["rtol=0.05"]) for n in range(2)]
    made = notebook(*figures, *losses)

    def change(cells):
        cells[3].outputs = [shown(image_png=png(0), text_plain="a figure")]
        cells[4].outputs = [shown(text_plain="a figure")]
        cells[5].outputs = [stream("loss 0.52")]
        cells[6].outputs = [stream("loss 0.54")]

    result = compare(made, change)
    assert not result.passed
    assert "3 failed, 3 passed" in result.report
    for told in ("plot(1)", "plot(2)", "looks as stored", "fit(1)", "loss 0.54"):
        assert told in result.report


def test_claims_are_compared_by_their_states_and_texts_held_to_them(compare):
    pairs = [
        *(("supported", "supported"), ("supported", "undecided"), ("undecided", "supported")),
        *(("undecided", "refuted"), ("refuted", "undecided"), ("refuted", "refuted")),
        *(("supported", "refuted"), ("refuted", "supported")),
    ]
    states = [cell(f"claim({n})", claiming(stored)) for n, (stored, _) in enumerate(pairs)]
    others = [cell(f"other({n})", claiming("supported")) for n in range(2)]
    resting = text("It helps.", coursehelpers={"claims": {"It helps.": "undecided"}})
    made = notebook(*states, *others, resting)

    def change(cells):
        for each, (_, recorded) in zip(cells[2:], pairs, strict=False):
            each.outputs = [claiming(recorded)]
        cells[-3].outputs = [claiming("supported", "It hurts.")]
        cells[-2].outputs = [value("no claim")]

    result = compare(made, change)
    assert not result.passed
    assert result.compared == len(pairs) + 2
    assert "4 failed, 7 passed" in result.report
    assert "the text cell-12 needs “It helps.” to be undecided, and it is supp" in result.report
    for told in ("refuted: It helps.", "claim(6)", "claim(7)", "other(0)", "other(1)"):
        assert told in result.report
    # What is hardly trained decides nothing.
    smoke = compare(made, change, "smoke")
    assert smoke.passed
    assert smoke.compared == 0


# numbers, text and pictures


@given(st.floats(0.01, 1e6), st.floats(-0.2, 0.2))
def test_numbers_agree_exactly_within_their_tolerance(value, change):
    stored, recorded = f"loss {value:.9f} of 3", f"loss {value * (1 + change):.9f} of 3"
    if abs(abs(change) - 0.1) > 1e-6:
        agrees = agree(stored, recorded, rtol=0.1) == stored
        assert agrees == (abs(change) < 0.1)


@pytest.mark.parametrize(
    ("stored", "recorded", "limits", "agrees"),
    [
        ("gain 0.016", "gain -0.02", {"atol": 0.05}, True),
        ("gain 0.016", "gain -0.04", {"atol": 0.05}, False),
        ("rounded 0.000", "rounded 0.001", {"rtol": 0.1}, True),
        ("rounded 0.000", "rounded 0.002", {"rtol": 0.1}, False),
        ("[1,23]", "[12,3]", {"rtol": 0.1}, False),
        ("1,000", "1,050", {"rtol": 0.1}, True),
        ("colour #0072B2", "colour #0073B2", {"rtol": 0.1}, False),
        ("epoch3", "epoch4", {"rtol": 1.0}, False),
        ("  a  0.5", "a   0.5", {}, True),
        ("1 of 2", "2 of 2", {}, False),
        ("a 1", "b 1", {}, False),
        ("1", "1 2", {}, False),
        ("0.5", "0.500001", {}, False),
        ("1,000", "1,001", {}, False),
    ],
)
def test_tolerances(stored, recorded, limits, agrees):
    assert agree(stored, recorded, **limits) == (stored if agrees else recorded)


@given(st.text())
def test_text_that_is_equal_agrees_without_tolerance(text):
    assert agree(text, text) == text


def test_tolerances_are_read_from_tags():
    assert tolerance(cell("1", tags=["rtol=0.05", "setup", "atol=2"])) == {"rtol": 0.05, "atol": 2}
    (_, _, wrong) = notebook(cell("1", tags=["rtol=small"])).cells
    with pytest.raises(SystemExit, match="cell-2 has the tag 'rtol=small', expected a number"):
        tolerance(wrong)


def test_pictures_are_told_apart():
    assert picture_difference(png(), png()) == ""
    assert "another size" in picture_difference(png(), png(width=4))
    assert "difference" in picture_difference(png(), png(height=0.5))
    assert "difference" in picture_difference(png(title="training error"), png())
    # Blue and vermilion are equally bright.
    assert "difference" in picture_difference(png(color="#0072B2"), png(color="#D55E00"))
