"""Load the data sets that ship with the course, each file verified by its hash."""

import gzip
import hashlib
import io
import re
import struct
from pathlib import Path

import numpy as np

FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
CATS_DOGS_CLASSES = ("cat", "dog")


class DataError(RuntimeError):
    """A data file is missing or is not the file that `data/README.md` describes."""


def data_folder():
    """Return the folder of the data files, in a checkout or inside an installed wheel.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataError
        If neither place holds the data.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_data", package.parent / "data"):
        if (folder / "README.md").is_file():
            return folder
    raise DataError(
        f"No data folder beside {package}. Reinstall coursehelpers, or clone the repository again."
    )


def recorded_hashes(folder=None):
    """Read the SHA-256 of every data file from the table in `data/README.md`, their one home.

    Parameters
    ----------
    folder : path-like, optional
        The data folder; by default the one that ships with the package.

    Returns
    -------
    dict of str to str
        File name, relative to the folder, to SHA-256 in hexadecimal digits.

    Examples
    --------
    >>> len(recorded_hashes()["fashion-mnist/train-labels-idx1-ubyte.gz"])
    64
    """
    readme = Path(folder or data_folder()) / "README.md"
    return dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", readme.read_text(), re.M))


def read_verified(name):
    """Read a data file whose SHA-256 is the recorded one.

    Parameters
    ----------
    name : str
        File name, relative to the data folder, as in the table of `data/README.md`.

    Returns
    -------
    bytes

    Raises
    ------
    DataError
        If the file is missing or its SHA-256 differs from the one in the table.

    Examples
    --------
    >>> len(read_verified("digits/digits.csv.gz"))
    57523
    """
    folder = data_folder()
    path = folder / name
    remedy = (
        "Restore it with `git checkout -- data` or reinstall the package; "
        "`python data/build.py` makes it again from its source, `make grid` those of the grid."
    )
    if not path.is_file():
        raise DataError(f"The data file {path} is missing. {remedy}")
    content = path.read_bytes()
    expected, actual = recorded_hashes(folder)[name], hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise DataError(
            f"The data file {path} is damaged: its SHA-256 is {actual}, expected {expected}. {remedy}"
        )
    return content


def _read_idx(name):
    """Read a gzipped IDX file of unsigned bytes (format: LeCun et al., the MNIST database)."""
    content = gzip.decompress(read_verified(name))
    dimensions = content[3]
    shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    # A copy, because an array over bytes is read-only.
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()


def load_fashion_mnist():
    """Load Fashion-MNIST: 28 x 28 grey photos of clothes in ten classes.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray
        Images ``uint8`` of shape (60000, 28, 28) and (10000, 28, 28) in 0..255; labels ``uint8``
        of shape (60000,) and (10000,), indices into `FASHION_MNIST_CLASSES`.

    Raises
    ------
    DataError
        If a file is missing or its SHA-256 differs from the one in `data/README.md`.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms. arXiv:1708.07747, 2017.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_fashion_mnist()
    >>> x_train.shape, y_test.shape
    ((60000, 28, 28), (10000,))
    """
    return tuple(
        tuple(
            _read_idx(f"fashion-mnist/{part}-{kind}-ubyte.gz")
            for kind in ("images-idx3", "labels-idx1")
        )
        for part in ("train", "t10k")
    )


def _read_sheet(name, size):
    """Read a PNG that holds square images of `size` pixels, row by row."""
    from PIL import Image

    with Image.open(io.BytesIO(read_verified(name))) as picture:
        sheet = np.array(picture)
    rows, columns = sheet.shape[0] // size, sheet.shape[1] // size
    tiles = sheet.reshape(rows, size, columns, size, 3).swapaxes(1, 2)
    return tiles.reshape(rows * columns, size, size, 3)


def load_cats_dogs():
    """Load the cats and dogs of CIFAR-10: colour photos, half of them cats, half dogs.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray
        Images ``uint8`` of shape (4000, 32, 32, 3) and (2000, 32, 32, 3) in 0..255; labels
        ``uint8`` of shape (4000,) and (2000,), 0 for a cat and 1 for a dog, as in
        `CATS_DOGS_CLASSES`. The training images are the first 2,000 of each class in CIFAR-10,
        the test images all of its official ones; first all cats, then all dogs.

    Raises
    ------
    DataError
        If a file is missing or its SHA-256 differs from the one in `data/README.md`.

    References
    ----------
    A. Krizhevsky: Learning multiple layers of features from tiny images. Technical report,
    University of Toronto, 2009.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_cats_dogs()
    >>> x_train.shape, x_test.shape, int(y_test.sum())
    ((4000, 32, 32, 3), (2000, 32, 32, 3), 1000)
    """
    parts = []
    for part in ("train", "test"):
        images = [_read_sheet(f"cats-dogs/{part}-{name}s.png", 32) for name in CATS_DOGS_CLASSES]
        labels = np.repeat(np.arange(len(images), dtype=np.uint8), [len(x) for x in images])
        parts.append((np.concatenate(images), labels))
    return tuple(parts)


def load_digits():
    """Load the optical digits of the UCI repository: 8 x 8 grey images of handwritten digits.

    Returns
    -------
    x : ndarray of uint8, shape (1797, 8, 8)
        Ink in 0..16: pixels that are on, of the 4 x 4 that were counted.
    y : ndarray of uint8, shape (1797,)
        Digits 0 to 9.

    Raises
    ------
    DataError
        If the file is missing or its SHA-256 differs from the one in `data/README.md`.

    References
    ----------
    E. Alpaydin, C. Kaynak: Optical recognition of handwritten digits. UCI Machine Learning
    Repository, 1998.

    Examples
    --------
    >>> x, y = load_digits()
    >>> x.shape, int(x.max())
    ((1797, 8, 8), 16)
    """
    lines = gzip.decompress(read_verified("digits/digits.csv.gz")).decode().splitlines()
    table = np.array([line.split(",") for line in lines], float).astype(np.uint8)
    return table[:, :64].reshape(-1, 8, 8), table[:, 64]
