"""How images that are there already are resized."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.data import resize_images

properties = settings(derandomize=True, deadline=None, max_examples=60)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3), (20, 9), (9, 20, 3), (1, 1), (3, 3)])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("image_size", [1, 8, np.int64(45)])
def test_resized_images_are_squares_in_colour(count, shape, image_size):
    images = noise(count, *shape)
    before = images.copy()
    resized = resize_images(images, image_size)
    assert resized.shape == (count, image_size, image_size, 3)
    assert resized.dtype == np.uint8
    assert resized.flags.writeable
    assert not np.shares_memory(resized, images)
    np.testing.assert_array_equal(images, before)
    # Each one is resized for itself.
    for i in range(count):
        np.testing.assert_array_equal(resize_images(images[i : i + 1], image_size)[0], resized[i])


def test_resized_channels_are_those_of_grey_images():
    colour = noise(2, 12, 17, 3)
    resized = resize_images(colour, 20)
    for channel in range(3):
        grey = resize_images(colour[..., channel], 20)
        for equal in range(3):
            np.testing.assert_array_equal(grey[..., equal], resized[..., channel])


@properties
@given(
    value=st.integers(0, 255),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    image_size=st.integers(1, 100),
    colour=st.booleans(),
)
def test_constant_images_stay_constant(value, shape, image_size, colour):
    images = np.full((1, *shape, *([3] if colour else [])), value, np.uint8)
    assert np.unique(resize_images(images, image_size)).tolist() == [value]


def test_images_of_the_size_are_kept_as_they_are():
    for images in (noise(3, 12, 12, 3), noise(3, 12, 12)):
        expected = images if images.ndim == 4 else np.stack([images] * 3, axis=-1)
        np.testing.assert_array_equal(resize_images(images, 12), expected)


def test_resizing_is_smooth_and_keeps_what_is_where():
    # Dark to light from left to right, and no change from top to bottom.
    ramp = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (2, 12, 1))
    for image_size in (6, 60):
        resized = resize_images(ramp, image_size).astype(int)
        assert (np.diff(resized, axis=2) >= 0).all()
        assert (np.diff(resized, axis=1) == 0).all()
        np.testing.assert_allclose(resized.mean(), ramp.mean(), atol=1)
    # Four times larger in steps of one pixel: nearest neighbours would have steps of ten.
    assert np.diff(resized, axis=2).max() <= 6


def test_views_are_resized_like_their_copies():
    images = noise(4, 10, 14, 3)
    for view in (images[::2, :, ::-1], images[..., ::-1], images.swapaxes(1, 2), images[..., 1]):
        np.testing.assert_array_equal(resize_images(view, 7), resize_images(view.copy(), 7))
    np.testing.assert_array_equal(resize_images(list(images), 7), resize_images(images, 7))


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (noise(2, 5, 5) / 255, r"float64 of shape \(2, 5, 5\)"),
        (noise(2, 5, 5).astype(np.float32), r"float32 of shape"),
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


@pytest.mark.parametrize("shape", [(2, 0, 5), (2, 5, 0), (2, 0, 0, 3)])
def test_images_without_pixels_are_refused(shape):
    with pytest.raises(ValueError, match=r"^images must have pixels, got shape \(2, "):
        resize_images(np.zeros(shape, np.uint8), 8)


@pytest.mark.parametrize("image_size", [0, -3, 2.0, True, None, (8, 8)])
def test_size_that_is_no_positive_integer_is_refused(image_size):
    with pytest.raises(ValueError, match=r"^image_size must be an integer of at least 1, got"):
        resize_images(noise(1, 5, 5), image_size)
