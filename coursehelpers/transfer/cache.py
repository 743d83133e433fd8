"""Arrays on disk under the hash of what they were computed from, so that nothing is computed twice."""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from coursehelpers.data import AnyPath

if TYPE_CHECKING:
    import keras

Cache = AnyPath | Literal[False] | None

VARIABLE = "COURSEHELPERS_CACHE"
# The user may name a folder that holds other files too; those are left alone.
OURS = re.compile(r"[0-9a-f]{64}\.npz|features-.*\.part")
MOST_STORED = 2 * 2**30  # bytes, above which the files used longest ago are removed


def cache_folder(cache: Cache = None) -> Path | None:
    """Return the folder that features are stored in, which need not exist, or None for False."""
    if cache is False:
        return None
    if cache is None:
        user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        cache = os.environ.get(VARIABLE) or Path(user, "coursehelpers")
    if not isinstance(cache, str | os.PathLike):
        raise TypeError(f"cache must be a folder, False or None for the default, got {cache!r}.")
    return Path(cache).expanduser()


def model_hash(model: "keras.Model") -> str:
    """Return the SHA-256 of what decides a functional model's predictions: structure and weights.

    Left out are the names of layers, which Keras counts up, and which layers are trainable.
    """
    config = json.dumps(_nameless(model.get_config(), {}), default=repr)
    digest = hashlib.sha256(config.encode())
    for weight in model.weights:
        add_array(digest, np.asarray(weight))
    return digest.hexdigest()


def _nameless(value, numbers, key=None):
    """Return a config with numbers in place of the names of layers, in the order they occur."""
    if isinstance(value, dict):
        if str(value.get("class_name")).endswith("DTypePolicy"):
            return value  # its name matters
        kept = {name: item for name, item in value.items() if name != "trainable"}
        return {name: _nameless(item, numbers, name) for name, item in kept.items()}
    if isinstance(value, list | tuple):
        return [_nameless(item, numbers, key) for item in value]
    # Only where a layer is named: an activation may be called as a layer is.
    if isinstance(value, str) and key in ("name", "keras_history", "input_layers", "output_layers"):
        return numbers.setdefault(value, len(numbers))
    return value


def add_array(digest, array):
    """Add an array's type, shape and values to a hash."""
    digest.update(f"{array.dtype.str} {array.shape};".encode())
    digest.update(np.ascontiguousarray(array).data)


def load(path):
    """Return the arrays of a file by their names, or None if it is missing or damaged."""
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = dict(arrays)
        os.utime(path)  # what was used last is kept longest
        return found
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
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
        except BaseException:
            os.unlink(partial)
            raise
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
    files = [path for path in newest.parent.iterdir() if OURS.fullmatch(path.name)]
    total = 0
    for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
        total += path.stat().st_size
        if total > MOST_STORED and path != newest:
            path.unlink(missing_ok=True)
