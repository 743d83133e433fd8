"""Augmenters: in training only, within their ranges, as their papers say, and what they refuse."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.augment import RANGES, CutMix, RandAugment, build_augmenter
from coursehelpers.models import build_cnn
from coursehelpers.training import Setting, compare

pytestmark = pytest.mark.heavy

properties = settings(derandomize=True, deadline=None, max_examples=15)

KINDS = {
    "flip": {"flip": True},
    "shift": {"shift": 0.2},
    "rotation": {"rotation": 20},
    "zoom": {"zoom": 0.3},
    "brightness": {"brightness": 0.3},
    "contrast": {"contrast": 0.5},
    "noise": {"noise": 0.2},
    "randaugment": {"randaugment": 7},
    "mixup": {"mixup": 0.4},
    "cutmix": {"cutmix": 1.0},
    "several": {"flip": True, "shift": 0.1, "contrast": 0.2, "noise": 0.05, "mixup": 0.2},
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def batch(n=16, size=12, channels=3):
    images = np.random.default_rng(0).random((n, size, size, channels), "float32")
    return {"images": images, "labels": keras.utils.to_categorical(np.arange(n) % 2, 2)}


def transformed(kind, images, **options):
    """Return the images or the batch after training with an augmenter of this kind."""
    made = build_augmenter(**KINDS[kind], seed=0, **options)(images, training=True)
    return as_arrays(made)


def as_arrays(made):
    return keras.tree.map_structure(np.asarray, made)


# --- All of them --------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_dtype_and_range_are_kept(kind, channels):
    data = batch(channels=channels)
    made = transformed(kind, data)
    for name in data:
        assert made[name].shape == data[name].shape
        assert made[name].dtype == np.float32
    assert made["images"].min() >= 0
    assert made["images"].max() <= 1
    assert not np.array_equal(made["images"], data["images"])


@each_kind
def test_without_training_nothing_changes(kind):
    augmenter, data = build_augmenter(**KINDS[kind]), batch()
    for made in (augmenter(data), augmenter(data, training=False)):
        assert all(np.array_equal(made[name], data[name]) for name in data)


@each_kind
def test_the_same_seed_gives_the_same_sequence_even_after_it_was_saved(kind):
    data = batch()
    one, same, other = (build_augmenter(**KINDS[kind], seed=seed) for seed in (3, 3, 4))
    saved = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(one))
    draws = []
    for _ in range(2):
        made, *again = (as_arrays(made(data, training=True)) for made in (one, same, saved))
        draws.append(made["images"])
        for name in data:
            assert all(np.array_equal(made[name], copy[name]) for copy in again)
    assert not np.array_equal(*draws)
    assert not np.array_equal(draws[0], other(data, training=True)["images"])


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("mixup", "cutmix", "several")])
def test_labels_are_left_alone_whatever_they_are(kind):
    data = batch() | {"labels": np.arange(16)}
    assert np.array_equal(transformed(kind, data)["labels"], np.arange(16))


@pytest.mark.parametrize(
    "options",
    [
        KINDS["several"],
        {"rotation": 20, "zoom": 0.3, "brightness": 0.3, "cutmix": 1.0},
        KINDS["randaugment"],
    ],
)
def test_augmenter_runs_inside_compare_the_same_for_a_seed(options):
    part = tuple(batch(n=24, size=8).values())
    setting = Setting(
        partial(build_cnn, (2,), input_shape=(8, 8, 3)),
        augment=partial(build_augmenter, **options),
    )
    runs = [
        compare({"a": setting}, (part, None, part), seeds=[0, 1], epochs=2).final("loss")
        for _ in range(2)
    ]
    assert runs[0].equals(runs[1])
    assert runs[0]["value"].nunique() == 2


@pytest.mark.parametrize("options", [{"flip": True}, {"shift": 0.2, "noise": 0.1}])
def test_augmenter_works_in_a_pipeline(options):
    augmenter, images = build_augmenter(**options, seed=0), batch()["images"]
    batches = tf.data.Dataset.from_tensor_slices(images).batch(4)
    made = [b.numpy() for b in batches.map(lambda b: augmenter(b, training=True))]
    assert not np.array_equal(np.concatenate(made), images)


def test_augmenter_in_a_model_is_on_in_fit_and_off_in_predict():
    images, labels = batch(n=32).values()
    model = build_cnn((2,), input_shape=(12, 12, 3), augmenter=partial(build_augmenter, noise=0.5))
    plain = build_cnn((2,), input_shape=(12, 12, 3))
    plain.set_weights(model.get_weights()[: len(plain.weights)])
    np.testing.assert_allclose(
        model.predict(images, verbose=0), plain.predict(images, verbose=0), rtol=1e-5
    )
    on, again = (np.asarray(model(images, training=True)) for _ in range(2))
    assert not np.allclose(on, again)
    model.fit(images, labels, epochs=1, verbose=0)


# Keras's own loading, with a recent NumPy.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_model_with_an_augmenter_can_be_saved(tmp_path):
    photos = batch(size=32)["images"]
    model = build_cnn(augmenter=partial(build_augmenter, flip=True, randaugment=5), seed=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(*(m.predict(photos, verbose=0) for m in (model, loaded)))


# --- What each does -----------------------------------------------------------------------------


def test_flip_mirrors_left_and_right_about_every_other_image():
    images = batch(n=400)["images"]
    made = transformed("flip", images)
    mirrored = (made == images[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (made == images).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250


def test_shift_moves_by_whole_pixels_up_to_its_fraction():
    images = np.zeros((300, 20, 20, 1), "float32")
    images[:, 10, 10] = 1
    made = transformed("shift", images)[..., 0]
    assert (made.sum(axis=(1, 2)) == 1).all()  # the pixel is there once, and sharp
    _, rows, columns = np.nonzero(made)
    for places in (rows, columns):
        assert set(places) == set(range(6, 15))
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.2


def test_noise_has_its_standard_deviation_and_is_clipped():
    images = np.full((8, 32, 32, 3), 0.5, "float32")
    noise = build_augmenter(noise=0.1, seed=0)
    assert np.std(noise(images, training=True)) == pytest.approx(0.1, rel=0.02)
    black = np.asarray(noise(0 * images, training=True))
    assert black.min() == 0
    assert 0.4 < (black > 0).mean() < 0.6


@pytest.mark.parametrize(("kind", "most"), [("brightness", 0.3), ("contrast", 0.5)])
def test_colours_change_up_to_their_fraction(kind, most):
    images = np.full((300, 4, 4, 1), 0.5, "float32")
    images[:, ::2] = 0.4
    made = transformed(kind, images)
    if kind == "brightness":
        change = (made - images)[:, 0, 0, 0]
    else:
        change = np.ptp(made, axis=(1, 2, 3)) / 0.1 - 1
    assert np.abs(change).max() <= most + 1e-3
    assert change.max() > 0.8 * most
    assert change.min() < -0.8 * most


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("rotation", -20, 20), ("zoom", 1 / 1.3, 1 / 0.7)]
)
def test_rotation_and_zoom_go_both_ways_up_to_their_limit(kind, low, high):
    size = 41
    images = np.zeros((300, size, size, 1), "float32")
    images[:, 20, 33:35] = images[:, 21, 34] = 1
    made = transformed(kind, images, fill_mode="constant", interpolation="bilinear")[..., 0]
    seen = made.sum(axis=(1, 2)) > 0.5
    weights = made[seen] / made[seen].sum(axis=(1, 2), keepdims=True)
    row = (weights * np.arange(size)[:, None]).sum(axis=(1, 2)) - 20.33
    column = (weights * np.arange(size)).sum(axis=(1, 2)) - 20
    amount = np.degrees(np.arctan2(row, column)) if kind == "rotation" else column / 13.67
    margin = 0.1 * (high - low)
    assert low - margin < amount.min() < low + margin
    assert high - margin < amount.max() < high + margin


# --- mixup and CutMix ---------------------------------------------------------------------------


@properties
@given(alpha=st.floats(0.1, 1), n=st.integers(2, 20), seed=st.integers(0, 99))
def test_mixup_is_a_mean_of_two_images_and_of_their_labels(alpha, n, seed):
    # Images that tell who they are: with one-hot "photos", each pixel is somebody's share.
    labels = np.eye(n, dtype="float32")
    data = {"images": labels.reshape(n, 1, n, 1), "labels": labels}
    made = build_augmenter(mixup=alpha, seed=seed)(data, training=True)
    shares = np.asarray(made["images"])[:, 0, :, 0]
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-4)
    assert ((shares > 1e-6).sum(axis=1) <= 2).all()
    np.testing.assert_allclose(made["labels"], shares, atol=1e-5)


def black_and_white(n, size):
    """Black and white images in turn, each with its label."""
    images = np.zeros((n, size, size, 1), "float32")
    images[::2] = 1
    return {"images": images, "labels": keras.utils.to_categorical(np.arange(n) % 2, 2)}


def test_lambda_follows_its_beta_distribution():
    from scipy import stats

    n = 4000
    labels = transformed("mixup", black_and_white(n, 8))["labels"]
    share = labels[np.arange(n), np.arange(n) % 2]
    mixed = share[share < 1 - 1e-6]  # with a partner of the other label
    assert 0.4 < len(mixed) / n < 0.6
    # lambda is the share of the image itself, where the partner has the other label.
    assert stats.kstest(mixed, stats.beta(0.4, 0.4).cdf).pvalue > 0.001


@properties
@given(alpha=st.floats(0.2, 2), size=st.integers(3, 17), seed=st.integers(0, 99))
def test_cutmix_pastes_a_box_and_mixes_the_label_by_its_area(alpha, size, seed):
    n = 12
    images = np.broadcast_to(np.arange(n).reshape(n, 1, 1, 1) / n, (n, size, size, 3))
    data = {"images": images.astype("float32"), "labels": np.eye(n, dtype="float32")}
    made = as_arrays(build_augmenter(cutmix=alpha, seed=seed)(data, training=True))
    for i, (image, label) in enumerate(zip(made["images"], made["labels"], strict=True)):
        other = ~np.isclose(image[..., 0], i / n, atol=1e-4)
        assert (image == image[..., :1]).all()  # all channels alike
        assert label[i] == pytest.approx(1 - other.mean(), abs=1e-5)
        assert label.sum() == pytest.approx(1, abs=1e-5)
        if other.any():
            rows, columns = other.any(axis=1), other.any(axis=0)
            assert np.array_equal(other, rows[:, None] & columns)  # a box
            for side in (rows, columns):
                assert np.ptp(np.flatnonzero(side)) + 1 == side.sum()  # in one piece
            assert len(np.unique(image[other])) == 1  # of one other image
            partner = round(float(image[other][0, 0]) * n)
            assert label[partner] == pytest.approx(other.mean(), abs=1e-5)


def test_cutmix_boxes_have_the_area_of_their_beta_distribution():
    size, data = 32, black_and_white(3000, 32)
    made = np.asarray(CutMix(1.0, seed=0)(data)["images"])
    share = np.abs(made - data["images"]).mean(axis=(1, 2, 3))
    share = share[share > 0]
    # The mean of Yun et al.'s own procedure, drawn here with NumPy: a box that the edge cuts off.
    rng = np.random.default_rng(0)
    lam, centre = rng.beta(1, 1, 20_000), rng.integers(size, size=(2, 20_000))
    half = (size * np.sqrt(1 - lam)).astype(int) // 2
    sides = np.clip(centre + half, 0, size) - np.clip(centre - half, 0, size)
    expected = (sides[0] * sides[1] / size**2)[sides.min(axis=0) > 0]
    assert share.mean() == pytest.approx(expected.mean(), abs=0.02)
    assert share.std() == pytest.approx(expected.std(), abs=0.02)


# --- RandAugment --------------------------------------------------------------------------------


def operation(name, magnitude, images, sign=1.0):
    layer = RandAugment(magnitude)
    drawn = tf.fill([len(images)], layer.OPERATIONS.index(name))
    return np.asarray(layer.apply(tf.constant(images), drawn, tf.fill([len(images)], sign)))


@pytest.mark.parametrize("name", RandAugment.OPERATIONS)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_magnitude_zero_changes_nothing_and_ten_does(name, sign):
    images = np.round(batch()["images"] * 255) / 255
    if name in ("auto_contrast", "equalize"):
        # They know no magnitude; what uses the whole range evenly they leave alone.
        levels = np.random.default_rng(0).permuted(np.arange(256)) / 255
        images = np.broadcast_to(levels.reshape(1, 16, 16, 1), (2, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(operation(name, 0, images, sign), images, atol=5e-3)
    images = images * 0.6 + np.float32(0.1)
    change = np.abs(operation(name, 10, images, sign) - images).mean()
    assert change > 0.005 or name == "identity"


def test_operations_follow_pillow():
    from PIL import Image, ImageEnhance, ImageOps

    pixels = 20 + (210 * np.random.default_rng(0).beta(2, 5, (256, 256, 3))).astype(np.uint8)
    image, factor = Image.fromarray(pixels), 1 + 0.9 * 0.5
    wanted = {
        "auto_contrast": ImageOps.autocontrast(image),
        "equalize": ImageOps.equalize(image),
        "solarize": ImageOps.solarize(image, 128),
        "posterize": ImageOps.posterize(image, 6),
        "color": ImageEnhance.Color(image).enhance(factor),
        "contrast": ImageEnhance.Contrast(image).enhance(factor),
        "brightness": ImageEnhance.Brightness(image).enhance(factor),
        "sharpness": ImageEnhance.Sharpness(image).enhance(factor),
    }
    assert set(wanted) == set(RandAugment.COLOUR)
    for name, expected in wanted.items():
        got = operation(name, 5, pixels[None] / np.float32(255))[0] * 255
        # Pillow rounds to whole levels; equalizing, also the number of pixels for each.
        difference = np.abs(got - np.asarray(expected, float))
        assert np.quantile(difference, 0.99) <= (6 if name == "equalize" else 2), name


def test_rotation_and_translation_reach_their_ranges():
    image = np.zeros((1, 33, 33, 1), "float32")
    image[0, 16, 28] = 1
    turned = operation("rotate", 10, image)[0, ..., 0]
    row, column = np.unravel_index(turned.argmax(), turned.shape)
    angle = np.degrees(np.arctan2(row - 16, column - 16))
    assert abs(abs(angle) - 30) < 4
    image = np.zeros((1, 32, 32, 1), "float32")
    image[0, :, 15:17] = 1
    (moved,) = np.nonzero(operation("translate_x", 5, image)[0, 16, :, 0] > 0.9)
    assert abs(abs(moved.mean() - 15.5) - 0.5 * 150 / 331 * 32) < 1


def test_every_operation_is_drawn_about_as_often():
    seen = []

    class Spy(RandAugment):
        def apply(self, images, drawn, sign):
            seen.append(np.asarray(drawn))
            return images

    Spy(5, seed=0)(np.zeros((1400, 4, 4, 3), "float32"))
    assert len(seen) == 2
    counts = np.bincount(np.concatenate(seen), minlength=14)
    assert len(counts) == 14
    assert counts.min() > 150
    assert not np.array_equal(*seen)


# --- Bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", [-0.1, 1000, float("nan"), "0.1", True, None, [0.1]])
def test_factors_outside_their_range_are_refused(name, value):
    with pytest.raises((TypeError, ValueError)) as caught:
        build_augmenter(**{name: value})
    assert str(caught.value).startswith(name)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"flip": "horizontal"}, "True or False, got 'horizontal'"),
        # Keras says what it knows.
        ({"shift": 0.1, "interpolation": "cubic"}, "cubic.*nearest.*bilinear"),
        ({"zoom": 0.1, "fill_mode": "edge"}, "edge.*reflect"),
    ],
)
def test_other_choices_are_refused(choice, says):
    with pytest.raises((TypeError, NotImplementedError), match=says):
        build_augmenter(**choice)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([[0.5]], "array of images .*got list"),
        (np.zeros((12, 12, 3), "float32"), r"image\[None\]"),
        (np.zeros((4, 12, 12), "float32"), r"images\[\.\.\., None\]"),
        (np.zeros((4, 12, 12, 2), "float32"), "1 or 3 channels"),
        (np.zeros((4, 12, 12, 3), "uint8"), "dtype uint8"),
        (np.full((4, 12, 12, 3), 255, "float32"), "255 to 255"),
        (np.full((4, 12, 12, 3), -0.5, "float32"), "in 0..1"),
        (np.full((4, 12, 12, 3), np.nan, "float32"), "nan"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_batches_of_another_kind_are_refused(images, says, training):
    with pytest.raises((TypeError, ValueError), match=says):
        build_augmenter(flip=True)(images, training=training)


@pytest.mark.parametrize("mixing", [{"mixup": 0.2}, {"cutmix": 1.0}])
@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (None, "give a batch"),
        (np.arange(4) % 2, "to_categorical"),
        (np.eye(2, dtype=int)[[0, 1, 0, 1]], "dtype int64"),
        (np.eye(2, dtype="float32"), "4 images but 2 labels"),
    ],
)
def test_labels_that_cannot_be_mixed_are_refused(mixing, labels, says):
    images = np.zeros((4, 8, 8, 3), "float32")
    data = images if labels is None else {"images": images, "labels": labels}
    with pytest.raises(ValueError, match=says):
        build_augmenter(**mixing)(data, training=True)
