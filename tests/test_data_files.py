"""The data files, and how they are read."""

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from coursehelpers.data import (
    CATS_DOGS_CLASSES,
    FASHION_MNIST_CLASSES,
    DataError,
    data_folder,
    files,
    load_cats_dogs,
    load_digits,
    load_efficientnet_lite0,
    load_fashion_mnist,
    load_imagenet_classes,
    recorded_hashes,
)
from coursehelpers.transfer import load_grid

DATA = Path(__file__).resolve().parents[1] / "data"
FILES = [
    f"fashion-mnist/{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]
SHEETS = [f"cats-dogs/{part}-{name}s.png" for part in ("train", "test") for name in ("cat", "dog")]
LOADERS = {
    **dict.fromkeys(FILES, load_fashion_mnist),
    **dict.fromkeys(SHEETS, load_cats_dogs),
    "digits/digits.csv.gz": load_digits,
    "efficientnet-lite0/efficientnet-lite0.npz": load_efficientnet_lite0,
    "imagenet-classes/imagenet-classes.txt": load_imagenet_classes,
    "transfer-grid/transfer-grid.csv": load_grid,
    "transfer-grid/settings.json": lambda: files.read_verified("transfer-grid/settings.json"),
}


@pytest.fixture(scope="module")
def fashion_mnist():
    return load_fashion_mnist()


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of the data folder, from which the loaders read."""
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    monkeypatch.setattr(files, "data_folder", lambda: folder)
    return folder


def flip_a_byte(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


# --- Data files ---------------------------------------------------------------------------------


def test_fashion_mnist_has_the_published_shapes_and_ten_balanced_classes(fashion_mnist):
    assert len(FASHION_MNIST_CLASSES) == len(set(FASHION_MNIST_CLASSES)) == 10
    for (x, y), per_class in zip(fashion_mnist, (6_000, 1_000), strict=True):
        assert x.shape == (10 * per_class, 28, 28)
        assert y.shape == (10 * per_class,)
        assert x.dtype == y.dtype == np.uint8
        assert (x.min(), x.max()) == (0, 255)
        assert np.bincount(y).tolist() == [per_class] * 10


def test_fashion_mnist_is_the_callers_to_change(fashion_mnist):
    for pair in fashion_mnist:
        for array in pair:
            assert array.flags.writeable
            assert array.flags.owndata


def test_fashion_mnist_images_look_like_their_labels(fashion_mnist):
    # A wrong offset or order of the axes would move the photos away from their labels. The
    # nearest class mean is right for two photos in three; by chance it would be one in ten.
    (x, y), (x_test, y_test) = fashion_mnist
    means = np.stack([x[y == label].mean(axis=0).ravel() for label in range(10)])
    photos = x_test[:1000].reshape(1000, -1).astype(float)
    distances = (means**2).sum(axis=1) - 2 * photos @ means.T
    assert (distances.argmin(axis=1) == y_test[:1000]).mean() > 0.6
    # Swapped axes would lay the trousers on their side: they reach over more rows than columns.
    trouser = means[FASHION_MNIST_CLASSES.index("Trouser")].reshape(28, 28) > 64
    assert trouser.any(axis=1).sum() > 1.5 * trouser.any(axis=0).sum()


def test_cats_and_dogs_have_their_shapes_and_halves():
    assert CATS_DOGS_CLASSES == ("cat", "dog")
    for (x, y), n in zip(load_cats_dogs(), (4_000, 2_000), strict=True):
        assert x.shape == (n, 32, 32, 3)
        assert x.dtype == y.dtype == np.uint8
        assert x.flags.writeable
        assert np.bincount(y).tolist() == [n // 2, n // 2]
        # No photo is there twice, so none is both in training and in validation.
        assert len(np.unique(x.reshape(n, -1), axis=0)) == n


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


def test_no_test_photo_of_cats_and_dogs_is_a_training_photo():
    (x, _), (x_test, _) = load_cats_dogs()
    seen = {photo.tobytes() for photo in x}
    assert not any(photo.tobytes() in seen for photo in x_test)


def test_digits_have_their_shape_and_look_like_their_labels():
    x, y = load_digits()
    assert x.shape == (1797, 8, 8)
    assert x.dtype == y.dtype == np.uint8
    assert (x.min(), x.max()) == (0, 16)
    assert set(y.tolist()) == set(range(10))
    means = np.stack([x[y == label].mean(axis=0).ravel() for label in range(10)])
    distances = (means**2).sum(axis=1) - 2 * x.reshape(len(x), -1) @ means.T
    assert (distances.argmin(axis=1) == y).mean() > 0.85
    # A zero has its hole in the middle.
    assert means[0].reshape(8, 8)[3:5, 3:5].max() < 4


def test_imagenet_has_a_thousand_classes_in_their_order():
    names = load_imagenet_classes()
    assert len(names) == 1000
    # Birds and machines share a name.
    assert {name for name in names if names.count(name) > 1} == {"crane"}
    # Fish come first, paper last; the labels of cats are known from everywhere.
    assert (names[0], names[999]) == (
        "tench, Tinca tinca",
        "toilet tissue, toilet paper, bathroom tissue",
    )
    assert [name.split(",")[0] for name in names[281:286]] == [
        "tabby",
        "tiger cat",
        "Persian cat",
        "Siamese cat",
        "Egyptian cat",
    ]


def test_weights_of_efficientnet_are_floats_with_keras_names_and_plausible_statistics():
    weights = load_efficientnet_lite0()
    assert sum(array.size for array in weights.values()) == 4_652_008 + 42_016
    assert {array.dtype for array in weights.values()} == {np.dtype("float32")}
    kinds = {name.partition("/")[2] for name in weights}
    assert kinds == {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"}
    assert all(np.isfinite(array).all() for array in weights.values())
    assert all((a >= 0).all() for name, a in weights.items() if name.endswith("variance"))


def test_data_folder_is_the_one_of_the_checkout():
    assert data_folder() == DATA


def test_data_folder_nowhere_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "__file__", str(tmp_path / "coursehelpers" / "data" / "files.py"))
    with pytest.raises(DataError, match=r"No data folder beside .*Reinstall.*clone"):
        data_folder()


def test_table_lists_every_file_with_its_size_and_hash():
    hashes = recorded_hashes()
    assert hashes == recorded_hashes(DATA) == recorded_hashes(str(DATA))
    there = {p.relative_to(DATA).as_posix() for p in DATA.rglob("*") if p.is_file()}
    others = {name for name in there if re.search(r"README\.md$|LICENSE\.txt$|\.pyc?$", name)}
    assert set(hashes) == there - others == set(LOADERS)

    rows = re.findall(r"^\| `([^`]+)` \| ([0-9,]+) \|", (DATA / "README.md").read_text(), re.M)
    sizes = {name: int(size.replace(",", "")) for name, size in rows}
    for name, expected in hashes.items():
        content = (DATA / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == expected
        assert sizes[name] == len(content)


@pytest.mark.parametrize("name", LOADERS)
def test_missing_file_is_an_error_that_names_it_and_the_remedy(copied_data, name):
    (copied_data / name).unlink()
    with pytest.raises(DataError) as caught:
        LOADERS[name]()
    message = str(caught.value)
    assert str(copied_data / name) in message
    assert "missing" in message
    assert "git checkout -- data" in message
    assert "python data/build.py" in message


@pytest.mark.parametrize("name", LOADERS)
def test_damaged_file_is_an_error_that_names_it_both_hashes_and_the_remedy(copied_data, name):
    flip_a_byte(copied_data / name, position=-1)
    with pytest.raises(DataError) as caught:
        LOADERS[name]()
    message = str(caught.value)
    assert str(copied_data / name) in message
    assert recorded_hashes(DATA)[name] in message
    assert hashlib.sha256((copied_data / name).read_bytes()).hexdigest() in message
    assert "git checkout -- data" in message
    assert "python data/build.py" in message
