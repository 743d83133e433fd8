"""From a folder of photos to a network that tells them apart, in one call."""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coursehelpers.data import AnyPath, Examples, Parts, Seed, require_count
from coursehelpers.metrics import Interval
from coursehelpers.models import OFFLINE, build_backbone, freeze
from coursehelpers.photos import Skipped, described, require_readable, scan_image_folder
from coursehelpers.transfer.cache import Cache
from coursehelpers.transfer.features import compute, extract_parts, folded, read_features
from coursehelpers.transfer.heads import Head, attach_head, require_classes, train_head
from coursehelpers.transfer.tuning import fine_tune, split_backbone

if TYPE_CHECKING:
    import keras

IMAGE_SIZE = 160


@dataclass(frozen=True, eq=False, repr=False)
class TransferResult:
    """What `transfer` returns.

    Attributes
    ----------
    model : keras.Model
        From images with values in 0..255 to probabilities of the classes.
    class_names : tuple of str
    validation, test : Interval or None
        Accuracy with its 95 % interval (Wilson's); None of a test part without photos. The
        validation data have chosen the head, so that their accuracy flatters it a little.
    counts : Parts
        Number of photos of each part.
    head : Head
    skipped : tuple of Skipped
        Path and reason of every file that was left out.
    duplicates : tuple of tuple of Path
        Copies in several parts or classes, see `coursehelpers.photos.scan_image_folder`.
    seconds : dict of str to float
        Wall-clock time by stage.
    """

    model: "keras.Model"
    class_names: tuple[str, ...]
    validation: Interval
    test: Interval | None
    counts: Parts[int]
    head: Head
    skipped: tuple[Skipped, ...]
    duplicates: tuple[tuple[Path, ...], ...]
    seconds: dict[str, float]

    def __repr__(self) -> str:
        text = "accuracy"
        for name in ("validation", "test"):
            accuracy, count = getattr(self, name), getattr(self.counts, name)
            if accuracy:
                text += f" {accuracy_text(accuracy)} on {count} {name} photos,"
        text += f" {self.counts.train} to train on; {sum(self.seconds.values()):.1f} s"
        return described(self, text)


def accuracy_text(accuracy: Interval) -> str:
    """Return an accuracy with its interval in words."""
    return f"{accuracy.estimate:.3f} (95 % interval {accuracy.low:.3f} to {accuracy.high:.3f})"


def transfer(
    data: AnyPath | Sequence[Examples],
    *,
    image_size: int | None = None,
    backbone: "str | keras.Model" = OFFLINE,
    weights: AnyPath = "imagenet",
    keep_last: int = 0,
    epochs: int = 5,
    learning_rate: float = 1e-5,
    validation: float = 0.15,
    test: float = 0.15,
    class_names: Sequence[str] | None = None,
    seed: Seed = 0,
    batch_size: int = 32,
    cache: Cache = None,
) -> TransferResult:
    """Train a network on photos, on top of one that was trained on ImageNet.

    The features of all photos are computed once (`read_features`), a head on them is trained and
    its L2 strength chosen on the validation part (`train_head`), and the test part is evaluated a
    single time, at the end. With `keep_last`, the last blocks are fine-tuned together with the head
    before that (`fine_tune`).

    Parameters
    ----------
    data : path-like or three pairs of ndarray
        A folder as `coursehelpers.photos.scan_image_folder` takes it, or training, validation and
        test data ``(x, y)``: images (n, height, width, 3) with values in 0..255, and class numbers
        (n,).
    image_size : int, optional
        Height and width to read photos with, by default 160. Arrays have their own.
    backbone : str or keras.Model, default "efficientnet_lite0"
        A name for `build_backbone`, or what it returned, with pooling. All but the last blocks are
        frozen, and fine-tuning changes those.
    weights : "imagenet" or path-like, default "imagenet"
        For `build_backbone`.
    keep_last : int, default 0
        Blocks to fine-tune.
    epochs, learning_rate
        See `fine_tune`.
    validation, test : float, default 0.15
        Shares of the photos of a folder to draw for parts it does not have.
    class_names : sequence of str, optional
        Names for the class numbers of arrays, by default the numbers.
    seed : int or sequence of int, default 0
        Seed of the parts that are drawn, and of the order in fine-tuning. The head needs none.
    batch_size, cache
        See `extract_features`.

    Returns
    -------
    TransferResult

    Raises
    ------
    DataError
        As `scan_image_folder`, or if of some class no photo of a part can be read.
    ValueError
        If an option is impossible or does not fit the data, or there are no validation data.
    ConnectionError
        If the weights are to be downloaded and there is no network.

    Examples
    --------
    >>> from coursehelpers.data import load_cats_dogs, split
    >>> (x, y), _ = load_cats_dogs()
    >>> parts = split(x, y, train=40, validation=20, test=20)
    >>> result = transfer(parts, class_names=("cat", "dog"), cache=False)
    >>> result.counts.test, result.model.output_shape
    (20, (None, 2))
    """
    seconds: dict[str, float] = {}
    files = None
    with _timed(seconds, "scanning"):
        if isinstance(data, str | os.PathLike):
            if class_names is not None:
                raise ValueError("class_names are the names of the folders; leave class_names out.")
            files = scan_image_folder(data, validation=validation, test=test, seed=seed)
            names, parts, shape = files.class_names, files.parts, None
        else:
            parts, names = _arrays(data, class_names)
            shape = parts.train[0].shape[1:]
        if not len(parts.validation[1]):
            raise ValueError(
                "The validation part is empty, but the head is chosen on it. Ask for a larger "
                "share, or add examples."
            )
    with _timed(seconds, "backbone"):
        network = _backbone(backbone, weights, image_size, shape)
        lower, upper = network, None
        if keep_last:
            lower, upper = split_backbone(network, keep_last=keep_last)
        else:
            freeze(network)
    with _timed(seconds, "features"):
        options: dict[str, Any] = {"batch_size": batch_size, "cache": cache}
        if files is not None:
            features, skipped, duplicates = _photo_features(lower, files, image_size, options)
        else:
            x = extract_parts(lower, [x for x, _ in parts], **options)
            features = Parts(*zip(x, [y for _, y in parts], strict=True))
            skipped = duplicates = ()
    (x, y), (x_val, y_val), _ = features
    with _timed(seconds, "head"):
        pooled = [x, x_val]
        if upper is not None:
            fast = folded(upper)
            pooled = [compute(fast, part, batch_size) for part in pooled]
        head = train_head(pooled[0], y, validation=(pooled[1], y_val))
    if upper is not None:
        with _timed(seconds, "fine-tuning"):
            options = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size}
            head, _ = fine_tune(upper, head, x, y, validation=(x_val, y_val), seed=seed, **options)
    with _timed(seconds, "evaluation"):
        evaluated = [features.validation, features.test]
        if upper is not None:
            fast = folded(upper)
            evaluated = [(compute(fast, x, batch_size), y) for x, y in evaluated]
        on_validation, on_test = (_accuracy(head, x, y) for x, y in evaluated)
        model = attach_head(network, head)
    counts = Parts(*(len(y) for _, y in features))
    return TransferResult(
        model, names, on_validation, on_test, counts, head, skipped, duplicates, seconds
    )


@contextlib.contextmanager
def _timed(seconds, stage):
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start


def _arrays(data, class_names):
    """Return images and class numbers of the parts, and the names of the classes."""
    if (
        not isinstance(data, tuple | list)
        or len(data) != 3
        or not all(isinstance(part, tuple | list) and len(part) == 2 for part in data)
    ):
        raise TypeError(
            "data must be a folder, or three pairs (x, y) for training, validation and test, got "
            f"{type(data).__name__}."
        )
    parts = Parts(*((np.asarray(x), np.asarray(y)) for x, y in data))
    for name, (x, y) in parts._asdict().items():
        if x.ndim != 4 or x.shape[1:] != parts.train[0].shape[1:] or y.shape != x.shape[:1]:
            raise ValueError(
                f"The {name} part must be images of shape (n, height, width, 3), the size of the "
                f"training images, and n class numbers, got {x.shape} and {y.shape}."
            )
        if y.dtype.kind not in "ui":
            raise ValueError(f"The {name} part must have class numbers, got dtype {y.dtype}.")
    labels = np.concatenate([parts.validation[1], parts.test[1]])
    count = require_classes(parts.train[1], labels)
    class_names = tuple(map(str, range(count) if class_names is None else class_names))
    if len(class_names) != count:
        raise ValueError(f"class_names must be {count} names, got {len(class_names)}.")
    return parts, class_names


def _backbone(backbone, weights, image_size, shape):
    """Return the network for images of a shape, which is None if photos are still to be read."""
    if image_size is not None:
        require_count("image_size", image_size)
        if shape not in (None, (image_size, image_size, 3)):
            raise ValueError(
                f"image_size is {image_size}, but the images have the shape {shape}. Leave it out, "
                "or resize the images."
            )
    if isinstance(backbone, str):
        size = image_size or IMAGE_SIZE
        shape = shape or (size, size, 3)
        return build_backbone(backbone, input_shape=shape, weights=weights, pooling="avg")
    if len(getattr(backbone, "output_shape", ())) != 2:
        raise ValueError(
            "backbone must be a name or a model that gives one row of features per image, as "
            f'build_backbone(..., pooling="avg") returns, got {backbone!r}.'
        )
    return backbone


def _photo_features(lower, files, image_size, options):
    """Return features and class numbers of each part, and what is skipped or duplicate."""
    # In an order that does not depend on the parts: another seed finds the same stored features.
    paths = sorted(chain.from_iterable(part.paths for part in files.parts))
    x, index, skipped = read_features(lower, paths, image_size, **options)
    rows = {paths[position]: row for row, position in enumerate(index)}
    parts = []
    for name, part in zip(Parts._fields, files.parts, strict=True):
        read = np.array([path in rows for path in part.paths], bool)
        require_readable(name, part, part.y[read], files.class_names, skipped)
        chosen = [rows[path] for path in part.paths if path in rows]
        parts.append((x[chosen], part.y[read]))
    unread = {path for path, _ in skipped}
    duplicates = tuple(group for group in files.duplicates if unread.isdisjoint(group))
    return Parts(*parts), files.skipped + skipped, duplicates


def _accuracy(head, x, y):
    """Return the rate of right classes and Wilson's interval, or None without examples."""
    from scipy.stats import binomtest

    if not len(y):
        return None
    right = int((head.predict(x).argmax(axis=1) == y).sum())
    low, high = binomtest(right, len(y)).proportion_ci(method="wilson")
    return Interval(right / len(y), float(low), float(high))
