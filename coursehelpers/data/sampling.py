"""Draw data: regression problems, subsets, splits, and labels gone wrong."""

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Three parts of a data set, each a pair ``(x, y)``."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def make_regression(m, d=1, noise=0.5, seed=0):
    """Draw a linear regression problem: Gaussian features, unit-norm weights, Gaussian noise.

    With ``d=1`` it is the one-feature sketch of a scatter along a line; with more features it is
    the linear model whose test error has a known closed form (Belkin, Hsu and Xu 2020).

    Parameters
    ----------
    m : int
        Sample size.
    d : int, default 1
        Number of features.
    noise : float, default 0.5
        Standard deviation of the noise on the label, in units of the label.
    seed : int or sequence of int, default 0
        Seed of the draw.

    Returns
    -------
    x : ndarray of float64, shape (m, d)
        Features, independent standard normal.
    y : ndarray of float64, shape (m,)
        Labels ``x @ w + noise``.
    w : ndarray of float64, shape (d,)
        True weights, of Euclidean norm 1; ``[1.]`` for ``d=1``.

    Raises
    ------
    ValueError
        If `m` or `d` is not a positive integer, `noise` is negative or infinite, or `seed` is not
        made of non-negative integers.

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
    _require_count("m", m)
    _require_count("d", d)
    if not 0 <= noise < np.inf:
        raise ValueError(
            f"noise is a standard deviation and must be finite and at least 0, got {noise!r}."
        )
    rng = _generator(seed)
    w = rng.normal(size=d)
    w = np.abs(w / np.linalg.norm(w)) if d == 1 else w / np.linalg.norm(w)
    x = rng.normal(size=(m, d))
    return x, x @ w + noise * rng.normal(size=m), w


def subset(x, y, size, seed=0):
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

    Raises
    ------
    ValueError
        If the lengths differ, a label is NaN, `size` is not in 1..n, or `seed` is not made of
        non-negative integers.

    Examples
    --------
    >>> x, y = subset(np.arange(100), np.repeat([0, 1], [80, 20]), size=10)
    >>> np.bincount(y).tolist()
    [8, 2]
    """
    x, y = _require_pair(x, y)
    chosen = _stratified(y, size, _generator(seed))
    return x[chosen], y[chosen]


def split(x, y, *, train, validation, test=0, seed=0):
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
    Split
        ``train``, ``validation`` and ``test``, each a pair ``(x, y)``. No example is in two parts.

    Raises
    ------
    ValueError
        If the lengths differ, a label is NaN, a size is negative or no integer, the sizes exceed
        n, or `seed` is not made of non-negative integers.

    Examples
    --------
    >>> parts = split(np.arange(10), np.arange(10) % 2, train=4, validation=4, test=2)
    >>> sorted(int(i) for x, _ in parts for i in x)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    x, y = _require_pair(x, y)
    sizes = {"train": train, "validation": validation, "test": test}
    for name, size in sizes.items():
        _require_count(name, size, least=0)
    if sum(sizes.values()) > len(y):
        raise ValueError(
            f"train + validation + test is {sum(sizes.values())}, but only {len(y)} examples are "
            "there. Ask for smaller parts."
        )
    rng = _generator(seed)
    left, parts = np.arange(len(y)), []
    for size in sizes.values():
        chosen = _stratified(y[left], size, rng) if size else np.array([], int)
        parts.append((x[left[chosen]], y[left[chosen]]))
        left = np.delete(left, chosen)
    return Split(*parts)


def corrupt_labels(y, fraction, seed=0, classes=None):
    """Replace the labels of a random fraction of the examples by uniformly random ones.

    The new label is drawn from all classes, so that about one in `classes` of the redrawn labels
    is right by chance (Zhang et al. 2017).

    Parameters
    ----------
    y : ndarray of int, shape (n,)
    fraction : float
        Share of labels to redraw, in [0, 1]; ``round(fraction * n)`` of them.
    seed : int or sequence of int, default 0
    classes : int, optional
        Number of classes; by default one more than the largest label.

    Returns
    -------
    y : ndarray of int, shape (n,)
        A copy with the dtype of the input.

    Raises
    ------
    ValueError
        If `fraction` is outside [0, 1], a label is not in 0..classes-1, the dtype of `y` is too
        small for `classes`, or `seed` is not made of non-negative integers.

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
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            "y must be a one-dimensional array of class numbers 0, 1, 2, ..., "
            f"got dtype {y.dtype} and shape {y.shape}."
        )
    smallest, largest = (int(y.min()), int(y.max())) if len(y) else (0, 0)
    if smallest < 0:
        raise ValueError(f"y must hold class numbers 0, 1, 2, ..., got the label {smallest}.")
    classes = largest + 1 if classes is None else classes
    _require_count("classes", classes)
    if classes <= largest:
        raise ValueError(f"y holds the label {largest}, so classes must be larger, got {classes}.")
    if classes - 1 > np.iinfo(y.dtype).max:
        raise ValueError(
            f"y has dtype {y.dtype}, which cannot hold {classes} classes. Convert it first."
        )
    rng = _generator(seed)
    redrawn = rng.choice(len(y), size=round(fraction * len(y)), replace=False)
    y[redrawn] = rng.integers(classes, size=len(redrawn))
    return y


def _require_count(name, value, least=1):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")


def _generator(seed):
    # NumPy takes None too, and the draw would then differ from run to run without a word.
    entries = [seed] if np.ndim(seed) == 0 else seed
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, int | np.integer) or entry < 0:
            raise ValueError(
                f"seed must be a non-negative integer or a sequence of them, got {seed!r}."
            )
    return np.random.default_rng(seed)


def _require_pair(x, y):
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
    _require_count("size", size)
    if size > len(y):
        raise ValueError(f"size is {size}, but only {len(y)} examples are there.")
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
