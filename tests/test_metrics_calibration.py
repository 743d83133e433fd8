"""Reliability and calibration error: worked by hand, by simulation, and what holds for all."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.metrics import expected_calibration_error, reliability

# The same examples in every run, and no time limit per example: a shared runner can stall.
properties = settings(derandomize=True, deadline=None, max_examples=100)
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


def test_small_samples_raise_the_error_of_perfect_calibration():
    # As the docstring warns.
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, (200, 30))
    right = rng.random((200, 30)) < confidence
    errors = [
        expected_calibration_error(*two_classes(*draw))
        for draw in zip(confidence, right, strict=True)
    ]
    assert np.mean(errors) > 0.1


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


@properties
@given(seed=seeds)
def test_calibration_does_not_see_how_classes_are_numbered(seed):
    y, probabilities = predictions(seed)
    order = np.random.default_rng(seed).permutation(4)
    again = expected_calibration_error(np.argsort(order)[y], probabilities[:, order])
    assert again == pytest.approx(expected_calibration_error(y, probabilities), abs=1e-12)


def test_single_precision_is_precise_enough():
    y, probabilities = predictions(0, 5_000)
    single = probabilities.astype(np.float32)
    assert expected_calibration_error(y.astype(np.uint8), single) == pytest.approx(
        expected_calibration_error(y, probabilities), abs=1e-3
    )


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
        ([0, 1], [HALF, [np.nan, 0.5]], "A probability is NaN"),
        ([0, 1], [HALF, [3, 1]], "pass probabilities, not logits"),
        ([0, 1], [HALF, [3, 1]], "Row 1 is [3. 1.]"),
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


@pytest.mark.parametrize("bins", [0, -3])
def test_too_few_bins_are_named(bins):
    with pytest.raises(ValueError, match=f"at least 1, got {bins}"):
        reliability(Y, PROBABILITIES, bins)
