"""A claim is supported, refuted or undecided by its interval, and says so in words."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.claims import LOOKS, MIME, claim
from coursehelpers.metrics import mean_interval, summarize
from coursehelpers.training import Comparison

numbers = st.floats(-100, 100)


def row(low, high, **more):
    return {"estimate": (low + high) / 2, "low": low, "high": high, "n": 5, **more}


@pytest.mark.parametrize(
    ("bound", "low", "high", "state"),
    [
        ({"above": 0}, 0.1, 0.3, "supported"),
        ({"above": 0}, -0.1, 0.3, "undecided"),
        ({"above": 0}, -0.3, -0.1, "refuted"),
        ({"above": 0}, 0.0, 0.0, "undecided"),
        ({"above": 0}, 0.2, 0.2, "undecided"),
        ({"above": 0}, -0.2, -0.2, "undecided"),
        ({"below": 0.5}, 0.1, 0.4, "supported"),
        ({"below": 0.5}, 0.4, 0.6, "undecided"),
        ({"below": 0.5}, 0.6, 0.7, "refuted"),
        ({"within": (0.05, 0.15)}, 0.09, 0.11, "supported"),
        ({"within": (0.05, 0.15)}, 0.01, 0.11, "undecided"),
        ({"within": (0.05, 0.15)}, 0.01, 0.20, "undecided"),
        ({"within": (0.05, 0.15)}, 0.16, 0.20, "refuted"),
        ({"within": (0.05, 0.15)}, 0.01, 0.04, "refuted"),
        ({"above": 0}, -math.inf, math.inf, "undecided"),
    ],
)
def test_the_interval_decides(bound, low, high, state):
    assert claim("It helps.", "Gain", row(low, high) | {"estimate": 0.1}, **bound).state == state


@settings(deadline=None)  # the first example imports SciPy
@given(st.lists(numbers, min_size=2, max_size=6))
def test_repetitions_are_held_by_the_interval_of_their_mean(values):
    made = claim("A.", "B", values, above=0)
    assert made == claim("A.", "B", np.array(values), above=0)
    assert made == claim("A.", "B", {**mean_interval(values)._asdict(), "n": len(values)}, above=0)


@pytest.mark.parametrize("values", [[1.0], [], [[1.0, 2.0]], [1.0, math.nan]])
def test_repetitions_that_have_no_interval_are_told(values):
    with pytest.raises(ValueError, match="repetition"):
        claim("A.", "B", values, above=0)


@given(numbers, numbers, numbers)
def test_above_and_below_are_opposites(bound, one, other):
    measured = row(min(one, other), max(one, other))
    opposite = {"supported": "refuted", "refuted": "supported", "undecided": "undecided"}
    above = claim("A.", "B", measured, above=bound).state
    assert claim("A.", "B", measured, below=bound).state == opposite[above]


@given(numbers, st.floats(0.001, 10), st.floats(0, 10))
def test_a_wider_interval_never_turns_a_state_into_its_opposite(middle, half, more):
    narrow = claim("A.", "B", row(middle - half, middle + half), above=0).state
    wide = claim("A.", "B", row(middle - half - more, middle + half + more), above=0).state
    assert wide in (narrow, "undecided")


def test_state_decides_the_wording():
    told = {
        state: str(claim("L2 helps.", "Gain", row(middle - 0.1, middle + 0.1), above=0))
        for state, middle in {"supported": 0.2, "refuted": -0.2, "undecided": 0}.items()
    }
    assert told["supported"].startswith("Supported: L2 helps.\n")
    assert told["refuted"].startswith("Refuted: “L2 helps.” The measurement says otherwise.\n")
    assert told["undecided"].startswith("Undecided: “L2 helps.” 5 seeds cannot tell.\n")
    assert told["supported"].endswith(
        "Gain: +0.20 (95 % interval +0.10 to +0.30, 5 seeds; claimed: above 0)."
    )


@pytest.mark.parametrize(
    ("measured", "bound", "told"),
    [
        (
            row(0.0123, 0.0127, confidence=0.983),
            {"above": 0},
            "+0.01250 (95 % interval +0.01230 to +0.01270, corrected, 5 seeds",
        ),
        (row(1200, 1800), {"above": 1000}, "1,500 (95 % interval 1,200 to 1,800"),
        (row(3.0, 3.0), {"below": 0}, "+3.000 (95 % interval +3.000 to +3.000"),
        (row(-math.inf, math.inf) | {"estimate": 2.5}, {"above": 1}, "2.500 (95 % interval -inf"),
        (row(1, 2), {"above": 1 / 3}, "claimed: above 0.3333)"),
        (row(1, 2), {"within": (0, 2.5)}, "claimed: within 0 to 2.5)"),
    ],
)
def test_numbers_show_the_digits_that_the_interval_allows(measured, bound, told):
    assert told in str(claim("A.", "B", measured, **bound))


def test_notebook_shows_symbol_words_and_numbers_and_escapes_them():
    made = claim("a < b", "x & y", row(0.1, 0.2), above=0, unit="draws")
    bundle = made._repr_mimebundle_()
    assert "a &lt; b" in bundle["text/html"]
    assert "x &amp; y" in bundle["text/html"]
    assert LOOKS["supported"][0] in bundle["text/html"]
    assert bundle["text/plain"] == str(made)
    assert "5 draws" in bundle["text/plain"]
    assert bundle[MIME]["state"] == "supported"


def test_record_is_strict_json():
    measured = row(-math.inf, math.inf) | {"estimate": 1.0, "n": np.int64(3)}
    record = claim("A.", "B", measured, above=0)._repr_mimebundle_()[MIME]
    told = json.loads(json.dumps(record, allow_nan=False))
    assert (told["low"], told["high"], told["n"], told["estimate"]) == (None, None, 3, 1.0)


def test_rows_of_frames_are_measurements():
    frame = pd.DataFrame({"setting": ["a"] * 3, "seed": [0, 1, 2], "value": [1.0, 2.0, 3.0]})
    table = summarize(frame, "setting", "value").set_index("setting")
    assert claim("A.", "B", table.loc["a"], above=-1).estimate == 2
    (record,) = table.to_dict("records")
    assert claim("A.", "B", record, above=-1).n == 3


def comparison(partial):
    rows = [
        (setting, seed, 0, "test", "accuracy", 0.5 + gain + 0.01 * seed * (1 + gain))
        for setting, gain in (("none", 0), ("L2", 0.1))
        for seed in range(3)
    ]
    columns = ["setting", "seed", "epoch", "split", "metric", "value"]
    return Comparison(pd.DataFrame(rows, columns=columns), partial)


def test_rows_of_a_comparison_are_measurements_if_it_is_complete():
    made = claim("L2 helps.", "Gain", comparison(False).differences().loc["L2"], above=0)
    assert made.state == "supported"
    partly = comparison(True)
    means = summarize(partly.final(), "setting", "value").set_index("setting")
    for table in (partly.differences(), partly.summary(), means):
        with pytest.raises(ValueError, match="was interrupted: a claim needs all of its runs"):
            claim("L2 helps.", "Gain", table.loc["L2"], above=0)


def test_the_mean_of_a_setting_is_not_taken_for_its_difference():
    with pytest.raises(ValueError, match="The measurement lacks estimate; it has"):
        claim("L2 helps.", "Gain", comparison(False).summary().loc["L2"], above=0)


def test_a_claim_takes_one_row():
    with pytest.raises(ValueError, match="A claim takes one row, such as"):
        claim("L2 helps.", "Gain", comparison(False).differences(), above=0)


@pytest.mark.parametrize("bounds", [{}, {"above": 0, "below": 1}])
def test_a_claim_says_one_thing(bounds):
    with pytest.raises(ValueError, match="A claim says one thing"):
        claim("A.", "B", row(0, 1), **bounds)


@pytest.mark.parametrize("missing", ["estimate", "low", "high", "n"])
def test_missing_numbers_are_named(missing):
    for measured in (
        {**row(0, 1), missing: math.nan},
        {k: v for k, v in row(0, 1).items() if k != missing},
    ):
        with pytest.raises(ValueError, match=f"The measurement lacks {missing}; it has"):
            claim("A.", "B", measured, above=0)


def test_bounds_have_to_rise():
    with pytest.raises(ValueError, match="within must be two rising numbers"):
        claim("A.", "B", row(0, 1), within=(1, 0))
