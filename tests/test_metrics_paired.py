"""Holm's procedure and the comparison with a baseline: worked examples, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coursehelpers.metrics import holm, mean_interval, paired_differences
from coursehelpers.metrics.intervals import _holm_intervals

# The same examples in every run, and no time limit per example: a shared runner can stall.
properties = settings(derandomize=True, deadline=None, max_examples=100)
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


def compare(values, **options):
    """Compare with the first of the settings."""
    return paired_differences(long(values), "setting", "loss", baseline="a", **options)


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
@given(raw=p_values)
def test_holm_lies_between_the_raw_values_and_bonferronis(raw):
    adjusted, raw = holm(raw), np.array(raw)
    assert adjusted.shape == raw.shape
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(len(raw) * raw, 1)).all()


@properties
@given(raw=p_values)
def test_holm_keeps_the_order_and_equal_values_equal(raw):
    adjusted = holm(raw)
    order = np.argsort(raw)
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (np.diff(adjusted[order])[np.diff(np.array(raw)[order]) == 0] == 0).all()


@properties
@given(raw=p_values, seed=st.integers(0, 2**32 - 1))
def test_holm_moves_with_its_values(raw, seed):
    order = np.random.default_rng(seed).permutation(len(raw))
    np.testing.assert_array_equal(holm(np.array(raw)[order]), holm(raw)[order])


@properties
@given(raw=p_values, alpha=st.floats(0.001, 0.999))
def test_holm_rejects_what_the_procedure_does_step_by_step(raw, alpha):
    rejected = set()
    for step, i in enumerate(np.argsort(raw, kind="stable")):
        if raw[i] * (len(raw) - step) > alpha:
            break
        rejected.add(i)
    assert set(np.flatnonzero(holm(raw) <= alpha)) == rejected


@pytest.mark.parametrize("wrong", [-0.1, 1.5, np.nan, np.inf])
def test_holm_names_what_is_not_a_p_value(wrong):
    with pytest.raises(ValueError, match=f"between 0 and 1, got {wrong}"):
        holm([0.5, wrong])


@pytest.mark.parametrize(("wrong", "shape"), [(0.5, r"\(\)"), ([[0.5, 0.1]], r"\(1, 2\)")])
def test_holm_names_the_shape_of_what_is_not_a_row(wrong, shape):
    with pytest.raises(ValueError, match=rf"must have shape \(k,\), got {shape}"):
        holm(wrong)


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
    confidence=st.sampled_from([0.5, 0.8, 0.95, 0.99]),
)
def test_interval_excludes_zero_exactly_where_p_is_small(seed, others, n, effect, confidence):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(others + 1, n)) + effect * rng.normal(size=(others + 1, 1))
    table = compare(values, confidence=confidence)
    np.testing.assert_array_equal(excludes_zero(table), table["p"] <= 1 - confidence)
    # And each holds the plain interval.
    assert (table["confidence"] >= confidence - 1e-12).all()
    for row, value in zip(table.itertuples(), values[1:], strict=True):
        estimate, low, high = mean_interval(value - values[0], confidence)
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


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_paired_differences_name_what_is_not_a_confidence(confidence):
    with pytest.raises(ValueError, match=f"such as 0.95, got {confidence}"):
        compare([[1.0, 2.0], [1.0, 3.0], [2.0, 5.0]], confidence=confidence)


# --- By simulation ------------------------------------------------------------------------------
# What `paired_differences` does with the differences, without the frame, which takes most time.


def simulated(differences):
    """Return the intervals' bounds, shape (draws, settings, 2), of as many comparisons."""
    tables = (_holm_intervals(list(draw), 0.95) for draw in differences)
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
