"""Fieller's interval for a ratio of means: from its definition, in limits, and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coursehelpers.metrics import mean_interval, ratio_interval

properties = settings(derandomize=True, deadline=None, max_examples=50)
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
        found = ratio_interval(numerators, denominators, confidence=0.9)
        covered += found.low < 2 / 3 < found.high
    assert 0.88 < covered / 2_000 < 0.92


@pytest.mark.parametrize(
    ("numerators", "denominators", "told"),
    [
        ([1.0], [2.0], "at least two repetitions"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "got 2 and 3"),
        ([1.0, np.nan], [1.0, 2.0], "NaN"),
        ([[1.0, 2.0]], [1.0, 2.0], "shape"),
    ],
)
def test_bad_pairs_are_told(numerators, denominators, told):
    with pytest.raises(ValueError, match=told):
        ratio_interval(numerators, denominators)
