"""Read many photos, in parallel and in order."""

import collections
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from coursehelpers.data import decoding
from coursehelpers.data.decoding import ImageError
from coursehelpers.data.files import DataError
from coursehelpers.data.sampling import _require_count


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    path: Path
    reason: str


class ImageBatch(NamedTuple):
    """Images ``x``, the positions ``index`` of their files, and what was `skipped` between."""

    x: np.ndarray
    index: np.ndarray
    skipped: tuple[Skipped, ...]


def read_images(paths, image_size, *, resize="crop", draft=True, threads=None):
    """Read photos into one array, several at a time, with a progress bar.

    Parameters
    ----------
    paths : iterable of path-like
    image_size, resize, draft
        See `read_image`.
    threads : int, optional
        Photos to decode at a time; by default one per processor.

    Returns
    -------
    ImageBatch
        ``x``: uint8 of shape (n, image_size, image_size, 3) with the n photos that could be read,
        in the order of `paths`; ``index``: int64 of shape (n,), their positions in `paths`;
        ``skipped``: path and reason of all others.

    Raises
    ------
    DataError
        If there are paths, but none could be read.
    ValueError
        If `image_size` or `threads` is not a positive integer, `resize` is unknown, or `paths`
        is a single path.

    See Also
    --------
    iterate_images : for more photos than fit into memory.

    Examples
    --------
    >>> from coursehelpers.data import data_folder
    >>> sheets = sorted((data_folder() / "cats-dogs").glob("*.png"))
    >>> read_images(sheets, 64).x.shape
    (4, 64, 64, 3)
    """
    from coursehelpers.progress import progress_bar

    paths = _listed(paths)
    batches = iterate_images(paths, image_size, resize=resize, draft=draft, threads=threads)
    # Filled in place: to put batches together at the end would take twice the memory.
    x = np.empty((len(paths), image_size, image_size, 3), np.uint8)
    index, skipped = [], []
    with contextlib.closing(batches), progress_bar(len(paths), "reading photos") as bar:
        for batch in batches:
            x[len(index) : len(index) + len(batch.x)] = batch.x
            index.extend(batch.index)
            skipped.extend(batch.skipped)
            bar.update(len(batch.x) + len(batch.skipped))
    return ImageBatch(x[: len(index)], np.array(index, np.int64), tuple(skipped))


def iterate_images(
    paths, image_size, *, batch_size=32, resize="crop", draft=True, threads=None, ahead=2
):
    """Yield photos in batches and in order, while the next ones are already being decoded.

    What is done with a batch, say a network's forward pass, runs beside the decoding. At most
    ``(ahead + 2) * batch_size`` photos are held at any time. Closing the iterator, or leaving it
    by an exception such as Ctrl-C, ends the threads after the photos they are at.

    Parameters
    ----------
    paths : iterable of path-like
    image_size, resize, draft
        See `read_image`.
    batch_size : int, default 32
        Photos per batch. Only the last batch may be smaller: files that cannot be read are
        replaced by those that follow, so that a compiled network sees one shape.
    threads : int, optional
        Photos to decode at a time; by default one per processor.
    ahead : int, default 2
        Batches to decode ahead of the one that is being used.

    Returns
    -------
    generator of ImageBatch
        ``x``: uint8 of shape (n, image_size, image_size, 3); ``index``: int64 of shape (n,),
        positions in `paths`, ascending over all batches; ``skipped``: path and reason of files
        that could not be read. Every path is in exactly one of the two, once.

    Raises
    ------
    DataError
        At the end, if there are paths but none could be read.
    ValueError
        If `image_size`, `batch_size`, `threads` or `ahead` is not a positive integer, `resize` is
        unknown, or `paths` is a single path.

    Examples
    --------
    >>> from coursehelpers.data import data_folder
    >>> sheets = sorted((data_folder() / "cats-dogs").glob("*.png"))
    >>> [batch.index.tolist() for batch in iterate_images(sheets, 64, batch_size=3)]
    [[0, 1, 2], [3]]
    """
    decoding.require_options(image_size, resize)
    paths = _listed(paths)
    threads = _processors() if threads is None else threads
    for name, count in (("batch_size", batch_size), ("threads", threads), ("ahead", ahead)):
        _require_count(name, count)
    decoding.load_plugins()

    def read(path):
        try:
            return decoding.decode(path, image_size, resize, draft)
        except ImageError as error:
            return error

    # The checks above are made by the call; a generator would put them off to the first batch.
    return _batches(paths, read, image_size, batch_size, threads, ahead * batch_size)


def _batches(paths, read, image_size, batch_size, threads, window):
    shape = (batch_size, image_size, image_size, 3)
    x, index, skipped = np.empty(shape, np.uint8), [], []
    any_read = False
    with contextlib.closing(_in_parallel(read, paths, threads, window)) as results:
        for position, result in enumerate(results):
            if isinstance(result, ImageError):
                skipped.append(Skipped(paths[position], result.reason))
                continue
            # Handed out only when one more photo is there: otherwise unreadable files at the end
            # would need a batch without photos.
            if len(index) == batch_size:
                yield ImageBatch(x, np.array(index, np.int64), tuple(skipped))
                x, index, skipped = np.empty(shape, np.uint8), [], []
            x[len(index)] = result
            index.append(position)
            any_read = True
    if any_read:
        yield ImageBatch(x[: len(index)], np.array(index, np.int64), tuple(skipped))
    elif paths:
        path, reason = skipped[0]
        raise DataError(f"None of {len(paths)} files could be read as an image: {path} {reason}.")


def _in_parallel(function, items, threads, window):
    """Yield the results in the order of the items, computed at most `window` ahead."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read-images")
    pending = collections.deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > window:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _listed(paths):
    if isinstance(paths, str | os.PathLike):
        raise ValueError(
            f"paths must be a list of files, got the single path {str(paths)!r}. "
            "Put it into a list, or use read_image."
        )
    return [Path(path) for path in paths]


def _processors():
    """Return how many processors this process may use; a container or a batch job has fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
