"""Arrays in: the data sets that ship with the course, drawn, split, resized and corrupted.

Whatever loads a file raises a `DataError` if the file is missing or damaged; whatever draws or
changes data raises a `ValueError` that names the argument which is not as described.
"""

import gzip
import hashlib
import io
import os
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Examples = tuple[np.ndarray, np.ndarray]  # x and y, one entry of each per example
Seed = int | Sequence[int]
AnyPath = str | os.PathLike[str]
Part = TypeVar("Part")

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

# --- Data files ---------------------------------------------------------------------------------


class DataError(RuntimeError):
    """A data file is missing or damaged, or a folder of photos is not as expected."""


def data_folder() -> Path:
    """Return the path of the data files, in a checkout or inside an installed wheel."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_data", package.parent / "data"):
        if (folder / "README.md").is_file():
            return folder
    raise DataError(
        f"No data folder beside {package}. Reinstall coursehelpers, or clone the repository again."
    )


def recorded_hashes(folder: AnyPath | None = None) -> dict[str, str]:
    """Return the SHA-256 of each data file by its name, from `data/README.md`, their one home.

    Examples
    --------
    >>> len(recorded_hashes()["fashion-mnist/train-labels-idx1-ubyte.gz"])
    64
    """
    readme = Path(folder or data_folder()) / "README.md"
    return dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", readme.read_text(), re.M))


def read_verified(name: str) -> bytes:
    """Return the bytes of a data file, by its name in `data/README.md`, if its SHA-256 is right.

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


def load_fashion_mnist() -> tuple[Examples, Examples]:
    """Load Fashion-MNIST: 28 x 28 grey photos of clothes in ten classes.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray
        Images ``uint8`` of shape (60000, 28, 28) and (10000, 28, 28) in 0..255; labels ``uint8``
        of shape (60000,) and (10000,), indices into `FASHION_MNIST_CLASSES`.

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
    train, train_labels, test, test_labels = (
        _read_idx(f"fashion-mnist/{part}-{kind}-ubyte.gz")
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    )
    return (train, train_labels), (test, test_labels)


def _read_idx(name):
    """Read a gzipped IDX file of unsigned bytes (format: LeCun et al., the MNIST database)."""
    content = gzip.decompress(read_verified(name))
    dimensions = content[3]
    shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    # A copy, because an array over bytes is read-only.
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()


def load_cats_dogs() -> tuple[Examples, Examples]:
    """Load the cats and dogs of CIFAR-10: colour photos, half of them cats, half dogs.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray
        Images ``uint8`` of shape (4000, 32, 32, 3) and (2000, 32, 32, 3) in 0..255; labels
        ``uint8`` of shape (4000,) and (2000,), indices into `CATS_DOGS_CLASSES`. The training
        images are the first 2,000 of each class in CIFAR-10, the test images all of its official
        ones; first all cats, then all dogs.

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
    return parts[0], parts[1]


def _read_sheet(name, size):
    """Read a PNG that holds square images of `size` pixels, row by row."""
    from PIL import Image

    with Image.open(io.BytesIO(read_verified(name))) as picture:
        sheet = np.array(picture)
    rows, columns = sheet.shape[0] // size, sheet.shape[1] // size
    tiles = sheet.reshape(rows, size, columns, size, 3).swapaxes(1, 2)
    return tiles.reshape(rows * columns, size, size, 3)


def load_digits() -> Examples:
    """Load the optical digits of the UCI repository: 8 x 8 grey images of handwritten digits.

    Returns
    -------
    x : ndarray of uint8, shape (1797, 8, 8)
        Ink in 0..16: pixels that are on, of the 4 x 4 that were counted.
    y : ndarray of uint8, shape (1797,)
        Digits 0 to 9.

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
    table = np.loadtxt(lines, delimiter=",").astype(np.uint8)
    return table[:, :64].reshape(-1, 8, 8), table[:, 64]


def load_imagenet_classes() -> tuple[str, ...]:
    """Load the names of the 1,000 classes of ImageNet, to read predictions with.

    Returns
    -------
    tuple of str
        The name of each label in 0..999: WordNet's synonyms, separated by commas, the usual one
        first. Two classes are called "crane", a bird and a machine.

    References
    ----------
    O. Russakovsky et al.: ImageNet large scale visual recognition challenge. IJCV, 2015.

    Examples
    --------
    >>> load_imagenet_classes()[285]
    'Egyptian cat'
    """
    return tuple(read_verified("imagenet-classes/imagenet-classes.txt").decode().splitlines())


def load_efficientnet_lite0() -> dict[str, NDArray[np.float32]]:
    """Load the weights of EfficientNet-Lite0, trained on ImageNet.

    Returns
    -------
    dict of str to ndarray
        ``float32``, by the names that Keras gives the weights: ``"stem_conv/kernel"``. Kernels have
        shape (height, width, in, out); depthwise ones (height, width, channels, 1).

    References
    ----------
    M. Tan, Q. V. Le: EfficientNet: rethinking model scaling for convolutional neural networks.
    ICML 2019.

    Examples
    --------
    >>> load_efficientnet_lite0()["stem_conv/kernel"].shape
    (3, 3, 3, 32)
    """
    content = io.BytesIO(read_verified("efficientnet-lite0/efficientnet-lite0.npz"))
    with np.load(content, allow_pickle=False) as arrays:
        return {name: arrays[name].astype("float32") for name in arrays.files}


# --- Draws --------------------------------------------------------------------------------------


class Parts(NamedTuple, Generic[Part]):
    """Something for each of the three parts of a data set, such as a pair ``(x, y)``."""

    train: Part
    validation: Part
    test: Part


def make_regression(
    m: int, d: int = 1, noise: float = 0.5, seed: Seed = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a linear regression problem: Gaussian features, unit-norm weights, Gaussian noise.

    Its test error under least squares has a known closed form (Belkin, Hsu and Xu 2020).

    Parameters
    ----------
    m : int
        Sample size.
    d : int, default 1
        Number of features.
    noise : float, default 0.5
        Standard deviation of the noise on the label, in units of the label; finite, at least 0.
    seed : int or sequence of int, default 0

    Returns
    -------
    x : ndarray of float64, shape (m, d)
        Features, independent standard normal.
    y : ndarray of float64, shape (m,)
        Labels ``x @ w + noise``.
    w : ndarray of float64, shape (d,)
        True weights, of Euclidean norm 1; ``[1.]`` for ``d=1``.

    References
    ----------
    M. Belkin, D. Hsu, J. Xu: Two models of double descent for weak features. SIAM Journal on
    Mathematics of Data Science 2(4), 2020.

    Examples
    --------
    >>> x, y, w = make_regression(m=4, d=2, noise=0.0)
    >>> bool(np.allclose(y, x @ w))
    True
    """
    require_count("m", m)
    require_count("d", d)
    if not 0 <= noise < np.inf:
        raise ValueError(
            f"noise is a standard deviation and must be finite and at least 0, got {noise!r}."
        )
    rng = generator(seed)
    w = rng.normal(size=d)
    w = w / np.linalg.norm(w)
    if d == 1:
        w = np.abs(w)
    x = rng.normal(size=(m, d))
    return x, x @ w + noise * rng.normal(size=m), w


def subset(x: ArrayLike, y: ArrayLike, size: int, seed: Seed = 0) -> Examples:
    """Draw a random subset in which every class keeps its share.

    Parameters
    ----------
    x : ndarray, shape (n, ...)
    y : ndarray of int, shape (n,)
        Class labels.
    size : int
        Number of examples to draw, from 1 to n.
    seed : int or sequence of int, default 0

    Returns
    -------
    x, y : ndarray
        `size` examples in random order; a class with share p of `y` gets ``size * p`` of them,
        rounded so that the counts add up to `size`.

    Examples
    --------
    >>> x, y = subset(np.arange(100), np.repeat([0, 1], [80, 20]), size=10)
    >>> np.bincount(y).tolist()
    [8, 2]
    """
    x, y = _require_pair(x, y)
    require_count("size", size)
    if size > len(y):
        raise ValueError(f"size is {size}, but only {len(y)} examples are there.")
    chosen = _stratified(y, size, generator(seed))
    return x[chosen], y[chosen]


def split(
    x: ArrayLike, y: ArrayLike, *, train: int, validation: int, test: int = 0, seed: Seed = 0
) -> Parts[Examples]:
    """Split a data set at random into disjoint, stratified parts.

    Parameters
    ----------
    x : ndarray, shape (n, ...)
    y : ndarray of int, shape (n,)
        Class labels.
    train, validation, test : int
        Sizes of the parts; together at most n. What is left over is not used.
    seed : int or sequence of int, default 0

    Returns
    -------
    Parts
        ``train``, ``validation`` and ``test``, each a pair ``(x, y)``. No example is in two parts.

    Examples
    --------
    >>> parts = split(np.arange(10), np.arange(10) % 2, train=4, validation=4, test=2)
    >>> sorted(int(i) for x, _ in parts for i in x)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    x, y = _require_pair(x, y)
    sizes = Parts(train, validation, test)
    for name, size in sizes._asdict().items():
        require_count(name, size, least=0)
    if sum(sizes) > len(y):
        raise ValueError(
            f"train + validation + test is {sum(sizes)}, but only {len(y)} examples are there. "
            "Ask for smaller parts."
        )
    rng = generator(seed)
    left, parts = np.arange(len(y)), []
    for size in sizes:
        chosen = _stratified(y[left], size, rng) if size else np.array([], int)
        parts.append((x[left[chosen]], y[left[chosen]]))
        left = np.delete(left, chosen)
    return Parts(*parts)


def _require_pair(x: ArrayLike, y: ArrayLike) -> Examples:
    x, y = np.asarray(x), np.asarray(y)
    if y.ndim != 1 or x.ndim == 0 or len(x) != len(y):
        raise ValueError(
            "x and y must have one entry per example, y one label each; "
            f"got the shapes {x.shape} and {y.shape}."
        )
    if y.dtype.kind == "f" and np.isnan(y).any():
        raise ValueError(f"y must hold a label per example, but {np.isnan(y).sum()} are NaN.")
    return x, y


def _stratified(y, size, rng):
    """Choose `size` indices with the class shares of `y`.

    scikit-learn's `train_test_split` would do, but Keras imports scikit-learn whenever it is
    installed, which adds more than a second to the start of every notebook.
    """
    classes, counts = np.unique(y, return_counts=True)
    quota = size * counts / len(y)
    take = np.floor(quota).astype(int)
    # The largest remainders get what rounding down left over; ties are drawn.
    order = np.lexsort((rng.random(len(classes)), take - quota))
    take[order[: size - take.sum()]] += 1
    chosen = [
        rng.choice(np.flatnonzero(y == label), n, replace=False)
        for label, n in zip(classes, take, strict=True)
    ]
    return rng.permutation(np.concatenate(chosen))


def corrupt_labels(
    y: ArrayLike, fraction: float, seed: Seed = 0, classes: int | None = None
) -> np.ndarray:
    """Replace the labels of a random fraction of the examples by uniformly random ones.

    The new label is drawn from all classes, so that about one in `classes` of the redrawn labels
    is right by chance (Zhang et al. 2017).

    Parameters
    ----------
    y : ndarray of int, shape (n,)
        Class numbers, of a dtype that can hold all `classes`.
    fraction : float
        Fraction of labels to redraw, in [0, 1]; ``round(fraction * n)`` of them.
    seed : int or sequence of int, default 0
    classes : int, optional
        Number of classes, larger than any label; by default one more than the largest.

    Returns
    -------
    y : ndarray of int, shape (n,)
        A copy with the dtype of the input.

    References
    ----------
    C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals: Understanding deep learning requires
    rethinking generalization. ICLR 2017.

    Examples
    --------
    >>> corrupt_labels(np.array([0, 1, 2]), fraction=0.0).tolist()
    [0, 1, 2]
    """
    y = np.array(y)
    if not 0 <= fraction <= 1:
        raise ValueError(
            f"fraction must be between 0 (keep all labels) and 1 (redraw all), got {fraction!r}."
        )
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise ValueError(
            "y must be a one-dimensional array of class numbers 0, 1, 2, ..., "
            f"got dtype {y.dtype} and shape {y.shape}."
        )
    smallest, largest = int(y.min(initial=0)), int(y.max(initial=0))
    if smallest < 0:
        raise ValueError(f"y must hold class numbers 0, 1, 2, ..., got the label {smallest}.")
    classes = largest + 1 if classes is None else classes
    require_count("classes", classes)
    if classes <= largest:
        raise ValueError(f"y holds the label {largest}, so classes must be larger, got {classes}.")
    if classes - 1 > np.iinfo(y.dtype).max:
        raise ValueError(
            f"y has dtype {y.dtype}, which cannot hold {classes} classes. Convert it first."
        )
    rng = generator(seed)
    redrawn = rng.choice(len(y), size=round(fraction * len(y)), replace=False)
    y[redrawn] = rng.integers(classes, size=len(redrawn))
    return y


def resize_images(images: ArrayLike, image_size: int) -> NDArray[np.uint8]:
    """Resize images to squares in colour, as networks for photos take them.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width) or (n, height, width, 3)
        Grey or colour images, with values in 0..255.
    image_size : int
        Height and width of the result; what is not square is squeezed.

    Returns
    -------
    ndarray of uint8, shape (n, image_size, image_size, 3)
        Interpolated bicubically; grey images have three equal channels.

    Examples
    --------
    >>> resize_images(np.zeros((2, 28, 28), np.uint8), 96).shape
    (2, 96, 96, 3)
    """
    from PIL import Image

    require_count("image_size", image_size)
    images = np.asarray(images)
    shape = images.shape
    if images.dtype != np.uint8 or len(shape) not in (3, 4) or shape[3:] not in ((), (3,)):
        raise ValueError(
            "images must be uint8 of shape (n, height, width) or (n, height, width, 3), got "
            f"{images.dtype} of shape {shape}."
        )
    resized = np.empty((len(images), image_size, image_size, 3), np.uint8)
    for i, image in enumerate(images):
        picture = Image.fromarray(image).resize((image_size, image_size), Image.Resampling.BICUBIC)
        resized[i] = np.asarray(picture.convert("RGB"))
    return resized


# --- Arguments ----------------------------------------------------------------------------------


def require_count(name: str, value: object, least: int = 1) -> None:
    """Raise a ValueError that names the argument unless it is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")


def generator(seed: Any) -> np.random.Generator:
    """Return NumPy's generator for a non-negative integer or a sequence of them.

    NumPy takes None too, and the draw would then differ from run to run without a word.
    """
    for entry in [seed] if np.ndim(seed) == 0 else seed:
        if isinstance(entry, bool) or not isinstance(entry, int | np.integer) or entry < 0:
            raise ValueError(
                f"seed must be a non-negative integer or a sequence of them, got {seed!r}."
            )
    return np.random.default_rng(seed)
