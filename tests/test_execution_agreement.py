"""When a recorded output agrees with the stored one: numbers, text and pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursehelpers.execution import notebooks
from coursehelpers.execution.validate import agree, picture_difference
from tests.test_execution import notebook, png


@given(st.floats(0.01, 1e6), st.floats(-0.2, 0.2))
def test_numbers_agree_exactly_within_their_tolerance(value, change):
    stored, recorded = f"loss {value:.9f} of 3", f"loss {value * (1 + change):.9f} of 3"
    if abs(abs(change) - 0.1) > 1e-6:
        agrees = agree(stored, recorded, rtol=0.1) == stored
        assert agrees == (abs(change) < 0.1)


@pytest.mark.parametrize(
    ("stored", "recorded", "tolerance", "agrees"),
    [
        ("gain 0.016", "gain -0.02", {"atol": 0.05}, True),
        ("gain 0.016", "gain -0.04", {"atol": 0.05}, False),
        ("rounded 0.000", "rounded 0.001", {"rtol": 0.1}, True),
        ("rounded 0.000", "rounded 0.002", {"rtol": 0.1}, False),
        ("[1,23]", "[12,3]", {"rtol": 0.1}, False),
        ("1,000", "1,050", {"rtol": 0.1}, True),
        ("colour #0072B2", "colour #0073B2", {"rtol": 0.1}, False),
        ("epoch3", "epoch4", {"rtol": 1.0}, False),
    ],
)
def test_tolerances(stored, recorded, tolerance, agrees):
    assert (agree(stored, recorded, **tolerance) == stored) == agrees


def test_tag_without_a_number_is_an_error():
    (_, cell) = notebooks.code_cells(notebook(("1", ["rtol=small"])))
    with pytest.raises(SystemExit, match=r"cell-1 has the tag 'rtol=small'"):
        notebooks.tolerance(cell)


@given(st.text())
def test_text_that_is_equal_agrees_without_tolerance(text):
    assert agree(text, text, rtol=0) == text


@pytest.mark.parametrize(
    ("stored", "recorded"),
    [("1 of 2", "2 of 2"), ("a 1", "b 1"), ("1", "1 2"), ("0.5", "0.500001"), ("1,000", "1,001")],
)
def test_text_that_differs_stays_as_it_is(stored, recorded):
    assert agree(stored, recorded, rtol=0) == recorded


def test_columns_may_shift():
    assert agree("  a  0.5", "a   0.5", rtol=0) == "  a  0.5"


def test_pictures_are_told_apart():
    assert picture_difference(png(), png()) == ""
    assert "another size" in picture_difference(png(), png(width=4))
    assert "difference" in picture_difference(png(), png(height=0.5))
    assert "difference" in picture_difference(png(title="training error"), png())
    # Blue and vermilion are equally bright.
    assert "difference" in picture_difference(png(color="#0072B2"), png(color="#D55E00"))
