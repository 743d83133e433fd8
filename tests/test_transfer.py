"""Transfer learning in one call: on real photos, from folders and arrays, and what is refused."""

import dataclasses
import re

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

from coursehelpers.data import DataError, load_cats_dogs, split
from coursehelpers.photos import load_image_folder
from coursehelpers.transfer import cache, features, transfer
from tests.test_photos import photos, three_parts
from tests.tiny_backbone import tiny_backbone

pytestmark = pytest.mark.heavy

SIZE = 32
NAMES = ("cat", "dog")


@pytest.fixture(autouse=True)
def folder(tmp_path_factory, monkeypatch):
    """The default folder of this test, which no other test and no user shares."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    return folder


def enlarged(images, size):
    pictures = (Image.fromarray(image).resize((size, size)) for image in images)
    return np.stack([np.asarray(picture) for picture in pictures])


@pytest.fixture(scope="module")
def cats_and_dogs():
    """200 photos to train on, 100 to choose on, 300 to test on, 64 x 64 pixels."""
    (x, y), (x_test, y_test) = load_cats_dogs()
    train, validation, _ = split(x, y, train=200, validation=100)
    test, _, _ = split(x_test, y_test, train=300, validation=0)
    return [(enlarged(x, 64), y) for x, y in (train, validation, test)]


@pytest.fixture(name="root", scope="module")
def cats_and_dogs_on_disk(tmp_path_factory):
    """A folder of light cats and dark dogs, 24 each, and a file that is no photo."""
    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name, low in zip(NAMES, (100, 0), strict=True):
        (root / name).mkdir()
        for i in range(24):
            noise = rng.integers(low, low + 155, (40, 50, 3), np.uint8)
            Image.fromarray(noise).save(root / name / f"{i:02}.png")
    (root / "dog" / "broken.jpg").write_bytes(b"no photo")
    return root


def tiny_transfer(data, **options):
    return transfer(data, **{"backbone": tiny_backbone(SIZE), **options})


# --- What comes out -----------------------------------------------------------------------------


def test_cats_are_told_from_dogs_with_two_hundred_photos(cats_and_dogs):
    result = transfer(cats_and_dogs, class_names=NAMES)
    # Chance is a half, and the standard error of 300 photos .03.
    assert result.test.estimate > 0.62
    assert result.counts == (200, 100, 300)
    x, y = cats_and_dogs[2]
    p = result.model.predict(x, verbose=0)
    assert (p.argmax(axis=1) == y).mean() == pytest.approx(result.test.estimate, abs=0.007)
    assert result.model.trainable_weights == result.model.get_layer("head").trainable_weights


def test_folder_and_arrays_give_the_same(root):
    options = {"seed": 3, "validation": 0.25, "test": 0.25}
    images = load_image_folder(root, SIZE, **options)
    results = [
        tiny_transfer(root, **options),
        tiny_transfer(str(root), image_size=SIZE, **options),
        tiny_transfer((images.train, images.validation, images.test), class_names=NAMES),
    ]
    for result in results:
        assert result.class_names == NAMES
        assert result.counts == (24, 12, 12)
        assert result.head.strength == results[0].head.strength
        np.testing.assert_allclose(result.head.kernel, results[0].head.kernel, atol=1e-4)
        assert result.test.estimate == results[0].test.estimate == 1.0
    for result in results[:2]:
        ((path, reason),) = result.skipped
        assert (path.name, reason) == ("broken.jpg", "is not an image that Pillow can read")
    assert results[2].skipped == ()
    p = results[0].model.predict(images.test[0], verbose=0)
    np.testing.assert_array_equal(p.argmax(axis=1), images.test[1])


def test_intervals_are_wilsons(cats_and_dogs):
    x, y = cats_and_dogs[0]
    x, y = x[:, :SIZE, :SIZE], np.random.default_rng(0).permutation(y)
    result = tiny_transfer([(x[:100], y[:100]), (x[100:140], y[100:140]), (x[140:], y[140:])])
    z, n = norm.ppf(0.975), 60
    p, low, high = result.test
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (low, high) == pytest.approx((middle - half, middle + half))
    assert result.class_names == ("0", "1")


def test_second_run_and_other_seeds_compute_no_features(root, monkeypatch):
    first = tiny_transfer(root)
    monkeypatch.setattr(features, "folded", lambda *args: pytest.fail("computed again"))
    again = tiny_transfer(root)
    assert first.head.kernel.tobytes() == again.head.kernel.tobytes()
    assert (first.validation, first.test) == (again.validation, again.test)
    other = tiny_transfer(root, seed=1, validation=0.3)
    assert other.counts != first.counts
    with pytest.raises(pytest.fail.Exception):
        tiny_transfer(root, cache=False)


def test_fine_tuning_changes_the_last_blocks_and_the_head_only(root):
    backbone, before = tiny_backbone(SIZE), tiny_backbone(SIZE)
    options = {"backbone": backbone, "keep_last": 2, "learning_rate": 0.01, "epochs": 3}
    result = transfer(root, **options)
    moved = [
        one.path
        for one, other in zip(backbone.weights, before.weights, strict=True)
        if not np.array_equal(one.numpy(), other.numpy())
    ]
    assert moved in ([], ["block3a_conv/kernel", "block4a_conv/kernel"])
    assert list(result.seconds) == [
        *("scanning", "backbone", "features", "head", "fine-tuning", "evaluation")
    ]
    # What was evaluated is what the model predicts.
    images = load_image_folder(root, SIZE)
    for (x, y), accuracy in ((images.validation, result.validation), (images.test, result.test)):
        p = result.model.predict(x, verbose=0)
        assert (p.argmax(axis=1) == y).mean() == pytest.approx(accuracy.estimate)


def test_empty_test_part_is_left_out(root):
    result = tiny_transfer(root, test=0)
    assert result.test is None
    assert result.counts.test == 0
    assert " test photos" not in repr(result)


def test_copies_are_told(root, tmp_path):
    made = three_parts(tmp_path, photos)
    copy = made / "test/cat/copy.png"
    copy.write_bytes((made / "train/cat/train.png").read_bytes())
    result = tiny_transfer(made)
    assert result.duplicates == ((made / "train/cat/train.png", copy),)
    assert repr(result).endswith("1 in several parts or classes, see .duplicates")


def test_repr_is_one_line_that_tells_what_matters(root):
    result = tiny_transfer(root)
    number = r"[01]\.\d{3}"
    assert re.fullmatch(
        r"TransferResult: 2 classes \(cat, dog\); "
        rf"accuracy {number} \(95 % interval {number} to {number}\) on 8 validation photos, "
        rf"{number} \(95 % interval {number} to {number}\) on 8 test photos, 32 to train on; "
        r"\d+\.\d s; 1 skipped, see \.skipped",
        repr(result),
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.model = None


# --- What is refused ----------------------------------------------------------------------------


def test_folders_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(DataError, match=r"The folder .*missing is missing"):
        transfer(tmp_path / "missing")
    photos(tmp_path, "train/cat/1.png", "train/cat/2.png")
    with pytest.raises(DataError, match="has a single class, 'cat', expected two or more"):
        transfer(tmp_path)


def test_class_without_a_readable_photo_is_named(tmp_path):
    made = three_parts(tmp_path, photos)
    (made / "validation/dog/validation.png").write_bytes(b"")
    with pytest.raises(DataError, match="No photo of 'dog' in the validation part"):
        tiny_transfer(made)


def test_weights_that_need_a_network_name_the_way_out(root, monkeypatch):
    import keras

    def fail(**options):
        raise Exception("URL fetch failure on https://host/vgg16.h5: None -- no network")

    monkeypatch.setattr(keras.applications, "VGG16", fail)
    with pytest.raises(ConnectionError, match=r"'vgg16' cannot .*no network.*'efficientnet_lite0'"):
        transfer(root, backbone="vgg16")


X, Y = np.zeros((8, SIZE, SIZE, 3), np.uint8), np.arange(8) % 2
PART = (X, Y)


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (None, TypeError, "a folder, or three pairs.*got NoneType"),
        ((PART, PART), TypeError, "three pairs"),
        ((X, X, X), TypeError, "three pairs"),
        ((PART, (X[:0], Y[:0]), PART), ValueError, "validation part is empty"),
        ((PART, PART, (X, Y[:3])), ValueError, r"The test part .*got \(8, 32, 32, 3\) and \(3,\)"),
        ((PART, (X[:, :9], Y), PART), ValueError, "The validation part must be images"),
        (((X, Y / 1), PART, PART), ValueError, "The train part must have class numbers"),
        (((X, Y + 1), PART, PART), ValueError, "class numbers 0, 1, 2"),
        (((X, Y * 0), PART, PART), ValueError, "two or more"),
        ((PART, PART, (X, Y + 1)), ValueError, "the class 2"),
        ((PART, (X - 0.5, Y), PART), ValueError, "values in 0..255, got -0.5"),
    ],
)
def test_other_data_are_refused(data, error, says):
    with pytest.raises(error, match=says):
        tiny_transfer(data)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"keep_last": 5}, "keep_last must be between 1 and 4"),
        ({"keep_last": -1}, "keep_last must be between 1 and 4"),
        ({"keep_last": 1, "epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"keep_last": 1, "seed": -1}, "seed"),
        ({"image_size": 48}, "image_size is 48, but the images have the shape"),
        ({"image_size": 0}, "image_size"),
        ({"class_names": ["cat"]}, "class_names must be 2 names, got 1"),
        ({"backbone": "resnet"}, "There is no backbone 'resnet'"),
        ({"backbone": None}, "a name or a model .*pooling"),
    ],
)
def test_other_options_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        tiny_transfer((PART, PART, PART), **options)


def test_options_of_folders_are_checked(root):
    for options, says in (
        ({"validation": 0}, "validation part is empty"),
        ({"test": 1}, "test is the share"),
        ({"seed": -1}, "seed"),
        ({"class_names": NAMES}, "leave class_names out"),
        ({"image_size": 48}, "tiny takes images of shape"),
    ):
        with pytest.raises(ValueError, match=says):
            tiny_transfer(root, **options)
