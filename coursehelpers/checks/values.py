"""The one encoding for every value that goes to or comes from an answer.

A value is a nested list or dict of arrays, numbers, strings, booleans, None and references to
models, nothing else. `decode(encode(value))` rebuilds it as plain numpy arrays and builtin types,
whatever subclass it was; nothing is ever unpickled or evaluated. The text is bounded JSON, arrays
are base64 in it, so that the size of what is decoded is known before anything is allocated.
"""

import base64
import inspect
import json
import math
import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 16
MAX_ITEMS = 100_000
MAX_DIMENSIONS = 8
TOKENS_PER_ITEM = 20  # an array of 8 dimensions in a dict takes 17
DTYPES = frozenset(
    ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)

# Strings, closed or not, and the marks that make a parser allocate something.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)


class Handle(NamedTuple):
    """A reference to a model that stays on the answer's side."""

    number: int


class Fixture(NamedTuple):
    """The name of a model that is built on the answer's side; `seed` draws its weights.

    It stands for the same model in all questions to one answer (see `checks.fixtures`).
    """

    name: str
    seed: int


class UnsupportedValue(ValueError):
    """A value that no answer may give or take: of another type, too large or too deep."""


def encode(value: object, handle_for: Callable[[object], Handle | None] | None = None) -> bytes:
    """Encode a value as UTF-8 JSON of at most `MAX_BYTES`.

    Parameters
    ----------
    value : object
        Nested lists, tuples or dicts (string keys) of arrays, tensors, numbers, strings, None, and
        references to models: `Handle` and `Fixture`.
    handle_for : callable, optional
        Called with an object of any other type; returns its `Handle` or None.

    Raises
    ------
    UnsupportedValue
        If the value holds anything else, or is too large or too deeply nested.

    Examples
    --------
    >>> decode(encode({"loss": np.float32(0.5), "shape": (2, 3)}))
    {'loss': 0.5, 'shape': [2, 3]}
    """
    data = json.dumps(_Encoder(handle_for).tree(value), allow_nan=False).encode()
    _refuse_long(data)
    return data


def decode(data: bytes) -> Any:
    """Rebuild a value from its encoding, as plain numpy arrays and builtin types.

    The bytes may come from an untrusted sender.

    Raises
    ------
    UnsupportedValue
        If the bytes are no encoding of a value or exceed a bound.
    """
    _refuse_long(data)
    try:
        text = str(data, "utf-8")
        # Parsed lists and dicts take up to twenty times the memory of their text.
        if any(islice(_TOKEN.finditer(text), TOKENS_PER_ITEM * MAX_ITEMS, None)):
            raise ValueError("too many items")
        tree = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnsupportedValue("The bytes are not the encoding of a value.") from error
    return _Decoder().value(tree)


def _refuse_long(data):
    if len(data) > MAX_BYTES:
        raise UnsupportedValue(f"The value takes {len(data):,} bytes, more than {MAX_BYTES:,}.")


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def _refuse_huge(number):
    if not -(2**63) <= number < 2**64:
        raise UnsupportedValue("The value holds an integer of more than 64 bits.")


class _Bounded:
    """Counts items and levels on the way, in both directions."""

    def __init__(self):
        self.items = 0

    def visit(self, depth):
        self.items += 1
        if depth > MAX_DEPTH:
            raise UnsupportedValue(f"The value is nested more than {MAX_DEPTH} levels deep.")
        if self.items > MAX_ITEMS:
            raise UnsupportedValue(f"The value has more than {MAX_ITEMS:,} items; use an array.")


class _Encoder(_Bounded):
    def __init__(self, handle_for):
        super().__init__()
        self.bytes = 0
        self.handle_for = handle_for or (lambda value: None)

    def spend(self, size):
        self.bytes += size
        if self.bytes > MAX_BYTES:
            raise UnsupportedValue(f"The value takes more than {MAX_BYTES:,} bytes.")

    def tree(self, value, depth=0):
        self.visit(depth)
        if isinstance(value, np.generic) and value.dtype.name in DTYPES:
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            value = int(value)
            _refuse_huge(value)
            return value
        if isinstance(value, float):
            value = float(value)
            # JSON has no word for inf and nan, so they travel as text.
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, str):
            self.spend(len(value))
            return str.__str__(value)  # its text, whatever a subclass shows
        if isinstance(value, Handle):
            return {"handle": value.number}
        if isinstance(value, Fixture):
            return {"fixture": [self.tree(value.name, depth + 1), self.tree(value.seed, depth + 1)]}
        if isinstance(value, list | tuple):
            return {"list": [self.tree(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise UnsupportedValue("The value holds a dict whose keys are not all strings.")
            return {"dict": {key: self.tree(item, depth + 1) for key, item in value.items()}}
        handle = self.handle_for(value)
        if handle is not None:
            return {"handle": handle.number}
        if hasattr(value, "__array__"):
            return self.array(_as_array(value))
        raise UnsupportedValue(
            f"The value holds an object of type {type(value).__name__}; "
            "it may hold numbers, strings, arrays, lists of them and Keras models." + _advice(value)
        )

    def array(self, array):
        self.spend(array.nbytes)
        if array.dtype.name == "bfloat16":  # numpy itself has no such type
            array = array.astype(np.float32)
        if array.dtype.name not in DTYPES:
            raise UnsupportedValue(
                f"The value holds an array of dtype {array.dtype}; "
                f"{_INSTEAD.get(array.dtype.kind, 'use a number type')}."
            )
        if array.ndim > MAX_DIMENSIONS:
            raise UnsupportedValue(f"The array has more than {MAX_DIMENSIONS} dimensions.")
        # The name says nothing of the byte order, so only the machine's own one travels.
        data = base64.b64encode(array.astype(array.dtype.name).tobytes()).decode()
        return {"array": [array.dtype.name, list(array.shape), data]}


# What to do about an array that holds no real numbers, by the kind of its dtype.
_INSTEAD = {
    "O": "its entries seem to differ in kind or length",
    "U": "texts have to come as a list, so use .tolist()",
    "c": "use real numbers",
}


def _as_array(value):
    if type(value).__name__ == "KerasTensor":
        raise UnsupportedValue(
            "The value holds an object of type KerasTensor, which stands for numbers that are not "
            "there yet; keras.Model makes a model of an input and what was computed from it."
        )
    return np.asarray(value)


def _advice(value):
    if inspect.isroutine(value) or inspect.isclass(value):
        return " Is it still to be called?"
    return " Make a list of it." if isinstance(value, Iterable) else ""


class _Decoder(_Bounded):
    def value(self, tree, depth=0):
        self.visit(depth)
        if isinstance(tree, int):
            _refuse_huge(tree)
        if tree is None or isinstance(tree, bool | int | float | str):
            return tree
        if isinstance(tree, dict) and len(tree) == 1:
            match next(iter(tree.items())):
                case "float", "inf" | "-inf" | "nan" as text:
                    return float(text)
                case "handle", number if type(number) is int:  # a bool is an int, too
                    return Handle(number)
                case "fixture", [str(name), seed] if type(seed) is int and seed >= 0:
                    return Fixture(self.value(name, depth + 1), self.value(seed, depth + 1))
                case "list", list(items):
                    return [self.value(item, depth + 1) for item in items]
                case "dict", dict(entries):
                    return {key: self.value(item, depth + 1) for key, item in entries.items()}
                case "array", [dtype, shape, data]:
                    return _array(dtype, shape, data)
        raise UnsupportedValue("The bytes are not the encoding of a value.")


def _array(dtype, shape, data):
    try:
        if dtype not in DTYPES or not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
            raise ValueError
        if not all(type(size) is int and 0 <= size <= MAX_BYTES for size in shape):
            raise ValueError
        raw = base64.b64decode(data, validate=True)
        if dtype == "bool" and raw.strip(b"\0\1"):  # NumPy would count some as two
            raise ValueError
        # A copy, because an array over bytes is read-only.
        return np.frombuffer(raw, dtype).reshape(shape).copy()
    except (TypeError, ValueError) as error:
        raise UnsupportedValue("The bytes are not the encoding of an array.") from error
