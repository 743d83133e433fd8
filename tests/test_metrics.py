"""Intervals against worked examples and by simulation, and the summary of repetitions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from coursehelpers.metrics import (
    Interval,
    mean_interval,
    median_interval,
    summarize,
)

# The same examples in every run, and no time limit per example: a shared runner can stall.
properties = settings(derandomize=True, deadline=None, max_examples=100)
repetitions = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20)
both = pytest.mark.parametrize("interval", [mean_interval, median_interval])

# Additional hours of sleep of ten patients after one drug rather than another: the example in
# Student's paper on the t distribution (Biometrika 1908).
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def covered(interval, draws, truth):
    """Return the share of the draws whose interval holds the truth."""
    intervals = [interval(draw) for draw in draws]
    return np.mean([low <= truth <= high for _, low, high in intervals])


# --- mean_interval ------------------------------------------------------------------------------


def test_mean_interval_of_the_sleep_data_is_the_published_one():
    # As R prints it for t.test with its data set `sleep`, paired.
    assert mean_interval(SLEEP) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=5e-8)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [2, 3, 30])
def test_mean_interval_is_scipys(n, confidence):
    values = np.random.default_rng([n, 1]).exponential(size=n)
    expected = stats.t.interval(confidence, n - 1, values.mean(), stats.sem(values))
    estimate, *bounds = mean_interval(values, confidence)
    assert estimate == pytest.approx(values.mean())
    assert bounds == pytest.approx(expected)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_mean_interval_covers_the_mean_of_normal_values_in_95_of_100_cases(n):
    # With the normal instead of the t quantile five values would have it in 88 of 100.
    draws = np.random.default_rng(n).normal(3, 2, size=(2_000, n))
    assert 0.93 < covered(mean_interval, draws, 3) < 0.97


@properties
@given(values=repetitions, shift=st.floats(-1e3, 1e3), scale=st.floats(0.01, 100))
def test_mean_interval_moves_and_stretches_with_the_values(values, shift, scale):
    values = np.array(values)
    expected = shift + scale * np.array(mean_interval(values))
    tolerance = 1e-9 * (1 + abs(shift) + scale * np.abs(values).max()) * np.sqrt(len(values))
    # Two values have a quantile of 12.7, which multiplies what rounding leaves.
    np.testing.assert_allclose(
        mean_interval(shift + scale * values), expected, rtol=0, atol=20 * tolerance
    )


@properties
@given(values=repetitions)
def test_mean_interval_mirrors_with_the_values(values):
    estimate, low, high = mean_interval(values)
    mirrored = mean_interval([-value for value in values])
    assert mirrored == pytest.approx((-estimate, -high, -low), rel=1e-9, abs=1e-6)
    assert low <= estimate <= high


@properties
@given(values=repetitions, narrow=st.floats(0.1, 0.8))
def test_mean_interval_widens_with_the_confidence(values, narrow):
    assume(np.ptp(values) > 1e-3)
    _, low, high = mean_interval(values, narrow)
    _, lower, higher = mean_interval(values, narrow + 0.1)
    assert lower < low < high < higher


def test_mean_interval_of_equal_values_is_a_point():
    assert mean_interval([0.25] * 4) == (0.25, 0.25, 0.25)
    # The mean of these is rounded.
    assert mean_interval([0.1] * 3) == pytest.approx((0.1, 0.1, 0.1))


# --- median_interval ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "rank"),
    # Ranks of the lower bound at 95 %, as tables of the sign test have them.
    [(6, 1), (8, 1), (9, 2), (12, 3), (20, 6), (25, 8), (50, 18), (100, 40)],
)
def test_median_interval_is_spanned_by_the_order_statistics(n, rank):
    values = np.random.default_rng(n).permutation(np.arange(1, n + 1) ** 2)
    assert median_interval(values) == (np.median(values), rank**2, (n + 1 - rank) ** 2)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [15, 16, 200])
def test_median_interval_has_the_highest_ranks_that_keep_the_confidence(n, confidence):
    # The median is below the value of rank r with the probability of less than r heads in n
    # throws of a coin, and as likely above the value of the mirrored rank.
    def coverage(rank):
        return 1 - 2 * stats.binom.cdf(rank - 1, n, 0.5)

    _, low, high = median_interval(range(1, n + 1), confidence)
    assert high == n + 1 - low
    assert coverage(low) >= confidence > coverage(low + 1)


def test_median_interval_covers_the_median_of_a_skewed_law_in_95_of_100_cases_at_least():
    # Of a Cauchy variable's absolute value: its mean does not exist, its median is 1.
    draws = np.abs(np.random.default_rng(0).standard_cauchy((1_000, 50)))
    # 95 % or, because ranks are whole numbers, up to 97 %.
    assert 0.93 <= covered(median_interval, draws, 1) < 0.99
    assert covered(mean_interval, draws, 1) < 0.9


@properties
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=30))
def test_median_interval_follows_every_increasing_function(values):
    # Ranks do not see by how much a value is larger.
    _, low, high = median_interval(values)
    _, *bounds = median_interval([np.arctan(value) for value in values])
    assert bounds == [np.arctan(low), np.arctan(high)]
    assert {low, high} <= set(values)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_median_interval_of_fewer_than_six_values_has_no_bounds(n):
    assert median_interval(range(n)) == ((n - 1) / 2, -np.inf, np.inf)


# --- Both ---------------------------------------------------------------------------------------


@both
def test_intervals_are_named_tuples_of_floats(interval):
    result = interval(np.arange(10, dtype=np.float32))
    assert isinstance(result, Interval)
    assert [type(number) for number in result] == [float] * 3
    assert result.low < result.estimate < result.high


@both
@pytest.mark.parametrize("values", [[], [1.0], 1.0, [[1.0, 2.0], [3.0, 4.0]]])
def test_intervals_name_the_shape_of_what_is_not_a_row_of_repetitions(interval, values):
    shape = str(np.shape(values)).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=rf"at least two repetitions in a row, got shape {shape}"):
        interval(values)


# --- summarize ----------------------------------------------------------------------------------


@pytest.fixture
def frame():
    """Groups that are neither sorted nor together, with two to four repetitions."""
    return pd.DataFrame(
        [
            ("wide", 2, 1.0),
            ("deep", 9, 5.0),
            ("wide", 2, 3.0),
            ("deep", 1, 7.0),
            ("deep", 9, 6.0),
            ("deep", 1, 9.0),
            ("wide", 2, 8.0),
            ("deep", 1, 8.0),
            ("deep", 1, 8.0),
        ],
        columns=["model", "depth", "loss"],
    )


def test_summary_has_a_row_per_group_in_order_of_appearance(frame):
    summary = summarize(frame, "model", "loss")
    assert list(summary.columns) == ["model", "estimate", "low", "high", "n"]
    assert summary["model"].tolist() == ["wide", "deep"]
    assert summary["n"].tolist() == [3, 6]
    for row, values in zip(summary.itertuples(), ([1, 3, 8], [5, 7, 6, 9, 8, 8]), strict=True):
        assert (row.estimate, row.low, row.high) == pytest.approx(mean_interval(values))


def test_summary_groups_by_several_columns(frame):
    summary = summarize(frame, ["model", "depth"], "loss")
    assert list(summary.columns) == ["model", "depth", "estimate", "low", "high", "n"]
    groups = summary[["model", "depth", "n"]]
    assert list(groups.itertuples(index=False, name=None)) == [
        ("wide", 2, 3),
        ("deep", 9, 2),
        ("deep", 1, 4),
    ]
    assert summary["estimate"].tolist() == [4, 5.5, 8]
    # A list of one name is that name.
    pd.testing.assert_frame_equal(
        summarize(frame, ["model"], "loss"), summarize(frame, "model", "loss")
    )


def test_summary_takes_another_interval(frame):
    def extremes(values):
        return Interval(np.median(values), min(values), max(values))

    summary = summarize(frame, "model", "loss", interval=extremes)
    assert summary.to_dict("list") == {
        "model": ["wide", "deep"],
        "estimate": [3, 7.5],
        "low": [1, 5],
        "high": [8, 9],
        "n": [3, 6],
    }


def test_summary_leaves_the_frame_as_it_is(frame):
    before = frame.copy()
    summarize(frame, "model", "loss")
    pd.testing.assert_frame_equal(frame, before)


def test_summary_of_a_single_repetition_is_an_error(frame):
    with pytest.raises(ValueError, match="at least two repetitions"):
        summarize(frame.iloc[:2], "model", "loss")
