"""What a frozen backbone makes of images: computed once, then kept on disk."""

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursehelpers.data import AnyPath, require_count
from coursehelpers.photos import Skipped, iterate_images
from coursehelpers.progress import progress_bar
from coursehelpers.transfer.cache import Cache, add_array, cache_folder, load, model_hash, store

if TYPE_CHECKING:
    import keras

# Another number makes all that was stored before unknown: for when the computation changes.
VERSION = 1
# Feature maps of early blocks are larger than the photos they are made of.
MOST_BYTES = 4 * 2**30
DELAY = 2  # seconds after which a bar appears


def extract_features(
    backbone: "keras.Model", images: ArrayLike, *, batch_size: int = 32, cache: Cache = None
) -> NDArray[np.float32]:
    """Compute the features of images, once: the next call reads them from disk.

    They are stored under the SHA-256 of the images and of the backbone's structure and weights: if
    any of them changes, they are computed again. The backbone predicts with its batch normalization
    folded away (see `coursehelpers.models.fold_batch_norm`).

    Parameters
    ----------
    backbone : keras.Model
        What `coursehelpers.models.build_backbone` returns, or the lower part of `split_backbone`.
        It is not changed.
    images : ndarray, shape (n, height, width, 3)
        Of the size that the backbone takes, with values in 0..255, integers or not.
    batch_size : int, default 32
    cache : None, False or path-like, default None
        Folder to store features in; with False nothing is stored. None is the folder that the
        environment variable ``COURSEHELPERS_CACHE`` names, or else ``coursehelpers`` in the user's
        cache folder (``$XDG_CACHE_HOME``, or ``~/.cache``). Above 2 GB the features used longest
        ago make room; the folder may be deleted at any time.

    Returns
    -------
    ndarray of float32, shape (n, features)
        Or (n, height, width, features) of a backbone without pooling.

    Raises
    ------
    TypeError
        If the backbone is no functional Keras model with one input and one output, or `cache` is
        something else.
    ValueError
        If the images do not have the backbone's shape or numbers in 0..255, or the features would
        take more than 4 GB.

    Warns
    -----
    UserWarning
        If the features cannot be stored.

    Examples
    --------
    >>> from coursehelpers.models import build_backbone
    >>> backbone = build_backbone(input_shape=(32, 32, 3), pooling="avg")
    >>> extract_features(backbone, np.zeros((3, 32, 32, 3), np.uint8), cache=False).shape
    (3, 1280)
    """
    return extract_parts(backbone, [images], batch_size=batch_size, cache=cache)[0]


def extract_parts(backbone, parts, *, batch_size, cache):
    """Compute the features of several arrays of images with a backbone that is folded once."""
    _require_backbone(backbone)
    require_count("batch_size", batch_size)
    parts = [_require_images(images, backbone) for images in parts]
    folder = cache_folder(cache)
    start = f"{VERSION} images {model_hash(backbone)};".encode() if folder else b""
    network, found = None, []
    for images in parts:
        path = stored = None
        if folder and len(images):
            digest = hashlib.sha256(start)
            add_array(digest, images)
            path = folder / f"{digest.hexdigest()}.npz"
            stored = load(path)
        if stored is None:
            network = network or folded(backbone)
            stored = {"x": compute(network, images, batch_size)}
            if path:
                store(path, stored)
        found.append(stored["x"])
    return found


def read_features(
    backbone: "keras.Model",
    paths: Iterable[AnyPath],
    image_size: int | None = None,
    *,
    batch_size: int = 32,
    cache: Cache = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], tuple[Skipped, ...]]:
    """Compute the features of photos on disk, once, while the next photos are being decoded.

    Stored features are found again by the bytes of the files, not by their names and times: a
    folder may be moved, and a photo that was exchanged is noticed. Reading the bytes takes a
    hundredth of the time of decoding them.

    Returns
    -------
    x : ndarray of float32, shape (n, features)
        Of the n photos that could be read, in the order of `paths`.
    index : ndarray of int64, shape (n,)
        Their positions in `paths`.
    skipped : tuple of Skipped
        Path and reason of all others.
    """
    _require_backbone(backbone)
    image_size = _require_size(image_size, backbone)
    folder = cache_folder(cache)
    files = [Path(path) for path in paths]
    batches = iterate_images(files, image_size, batch_size=batch_size)
    path = stored = None
    if folder and files:
        path = folder / f"{_photos_hash(backbone, files, image_size)}.npz"
        stored = load(path)
    if stored is None:
        index, reasons = list[int](), list[str]()

        def each():
            for batch in batches:
                index.extend(batch.index)
                reasons.extend(reason for _, reason in batch.skipped)
                yield batch.x, len(batch.x) + len(batch.skipped)

        with contextlib.closing(batches):
            x = compute_batches(folded(backbone), each(), len(files), batch_size)
        # NumPy has no type for an empty list of texts.
        stored = {
            "x": x,
            "index": np.array(index, np.int64),
            "reasons": np.array(reasons, np.str_),
        }
        if path:
            store(path, stored)
    unread = np.delete(np.arange(len(files)), stored["index"])
    skipped = [
        Skipped(files[i], str(reason)) for i, reason in zip(unread, stored["reasons"], strict=True)
    ]
    return stored["x"], stored["index"], tuple(skipped)


def folded(backbone):
    """Return a compiled copy for predictions, as fast as the backbone allows."""
    import keras

    from coursehelpers.models import fold_batch_norm

    try:
        network = fold_batch_norm(backbone)
    except ValueError:
        # Layers that are used more than once cannot be folded; another model of the same layers,
        # because compiling it must not undo how the backbone was compiled.
        network = keras.Model(backbone.inputs, backbone.outputs)
    # XLA takes several times as long on a processor, and Keras chooses it if there is a GPU too.
    network.compile(jit_compile=False)
    return network


def compute(network, x, batch_size, description="computing features"):
    """Return what a compiled network makes of an array."""
    batches = (x[start : start + batch_size] for start in range(0, len(x), batch_size))
    each = ((batch, len(batch)) for batch in batches)
    return compute_batches(network, each, len(x), batch_size, description)


def compute_batches(network, batches, total, batch_size, description="computing features"):
    """Return what a network makes of batches ``(x, steps)``; all but the last are full."""
    found = np.empty((0, *(side or 0 for side in network.output_shape[1:])), np.float32)
    count = 0
    with progress_bar(total, description, delay=DELAY) as bar:
        for images, steps in batches:
            n = len(images)
            if count and n < batch_size:
                # Another shape would be compiled again, which takes longer than a few zeros.
                images = np.concatenate(
                    [images, np.zeros_like(images, shape=(batch_size - n, *images.shape[1:]))]
                )
            features = network.predict_on_batch(images)[:n]
            if not count:
                _require_memory(total, features.shape[1:])
                found = np.empty((total, *features.shape[1:]), np.float32)
            found[count : count + n] = features
            count += n
            bar.update(steps)
    return found[:count]


def _photos_hash(backbone, paths, image_size):
    import PIL

    # Another Pillow may read what this one cannot, and decode a pixel otherwise.
    options = f"{VERSION} photos {image_size} Pillow {PIL.__version__}"
    digest = hashlib.sha256(f"{options} {model_hash(backbone)};".encode())
    with progress_bar(len(paths), "looking for stored features", delay=DELAY) as bar:
        for path in paths:
            digest.update(_file_hash(path))
            bar.update()
    return digest.hexdigest()


def _file_hash(path):
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        # It will be skipped with its reason.
        return f"unreadable: {error.errno};".encode()


def _require_backbone(backbone):
    import keras

    functional = isinstance(backbone, keras.Model) and hasattr(backbone, "operations")
    if not functional or len(backbone.inputs) != 1 or len(backbone.outputs) != 1:
        raise TypeError(
            "backbone must be a functional Keras model with one input and one output, as "
            f"build_backbone returns, got {backbone!r}."
        )


def _require_images(images, backbone):
    images, expected = np.asarray(images), backbone.input_shape[1:]
    if not _fits(images.shape[1:], expected):
        raise ValueError(
            f"images must have the shape (n, {', '.join(map(str, expected))}) that {backbone.name} "
            f"takes, got {images.shape}. Resize them, or build the backbone with their shape."
        )
    if images.dtype.kind not in "uif":
        raise ValueError(f"images must be numbers in 0..255, got dtype {images.dtype}.")
    low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
    if not 0 <= low <= high <= 255:
        raise ValueError(f"images must have values in 0..255, got {low:g} to {high:g}.")
    if images.dtype.kind == "f" and 0 < high <= 1:
        raise ValueError(
            f"images must have values in 0..255, got {low:g} to {high:g}. Multiply them by 255: "
            "the backbone brings its own preprocessing."
        )
    return images


def _require_size(image_size, backbone):
    height, width, *_ = expected = backbone.input_shape[1:]
    if image_size is None and (height is None or height != width):
        raise ValueError(
            f"image_size is needed, because {backbone.name} takes images of shape {expected}."
        )
    image_size = height if image_size is None else image_size
    if not _fits((image_size, image_size, 3), expected):
        raise ValueError(
            f"{backbone.name} takes images of shape {expected}, got image_size {image_size}. Build "
            f"it with input_shape=({image_size}, {image_size}, 3), or leave image_size out."
        )
    return image_size


def _fits(shape, expected):
    """Return whether a shape is the expected one, where None stands for any number."""
    return len(shape) == len(expected) and all(
        side in (None, n) for side, n in zip(expected, shape, strict=True)
    )


def _require_memory(total, shape):
    size = 4 * total * int(np.prod(shape))
    if size > MOST_BYTES:
        raise ValueError(
            f"The features of {total} images, {shape} each, take {size / 2**30:.1f} GB, more than "
            f"the {MOST_BYTES / 2**30:g} GB that are allowed. Build the backbone with pooling, "
            "split it before fewer blocks, or take fewer or smaller images."
        )
