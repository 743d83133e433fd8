"""Intervals and comparisons: worked examples, what holds for all, and simulations; calibration."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from coursehelpers.metrics import (
    Interval,
    _holm_intervals,
    equivalent_size,
    expected_calibration_error,
    holm,
    mean_interval,
    median_interval,
    paired_differences,
    ratio_interval,
    reliability,
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


@pytest.mark.parametrize("n", [3, 5, 10])
def test_mean_interval_covers_the_mean_of_normal_values_in_95_of_100_cases(n):
    # With the normal instead of the t quantile five values would have it in 88 of 100.
    draws = np.random.default_rng(n).normal(3, 2, size=(2_000, n))
    assert 0.93 < covered(mean_interval, draws, 3) < 0.97


@properties
@given(values=repetitions, shift=st.floats(-1e3, 1e3), scale=st.floats(-100, 100))
def test_mean_interval_moves_stretches_and_mirrors_with_the_values(values, shift, scale):
    values = np.array(values)
    estimate, *bounds = shift + scale * np.array(mean_interval(values))
    expected = estimate, *sorted(bounds)
    tolerance = 1e-9 * (1 + abs(shift) + np.abs(scale * values).max()) * np.sqrt(len(values))
    # Two values have a quantile of 12.7, which multiplies what rounding leaves.
    np.testing.assert_allclose(
        mean_interval(shift + scale * values), expected, rtol=0, atol=20 * tolerance
    )


@properties
@given(values=repetitions, narrow=st.floats(0.1, 0.8))
def test_mean_interval_widens_with_the_confidence(values, narrow):
    assume(np.ptp(values) > 1e-3)
    _, low, high = mean_interval(values, narrow)
    _, lower, higher = mean_interval(values, narrow + 0.1)
    assert lower < low < high < higher


@pytest.mark.parametrize(("n", "confidence"), [(2, 0.95), (3, 0.5), (30, 0.99)])
def test_mean_interval_is_scipys(n, confidence):
    values = np.random.default_rng([n, 1]).exponential(size=n)
    expected = stats.t.interval(confidence, n - 1, values.mean(), stats.sem(values))
    estimate, *bounds = mean_interval(values, confidence)
    assert estimate == pytest.approx(values.mean())
    assert bounds == pytest.approx(expected)


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


def test_summary_of_a_single_repetition_is_an_error(frame):
    with pytest.raises(ValueError, match="at least two repetitions"):
        summarize(frame.iloc[:2], "model", "loss")


p_values = st.lists(st.floats(0, 1), max_size=12)


def long(values, names=None):
    """Turn one column per setting into one row per setting and seed."""
    names = list("abcdefgh"[: len(values)]) if names is None else names
    return pd.DataFrame(
        [
            {"setting": name, "seed": seed, "loss": value}
            for name, column in zip(names, values, strict=True)
            for seed, value in enumerate(column)
        ]
    )


def compare(values):
    """Compare with the first of the settings."""
    return paired_differences(long(values), "setting", "loss", baseline="a")


def excludes_zero(table):
    return (table["low"] > 0) | (table["high"] < 0)


# --- holm ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        # The example of the Wikipedia article "Holm-Bonferroni method".
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # As R prints them for p.adjust(p, "holm").
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.4, 0.9, 0.5], [1, 1, 1]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([0.02], [0.02]),
        ([0, 1], [0, 1]),
        ([], []),
    ],
)
def test_holm_of_worked_examples(raw, adjusted):
    assert holm(raw) == pytest.approx(np.array(adjusted, float), abs=1e-12)


@properties
@given(raw=p_values, alpha=st.floats(0.001, 0.999))
def test_holm_rejects_what_the_procedure_does_step_by_step(raw, alpha):
    # Whatever alpha is, so that this says all of the adjusted values.
    rejected = set()
    for step, i in enumerate(np.argsort(raw, kind="stable")):
        if raw[i] * (len(raw) - step) > alpha:
            break
        rejected.add(i)
    assert set(np.flatnonzero(holm(raw) <= alpha)) == rejected


# --- paired_differences -------------------------------------------------------------------------


def test_paired_differences_remove_what_the_settings_share():
    shared = np.array([0.0, 10.0, -5.0, 3.0])
    table = compare([shared, shared + 1])
    assert list(table.columns) == ["setting", "estimate", "low", "high", "n", "p", "confidence"]
    # Without any spread the difference is certain.
    assert table.to_numpy().tolist() == [["b", 1.0, 1.0, 1.0, 4, 0.0, 0.95]]


def test_one_other_setting_has_the_plain_interval_and_scipys_p():
    values = np.random.default_rng(0).normal(size=(2, 6))
    (row,) = compare(values).itertuples()
    assert (row.estimate, row.low, row.high) == mean_interval(values[1] - values[0])
    assert row.p == pytest.approx(stats.ttest_rel(values[1], values[0]).pvalue)
    assert (row.n, row.confidence) == (6, 0.95)


def test_each_row_has_the_level_at_which_holm_judges_it():
    # The larger the effect, the earlier its step; c, the third, is not rejected, nor is then d.
    noise = np.array([-1.0, -0.5, 0, 0.5, 1])
    table = compare([0 * noise, 9 + noise, 0.5 + noise, noise / 4, 5 + noise]).set_index("setting")
    assert table.index.tolist() == ["b", "c", "d", "e"]
    steps = np.array([4, 2, 2, 3])
    assert table["confidence"].to_numpy() == pytest.approx(1 - 0.05 / steps)
    raw = [stats.ttest_1samp(effect + noise, 0).pvalue for effect in (9, 0.5, 0, 5)]
    assert table["p"].to_numpy() == pytest.approx(holm(raw))
    assert excludes_zero(table).tolist() == [True, False, False, True]


def test_equal_p_values_have_the_same_level():
    gain = np.array([4.0, 5, 6, 7])
    table = compare([0 * gain, gain, -gain, gain])
    assert table["confidence"].to_numpy() == pytest.approx(1 - 0.05 / 3)
    assert len(set(table["p"])) == 1
    assert excludes_zero(table).all()


@properties
@given(
    seed=st.integers(0, 2**32 - 1),
    others=st.integers(1, 6),
    n=st.integers(2, 8),
    effect=st.floats(0, 3),
)
def test_interval_excludes_zero_exactly_where_p_is_small(seed, others, n, effect):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(others + 1, n)) + effect * rng.normal(size=(others + 1, 1))
    table = compare(values)
    np.testing.assert_array_equal(excludes_zero(table), table["p"] <= 1 - 0.95)
    # And each holds the plain interval.
    assert (table["confidence"] >= 0.95 - 1e-12).all()
    for row, value in zip(table.itertuples(), values[1:], strict=True):
        estimate, low, high = mean_interval(value - values[0])
        assert row.low <= low + 1e-9
        assert row.high >= high - 1e-9
        assert row.estimate == estimate


def test_literally_identical_settings_do_not_differ():
    values = np.random.default_rng(0).normal(size=5)
    table = compare([values, values])
    assert table[["low", "high", "p"]].to_numpy().tolist() == [[0, 0, 1]]


def test_equal_differences_are_certain_even_where_their_mean_is_rounded():
    (row,) = compare([[0.0] * 3, [0.1] * 3]).itertuples()
    assert row.low == row.high == pytest.approx(0.1)
    assert row.p == 0


def test_only_seeds_that_the_baseline_has_too_count():
    frame = long([[1.0, 2.0, 4.0, 9.0], [5.0, 7.0, 8.0, 3.0], [3.0, 2.0, 1.0, 2.0]])
    frame = frame[~((frame["setting"] == "a") & (frame["seed"] == 3))]
    frame = frame[~((frame["setting"] == "c") & (frame["seed"] == 1))]
    # Neither does the order of the rows.
    table = paired_differences(frame.iloc[::-1], "setting", "loss", baseline="a")
    assert table["setting"].tolist() == ["c", "b"]
    assert table["n"].tolist() == [2, 3]
    assert table["estimate"].tolist() == [(2 - 3) / 2, (4 + 5 + 4) / 3]


@pytest.mark.parametrize("names", [(3, 1, 0), (0.5, 0.0, 2.5), ((512,), (), (9, 9))])
def test_settings_keep_their_kind_and_order(names):
    values = np.random.default_rng(0).normal(size=(3, 4))
    frame = long(values, names)
    before = frame.copy()
    table = paired_differences(frame, "setting", "loss", baseline=names[1])
    assert table["setting"].tolist() == [names[0], names[2]]
    pd.testing.assert_frame_equal(frame, before)


def test_baseline_alone_leaves_an_empty_table():
    table = compare([[1.0, 2.0]])
    assert table.empty
    assert list(table.columns) == ["setting", "estimate", "low", "high", "n", "p", "confidence"]


def test_paired_differences_name_an_unknown_baseline():
    with pytest.raises(ValueError, match=r"no setting 'b'; there are: \['a'\]"):
        paired_differences(long([[1.0, 2.0]]), "setting", "loss", baseline="b")


def test_paired_differences_name_a_setting_with_too_few_pairs():
    with pytest.raises(ValueError, match="'c' and the baseline 'a' have 1 of their seeds"):
        compare([[1.0, 2.0], [1.0, 3.0], [1.0]])


def test_paired_differences_name_a_pair_that_occurs_twice():
    frame = long([[1.0, 2.0], [1.0, 3.0]])
    frame = pd.concat([frame, frame.iloc[[3]]])
    with pytest.raises(ValueError, match=r"'b' with seed 1 has loss 3\.0, for the second time"):
        paired_differences(frame, "setting", "loss", baseline="a")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_paired_differences_name_a_value_that_is_not_a_number(wrong):
    with pytest.raises(ValueError, match=f"'b' with seed 1 has loss {wrong}, and none"):
        compare([[1.0, 2.0], [1.0, wrong]])


@pytest.mark.parametrize("column", ["setting", "seed"])
def test_paired_differences_refuse_a_row_that_belongs_nowhere(column):
    frame = long([[1.0, 2.0], [1.0, 3.0]]).astype({column: object})
    frame.loc[3, column] = None
    with pytest.raises(ValueError, match=r"has loss 3\.0, and none of them may be NaN"):
        paired_differences(frame, "setting", "loss", baseline="a")


# --- By simulation ------------------------------------------------------------------------------
# What `paired_differences` does with the differences, without the frame, which takes most time.


def simulated(differences):
    """Return the intervals' bounds, shape (draws, settings, 2), of as many comparisons."""
    tables = (_holm_intervals(list(draw)) for draw in differences)
    return np.array([[(row["low"], row["high"]) for row in table] for table in tables])


def test_simulation_computes_what_paired_differences_does():
    values = np.random.default_rng(0).normal(size=(4, 5))
    table = compare(values)
    np.testing.assert_array_equal(simulated([values[1:] - values[0]])[0], table[["low", "high"]])


@pytest.mark.parametrize("n", [3, 5, 10])
def test_paired_interval_covers_the_true_difference_in_95_of_100_cases(n):
    rng = np.random.default_rng(n)
    # What a draw does to both settings varies more than what it does to one.
    shared = rng.normal(scale=3, size=(2_000, 1, n))
    baseline, other = (shared + rng.normal(gain, 1, shared.shape) for gain in (0, 0.5))
    low, high = simulated(other - baseline).T
    assert 0.93 < ((low <= 0.5) & (high >= 0.5)).mean() < 0.97


@pytest.mark.parametrize(
    ("others", "fewest", "most"),
    # All settings share one baseline, so four are wrong together more often than independent
    # ones: Holm's 5 % are an upper bound.
    [(1, 0.03, 0.07), (4, 0.01, 0.065)],
)
def test_equal_settings_are_told_apart_in_5_of_100_cases_at_most(others, fewest, most):
    values = np.random.default_rng(others).normal(size=(1_500, others + 1, 5))
    low, high = simulated(values[:, 1:] - values[:, :1]).T
    wrong = ((low > 0) | (high < 0)).any(axis=0).mean()
    assert fewest <= wrong <= most


def test_each_of_several_intervals_covers_its_difference_in_95_of_100_cases_at_least():
    effects = np.array([0, 0.5, 1, 4])
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(1_500, 5, 6))
    low, high = simulated(draws[:, 1:] + effects[:, None] - draws[:, :1]).T
    covered = ((low <= effects[:, None]) & (high >= effects[:, None])).mean(axis=1)
    assert (covered > 0.945).all()


# --- ratio_interval -------------------------------------------------------------------------------

numbers = st.lists(st.floats(-10, 10).map(lambda x: round(x, 3)), min_size=4, max_size=4)


@properties
@given(numerators=numbers, denominators=numbers, ratio=st.floats(-20, 20))
def test_the_interval_holds_the_ratios_that_student_does_not_reject(
    numerators, denominators, ratio
):
    n, d = np.array(numerators), np.array(denominators)
    found = ratio_interval(n, d)
    if np.ptp(n - ratio * d) < 1e-6 or not np.isfinite(found.low):
        return  # the test is undefined, or nothing is said
    p = stats.ttest_1samp(n - ratio * d, 0).pvalue
    if abs(p - 0.05) > 1e-6:
        assert (p > 0.05) == (found.low < ratio < found.high)


def test_constant_denominator_scales_the_interval_of_a_mean():
    values = np.array([1.0, 2.0, 4.0])
    expected = np.divide(mean_interval(values), 5)
    assert ratio_interval(values, [5.0] * 3) == pytest.approx(expected)
    assert ratio_interval(-values, [-5.0] * 3) == pytest.approx(expected)


def test_denominator_that_may_be_zero_says_nothing():
    found = ratio_interval([1.0, 2.0, 3.0], [-1.0, 0.5, 2.0])
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert found.estimate == pytest.approx(4)
    assert ratio_interval([1.0, 2.0], [-1.0, 1.0]).estimate == np.inf


def test_coverage_is_that_of_the_confidence():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2_000):
        shared = rng.normal(size=5)
        numerators = 2 + shared + 0.5 * rng.normal(size=5)
        denominators = 3 + 0.5 * shared + 0.2 * rng.normal(size=5)
        found = ratio_interval(numerators, denominators)
        covered += found.low < 2 / 3 < found.high
    assert 0.93 < covered / 2_000 < 0.97


@pytest.mark.parametrize(
    ("numerators", "denominators", "told"),
    [
        ([1.0], [2.0], "at least two repetitions"),
        ([1.0, np.nan], [1.0, 2.0], "NaN"),
        ([[1.0, 2.0]], [1.0, 2.0], "shape"),
    ],
)
def test_bad_pairs_are_told(numerators, denominators, told):
    with pytest.raises(ValueError, match=told):
        ratio_interval(numerators, denominators)


# --- equivalent_size ------------------------------------------------------------------------------

positive = st.floats(0.01, 1)


def repeated(scores, n=3):
    """The same curve in every repetition."""
    return np.tile(scores, (n, 1))


def test_equivalent_size_lies_halfway_on_the_logarithm():
    # 0.6 at 100, 0.7 at 1,000: 0.65 is reached at their geometric mean, 0.8 a decade further.
    curve = repeated([0.6, 0.7])
    halfway = 100 * np.sqrt(10)
    assert equivalent_size([100, 1000], curve, [0.65] * 3) == pytest.approx([halfway] * 3)
    assert equivalent_size([100, 1000], curve, [0.8] * 3).estimate == pytest.approx(10_000)


def test_scattered_scores_are_fitted_by_least_squares():
    # Over log10 m = 1, 2, 3 the scores 0, 3, 3 have the line 1.5 log10 m - 1.
    found = equivalent_size([10, 100, 1000], repeated([0, 3, 3]), [2] * 3)
    assert np.log10(found.estimate) == pytest.approx(2)


def test_curves_of_equal_slope_leave_the_uncertainty_of_a_difference():
    # With slope 1 per unit of the logarithm the size's logarithm is the height above the line.
    rng = np.random.default_rng(0)
    sizes, above, level = np.exp([1.0, 2.0, 3.0]), rng.normal(size=5), rng.normal(size=5)
    scores = level[:, None] + np.log(sizes)
    found = equivalent_size(sizes, scores, level + above)
    assert np.log(found) == pytest.approx(mean_interval(above))


@properties
@given(
    sizes=st.lists(st.integers(1, 10**6), min_size=2, max_size=6, unique=True),
    slope=positive,
    intercept=st.floats(-1, 1),
    wanted=st.integers(1, 10**6),
)
def test_size_on_a_line_is_found_again(sizes, slope, intercept, wanted):
    def scores(m):
        return intercept + slope * np.log(m)

    found = equivalent_size(sizes, repeated(scores(np.array(sizes))), [scores(wanted)] * 3)
    assert np.log(found.estimate) == pytest.approx(np.log(wanted), abs=1e-3)


@properties
@given(
    scores=st.lists(st.lists(positive, min_size=3, max_size=3), min_size=3, max_size=3),
    score=st.lists(positive, min_size=3, max_size=3),
    better=positive,
)
def test_better_score_needs_no_fewer_examples(scores, score, better):
    sizes, score = [100, 300, 1000], np.array(score)
    one, other = (equivalent_size(sizes, scores, s) for s in (score, score + better))
    assert one.estimate <= other.estimate
    assert one.low <= one.high


def test_repetitions_that_do_not_tell_whether_more_data_help_leave_the_size_open():
    sizes, scores = [100, 1000], [[0.6, 0.5], [0.6, 0.72], [0.58, 0.7]]
    found = equivalent_size(sizes, scores, [0.7] * 3)
    assert (found.low, found.high) == (0, np.inf)
    assert 100 < found.estimate < np.inf


def test_score_beyond_reach_needs_infinitely_many_where_more_data_do_not_help():
    falling = repeated([0.7, 0.6])
    assert equivalent_size([100, 1000], falling, [0.8] * 3) == (np.inf, 0, np.inf)
    assert equivalent_size([100, 1000], falling, [0.5] * 3) == (0, 0, np.inf)
    hardly_rising = repeated([0.6, 0.6 + 1e-9])
    assert equivalent_size([100, 1000], hardly_rising, [0.9] * 3).estimate == np.inf


@pytest.mark.parametrize(
    ("sizes", "scores", "score", "told"),
    [
        ([100], [[0.5], [0.6]], [0.5, 0.5], "at least two of them different"),
        ([100, 100], [[0.5, 0.6]] * 2, [0.5, 0.5], "at least two of them different"),
        ([100, 200], [[0.5], [0.6]], [0.5, 0.5], r"got the shapes \(2,\), \(2, 1\) and \(2,\)"),
        ([100, 200], [[0.5, 0.6]] * 3, [0.5, 0.5], r"got the shapes \(2,\), \(3, 2\) and \(2,\)"),
        ([100, 200], [0.5, 0.6], [0.5, 0.5], "n rows of k scores"),
        ([100, 200], [[0.5, 0.6]] * 2, 0.5, "n scores to read off"),
        ([1, 10], [[0.5, 0.6]], [0.5], "at least two repetitions"),
    ],
)
def test_bad_curve_is_told(sizes, scores, score, told):
    with pytest.raises(ValueError, match=told):
        equivalent_size(sizes, scores, score)


# --- Calibration ----------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)

# Confidences 0.5, 0.75, 0.75, 0.9; right, right, wrong, right. With four bins (0.25, 0.5] holds
# the first, (0.5, 0.75] the next two, though 0.75 is its edge, and (0.75, 1] the last.
Y = [0, 1, 1, 2]
PROBABILITIES = [[0.5, 0.25, 0.25], [0.25, 0.75, 0], [0.75, 0.25, 0], [0, 0.1, 0.9]]


def predictions(seed, n=50, classes=4):
    rng = np.random.default_rng(seed)
    return rng.integers(classes, size=n), rng.dirichlet(np.ones(classes), size=n)


def two_classes(confidence, right):
    """Return labels and probabilities with these confidences, right or not."""
    confidence = np.asarray(confidence)
    return 1 - np.asarray(right, int), np.stack([confidence, 1 - confidence], axis=1)


def test_reliability_worked_by_hand():
    table = reliability(Y, PROBABILITIES, bins=4)
    assert list(table.columns) == ["low", "high", "confidence", "accuracy", "n"]
    expected = [
        [0, 0.25, np.nan, np.nan, 0],
        [0.25, 0.5, 0.5, 1, 1],
        [0.5, 0.75, 0.75, 0.5, 2],
        [0.75, 1, 0.9, 1, 1],
    ]
    np.testing.assert_allclose(table.to_numpy(), expected)
    assert np.issubdtype(table["n"].dtype, np.integer)


def test_calibration_error_worked_by_hand():
    # Gaps 0.5, 0.25 and 0.1, of one, two and one prediction.
    expected = (0.5 + 2 * 0.25 + 0.1) / 4
    assert expected_calibration_error(Y, PROBABILITIES, bins=4) == pytest.approx(expected)


def test_the_default_is_fifteen_bins():
    table = reliability(Y, PROBABILITIES)
    np.testing.assert_allclose(table["high"], np.arange(1, 16) / 15)


def test_a_sure_prediction_is_in_the_last_bin_even_if_rounded_above_one():
    table = reliability([0, 0], [[1, 0], [1.0005, 0]], bins=10)
    assert table["n"].tolist() == [0] * 9 + [2]
    assert expected_calibration_error([0, 0], [[1, 0], [1.0005, 0]]) == 0


def test_perfectly_calibrated_predictions_have_an_error_near_zero():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 50_000)
    y, probabilities = two_classes(confidence, rng.random(50_000) < confidence)
    # Each of the eight bins scatters by 0.5 / sqrt(6000) = 0.006 or less.
    assert expected_calibration_error(y, probabilities) < 0.01


def test_overconfident_predictions_have_the_error_that_they_claim_too_much():
    # 99 % sure, and right in 3 of 4 cases.
    y, probabilities = two_classes([0.99] * 400, np.arange(400) % 4 > 0)
    assert expected_calibration_error(y, probabilities) == pytest.approx(0.24)


@properties
@given(seed=seeds, bins=st.integers(1, 30), classes=st.integers(2, 6))
def test_reliability_counts_every_prediction_in_its_bin(seed, bins, classes):
    y, probabilities = predictions(seed, classes=classes)
    table = reliability(y, probabilities, bins)
    assert len(table) == bins
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == y
    for row in table.itertuples():
        inside = (row.low < confidence) & (confidence <= row.high)
        assert row.n == inside.sum()
        if row.n:
            assert row.confidence == pytest.approx(confidence[inside].mean())
            assert row.accuracy == pytest.approx(right[inside].mean())


@properties
@given(seed=seeds, bins=st.integers(1, 30), n=st.integers(1, 60))
def test_calibration_error_is_a_share_and_does_not_see_the_order(seed, bins, n):
    y, probabilities = predictions(seed, n)
    error = expected_calibration_error(y, probabilities, bins)
    assert type(error) is float
    assert 0 <= error <= 1
    order = np.random.default_rng(seed).permutation(n)
    again = expected_calibration_error(y[order], probabilities[order], bins)
    assert again == pytest.approx(error, abs=1e-12)


@properties
@given(seed=seeds, n=st.integers(1, 60))
def test_one_bin_compares_the_means_and_more_bins_see_more(seed, n):
    y, probabilities = predictions(seed, n)
    accuracy = (probabilities.argmax(axis=1) == y).mean()
    one = expected_calibration_error(y, probabilities, bins=1)
    assert one == pytest.approx(abs(accuracy - probabilities.max(axis=1).mean()))
    # Gaps of opposite sign cancel within a bin, so that halving the bins can only raise the error.
    errors = [expected_calibration_error(y, probabilities, bins) for bins in (1, 2, 4, 8)]
    assert (np.diff(errors) >= -1e-12).all()


# --- What is refused ----------------------------------------------------------------------------

HALF = [0.5, 0.5]


@pytest.mark.parametrize("function", [reliability, expected_calibration_error])
@pytest.mark.parametrize(
    ("y", "probabilities", "message"),
    [
        ([0, 1], [HALF], "got (2,) and (1, 2)"),
        ([[1, 0]], [HALF], "got (1, 2) and (1, 2)"),
        ([0, 1], HALF, "got (2,) and (2,)"),
        ([], np.empty((0, 2)), "n at least 1, got (0,) and (0, 2)"),
        ([0, 1], [HALF, [np.nan, 0.5]], "Row 1 is [nan 0.5]"),
        ([0, 1], [HALF, [3, 1]], "pass probabilities, not logits"),
        ([0, 1], [HALF, [2, -1]], "no negative entry"),
        ([0, 1], [HALF, [np.inf, 0]], "pass probabilities, not logits"),
        ([0], [[0.5, 0.498]], "pass probabilities, not logits"),
        ([0], [[]], "pass probabilities, not logits"),
        ([0, 2], [HALF, HALF], "There are 2 classes, numbered from 0, got label 2"),
        ([0, -1], [HALF, HALF], "got label -1"),
        ([0, 0.5], [HALF, HALF], "got label 0.5"),
        ([0, np.nan], [HALF, HALF], "got label nan"),
    ],
)
def test_predictions_that_do_not_fit_are_named(function, y, probabilities, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        function(y, probabilities)
