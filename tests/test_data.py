"""What the draws, subsets, splits and corrupted labels keep to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.data import (
    Split,
    corrupt_labels,
    make_regression,
    split,
    subset,
)

# The same examples in every run, and no time limit per example: a shared runner can stall.
properties = settings(derandomize=True, deadline=None, max_examples=100)
seeds = st.integers(0, 2**32 - 1)
bad_seeds = pytest.mark.parametrize(
    "seed", [None, True, -1, 1.5, "1", [1, -1], (1, 2.5), np.random.default_rng(0)]
)

# How many standard errors a mean may be away from its expectation. The draws are seeded, so a
# test that passes once passes always; a right implementation with other draws would fail in one
# of 15,000 tests.
SIGMAS = 4
# --- make_regression ----------------------------------------------------------------------------


@properties
@given(m=st.integers(1, 20), d=st.integers(1, 20), seed=seeds)
def test_regression_has_unit_norm_weights_and_repeats_with_its_seed(m, d, seed):
    x, y, w = make_regression(m, d, seed=seed)
    assert (x.shape, y.shape, w.shape) == ((m, d), (m,), (d,))
    assert x.dtype == y.dtype == w.dtype == np.float64
    assert np.linalg.norm(w) == pytest.approx(1)
    for first, again in zip((x, y, w), make_regression(m, d, seed=seed), strict=True):
        np.testing.assert_array_equal(first, again)
    assert not np.array_equal(x, make_regression(m, d, seed=seed + 1)[0])


@properties
@given(m=st.integers(1, 20), d=st.integers(1, 20), seed=seeds)
def test_regression_without_noise_is_exact_and_noise_is_in_units_of_the_label(m, d, seed):
    x, y, w = make_regression(m, d, noise=0, seed=seed)
    np.testing.assert_array_equal(y, x @ w)
    once = make_regression(m, d, noise=1, seed=seed)[1] - y
    twice = make_regression(m, d, noise=2, seed=seed)[1] - y
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2, [3, 4]])
def test_regression_on_one_feature_has_slope_one(seed):
    assert make_regression(m=5, seed=seed)[2].tolist() == [1.0]


def test_regression_draws_standard_normal_features_and_noise():
    m, d, noise = 20_000, 3, 0.5
    x, y, w = make_regression(m, d, noise)
    residuals = (y - x @ w) / noise
    for z in (*x.T, residuals):
        # Moments of the standard normal law, and the variance of what is averaged; the fourth
        # moment tells it from other laws of variance 1.
        for power, moment, variance in ((1, 0, 1), (2, 1, 2), (4, 3, 96)):
            assert abs((z**power).mean() - moment) < SIGMAS * np.sqrt(variance / m)
    z = np.column_stack((x, residuals))
    products = z.T @ z / m
    assert np.abs(products[~np.eye(d + 1, dtype=bool)]).max() < SIGMAS / np.sqrt(m)


@pytest.mark.parametrize(("m", "d", "noise"), [(20, 1, 1.0), (40, 10, 0.5), (60, 30, 2.0)])
def test_least_squares_errors_have_their_closed_form(m, d, noise):
    # Averaged over the draws, least squares on m examples errs by sigma^2 (1 - d/m) on them and
    # by sigma^2 (1 + d / (m - d - 1)) on new ones (Belkin, Hsu and Xu 2020).
    draws, errors = 1000, []
    for seed in range(draws):
        x, y, _ = make_regression(2 * m, d, noise, seed=[m, seed])
        fitted = np.linalg.lstsq(x[:m], y[:m])[0]
        squares = (y - x @ fitted) ** 2
        errors.append((squares[:m].mean(), squares[m:].mean()))
    means = np.mean(errors, axis=0)
    expected = noise**2 * np.array([1 - d / m, 1 + d / (m - d - 1)])
    standard_errors = np.std(errors, axis=0, ddof=1) / np.sqrt(draws)
    np.testing.assert_array_less(np.abs(means - expected), SIGMAS * standard_errors)
    # The tolerance is small enough to tell the two errors from sigma^2.
    np.testing.assert_array_less(SIGMAS * standard_errors, np.abs(expected - noise**2))


@pytest.mark.parametrize("name", ["m", "d"])
@pytest.mark.parametrize("value", [0, -3, 2.0, True, "5", None])
def test_regression_names_a_bad_count(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be an integer .*{value!r}"):
        make_regression(**{"m": 5, name: value})


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf")])
def test_regression_names_a_bad_noise(noise):
    with pytest.raises(ValueError, match=f"^noise is .*{noise!r}"):
        make_regression(5, noise=noise)


# --- subset and split ---------------------------------------------------------------------------


@st.composite
def labels_and_size(draw):
    y = np.array(draw(st.lists(st.integers(0, 4), min_size=1, max_size=60)))
    return y, draw(st.integers(1, len(y)))


def counts_of(y, like):
    """Return how often each class of `like` is in `y`."""
    return np.array([(y == label).sum() for label in np.unique(like)])


@properties
@given(labels_and_size(), seeds)
def test_subset_has_its_size_and_every_class_its_share(case, seed):
    y, size = case
    chosen, labels = subset(np.arange(len(y)), y, size, seed)
    assert len(chosen) == len(set(chosen.tolist())) == size
    np.testing.assert_array_equal(labels, y[chosen])
    quota = size * counts_of(y, y) / len(y)
    assert (np.abs(counts_of(labels, y) - quota) < 1).all()
    again, _ = subset(np.arange(len(y)), y, size, seed)
    np.testing.assert_array_equal(chosen, again)


def test_subset_keeps_dtypes_shapes_and_inputs():
    x, y = np.zeros((10, 2, 3), np.float32), np.repeat([3, 7], 5).astype(np.uint8)
    before = y.copy()
    x_part, y_part = subset(x, y, size=4)
    assert (x_part.shape, x_part.dtype) == ((4, 2, 3), np.float32)
    assert (sorted(y_part.tolist()), y_part.dtype) == ([3, 3, 7, 7], np.uint8)
    np.testing.assert_array_equal(y, before)
    x_part += 1
    assert not x.any()


def test_subset_takes_lists_and_numpy_sizes():
    x, y = subset([10, 11, 12, 13], [0, 1, 0, 1], size=np.int64(2))
    assert sorted(y.tolist()) == [0, 1]
    assert set(x.tolist()) <= {10, 11, 12, 13}


def test_subset_comes_in_random_order_and_differs_by_seed():
    x, y = np.arange(200), np.arange(200) % 2
    one, other = subset(x, y, 100, seed=1)[0], subset(x, y, 100, seed=2)[0]
    assert set(one.tolist()) != set(other.tolist())
    assert (np.diff(one) < 0).any()
    # In class order, all labels of the first half would be the same.
    assert 0 < subset(x, y, 100, seed=1)[1][:50].mean() < 1


def test_subset_draws_every_example_of_a_class_equally_often():
    y, draws = np.repeat([0, 1], [8, 4]), 2000
    taken = np.zeros(12)
    for seed in range(draws):
        taken[subset(np.arange(12), y, size=6, seed=seed)[0]] += 1
    # Four of eight and two of four: each example is in with probability 1/2.
    assert np.abs(taken / draws - 0.5).max() < SIGMAS * np.sqrt(0.25 / draws)


def test_subset_draws_which_class_gets_the_rounding():
    # One example of two equal classes: each class must get it half of the time.
    draws = 2000
    ones = sum(int(subset(np.arange(4), [0, 0, 1, 1], 1, seed)[1][0]) for seed in range(draws))
    assert abs(ones / draws - 0.5) < SIGMAS * np.sqrt(0.25 / draws)


@pytest.mark.parametrize("size", [0, -1, 3.0, True, "3", None])
def test_subset_names_a_bad_size(size):
    with pytest.raises(ValueError, match=f"^size must be an integer of at least 1, got {size!r}"):
        subset(np.arange(10), np.zeros(10, int), size)


def test_subset_names_a_size_above_the_number_of_examples():
    with pytest.raises(ValueError, match="size is 11, but only 10 examples"):
        subset(np.arange(10), np.zeros(10, int), 11)


def in_one_part(x, y):
    return subset(x, y, size=1)


def in_three_parts(x, y):
    return split(x, y, train=1, validation=1)


@pytest.mark.parametrize("draw", [in_one_part, in_three_parts])
@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (np.zeros((4, 2)), np.zeros(3, int), r"\(4, 2\) and \(3,\)"),
        (np.zeros((4, 2)), np.eye(4), r"one label each.*\(4, 2\) and \(4, 4\)"),
        (np.float64(1), np.zeros(1, int), r"\(\) and \(1,\)"),
        (np.zeros(4), np.array([0, np.nan, 1, np.nan]), "2 are NaN"),
    ],
)
def test_pairs_that_do_not_match_are_refused(draw, x, y, says):
    with pytest.raises(ValueError, match=says):
        draw(x, y)


@st.composite
def labels_and_three_sizes(draw):
    y = np.array(draw(st.lists(st.integers(0, 4), min_size=1, max_size=60)))
    left, sizes = len(y), []
    for _ in range(3):
        sizes.append(draw(st.integers(0, left)))
        left -= sizes[-1]
    return y, draw(st.permutations(sizes))


@properties
@given(labels_and_three_sizes(), seeds)
def test_split_is_disjoint_stratified_and_leaves_the_rest(case, seed):
    y, sizes = case
    asked = dict(zip(Split._fields, sizes, strict=True))
    parts = split(np.arange(len(y)), y, seed=seed, **asked)
    assert isinstance(parts, Split)
    left = np.arange(len(y))
    for position, ((chosen, labels), size) in enumerate(zip(parts, sizes, strict=True), start=1):
        assert len(chosen) == size
        np.testing.assert_array_equal(labels, y[chosen])
        # Stratified over what the parts before have left, whose own rounding adds up.
        if size:
            quota = size * counts_of(y[left], y) / len(left)
            assert (np.abs(counts_of(labels, y) - quota) < 1).all()
        overall = size * counts_of(y, y) / len(y)
        assert (np.abs(counts_of(labels, y) - overall) < position).all()
        left = np.setdiff1d(left, chosen)
    # Nothing is in two parts, and what was not asked for is in none.
    assert len(left) == len(y) - sum(sizes)
    for first, again in zip(parts, split(np.arange(len(y)), y, seed=seed, **asked), strict=True):
        np.testing.assert_array_equal(first[0], again[0])


def test_split_differs_by_seed_and_has_no_test_part_by_default():
    x, y = np.arange(100), np.arange(100) % 2
    one = split(x, y, train=40, validation=10, seed=1)
    other = split(x, y, train=40, validation=10, seed=2)
    assert set(one.train[0].tolist()) != set(other.train[0].tolist())
    assert one.test[0].shape == one.test[1].shape == (0,)


def test_split_keeps_dtypes_and_shapes_even_of_an_empty_part():
    x, y = np.zeros((10, 2, 3), np.float32), np.repeat([3, 7], 5).astype(np.uint8)
    parts = split(x, y, train=6, validation=4, test=0)
    assert [part.shape for part, _ in parts] == [(6, 2, 3), (4, 2, 3), (0, 2, 3)]
    assert {part.dtype for part, _ in parts} == {np.dtype(np.float32)}
    assert {labels.dtype for _, labels in parts} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("name", Split._fields)
@pytest.mark.parametrize("size", [-1, 3.0, True, "3", None])
def test_split_names_a_bad_size(name, size):
    sizes = {"train": 1, "validation": 1, "test": 1, name: size}
    with pytest.raises(ValueError, match=f"^{name} must be an integer of at least 0, got {size!r}"):
        split(np.arange(10), np.zeros(10, int), **sizes)


def test_split_names_sizes_that_exceed_the_examples():
    with pytest.raises(ValueError, match=r"is 11, but only 10 examples .* smaller parts"):
        split(np.arange(10), np.zeros(10, int), train=5, validation=5, test=1)


# --- corrupt_labels -----------------------------------------------------------------------------


@properties
@given(
    y=st.lists(st.integers(0, 9), max_size=60),
    dtype=st.sampled_from([np.uint8, np.int8, np.int64]),
    fraction=st.floats(0, 1),
    more=st.integers(1, 5),
    seed=seeds,
)
def test_corruption_changes_at_most_its_share_of_a_copy(y, dtype, fraction, more, seed):
    y = np.array(y, dtype)
    before = y.copy()
    classes = int(max(y, default=0)) + more
    noisy = corrupt_labels(y, fraction, seed, classes)
    np.testing.assert_array_equal(y, before)
    assert not np.shares_memory(noisy, y)
    assert (noisy.shape, noisy.dtype) == (y.shape, y.dtype)
    assert (noisy != y).sum() <= round(fraction * len(y))
    assert ((noisy >= 0) & (noisy < classes)).all()
    np.testing.assert_array_equal(noisy, corrupt_labels(y, fraction, seed, classes))


@properties
@given(st.lists(st.integers(0, 9), max_size=60), seeds)
def test_corrupting_nothing_keeps_all_labels(y, seed):
    np.testing.assert_array_equal(corrupt_labels(np.array(y, int), 0, seed), y)


@pytest.mark.parametrize("fraction", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("classes", [2, 10])
def test_corruption_changes_all_but_the_labels_right_by_chance(fraction, classes):
    y = np.arange(20_000) % classes
    changed = corrupt_labels(y, fraction) != y
    # A redrawn label differs from the old one with probability p.
    redrawn, p = fraction * len(y), 1 - 1 / classes
    assert abs(changed.sum() / redrawn - p) < SIGMAS * np.sqrt(p * (1 - p) / redrawn)


def test_corruption_draws_which_labels_to_change():
    y = np.arange(200) % 2
    one, other = corrupt_labels(y, 0.5, seed=1), corrupt_labels(y, 0.5, seed=2)
    assert not np.array_equal(one, other)
    # The changes are spread over the array, not the head of it.
    assert (one != y)[100:].any()


def test_labels_that_are_all_random_are_independent_of_the_old_ones():
    classes, n = 10, 50_000
    # Unequal classes, so that a shuffle of the labels would not pass for a uniform draw.
    y = np.repeat(np.arange(classes), np.arange(classes) * 1000 + 500)
    assert len(y) == n
    table = np.zeros((classes, classes))
    np.add.at(table, (y, corrupt_labels(y, fraction=1)), 1)
    expected = np.outer(np.bincount(y), np.full(classes, 1 / classes))
    # Pearson's statistic: every old class is a draw of its own from the uniform distribution, so
    # it follows a chi-squared law of classes * (classes - 1) degrees of freedom.
    freedom = classes * (classes - 1)
    statistic = ((table - expected) ** 2 / expected).sum()
    assert abs(statistic - freedom) < SIGMAS * np.sqrt(2 * freedom)


def test_corruption_takes_the_number_of_classes_from_the_labels_or_the_caller():
    y = np.tile([0, 1, 2], 1000)
    assert set(corrupt_labels(y, 1).tolist()) == {0, 1, 2}
    assert set(corrupt_labels(y, 1, classes=5).tolist()) == set(range(5))
    assert corrupt_labels([0, 1, 2], 0.0).tolist() == [0, 1, 2]


@pytest.mark.parametrize("fraction", [-0.01, 1.01, float("nan"), float("inf")])
def test_corruption_names_a_bad_fraction(fraction):
    with pytest.raises(ValueError, match=f"^fraction must be between 0 .* got {fraction!r}"):
        corrupt_labels(np.arange(3), fraction)


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.zeros((4, 2), int), r"one-dimensional .* shape \(4, 2\)"),
        (np.eye(3), r"one-dimensional .* float64"),
        (np.zeros(3), "class numbers .* float64"),
        (np.zeros(3, bool), "class numbers .* bool"),
        (np.array([0, -2, 1]), "got the label -2"),
    ],
)
def test_corruption_names_bad_labels(y, says):
    with pytest.raises(ValueError, match=says):
        corrupt_labels(y, 0.5)


@pytest.mark.parametrize("classes", [0, -1, 3.0, True, "3"])
def test_corruption_names_a_bad_number_of_classes(classes):
    with pytest.raises(ValueError, match=f"^classes must be an integer .*{classes!r}"):
        corrupt_labels(np.zeros(3, int), 0.5, classes=classes)


def test_corruption_refuses_fewer_classes_than_labels():
    with pytest.raises(ValueError, match="label 4, so classes must be larger, got 4"):
        corrupt_labels(np.array([0, 4]), 0.5, classes=4)


@pytest.mark.parametrize(("dtype", "most"), [(np.uint8, 256), (np.int8, 128)])
def test_corruption_refuses_more_classes_than_the_dtype_holds(dtype, most):
    # The labels would wrap around, to negative ones in int8.
    y = np.zeros(5000, dtype)
    assert corrupt_labels(y, 1, classes=most).max() == most - 1
    with pytest.raises(ValueError, match=f"{np.dtype(dtype)}, which cannot hold {most + 1}"):
        corrupt_labels(y, 1, classes=most + 1)


# --- Seeds --------------------------------------------------------------------------------------


@bad_seeds
def test_every_draw_names_a_bad_seed(seed):
    x, y = np.arange(4), np.zeros(4, int)
    for draw in (
        lambda: make_regression(4, seed=seed),
        lambda: subset(x, y, 2, seed=seed),
        lambda: split(x, y, train=2, validation=2, seed=seed),
        lambda: corrupt_labels(y, 0.5, seed=seed),
    ):
        with pytest.raises(ValueError, match=r"^seed must be a non-negative integer or a sequence"):
            draw()


@pytest.mark.parametrize("seed", [np.int64(7), [7], (7, 8), np.array([7, 8]), range(3)])
def test_seeds_may_be_numpy_integers_and_sequences(seed):
    np.testing.assert_array_equal(
        make_regression(4, seed=seed)[0], make_regression(4, seed=seed)[0]
    )
