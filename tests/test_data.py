"""The data files and how they are read; what draws, subsets, splits and resizing keep to."""

import hashlib
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from coursehelpers import data
from coursehelpers.data import (
    CATS_DOGS_CLASSES,
    FASHION_MNIST_CLASSES,
    DataError,
    Parts,
    corrupt_labels,
    data_folder,
    load_cats_dogs,
    load_digits,
    load_efficientnet_lite0,
    load_fashion_mnist,
    load_imagenet_classes,
    make_regression,
    read_verified,
    recorded_hashes,
    resize_images,
    split,
    subset,
)

# The same examples in every run, and no time limit per example: a shared runner can stall.
properties = settings(derandomize=True, deadline=None, max_examples=100)
seeds = st.integers(0, 2**32 - 1)

# How many standard errors a mean may be away from its expectation. The draws are seeded, so a
# test that passes once passes always; a right implementation with other draws would fail in one
# of 15,000 tests.
SIGMAS = 4

DATA = Path(__file__).resolve().parents[1] / "data"
GRID = ("transfer-grid/transfer-grid.csv", "transfer-grid/settings.json")
LOADERS = {
    **{
        f"fashion-mnist/{part}-{kind}-ubyte.gz": load_fashion_mnist
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    },
    **{
        f"cats-dogs/{part}-{name}s.png": load_cats_dogs
        for part in ("train", "test")
        for name in ("cat", "dog")
    },
    "digits/digits.csv.gz": load_digits,
    "efficientnet-lite0/efficientnet-lite0.npz": load_efficientnet_lite0,
    "imagenet-classes/imagenet-classes.txt": load_imagenet_classes,
    **{name: partial(read_verified, name) for name in GRID},
}


# --- Data files ---------------------------------------------------------------------------------


def nearest_mean_accuracy(x, y, x_test, y_test):
    """How often the nearest class mean is right, which needs images that fit their labels."""
    means = np.stack([x[y == label].mean(axis=0).ravel() for label in range(10)])
    photos = x_test.reshape(len(x_test), -1).astype(float)
    distances = (means**2).sum(axis=1) - 2 * photos @ means.T
    return (distances.argmin(axis=1) == y_test).mean(), means


def test_fashion_mnist_has_its_published_shapes_and_images_that_look_like_their_labels():
    parts = load_fashion_mnist()
    assert len(FASHION_MNIST_CLASSES) == len(set(FASHION_MNIST_CLASSES)) == 10
    for (x, y), per_class in zip(parts, (6_000, 1_000), strict=True):
        assert (x.shape, y.shape) == ((10 * per_class, 28, 28), (10 * per_class,))
        assert x.dtype == y.dtype == np.uint8
        assert (x.min(), x.max()) == (0, 255)
        assert np.bincount(y).tolist() == [per_class] * 10
        # They are the caller's to change.
        assert all(array.flags.writeable and array.flags.owndata for array in (x, y))
    # A wrong offset or order of the axes would move the photos away from their labels.
    train, (x, y) = parts
    accuracy, means = nearest_mean_accuracy(*train, x[:1000], y[:1000])
    assert accuracy > 0.6
    # Swapped axes would lay the trousers on their side: they reach over more rows than columns.
    trouser = means[FASHION_MNIST_CLASSES.index("Trouser")].reshape(28, 28) > 64
    assert trouser.any(axis=1).sum() > 1.5 * trouser.any(axis=0).sum()


def test_cats_and_dogs_are_different_photos_half_and_half():
    assert CATS_DOGS_CLASSES == ("cat", "dog")
    photos = []
    for (x, y), n in zip(load_cats_dogs(), (4_000, 2_000), strict=True):
        assert x.shape == (n, 32, 32, 3)
        assert x.dtype == y.dtype == np.uint8
        assert x.flags.writeable
        assert y.tolist() == [0] * (n // 2) + [1] * (n // 2)
        photos += [photo.tobytes() for photo in x]
    # No photo is there twice, so none is both in training and in validation or test.
    assert len(set(photos)) == 6_000


def test_cats_and_dogs_are_cut_out_of_their_sheets_where_the_photos_end():
    # Inside a photo neighbours resemble each other; a cut at the wrong place would lay the seam
    # between two photos inside of one.
    (x, _), _ = load_cats_dogs()
    x = x.astype(float)
    for axis in (1, 2):
        steps = np.abs(np.diff(x, axis=axis)).mean(axis=(0, 3 - axis, 3))
        assert steps.max() < 1.5 * steps.min()
    # The photos of two rows of the sheet, one below the other, have nothing to do with each other.
    assert np.abs(x[:-1, -1] - x[1:, 0]).mean() > 3 * np.abs(x[:, 15] - x[:, 16]).mean()


def test_digits_have_their_shape_and_look_like_their_labels():
    x, y = load_digits()
    assert x.shape == (1797, 8, 8)
    assert x.dtype == y.dtype == np.uint8
    assert (x.min(), x.max()) == (0, 16)
    assert set(y.tolist()) == set(range(10))
    accuracy, means = nearest_mean_accuracy(x, y, x, y)
    assert accuracy > 0.85
    # A zero has its hole in the middle.
    assert means[0].reshape(8, 8)[3:5, 3:5].max() < 4


def test_imagenet_has_a_thousand_classes_in_their_order():
    names = load_imagenet_classes()
    assert len(names) == 1000
    # Birds and machines share a name.
    assert {name for name in names if names.count(name) > 1} == {"crane"}
    # Fish come first, paper last; the labels of cats are known from everywhere.
    assert names[0] == "tench, Tinca tinca"
    assert names[999] == "toilet tissue, toilet paper, bathroom tissue"
    cats = ["tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"]
    assert [name.split(",")[0] for name in names[281:286]] == cats


def test_weights_of_efficientnet_are_floats_with_keras_names_and_plausible_statistics():
    weights = load_efficientnet_lite0()
    assert sum(array.size for array in weights.values()) == 4_652_008 + 42_016
    assert {array.dtype for array in weights.values()} == {np.dtype("float32")}
    kinds = {name.partition("/")[2] for name in weights}
    assert kinds == {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"}
    assert all(np.isfinite(array).all() for array in weights.values())
    assert all((a >= 0).all() for name, a in weights.items() if name.endswith("variance"))


def test_data_folder_is_the_one_of_the_checkout_or_an_error_that_says_what_to_do(
    tmp_path, monkeypatch
):
    assert data_folder() == DATA
    monkeypatch.setattr(data, "__file__", str(tmp_path / "coursehelpers" / "data.py"))
    with pytest.raises(DataError, match=r"No data folder beside .*Reinstall.*clone"):
        data_folder()


def test_table_lists_every_file_with_its_size_and_hash():
    hashes = recorded_hashes()
    assert hashes == recorded_hashes(DATA) == recorded_hashes(str(DATA))
    there = {path.relative_to(DATA) for path in DATA.rglob("*") if path.is_file()}
    others = {
        p for p in there if p.name in ("README.md", "LICENSE.txt") or p.suffix in (".py", ".pyc")
    }
    assert set(hashes) == {path.as_posix() for path in there - others} == set(LOADERS)

    rows = re.findall(r"^\| `([^`]+)` \| ([0-9,]+) \|", (DATA / "README.md").read_text(), re.M)
    sizes = {name: int(size.replace(",", "")) for name, size in rows}
    for name, expected in hashes.items():
        content = (DATA / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == expected
        assert sizes[name] == len(content)


@pytest.mark.parametrize("name", LOADERS)
def test_missing_or_damaged_file_is_an_error_that_names_it_and_the_remedy(
    tmp_path, monkeypatch, name
):
    for there in ("README.md", *LOADERS):
        (tmp_path / there).parent.mkdir(exist_ok=True)
        (tmp_path / there).symlink_to(DATA / there)
    monkeypatch.setattr(data, "data_folder", lambda: tmp_path)
    path = tmp_path / name
    path.unlink()
    remedies = ("git checkout -- data", "python data/build.py")
    with pytest.raises(DataError) as missing:
        LOADERS[name]()
    assert all(told in str(missing.value) for told in (str(path), "missing", *remedies))

    content = bytearray((DATA / name).read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    hashes = (recorded_hashes(DATA)[name], hashlib.sha256(content).hexdigest())
    with pytest.raises(DataError) as damaged:
        LOADERS[name]()
    assert all(told in str(damaged.value) for told in (str(path), "damaged", *hashes, *remedies))


# --- make_regression ----------------------------------------------------------------------------


@properties
@given(m=st.integers(1, 20), d=st.integers(1, 20), seed=seeds)
def test_regression_has_unit_norm_weights_noise_in_its_unit_and_repeats_with_its_seed(m, d, seed):
    x, y, w = make_regression(m, d, noise=0, seed=seed)
    assert (x.shape, y.shape, w.shape) == ((m, d), (m,), (d,))
    assert x.dtype == y.dtype == w.dtype == np.float64
    assert np.linalg.norm(w) == pytest.approx(1)
    assert d > 1 or w.tolist() == [1.0]
    np.testing.assert_array_equal(y, x @ w)
    once, twice = (make_regression(m, d, noise, seed=seed) for noise in (1, 2))
    for first, again in zip(once, make_regression(m, d, noise=1, seed=seed), strict=True):
        np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(twice[1] - y, 2 * (once[1] - y), rtol=1e-9, atol=1e-12)
    assert not np.array_equal(x, make_regression(m, d, seed=seed + 1)[0])


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


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf")])
def test_regression_names_a_bad_noise(noise):
    with pytest.raises(ValueError, match=f"^noise is .*{noise!r}"):
        make_regression(5, noise=noise)


# --- subset and split ---------------------------------------------------------------------------


labels = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)


def counts_of(y, like):
    """Return how often each class of `like` is in `y`."""
    return np.array([(y == label).sum() for label in np.unique(like)])


@properties
@given(labels, st.data(), seeds)
def test_subset_has_its_size_and_every_class_its_share(y, draw, seed):
    size = draw.draw(st.integers(1, len(y)))
    chosen, chosen_labels = subset(np.arange(len(y)), y, size, seed)
    assert len(chosen) == len(set(chosen.tolist())) == size
    np.testing.assert_array_equal(chosen_labels, y[chosen])
    quota = size * counts_of(y, y) / len(y)
    assert (np.abs(counts_of(chosen_labels, y) - quota) < 1).all()
    again, _ = subset(np.arange(len(y)), y, size, seed)
    np.testing.assert_array_equal(chosen, again)


@properties
@given(labels, st.data(), seeds)
def test_split_is_disjoint_stratified_and_leaves_the_rest(y, draw, seed):
    room, sizes = len(y), []
    for _ in range(3):
        sizes.append(draw.draw(st.integers(0, room)))
        room -= sizes[-1]
    sizes = Parts(*draw.draw(st.permutations(sizes)))
    parts = split(np.arange(len(y)), y, seed=seed, **sizes._asdict())
    assert isinstance(parts, Parts)
    left = np.arange(len(y))
    for position, ((chosen, part), size) in enumerate(zip(parts, sizes, strict=True), start=1):
        assert len(chosen) == size
        np.testing.assert_array_equal(part, y[chosen])
        # Stratified over what the parts before have left, whose own rounding adds up.
        if size:
            quota = size * counts_of(y[left], y) / len(left)
            assert (np.abs(counts_of(part, y) - quota) < 1).all()
        overall = size * counts_of(y, y) / len(y)
        assert (np.abs(counts_of(part, y) - overall) < position).all()
        left = np.setdiff1d(left, chosen)
    # Nothing is in two parts, and what was not asked for is in none.
    assert len(left) == len(y) - sum(sizes)
    again = split(np.arange(len(y)), y, seed=seed, **sizes._asdict())
    for first, second in zip(parts, again, strict=True):
        np.testing.assert_array_equal(first[0], second[0])


def test_dtypes_and_shapes_are_kept_even_of_an_empty_part_and_inputs_are_not_changed():
    x, y = np.zeros((10, 2, 3), np.float32), np.repeat([3, 7], 5).astype(np.uint8)
    parts = split(x, y, train=4, validation=6)
    for (part, part_labels), size in zip(
        (subset(x, y, size=np.int64(4)), *parts), (4, 4, 6, 0), strict=True
    ):
        assert (part.shape, part.dtype) == ((size, 2, 3), np.float32)
        assert part_labels.dtype == np.uint8
        assert sorted(part_labels.tolist()) == sorted([3, 7] * (size // 2))
        part += 1
    assert not x.any()
    assert set(subset([10, 11, 12, 13], [0, 1, 0, 1], size=2)[0].tolist()) <= {10, 11, 12, 13}


def test_draws_come_in_random_order_and_differ_by_seed():
    x, y = np.arange(200), np.arange(200) % 2
    one, other = (split(x, y, train=100, validation=20, seed=seed).train for seed in (1, 2))
    assert set(one[0].tolist()) != set(other[0].tolist())
    for chosen, chosen_labels in (one, subset(x, y, 100, seed=1)):
        assert (np.diff(chosen) < 0).any()
        # In class order, all labels of the first half would be the same.
        assert 0 < chosen_labels[:50].mean() < 1


def test_subset_draws_every_example_and_which_class_gets_the_rounding_equally_often():
    draws, half = 2000, SIGMAS * np.sqrt(0.25 / 2000)
    # Four of eight and two of four: each example is in with probability 1/2.
    y, taken = np.repeat([0, 1], [8, 4]), np.zeros(12)
    for seed in range(draws):
        taken[subset(np.arange(12), y, size=6, seed=seed)[0]] += 1
    assert np.abs(taken / draws - 0.5).max() < half
    # One example of two equal classes: each class must get it half of the time.
    ones = sum(int(subset(np.arange(4), [0, 0, 1, 1], 1, seed)[1][0]) for seed in range(draws))
    assert abs(ones / draws - 0.5) < half


def test_more_than_the_examples_is_refused():
    x, y = np.arange(10), np.zeros(10, int)
    with pytest.raises(ValueError, match="size is 11, but only 10 examples"):
        subset(x, y, 11)
    with pytest.raises(ValueError, match=r"is 11, but only 10 examples .* smaller parts"):
        split(x, y, train=5, validation=5, test=1)


@pytest.mark.parametrize("draw", [partial(subset, size=1), partial(split, train=1, validation=1)])
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


# --- corrupt_labels -----------------------------------------------------------------------------


@properties
@given(
    y=st.lists(st.integers(0, 9), max_size=60),
    dtype=st.sampled_from([np.uint8, np.int8, np.int64]),
    fraction=st.floats(0, 1),
    more=st.integers(1, 5),
    seed=seeds,
)
def test_corruption_changes_at_most_its_fraction_of_a_copy(y, dtype, fraction, more, seed):
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
    np.testing.assert_array_equal(y, corrupt_labels(y, 0, seed))


@pytest.mark.parametrize("fraction", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("classes", [2, 10])
def test_corruption_changes_labels_anywhere_but_for_those_right_by_chance(fraction, classes):
    y = np.arange(20_000) % classes
    changed = corrupt_labels(y, fraction, seed=1) != y
    # A redrawn label differs from the old one with probability p.
    p = 1 - 1 / classes
    for part in (changed, changed[10_000:]):
        expected = fraction * p
        error = np.sqrt(expected * (1 - expected) / len(part))
        assert abs(part.mean() - expected) < SIGMAS * error
    assert not np.array_equal(changed, corrupt_labels(y, fraction, seed=2) != y)


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
    assert set(corrupt_labels(y.tolist(), 1).tolist()) == {0, 1, 2}
    assert set(corrupt_labels(y, 1, classes=5).tolist()) == set(range(5))


@pytest.mark.parametrize("fraction", [-0.01, 1.01, float("nan"), float("inf")])
def test_corruption_names_a_bad_fraction(fraction):
    with pytest.raises(ValueError, match=f"^fraction must be between 0 .* got {fraction!r}"):
        corrupt_labels(np.arange(3), fraction)


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.zeros((4, 2), int), r"one-dimensional .* shape \(4, 2\)"),
        (np.zeros(3), "class numbers .* float64"),
        (np.zeros(3, bool), "class numbers .* bool"),
        (np.array([0, -2, 1]), "got the label -2"),
    ],
)
def test_corruption_names_bad_labels(y, says):
    with pytest.raises(ValueError, match=says):
        corrupt_labels(y, 0.5)


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


# --- resize_images ------------------------------------------------------------------------------


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@properties
@given(
    count=st.integers(0, 3),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    channels=st.sampled_from([(), (3,)]),
    image_size=st.integers(1, 100).map(np.int64),
)
def test_resized_images_are_squares_in_colour_as_pillow_makes_them(
    count, shape, channels, image_size
):
    images = noise(count, *shape, *channels)
    before = images.copy()
    resized = resize_images(images, image_size)
    assert (resized.shape, resized.dtype) == ((count, image_size, image_size, 3), np.uint8)
    assert resized.flags.writeable
    assert not np.shares_memory(resized, images)
    np.testing.assert_array_equal(images, before)
    for image, made in zip(images, resized, strict=True):
        colour = Image.fromarray(image).convert("RGB")
        expected = colour.resize((image_size, image_size), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(made, expected)


def test_views_and_lists_are_resized_like_their_copies():
    images = noise(4, 10, 14, 3)
    for view in (images[::2, :, ::-1], images[..., ::-1], images.swapaxes(1, 2), images[..., 1]):
        np.testing.assert_array_equal(resize_images(view, 7), resize_images(view.copy(), 7))
    np.testing.assert_array_equal(resize_images(list(images), 7), resize_images(images, 7))


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (noise(2, 5, 5) / 255, r"float64 of shape \(2, 5, 5\)"),
        (noise(2, 5, 5).astype(np.int64), r"int64 of shape"),
        (noise(2, 5, 5) > 9, r"bool of shape"),
        (noise(5, 5), r"uint8 of shape \(5, 5\)"),
        (noise(2, 5, 5, 1), r"uint8 of shape \(2, 5, 5, 1\)"),
        (noise(2, 5, 5, 4), r"uint8 of shape \(2, 5, 5, 4\)"),
        (noise(2, 3, 5, 5, 3), r"uint8 of shape \(2, 3, 5, 5, 3\)"),
    ],
)
def test_what_is_no_image_is_refused_by_its_type_and_shape(images, told):
    with pytest.raises(ValueError, match=rf"^images must be uint8 of shape .*, got {told}"):
        resize_images(images, 8)


# --- Counts and seeds ---------------------------------------------------------------------------

X, Y = np.arange(10), np.zeros(10, int)
COUNTS = {
    "m": make_regression,
    "d": lambda value: make_regression(5, value),
    "size": lambda value: subset(X, Y, value),
    "classes": lambda value: corrupt_labels(Y, 0.5, classes=value),
    "image_size": lambda value: resize_images(noise(1, 5, 5), value),
    "train": lambda value: split(X, Y, train=value, validation=1),
    "validation": lambda value: split(X, Y, train=1, validation=value),
    "test": lambda value: split(X, Y, train=1, validation=1, test=value),
}


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", [0, -1, 3.0, True, "3", (8, 8), None])
def test_bad_count_is_named(name, value):
    least = 0 if name in Parts._fields else 1
    if (value is None and name == "classes") or (value == 0 and least == 0):
        COUNTS[name](value)
        return
    says = re.escape(f"{name} must be an integer of at least {least}, got {value!r}.")
    with pytest.raises(ValueError, match=f"^{says}$"):
        COUNTS[name](value)


DRAWS = {
    "make_regression": partial(make_regression, 4),
    "subset": partial(subset, X, Y, 2),
    "split": partial(split, X, Y, train=2, validation=2),
    "corrupt_labels": partial(corrupt_labels, Y, 0.5),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize(
    "seed", [None, True, -1, 1.5, "1", [1, -1], (1, 2.5), np.random.default_rng(0)]
)
def test_every_draw_names_a_bad_seed(name, seed):
    with pytest.raises(ValueError, match=r"^seed must be a non-negative integer or a sequence"):
        DRAWS[name](seed=seed)


@pytest.mark.parametrize("seed", [np.int64(7), [7], (7, 8), np.array([7, 8]), range(3)])
def test_seeds_may_be_numpy_integers_and_sequences(seed):
    np.testing.assert_array_equal(
        make_regression(4, seed=seed)[0], make_regression(4, seed=seed)[0]
    )
