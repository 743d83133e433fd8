"""Features: those of the backbone, computed once, found again, and never lost or mixed up."""

import contextlib
import errno
import os
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursehelpers import photos as decoding
from coursehelpers.data import DataError
from coursehelpers.models import build_backbone, freeze
from coursehelpers.transfer import cache, extract_features, features
from coursehelpers.transfer.features import read_features
from tests.tiny_backbone import FEATURES, tiny_backbone

pytestmark = pytest.mark.heavy

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


@contextlib.contextmanager
def computations(expected):
    """Count how often features are computed."""
    count = 0
    folded = features.folded

    def counted(backbone):
        nonlocal count
        count += 1
        return folded(backbone)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "folded", counted)
        yield
    assert count == expected


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
    assert model.loss == "mse"  # its own compilation is left alone


def test_no_images_give_no_features(backbone, folder):
    assert extract_features(backbone, IMAGES[:0]).shape == (0, FEATURES)
    x, index, skipped = read_features(backbone, [])
    assert (x.shape, index.tolist(), skipped) == ((0, FEATURES), [], ())
    assert stored(folder) == []


def test_photos_are_read_as_arrays_are_computed(backbone, tmp_path):
    paths = photos(tmp_path / "photos")
    paths[1].write_bytes(b"no photo")
    (read,) = decoding.iterate_images(paths, SIZE)
    x, index, skipped = read_features(backbone, map(str, paths), batch_size=3)
    assert index.tolist() == [0, 2, 3, 4]
    assert skipped == read.skipped
    close(x, extract_features(backbone, read.x, batch_size=3))


@pytest.mark.parametrize("function", [extract_features, read_features])
def test_bar_waits_for_long_runs_and_is_closed(backbone, tmp_path, bars, function):
    given = photos(tmp_path / "photos") if function is read_features else IMAGES
    function(backbone, given, cache=False)
    (bar,) = bars
    assert (bar.n, bar.total, bar.closed, bar.delay) == (5, 5, True, features.DELAY)


def test_interrupt_ends_threads_and_bar(backbone, tmp_path, monkeypatch, bars, folder):
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


def test_other_networks_are_refused():
    import keras

    one, two = keras.Input((SIZE, SIZE, 3)), keras.Input((SIZE, SIZE, 3))
    several = keras.Model([one, two], keras.layers.Add()([one, two]))
    for wrong in ("efficientnet_lite0", keras.Sequential([keras.layers.Flatten()]), several):
        with pytest.raises(TypeError, match="functional Keras model with one input and one output"):
            extract_features(wrong, IMAGES)


def test_other_sizes_and_options_are_refused(backbone, tmp_path):
    paths = photos(tmp_path / "photos", count=1)
    flexible = tiny_backbone(None)
    with pytest.raises(ValueError, match=r"got image_size 48.*input_shape=\(48, 48, 3\)"):
        read_features(backbone, paths, 48)
    with pytest.raises(ValueError, match=r"image_size is needed.*None, None, 3"):
        read_features(flexible, paths)
    assert read_features(flexible, paths, 48)[0].shape == (1, FEATURES)
    for function, given in ((extract_features, IMAGES), (read_features, paths)):
        with pytest.raises(ValueError, match="batch_size"):
            function(backbone, given, batch_size=0)
    with pytest.raises(DataError, match=r"None of 1 files could be read.*missing\.jpg"):
        read_features(backbone, [tmp_path / "missing.jpg"])


def test_features_larger_than_memory_are_refused_before_the_work(backbone, monkeypatch):
    monkeypatch.setattr(features, "MOST_BYTES", 5 * FEATURES * 4 - 1)
    with pytest.raises(ValueError, match=r"features of 5 images, \(8,\) each.*pooling"):
        extract_features(backbone, IMAGES, batch_size=2)
    assert extract_features(backbone, IMAGES[:4]).shape == (4, FEATURES)


# --- What is stored -----------------------------------------------------------------------------


def test_second_call_computes_nothing(backbone, folder):
    first = extract_features(backbone, IMAGES)
    assert len(stored(folder)) == 1
    with computations(0):
        again = extract_features(backbone, IMAGES.copy(), batch_size=2)
    np.testing.assert_array_equal(first, again)
    assert again.dtype == np.float32


def test_backbone_built_again_or_frozen_finds_its_features(backbone):
    extract_features(backbone, IMAGES)
    twin = tiny_backbone(SIZE)
    freeze(twin, keep_last=2)
    with computations(0):
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


def test_structure_matters_even_if_layers_are_named_like_what_they_do():
    import keras

    def build(activation="relu", dtype="float32", last=0):
        image = keras.Input((3,))
        layers = [keras.layers.Activation(activation, name=activation, dtype=dtype)(image)]
        layers.append(keras.layers.ReLU(max_value=6)(image))
        return keras.Model(image, layers[last])

    models = [build(), build("tanh"), build(dtype="float64"), build(last=1)]
    assert len({cache.model_hash(model) for model in models}) == len(models)


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
    with computations(len(given)):
        for network, images in 2 * given:
            extract_features(network, images)


def test_photos_are_known_by_their_bytes_wherever_they_lie(backbone, tmp_path):
    paths = photos(tmp_path / "photos")
    paths[1].write_bytes(b"no photo")
    x, index, _ = read_features(backbone, paths)
    shutil.move(tmp_path / "photos", tmp_path / "moved")
    moved = [tmp_path / "moved" / path.name for path in paths]
    for path in moved:
        os.utime(path, (0, 0))
    with computations(0):
        x_again, index_again, skipped = read_features(backbone, moved, batch_size=2)
    np.testing.assert_array_equal(x_again, x)
    np.testing.assert_array_equal(index_again, index)
    assert index_again.dtype == index.dtype == np.int64
    # The reasons are stored, the paths are those that were asked for.
    assert skipped == ((moved[1], "is not an image that Pillow can read"),)


def test_exchanged_photo_order_and_size_matter(tmp_path):
    backbone, paths = tiny_backbone(None), photos(tmp_path / "photos")
    with computations(5):
        first = read_features(backbone, paths, SIZE)[0]
        before = paths[2].stat()
        content = bytearray(paths[2].read_bytes())
        content[len(content) // 2] ^= 255
        paths[2].write_bytes(content)
        # As tools do that copy a file with its time.
        os.utime(paths[2], ns=(before.st_atime_ns, before.st_mtime_ns))
        assert not np.array_equal(read_features(backbone, paths, SIZE)[0][2], first[2])
        read_features(backbone, paths[::-1], SIZE)
        read_features(backbone, paths, SIZE + 1)
        paths[0].unlink()
        assert read_features(backbone, paths, SIZE)[1].tolist() == [1, 2, 3, 4]


def test_folder_is_the_one_of_the_argument_the_variable_or_the_user(monkeypatch, folder):
    assert cache.cache_folder() == folder
    assert cache.cache_folder(False) is None
    assert cache.cache_folder("~/mine") == Path.home() / "mine"
    assert cache.cache_folder(Path("mine")) == Path("mine")
    monkeypatch.setenv(cache.VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/user")
    assert cache.cache_folder() == Path("/var/user/coursehelpers")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == Path.home() / ".cache/coursehelpers"
    for wrong in (True, 3):
        with pytest.raises(TypeError, match=f"a folder, False or None.* got {wrong}"):
            cache.cache_folder(wrong)


def test_nothing_is_stored_when_the_cache_is_off(backbone, folder, tmp_path):
    extract_features(backbone, IMAGES, cache=False)
    read_features(backbone, photos(tmp_path / "photos"), cache=False)
    assert stored(folder) == []
    extract_features(backbone, IMAGES, cache=tmp_path / "mine")
    assert (stored(folder), len(stored(tmp_path / "mine"))) == ([], 1)


# --- When storing goes wrong --------------------------------------------------------------------

DAMAGE = {
    "empty": lambda path, content: path.write_bytes(b""),
    "cut": lambda path, content: path.write_bytes(content[: len(content) // 2]),
    "text": lambda path, content: path.write_text("features"),
    "flipped": lambda path, content: path.write_bytes(
        content[:140] + bytes([content[140] ^ 1]) + content[141:]
    ),
    "pickle": lambda path, content: np.savez(path, x=np.array([{}], object)),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("function", [extract_features, read_features])
def test_damaged_file_is_computed_again(backbone, folder, tmp_path, damage, function):
    given = photos(tmp_path / "photos") if function is read_features else IMAGES
    first = function(backbone, given)
    (path,) = stored(folder)
    DAMAGE[damage](path, path.read_bytes())
    with computations(1):
        again, _ = function(backbone, given), function(backbone, given)
    if function is read_features:
        first, again = first[0], again[0]
    np.testing.assert_array_equal(first, again)
    assert stored(folder) == [path]


def test_full_disk_or_interrupt_leaves_no_half_file(backbone, folder, monkeypatch):
    error = OSError(errno.ENOSPC, "No space left on device")

    def fail(file, **arrays):
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(np, "savez", fail)
    with pytest.warns(UserWarning, match=r"in .*cache \(No space left.*COURSEHELPERS_CACHE"):
        computed = extract_features(backbone, IMAGES)
    assert computed.shape == (5, FEATURES)
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        extract_features(backbone, IMAGES)
    assert stored(folder) == []


def test_folder_that_cannot_be_written_loses_nothing_but_time(backbone, tmp_path):
    # For root, who may run the tests, no folder is read-only; a file in its place is as good.
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="Give another folder as cache"):
        computed = extract_features(backbone, IMAGES, cache=tmp_path / "file" / "cache")
    assert computed.shape == (5, FEATURES)


def test_what_was_used_longest_ago_makes_room(folder, monkeypatch):
    monkeypatch.setattr(cache, "MOST_STORED", 2500)
    folder.mkdir()
    others = [folder / "my thesis.npz", folder / "features-killed.part"]
    for path in others:
        path.write_bytes(bytes(9000))
        os.utime(path, (0, 0))
    paths = [folder / f"{i:064x}.npz" for i in range(4)]
    for i, path in enumerate(paths):
        cache.store(path, {"x": np.zeros(100)})
        os.utime(path, (i, i))
        if i == 1:
            assert cache.load(paths[0]) is not None
    # Two of about a kilobyte each have room, and the first was read since it was stored.
    assert stored(folder) == [paths[0], paths[3], others[0]]
    cache.store(paths[1], {"x": np.zeros(9000)})
    assert stored(folder) == [paths[1], others[0]]
