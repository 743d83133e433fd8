"""mixup, CutMix and RandAugment: as their papers define them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.augment import build_augmenter
from coursehelpers.augment.layers import CutMix, RandAugment
from tests.test_augment import batch

properties = settings(derandomize=True, deadline=None, max_examples=15)

# --- mixup and CutMix -----------------------------------------------------------------------------


@properties
@given(alpha=st.floats(0.1, 1), n=st.integers(2, 20), seed=st.integers(0, 99))
def test_mixup_is_a_mean_of_two_images_and_of_their_labels(alpha, n, seed):
    # Images that tell who they are: with one-hot "photos", each pixel is somebody's share.
    images = np.eye(n, dtype="float32").reshape(n, 1, n, 1)
    labels = np.eye(n, dtype="float32")
    made = build_augmenter(mixup=alpha, seed=seed)(
        {"images": images, "labels": labels}, training=True
    )
    shares = np.asarray(made["images"])[:, 0, :, 0]
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-4)
    assert ((shares > 1e-6).sum(axis=1) <= 2).all()
    np.testing.assert_allclose(made["labels"], shares, atol=1e-5)


def test_lambda_follows_its_beta_distribution():
    from scipy import stats

    n = 4000
    images = np.zeros((n, 8, 8, 1), "float32")
    images[::2] = 1
    labels = keras.utils.to_categorical(np.arange(n) % 2, 2)
    made = build_augmenter(mixup=0.4, seed=0)({"images": images, "labels": labels}, training=True)
    share = np.asarray(made["labels"])[np.arange(n), np.arange(n) % 2]
    mixed = share[share < 1 - 1e-6]  # with a partner of the other label
    assert 0.4 < len(mixed) / n < 0.6
    # lambda is the share of the image itself, where the partner has the other label.
    assert stats.kstest(mixed, stats.beta(0.4, 0.4).cdf).pvalue > 0.001


@properties
@given(alpha=st.floats(0.2, 2), size=st.integers(3, 17), seed=st.integers(0, 99))
def test_cutmix_pastes_a_box_and_mixes_the_label_by_its_area(alpha, size, seed):
    n = 12
    images = np.broadcast_to(np.arange(n).reshape(n, 1, 1, 1) / n, (n, size, size, 3))
    images = images.astype("float32")
    made = build_augmenter(cutmix=alpha, seed=seed)(
        {"images": images, "labels": np.eye(n, dtype="float32")}, training=True
    )
    changed, labels = np.asarray(made["images"]), np.asarray(made["labels"])
    for i in range(n):
        other = np.isclose(changed[i, ..., 0], i / n, atol=1e-4) == 0
        assert (changed[i] == changed[i, ..., :1]).all()  # all channels alike
        assert labels[i, i] == pytest.approx(1 - other.mean(), abs=1e-5) or labels[i, i] == 1
        assert labels[i].sum() == pytest.approx(1, abs=1e-5)
        if other.any():
            rows, columns = other.any(axis=1), other.any(axis=0)
            assert np.array_equal(other, rows[:, None] & columns)  # a box
            for side in (rows, columns):
                assert np.ptp(np.flatnonzero(side)) + 1 == side.sum()  # in one piece
            assert len(np.unique(changed[i][other])) == 1  # of one other image
            partner = round(float(changed[i][other][0, 0]) * n)
            assert labels[i, partner] == pytest.approx(other.mean(), abs=1e-5)


def test_cutmix_boxes_have_the_area_of_their_beta_distribution():
    n, size = 3000, 32
    images = np.zeros((n, size, size, 1), "float32")
    images[::2] = 1
    data = {"images": images, "labels": keras.utils.to_categorical(np.arange(n) % 2, 2)}
    made = np.asarray(CutMix(1.0, seed=0)(data)["images"])
    share = np.abs(made - images).mean(axis=(1, 2, 3))
    share = share[share > 0]
    # The mean of Yun et al.'s own procedure, drawn here with NumPy: a box that the edge cuts off.
    rng = np.random.default_rng(0)
    lam, centre = rng.beta(1, 1, 20_000), rng.integers(size, size=(2, 20_000))
    half = (size * np.sqrt(1 - lam)).astype(int) // 2
    sides = np.clip(centre + half, 0, size) - np.clip(centre - half, 0, size)
    expected = (sides[0] * sides[1] / size**2)[sides.min(axis=0) > 0]
    assert share.mean() == pytest.approx(expected.mean(), abs=0.02)
    assert share.std() == pytest.approx(expected.std(), abs=0.02)


# --- RandAugment ----------------------------------------------------------------------------------


def operation(name, magnitude, images, sign=1.0):
    layer = RandAugment(magnitude)
    drawn = tf.fill([len(images)], layer.OPERATIONS.index(name))
    return np.asarray(layer.apply(tf.constant(images), drawn, tf.fill([len(images)], sign)))


@pytest.mark.parametrize("name", RandAugment.OPERATIONS)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_magnitude_zero_changes_nothing(name, sign):
    images = np.round(batch()["images"] * 255) / 255
    if name in ("auto_contrast", "equalize"):
        # They know no magnitude; what uses the whole range evenly they leave alone.
        levels = np.random.default_rng(0).permuted(np.arange(256)) / 255
        images = np.broadcast_to(levels.reshape(1, 16, 16, 1), (2, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(operation(name, 0, images, sign), images, atol=5e-3)


@pytest.mark.parametrize("name", RandAugment.OPERATIONS[1:])
def test_magnitude_ten_changes_the_image(name):
    images = batch()["images"] * 0.6 + 0.1
    assert np.abs(operation(name, 10, images) - images).mean() > 0.005


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
    size = 33
    image = np.zeros((1, size, size, 1), "float32")
    image[0, 16, 28] = 1
    turned = operation("rotate", 10, image)[0, ..., 0]
    row, column = np.unravel_index(turned.argmax(), turned.shape)
    angle = np.degrees(np.arctan2(row - 16, column - 16))
    assert abs(abs(angle) - 30) < 4
    image = np.zeros((1, 32, 32, 1), "float32")
    image[0, :, 15:17] = 1
    moved = operation("translate_x", 5, image)[0, 16, :, 0]
    centre = moved[moved > 0.9].size and np.flatnonzero(moved > 0.9).mean()
    assert abs(abs(centre - 15.5) - 0.5 * 150 / 331 * 32) < 1


def test_every_operation_is_drawn_about_as_often():
    n = 1400
    seen = []

    class Spy(RandAugment):
        def apply(self, images, drawn, sign):
            seen.append(np.asarray(drawn))
            return images

    Spy(5, seed=0)(np.zeros((n, 4, 4, 3), "float32"))
    assert len(seen) == 2
    counts = np.bincount(np.concatenate(seen), minlength=14)
    assert len(counts) == 14
    assert counts.min() > 150
    assert not np.array_equal(*seen)
