"""Features: those of the backbone, computed once, and never lost or mixed up by the cache."""

import contextlib
import errno
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursehelpers.data import DataError, decoding, read_images
from coursehelpers.models import build_backbone, freeze
from coursehelpers.transfer import cache, cache_folder, extract_features, features, read_features
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


@contextlib.contextmanager
def only_stored():
    """Refuse to compute anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "folded", lambda backbone: pytest.fail("computed again"))
        yield


@contextlib.contextmanager
def counted():
    """Count the computations in a list."""
    computed = []
    compute = features.compute
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "compute", lambda *args: computed.append(1) or compute(*args))
        yield computed


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
    read = read_images(paths, SIZE, resize="squeeze")
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


# --- What is stored -----------------------------------------------------------------------------


def test_second_call_computes_nothing(backbone, folder):
    first = extract_features(backbone, IMAGES)
    assert len(stored(folder)) == 1
    with only_stored():
        again = extract_features(backbone, IMAGES.copy(), batch_size=2)
    np.testing.assert_array_equal(first, again)
    assert again.dtype == np.float32


def test_backbone_built_again_or_frozen_finds_its_features(backbone):
    extract_features(backbone, IMAGES)
    twin = tiny_backbone(SIZE)
    with only_stored():
        freeze(twin, keep_last=2)
        extract_features(twin, IMAGES)


def test_names_that_keras_counts_up_do_not_matter():
    import keras

    def build(seed):
        keras.utils.set_random_seed(seed)
        inside = keras.Sequential([keras.layers.Conv2D(2, 1), keras.layers.ReLU()])
        image = keras.Input((SIZE, SIZE, 3))
        # VGG has an operation of this kind, ConvNeXt layers in layers.
        return keras.Model(image, inside(image[..., ::-1]) + 1.0)

    one, other, changed = build(0), build(0), build(1)
    assert one.layers[-1].name != other.layers[-1].name
    assert cache.model_hash(one) == cache.model_hash(other) != cache.model_hash(changed)


def test_pixels_types_shapes_weights_and_structure_matter():
    import keras

    def build(strides=1, activation=None):
        keras.utils.set_random_seed(0)
        layer = keras.layers.Conv2D(2, 1, strides=strides, activation=activation)
        image = keras.Input((None, None, 3))
        return keras.Model(image, keras.layers.GlobalAveragePooling2D()(layer(image)))

    model, heavier = build(), build()
    heavier.set_weights([weight + 1e-6 for weight in heavier.get_weights()])
    changed = IMAGES.copy()
    changed[4, 31, 31, 2] ^= 1
    given = [
        *((model, images) for images in (IMAGES, changed, IMAGES[:4], IMAGES.astype("float32"))),
        (model, IMAGES.reshape(5, 16, 64, 3)),
        *((other, IMAGES) for other in (heavier, build(strides=2), build(activation="relu"))),
    ]
    with counted() as computed:
        for _ in range(2):
            for network, images in given:
                extract_features(network, images)
    assert len(computed) == len(given)


def test_photos_are_known_by_their_bytes_wherever_they_lie(backbone, tmp_path):
    paths = photos(tmp_path / "photos")
    paths[1].write_bytes(b"no photo")
    first = read_features(backbone, paths)
    shutil.move(tmp_path / "photos", tmp_path / "moved")
    moved = [tmp_path / "moved" / path.name for path in paths]
    for path in moved:
        os.utime(path, (0, 0))
    with only_stored():
        again = read_features(backbone, moved, batch_size=2, threads=1)
    np.testing.assert_array_equal(again.x, first.x)
    np.testing.assert_array_equal(again.index, first.index)
    assert again.index.dtype == first.index.dtype == np.int64
    # The reasons are stored, the paths are those that were asked for.
    assert [(path, reason) for path, reason in again.skipped] == [
        (moved[1], "is not an image that Pillow can read")
    ]


def test_exchanged_photo_order_and_options_matter(backbone, tmp_path):
    paths = photos(tmp_path / "photos")
    with counted() as computed:
        first = read_features(backbone, paths)
        before = paths[2].stat()
        content = bytearray(paths[2].read_bytes())
        content[len(content) // 2] ^= 255
        paths[2].write_bytes(content)
        # As tools do that copy a file with its time.
        os.utime(paths[2], ns=(before.st_atime_ns, before.st_mtime_ns))
        assert not np.array_equal(read_features(backbone, paths).x[2], first.x[2])
        read_features(backbone, paths[::-1])
        read_features(backbone, paths, resize="squeeze")
        read_features(backbone, paths, draft=False)
        paths[0].unlink()
        assert read_features(backbone, paths).index.tolist() == [1, 2, 3, 4]
    assert len(computed) == 6


def test_folder_is_the_one_of_the_argument_the_variable_or_the_user(monkeypatch, folder):
    assert cache_folder() == folder
    assert cache_folder("~/mine") == Path.home() / "mine"
    assert cache_folder(Path("mine")) == Path("mine")
    monkeypatch.setenv(cache.VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/user")
    assert cache_folder() == Path("/var/user/coursehelpers")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/coursehelpers"
    for wrong in (True, 3):
        with pytest.raises(TypeError, match=f"a folder, False or None.* got {wrong}"):
            cache_folder(wrong)


def test_nothing_is_stored_when_the_cache_is_off(backbone, folder, tmp_path):
    extract_features(backbone, IMAGES, cache=False)
    read_features(backbone, photos(tmp_path / "photos"), cache=False)
    assert stored(folder) == []
    extract_features(backbone, IMAGES, cache=tmp_path / "mine")
    assert (stored(folder), len(stored(tmp_path / "mine"))) == ([], 1)


# --- When storing goes wrong --------------------------------------------------------------------


def pickled(path, content):
    np.savez(path, x=np.array([{}], object))


DAMAGE = {
    "empty": lambda path, content: path.write_bytes(b""),
    "cut": lambda path, content: path.write_bytes(content[: len(content) // 2]),
    "text": lambda path, content: path.write_text("features"),
    "flipped": lambda path, content: path.write_bytes(
        content[:140] + bytes([content[140] ^ 1]) + content[141:]
    ),
    "folder": lambda path, content: (path.unlink(), path.mkdir()),
    "pickle": pickled,
    "other": lambda path, content: np.savez(path, features=np.zeros(3)),
    "fewer": lambda path, content: np.savez(
        path, x=np.zeros((1, FEATURES)), index=np.zeros(1), reasons=np.array(["a", "b"])
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("function", [extract_features, read_features])
def test_damaged_file_is_computed_again(backbone, folder, tmp_path, damage, function):
    given = photos(tmp_path / "photos") if function is read_features else IMAGES
    first = function(backbone, given)
    (path,) = stored(folder)
    DAMAGE[damage](path, path.read_bytes())
    if damage == "folder":
        with pytest.warns(UserWarning, match="cannot be stored"):
            again = function(backbone, given)
    else:
        again = function(backbone, given)
        with only_stored():
            function(backbone, given)
    if function is read_features:
        first, again = first.x, again.x
    np.testing.assert_array_equal(first, again)
    assert stored(folder) == [path]


def fail(error):
    def save(file, **arrays):
        file.write(b"half of it")
        raise error

    return save


def test_full_disk_loses_nothing_but_time(backbone, folder, monkeypatch):
    error = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(np, "savez", fail(error))
    with pytest.warns(UserWarning, match=r"in .*cache \(No space left.*COURSEHELPERS_CACHE"):
        computed = extract_features(backbone, IMAGES)
    assert computed.shape == (5, FEATURES)
    assert stored(folder) == []


def test_folder_that_cannot_be_written_loses_nothing_but_time(backbone, tmp_path):
    # For root, who may run the tests, no folder is read-only; a file in its place is as good.
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="Give another folder as cache"):
        computed = extract_features(backbone, IMAGES, cache=tmp_path / "file" / "cache")
    assert computed.shape == (5, FEATURES)


def test_interrupt_while_storing_leaves_no_half_file(backbone, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", fail(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            extract_features(backbone, IMAGES)
    assert stored(folder) == []


def test_what_was_used_longest_ago_makes_room(folder, monkeypatch):
    paths = [folder / f"{i:064x}.npz" for i in range(4)]
    monkeypatch.setattr(cache, "MOST_STORED", 2500)
    folder.mkdir()
    (folder / "my thesis.npz").write_bytes(bytes(9000))
    for i, path in enumerate(paths[:2]):
        cache.store(path, {"x": np.zeros(100)})
        os.utime(path, (i, i))
    (folder / "features-killed.part").write_bytes(bytes(9000))
    os.utime(folder / "features-killed.part", (0, 0))
    assert cache.load(paths[0]) is not None
    for i, path in enumerate(paths[2:], start=2):
        cache.store(path, {"x": np.zeros(100)})
        os.utime(path, (i, i))
    # Two of about a kilobyte each have room, and the first was read since it was stored.
    assert stored(folder) == [paths[0], paths[3], folder / "my thesis.npz"]


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
