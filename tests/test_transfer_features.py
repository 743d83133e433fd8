"""Features: those of the backbone, for images and photos, and what is refused."""

import os
import signal

import numpy as np
import pytest
from PIL import Image

from coursehelpers import photos as decoding
from coursehelpers.data import DataError
from coursehelpers.models import build_backbone
from coursehelpers.transfer import cache, extract_features, features, read_features
from tests.tiny_backbone import FEATURES, tiny_backbone

SIZE = 32
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone(SIZE)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The default folder of this test, which no other test and no user shares."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def stored(folder):
    return sorted(folder.iterdir()) if folder.exists() else []


def close(computed, expected):
    np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def photos(folder, count=5):
    """Photos of noise, larger than they are read."""
    folder.mkdir(parents=True)
    paths = [folder / f"{i}.jpg" for i in range(count)]
    for path in paths:
        Image.fromarray(RNG.integers(0, 256, (50, 40, 3), np.uint8)).save(path)
    return paths


# --- What is computed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch_size", "dtype"), [(2, "uint8"), (5, "float32"), (32, "float64"), (32, "uint8")]
)
def test_features_are_those_of_the_backbone(backbone, batch_size, dtype):
    images = IMAGES.astype(dtype)
    computed = extract_features(backbone, images, batch_size=batch_size, cache=False)
    assert (computed.shape, computed.dtype) == ((5, FEATURES), np.float32)
    close(computed, np.asarray(backbone(IMAGES, training=False)))


def test_backbone_without_pooling_gives_maps_and_one_of_any_size_takes_all():
    model = build_backbone(input_shape=(None, None, 3))
    images = RNG.integers(0, 256, (3, 64, 96, 3), np.uint8)
    computed = extract_features(model, images, batch_size=2, cache=False)
    assert computed.shape == (3, 2, 3, 1280)
    close(computed, np.asarray(model(images, training=False)))


def test_backbone_that_cannot_be_folded_is_used_as_it_is():
    import keras

    shared = keras.layers.Conv2D(3, 1)
    x = image = keras.Input((SIZE, SIZE, 3))
    for _ in range(2):
        x = keras.layers.BatchNormalization()(shared(x))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    model.compile("sgd", "mse")
    close(extract_features(model, IMAGES), np.asarray(model(IMAGES, training=False)))
    # Its own compilation is none of our business.
    assert model.loss == "mse"


def test_no_images_give_no_features(backbone, folder):
    assert extract_features(backbone, IMAGES[:0]).shape == (0, FEATURES)
    found = read_features(backbone, [])
    assert (found.x.shape, found.index.tolist(), found.skipped) == ((0, FEATURES), [], ())
    assert stored(folder) == []


def test_photos_are_read_as_arrays_are_computed(backbone, tmp_path):
    paths = photos(tmp_path / "photos")
    paths[1].write_bytes(b"no photo")
    (read,) = decoding.iterate_images(paths, SIZE, resize="squeeze")
    found = read_features(backbone, map(str, paths), resize="squeeze", batch_size=3, threads=1)
    assert found.index.tolist() == [0, 2, 3, 4]
    assert found.skipped == read.skipped
    close(found.x, extract_features(backbone, read.x, batch_size=3))


@pytest.mark.parametrize("function", [extract_features, read_features])
def test_bar_waits_for_long_runs_and_is_closed(backbone, tmp_path, bars, function):
    given = photos(tmp_path / "photos") if function is read_features else IMAGES
    function(backbone, given, cache=False)
    (bar,) = bars
    assert (bar.n, bar.total, bar.closed, bar.delay) == (5, 5, True, features.DELAY)


def test_interrupt_ends_threads_and_bar(backbone, tmp_path, monkeypatch, bars, folder):
    import threading

    paths = photos(tmp_path / "photos", count=40)
    decode = decoding.decode

    def interrupt(path, *options):
        if path.stem == "20":
            os.kill(os.getpid(), signal.SIGINT)
        return decode(path, *options)

    monkeypatch.setattr(decoding, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_features(backbone, paths, batch_size=2)
    assert not [thread for thread in threading.enumerate() if "read-images" in thread.name]
    assert all(bar.closed for bar in bars)
    assert stored(folder) == []


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (IMAGES[0], r"shape \(n, 32, 32, 3\) that tiny takes, got \(32, 32, 3\)"),
        (IMAGES[:, :16], r"got \(5, 16, 32, 3\).*Resize"),
        (IMAGES[..., :1], r"got \(5, 32, 32, 1\)"),
        (IMAGES / 255, "got 0 to 1. Multiply them by 255"),
        (IMAGES - 128.0, "0..255, got -128 to 127"),
        (IMAGES * 2.0, "got 0 to 510"),
        (np.full((1, 32, 32, 3), np.nan), "got nan to nan"),
        (IMAGES.astype(str), "numbers in 0..255, got dtype <U3"),
        (IMAGES > 9, "got dtype bool"),
    ],
)
def test_other_images_are_refused(backbone, images, says):
    with pytest.raises(ValueError, match=says):
        extract_features(backbone, images)


def test_other_networks_are_refused(backbone):
    import keras

    one, two = keras.Input((SIZE, SIZE, 3)), keras.Input((SIZE, SIZE, 3))
    for wrong in ("efficientnet_lite0", keras.Sequential([keras.layers.Flatten()])):
        with pytest.raises(TypeError, match="must be a functional Keras model"):
            extract_features(wrong, IMAGES)
    with pytest.raises(ValueError, match="one input and one output, got 2 and 1"):
        extract_features(keras.Model([one, two], keras.layers.Add()([one, two])), IMAGES)


def test_other_sizes_and_options_are_refused(backbone, tmp_path):
    paths = photos(tmp_path / "photos", count=1)
    flexible = tiny_backbone(None)
    with pytest.raises(ValueError, match=r"got image_size 48.*input_shape=\(48, 48, 3\)"):
        read_features(backbone, paths, 48)
    with pytest.raises(ValueError, match=r"image_size is needed.*None, None, 3"):
        read_features(flexible, paths)
    assert read_features(flexible, paths, 48).x.shape == (1, FEATURES)
    for option in ({"batch_size": 0}, {"threads": 0}, {"resize": "pad"}, {"image_size": 1.5}):
        with pytest.raises(ValueError, match=next(iter(option))):
            read_features(backbone, paths, **option)
    with pytest.raises(ValueError, match="batch_size"):
        extract_features(backbone, IMAGES, batch_size=0)
    with pytest.raises(DataError, match=r"None of 1 files could be read.*missing\.jpg"):
        read_features(backbone, [tmp_path / "missing.jpg"])


def test_features_larger_than_memory_are_refused_before_the_work(backbone, monkeypatch):
    monkeypatch.setattr(features, "MOST_BYTES", 5 * FEATURES * 4 - 1)
    with pytest.raises(ValueError, match=r"features of 5 images, \(8,\) each.*pooling"):
        extract_features(backbone, IMAGES)
    assert extract_features(backbone, IMAGES[:4]).shape == (4, FEATURES)
