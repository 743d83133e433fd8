"""What a learning curve says: worked by hand, and what holds for all lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.metrics import equivalent_size

properties = settings(derandomize=True, deadline=None, max_examples=50)
positive = st.floats(0.01, 1)


def test_equivalent_size_lies_halfway_on_the_logarithm():
    # 0.6 at 100, 0.7 at 1,000: 0.65 is reached at their geometric mean.
    assert equivalent_size([100, 1000], [0.6, 0.7], 0.65) == pytest.approx(100 * np.sqrt(10))
    assert equivalent_size([100, 1000], [0.6, 0.7], 0.8) == pytest.approx(10_000)


def test_scattered_scores_are_fitted_by_least_squares():
    # Over log10 m = 1, 2, 3 the scores 0, 3, 3 have the line 1.5 log10 m - 1.
    size = equivalent_size([10, 100, 1000], [0, 3, 3], 2)
    assert np.log10(size) == pytest.approx(2)
    assert np.log10(equivalent_size([10, 100, 1000], [0, 3, 3], 0.5)) == pytest.approx(1)


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

    found = equivalent_size(sizes, scores(np.array(sizes)), scores(wanted))
    assert np.log(found) == pytest.approx(np.log(wanted), abs=1e-3)


@properties
@given(scores=st.lists(positive, min_size=3, max_size=3), score=positive, better=positive)
def test_better_score_needs_no_fewer_examples(scores, score, better):
    sizes = [100, 300, 1000]
    assert equivalent_size(sizes, scores, score) <= equivalent_size(sizes, scores, score + better)


def test_score_beyond_reach_needs_infinitely_many_where_more_data_do_not_help():
    assert equivalent_size([100, 1000], [0.7, 0.6], 0.8) == np.inf
    assert equivalent_size([100, 1000], [0.7, 0.6], 0.5) == 0
    assert np.isfinite(equivalent_size([100, 1000], [0.6, 0.6 + 1e-9], 0.9))


@pytest.mark.parametrize(
    ("sizes", "scores", "told"),
    [
        ([100], [0.5], "at least two different sizes"),
        ([100, 100], [0.5, 0.6], "at least two different sizes"),
        ([100, 200], [0.5], "same length.*got the shapes"),
        ([[1, 2]], [[1, 2]], "got the shapes"),
        ([0, 10], [0.5, 0.6], "A sample size is positive, got 0"),
        ([-5, 10], [0.5, 0.6], "A sample size is positive, got -5"),
    ],
)
def test_bad_curve_is_told(sizes, scores, told):
    with pytest.raises(ValueError, match=told):
        equivalent_size(sizes, scores, 0.5)
