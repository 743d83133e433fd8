"""Augmenters: in training only, within their ranges, and what they refuse."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import settings

from coursehelpers.augment import RANGES, build_augmenter
from coursehelpers.models import build_cnn
from coursehelpers.training import Setting, compare

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


def batch(n=16, size=12, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.random((n, size, size, channels), "float32")
    return {"images": images, "labels": keras.utils.to_categorical(np.arange(n) % 2, 2)}


def transformed(kind, data, seed=0):
    made = build_augmenter(**KINDS[kind], seed=seed)(data, training=True)
    return {name: np.asarray(value) for name, value in made.items()}


# --- All of them ----------------------------------------------------------------------------------


@each_kind
def test_shape_dtype_and_range_are_kept(kind):
    for channels in (1, 3):
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
def test_the_same_seed_gives_the_same_sequence(kind):
    data = batch()
    one, same, other = (build_augmenter(**KINDS[kind], seed=seed) for seed in (3, 3, 4))
    first, second = (np.asarray(one(data, training=True)["images"]) for _ in range(2))
    assert np.array_equal(first, same(data, training=True)["images"])
    assert np.array_equal(second, same(data, training=True)["images"])
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other(data, training=True)["images"])


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("mixup", "cutmix", "several")])
def test_labels_are_left_alone_whatever_they_are(kind):
    data = batch() | {"labels": np.arange(16)}
    assert np.array_equal(transformed(kind, data)["labels"], np.arange(16))


@each_kind
def test_augmenter_runs_inside_compare_the_same_for_a_seed(kind):
    data = batch(n=24, size=8)
    part = data["images"], data["labels"]
    setting = Setting(
        partial(build_cnn, (2,), input_shape=(8, 8, 3)),
        augment=partial(build_augmenter, **KINDS[kind]),
    )
    runs = [
        compare({"a": setting}, (part, None, part), seeds=[0, 1], epochs=2).final("loss")
        for _ in range(2)
    ]
    assert runs[0].equals(runs[1])
    assert runs[0]["value"].nunique() == 2


@pytest.mark.parametrize("kind", ["flip", "several"])
def test_no_augmentation_in_a_pipeline_or_a_saved_function_is_lost(kind):
    if kind == "several":
        augmenter = build_augmenter(shift=0.2, noise=0.1, seed=0)
    else:
        augmenter = build_augmenter(flip=True, seed=0)
    images = batch()["images"]
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


# --- What each does -------------------------------------------------------------------------------


@each_kind
def test_augmenter_is_the_same_after_it_was_written_down(kind):
    augmenter = build_augmenter(**KINDS[kind], seed=3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(augmenter))
    before, after = (made(batch(), training=True) for made in (augmenter, again))
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


# Keras's own loading, with a recent NumPy.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_model_with_an_augmenter_can_be_saved(tmp_path):
    photos = batch(size=32)["images"]
    model = build_cnn(augmenter=partial(build_augmenter, flip=True, randaugment=5), seed=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(*(m.predict(photos, verbose=0) for m in (model, loaded)))


def test_flip_mirrors_left_and_right_about_every_other_image():
    data = batch(n=400)
    made = transformed("flip", data)["images"]
    mirrored = [np.array_equal(m, i[:, ::-1]) for m, i in zip(made, data["images"], strict=True)]
    kept = [np.array_equal(m, i) for m, i in zip(made, data["images"], strict=True)]
    assert sum(mirrored) + sum(kept) == 400
    assert 150 < sum(mirrored) < 250


def test_shift_moves_by_whole_pixels_up_to_its_share():
    image = np.zeros((1, 20, 20, 1), "float32")
    image[0, 10, 10] = 1
    shift = build_augmenter(shift=0.2, seed=0)
    made = np.asarray(shift(np.repeat(image, 300, axis=0), training=True))[..., 0]
    assert (made.sum(axis=(1, 2)) == 1).all()  # the pixel is there once, and sharp
    _, rows, columns = np.nonzero(made)
    for places in (rows, columns):
        assert set(places) == set(range(6, 15))
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.2


def test_noise_has_its_standard_deviation_and_is_clipped():
    images = np.full((8, 32, 32, 3), 0.5, "float32")
    made = np.asarray(build_augmenter(noise=0.1, seed=0)(images, training=True))
    assert made.std() == pytest.approx(0.1, rel=0.02)
    black = np.asarray(build_augmenter(noise=0.1, seed=0)(0 * images, training=True))
    assert black.min() == 0
    assert 0.4 < (black > 0).mean() < 0.6


@pytest.mark.parametrize(("kind", "most"), [("brightness", 0.3), ("contrast", 0.5)])
def test_colours_change_up_to_their_share(kind, most):
    images = np.full((300, 4, 4, 1), 0.5, "float32")
    images[:, ::2] = 0.4
    made = np.asarray(build_augmenter(**KINDS[kind], seed=0)(images, training=True))
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
def test_rotation_and_zoom_go_both_ways_up_to_their_share(kind, low, high):
    size = 41
    image = np.zeros((1, size, size, 1), "float32")
    image[0, 20, 34] = image[0, 20, 33] = image[0, 21, 34] = 1
    augmenter = build_augmenter(
        **KINDS[kind], fill_mode="constant", interpolation="bilinear", seed=0
    )
    made = np.asarray(augmenter(np.repeat(image, 300, axis=0), training=True))[..., 0]
    seen = made.sum(axis=(1, 2)) > 0.5
    weights = made[seen] / made[seen].sum(axis=(1, 2), keepdims=True)
    row = (weights * np.arange(size)[:, None]).sum(axis=(1, 2)) - 20.33
    column = (weights * np.arange(size)).sum(axis=(1, 2)) - 20
    amount = np.degrees(np.arctan2(row, column)) if kind == "rotation" else column / 13.67
    margin = 0.1 * (high - low)
    assert low - margin < amount.min() < low + margin
    assert high - margin < amount.max() < high + margin


# --- Bad input ------------------------------------------------------------------------------------


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
        ({"flip": "horizontal"}, "True or False"),
        ({"interpolation": "cubic"}, "nearest, bilinear"),
        ({"fill_mode": "edge"}, "reflect, nearest, constant, wrap"),
    ],
)
def test_other_choices_are_refused(choice, says):
    with pytest.raises((TypeError, ValueError), match=says):
        build_augmenter(**choice)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((12, 12, 3), "float32"), r"image\[None\]"),
        (np.zeros((4, 12, 12), "float32"), r"images\[\.\.\., None\]"),
        (np.zeros((4, 12, 12, 2), "float32"), "1 or 3 channels"),
        (np.zeros((4, 12, 12, 3), "uint8"), "dtype uint8"),
        (np.full((4, 12, 12, 3), 255, "float32"), "255 to 255"),
        (np.full((4, 12, 12, 3), -0.5, "float32"), "in 0..1"),
        (np.full((4, 12, 12, 3), np.nan, "float32"), "nan"),
    ],
)
def test_batches_of_another_kind_are_refused(images, says):
    for training in (True, False):
        with pytest.raises(ValueError, match=says):
            build_augmenter(flip=True)(images, training=training)


@pytest.mark.parametrize("mixing", [{"mixup": 0.2}, {"cutmix": 1.0}])
@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.arange(4) % 2, "to_categorical"),
        (np.eye(2, dtype=int)[[0, 1, 0, 1]], "dtype int64"),
        (np.eye(2, dtype="float32"), "4 images but 2 labels"),
    ],
)
def test_labels_that_cannot_be_mixed_are_refused(mixing, labels, says):
    images = np.zeros((4, 8, 8, 3), "float32")
    with pytest.raises(ValueError, match=says):
        build_augmenter(**mixing)({"images": images, "labels": labels}, training=True)
    with pytest.raises(ValueError, match="give a batch"):
        build_augmenter(**mixing)(images, training=True)
