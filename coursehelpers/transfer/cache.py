"""Arrays on disk under the hash of what they were computed from, so that nothing is computed twice."""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np

# Another number makes all that was stored before unknown: for when the computation changes.
VERSION = 1
VARIABLE = "COURSEHELPERS_CACHE"
# The user may name a folder in which other files lie; they are none of our business.
OURS = re.compile(r"[0-9a-f]{64}\.npz|features-.*\.part")
MOST_STORED = 2 * 2**30  # bytes, above which the files that were used longest ago are removed


def cache_folder(cache=None):
    """Return the folder that features are stored in.

    Parameters
    ----------
    cache : None, False or path-like, default None
        None is the folder that the environment variable ``COURSEHELPERS_CACHE`` names, or else
        ``coursehelpers`` in the user's cache folder (``$XDG_CACHE_HOME``, or ``~/.cache``). Of the
        features in it, those that were used longest ago make room for new ones above 2 GB; it may
        be deleted at any time.

    Returns
    -------
    pathlib.Path or None
        None if `cache` is False. The folder need not exist.

    Raises
    ------
    TypeError
        If `cache` is something else.

    Examples
    --------
    >>> cache_folder("features").name, cache_folder(False)
    ('features', None)
    """
    if cache is False:
        return None
    if cache is None:
        user = os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache")
        cache = os.environ.get(VARIABLE) or Path(user, "coursehelpers")
    if not isinstance(cache, str | os.PathLike):
        raise TypeError(f"cache must be a folder, False or None for the default, got {cache!r}.")
    return Path(os.path.expanduser(cache))


def model_hash(model):
    """Return the SHA-256 of a functional model's structure and weights, in hexadecimal digits.

    What does not matter for predictions is left out: names, which Keras counts up with every model
    that is built, and which of the layers are trainable.
    """
    text = json.dumps(_nameless(model.get_config(), {}), sort_keys=True, default=repr)
    digest = hashlib.sha256(text.encode())
    # Kept as they are listed: equal weights in another order are another model.
    for weight in model.weights:
        add_array(digest, np.asarray(weight))
    return digest.hexdigest()


def _nameless(config, numbers):
    """Return a config with the names of layers replaced by their numbers, nested ones included."""
    if isinstance(config, dict):
        for key in ("name", "layers"):
            _number(config.get(key), numbers)
        kept = {key: value for key, value in config.items() if key != "trainable"}
        return {key: _nameless(value, numbers) for key, value in kept.items()}
    if isinstance(config, list | tuple):
        return [_nameless(value, numbers) for value in config]
    return numbers.get(config, config) if isinstance(config, str) else config


def _number(named, numbers):
    """Give numbers to a name, or to the names of all layers in a list."""
    for name in [named] if isinstance(named, str) else [layer.get("name") for layer in named or ()]:
        numbers.setdefault(name, f"#{len(numbers)}")


def add_array(digest, array):
    """Add an array's type, shape and values to a hash, a piece at a time."""
    digest.update(f"{array.dtype.str} {array.shape};".encode())
    for start in range(0, len(array), 256) if array.ndim else ():
        digest.update(np.ascontiguousarray(array[start : start + 256]).data)
    if not array.ndim:
        digest.update(array.tobytes())


def load(path):
    """Return the arrays of a file by their names, or None if it is missing or damaged."""
    try:
        # The archive has a checksum of each array, which is compared when it is read. Of a damaged
        # file that NumPy opens itself it forgets to close it.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        # What was used last is kept longest.
        os.utime(path)
        return found
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zipfile.zlib.error):
        return None


def store(path, arrays):
    """Store arrays by their names; if that fails, warn, because they are still there to use."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Under another name until it is complete: nobody ever finds a half of it.
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix="features-", suffix=".part")
        try:
            with open(handle, "wb") as file:
                np.savez(file, **arrays)
            os.replace(partial, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial)
        # Another program may be making room too.
        with contextlib.suppress(FileNotFoundError):
            _make_room(path)
    except OSError as error:
        warnings.warn(
            f"The features cannot be stored in {path.parent} ({error.strerror or error}), so that "
            f"the next run computes them again. Give another folder as cache, or in {VARIABLE}.",
            stacklevel=2,
        )


def _make_room(newest):
    """Remove what was used longest ago, and what an interrupted run has left."""
    files = [
        (path.stat().st_mtime, path.stat().st_size, path)
        for path in newest.parent.iterdir()
        if OURS.fullmatch(path.name)
    ]
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= MOST_STORED or path == newest:
            return
        path.unlink(missing_ok=True)
        total -= size
