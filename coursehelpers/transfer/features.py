"""What a frozen backbone makes of images: computed once, then kept on disk."""

import contextlib
import hashlib
from typing import NamedTuple

import numpy as np

from coursehelpers.data import require_count as _require_count
from coursehelpers.photos import Skipped, iterate_images
from coursehelpers.photos import listed_paths as _listed
from coursehelpers.progress import progress_bar
from coursehelpers.transfer.cache import VERSION, add_array, cache_folder, load, model_hash, store

# Feature maps of early blocks are larger than the photos they are made of.
MOST_BYTES = 4 * 2**30
DELAY = 2  # seconds after which a bar appears


class PhotoFeatures(NamedTuple):
    """Features ``x``, the positions ``index`` of their files, and what was `skipped` between."""

    x: np.ndarray
    index: np.ndarray
    skipped: tuple[Skipped, ...]


def extract_features(backbone, images, *, batch_size=32, cache=None):
    """Compute the features of images, once: the next call reads them from disk.

    The backbone is used as it predicts, its batch normalization folded away (see
    `coursehelpers.models.fold_batch_norm`). Features are stored under the SHA-256 of the images and
    of the backbone's structure and weights, so that a change of any of them computes anew.

    Parameters
    ----------
    backbone : keras.Model
        What `coursehelpers.models.build_backbone` returns, or the lower part of `split_backbone`.
        It is not changed.
    images : ndarray, shape (n, height, width, 3)
        Of the size that the backbone takes, with values in 0..255, integers or not.
    batch_size : int, default 32
    cache : None, False or path-like, default None
        Folder to store features in, see `cache_folder`; with False nothing is stored.

    Returns
    -------
    ndarray of float32, shape (n, features)
        Or (n, height, width, features) of a backbone without pooling.

    Raises
    ------
    TypeError
        If the backbone is no functional Keras model.
    ValueError
        If the images do not have the backbone's shape or numbers in 0..255, or the features would
        take more than `MOST_BYTES`.

    Warns
    -----
    UserWarning
        If the features cannot be stored.

    See Also
    --------
    read_features : of photos on disk.

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
    _require_count("batch_size", batch_size)
    folder = cache_folder(cache)
    parts = [_require_images(images, backbone) for images in parts]
    start = f"{VERSION} images {model_hash(backbone)};".encode() if folder else None
    network, found = None, []
    for images in parts:
        path = None
        if folder and len(images):
            digest = hashlib.sha256(start)
            add_array(digest, images)
            path = folder / f"{digest.hexdigest()}.npz"
            stored = load(path)
            if stored and len(stored.get("x", ())) == len(images):
                found.append(stored["x"])
                continue
        network = network or folded(backbone)
        found.append(compute(network, *batched(images, batch_size), batch_size))
        if path:
            store(path, {"x": found[-1]})
    return found


def read_features(
    backbone,
    paths,
    image_size=None,
    *,
    batch_size=32,
    cache=None,
    resize="crop",
    draft=True,
    threads=None,
):
    """Compute the features of photos on disk, once, while the next photos are being decoded.

    As `extract_features`, but for any number of photos. Stored features are found again by the
    bytes of the files, not by their names and times: a folder may be moved, copied or unpacked
    again, and a photo that was exchanged is noticed even if a tool has kept its time. To read the
    bytes takes a hundredth of the time of decoding them.

    Parameters
    ----------
    backbone : keras.Model
        See `extract_features`.
    paths : iterable of path-like
    image_size : int, optional
        Height and width to read the photos with; by default what the backbone takes.
    batch_size, cache
        See `extract_features`.
    resize, draft, threads
        See `coursehelpers.photos.iterate_images`.

    Returns
    -------
    PhotoFeatures
        ``x``: float32 of shape (n, features), of the n photos that could be read, in the order of
        `paths`; ``index``: int64 of shape (n,), their positions in `paths`; ``skipped``: path and
        reason of all others.

    Raises
    ------
    DataError
        If there are paths, but none could be read.
    TypeError, ValueError
        As `extract_features`, or if `image_size` is not the backbone's, or an option is unknown.

    Examples
    --------
    >>> from coursehelpers.data import data_folder
    >>> from coursehelpers.models import build_backbone
    >>> backbone = build_backbone(input_shape=(32, 32, 3), pooling="avg")
    >>> sheets = sorted((data_folder() / "cats-dogs").glob("*.png"))
    >>> read_features(backbone, sheets, cache=False).x.shape
    (4, 1280)
    """
    _require_backbone(backbone)
    image_size = _require_size(image_size, backbone)
    folder = cache_folder(cache)
    paths = _listed(paths)
    options = {"resize": resize, "draft": draft, "threads": threads}
    batches = iterate_images(paths, image_size, batch_size=batch_size, **options)
    path = None
    if folder and paths:
        path = folder / f"{_photos_hash(backbone, paths, image_size, resize, draft)}.npz"
        found = _unpacked(load(path), paths)
        if found:
            return found
    index, skipped = [], []

    def each(batches):
        for batch in batches:
            index.extend(batch.index)
            skipped.extend(batch.skipped)
            yield batch.x, len(batch.x) + len(batch.skipped)

    with contextlib.closing(batches):
        x = compute(folded(backbone), each(batches), len(paths), batch_size)
    found = PhotoFeatures(x, np.array(index, np.int64), tuple(skipped))
    if path:
        store(path, {"x": x, "index": found.index, "reasons": _reasons(skipped)})
    return found


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


def batched(x, batch_size):
    """Return batches as `compute` takes them, and how many examples they hold."""
    batches = (x[start : start + batch_size] for start in range(0, len(x), batch_size))
    return ((batch, len(batch)) for batch in batches), len(x)


def compute(network, batches, total, batch_size, description="computing features"):
    """Return what a network makes of batches ``(x, steps)``; all but the last are full."""
    shape = network.output_shape[1:]
    if None not in shape:
        _require_memory(total, shape)
    x, count = None, 0
    with progress_bar(total, description, delay=DELAY) as bar:
        for images, steps in batches:
            n = len(images)
            if count and n < batch_size:
                # Another shape would be compiled anew, which takes longer than a few zeros.
                images = np.concatenate(
                    [images, np.zeros_like(images, shape=(batch_size - n, *images.shape[1:]))]
                )
            features = network.predict_on_batch(images)[:n]
            if x is None:
                _require_memory(total, features.shape[1:])
                x = np.empty((total, *features.shape[1:]), np.float32)
            x[count : count + n] = features
            count += n
            bar.update(steps)
    return np.empty((0, *(side or 0 for side in shape)), np.float32) if x is None else x[:count]


def _photos_hash(backbone, paths, image_size, resize, draft):
    import PIL

    # Another Pillow may read what this one cannot, and decode a pixel otherwise.
    options = f"{VERSION} photos {image_size} {resize} {bool(draft)} Pillow {PIL.__version__}"
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


def _reasons(skipped):
    # NumPy has no type for an empty list of texts.
    return np.array([reason for _, reason in skipped], np.str_)


def _unpacked(stored, paths):
    """Return stored features, or None if they are not what belongs to these paths."""
    if not stored or stored.keys() != {"x", "index", "reasons"}:
        return None
    x, index, reasons = stored["x"], stored["index"], stored["reasons"].tolist()
    read = set(index.tolist())
    unread = [path for i, path in enumerate(paths) if i not in read]
    if len(x) != len(index) or len(unread) != len(reasons):
        return None
    return PhotoFeatures(x, index, tuple(map(Skipped, unread, reasons)))


def _require_backbone(backbone):
    import keras

    if not isinstance(backbone, keras.Model) or not hasattr(backbone, "operations"):
        raise TypeError(
            f"backbone must be a functional Keras model, as build_backbone returns, got {backbone!r}."
        )
    if len(backbone.inputs) != 1 or len(backbone.outputs) != 1:
        raise ValueError(
            f"backbone must have one input and one output, got {len(backbone.inputs)} and "
            f"{len(backbone.outputs)}."
        )


def _require_images(images, backbone):
    images, expected = np.asarray(images), backbone.input_shape[1:]
    fits = images.ndim == len(expected) + 1 and all(
        side in (None, n) for side, n in zip(expected, images.shape[1:], strict=True)
    )
    if not fits:
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
    _require_count("image_size", image_size)
    if not all(
        side in (None, n) for side, n in zip(expected, (image_size, image_size, 3), strict=True)
    ):
        raise ValueError(
            f"{backbone.name} takes images of shape {expected}, got image_size {image_size}. Build "
            f"it with input_shape=({image_size}, {image_size}, 3), or leave image_size out."
        )
    return image_size


def _require_memory(total, shape):
    size = 4 * total * int(np.prod(shape))
    if size > MOST_BYTES:
        raise ValueError(
            f"The features of {total} images, {shape} each, take {size / 2**30:.1f} GB, more than "
            f"the {MOST_BYTES / 2**30:g} GB that are allowed. Build the backbone with pooling, "
            "split it before fewer blocks, or take fewer or smaller images."
        )
