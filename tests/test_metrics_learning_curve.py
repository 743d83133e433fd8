"""What a learning curve says: worked by hand, and what holds for all lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.metrics import equivalent_size, mean_interval

properties = settings(derandomize=True, deadline=None, max_examples=50)
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
        ([0, 10], [[0.5, 0.6]] * 2, [0.5, 0.5], "A sample size is positive, got 0"),
        ([-5, 10], [[0.5, 0.6]] * 2, [0.5, 0.5], "A sample size is positive, got -5"),
        ([1, 10], [[0.5, 0.6]], [0.5], "at least two repetitions"),
    ],
)
def test_bad_curve_is_told(sizes, scores, score, told):
    with pytest.raises(ValueError, match=told):
        equivalent_size(sizes, scores, score)
