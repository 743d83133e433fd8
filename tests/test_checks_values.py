"""The encoding rebuilds every value it allows and refuses everything else, whoever sent it."""

import json
import math
import tracemalloc
from enum import Enum, IntEnum

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from coursehelpers.checks import values
from coursehelpers.checks.values import DTYPES, Fixture, Handle, UnsupportedValue, decode, encode

arrays = hnp.arrays(
    dtype=st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(endianness="?"),
        hnp.unsigned_integer_dtypes(endianness="?"),
        hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    ),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(),
    arrays,
    st.builds(Handle, st.integers(0, 10)),
    st.builds(Fixture, st.text(), st.integers(0, 2**64 - 1)),
)
nested = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        dtype = one.dtype.newbyteorder("=")
        return other.dtype == dtype and np.array_equal(one, other, equal_nan=dtype.kind == "f")
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other or (one != one and other != other)


@given(nested)
@example([np.array(math.nan), np.zeros((3, 0, 2)), np.float32([math.inf, -math.inf]), -0.0])
@example("\ud800 half a pair")
def test_round_trip_of_nested_values(value):
    assert same(value, decode(encode(value)))


@given(arrays, st.data())
def test_round_trip_of_views(array, data):
    view = array[..., ::-2].T if array.ndim else array
    assert same(view, decode(encode(view)))


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_numpy_numbers_become_plain_ones(name):
    number = decode(encode(np.ones(1, name)[0]))
    assert number == 1
    assert type(number) in (bool, int, float)


def test_decoded_arrays_can_be_changed():
    array = decode(encode(np.arange(3)))
    array += 1
    assert array.tolist() == [1, 2, 3]


class Number(float):
    def __repr__(self):
        return "no number"


class Text(str):
    def __str__(self):
        return "something else"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.arange(3.0).view(type("Array", (np.ndarray,), {})), np.arange(3.0)),
        (Number(0.5), 0.5),
        (Number("inf"), math.inf),
        (Text("text"), "text"),
        (Enum("Colour", {"RED": "red"}, type=str).RED, "red"),
        (IntEnum("Level", {"HIGH": 3}).HIGH, 3),
        ((1, 2), [1, 2]),
        (type("Dict", (dict,), {})(key=np.str_("word")), {"key": "word"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_subclasses_come_back_plain(value, plain):
    assert same(plain, decode(encode(value)))


@pytest.mark.heavy
def test_tensors_become_arrays():
    from keras import Variable, ops

    tensors = [ops.ones((2, 3)), Variable([1, 2], dtype="int32"), ops.ones(2, "bfloat16")]
    arrays = [np.ones((2, 3), "float32"), np.array([1, 2], "int32"), np.ones(2, "float32")]
    assert same(arrays, decode(encode(tensors)))


def test_handles_stand_for_other_objects():
    things, one, other = [], object(), object()
    data = encode(["text", one, {"key": other}], lambda thing: things.append(thing) or Handle(7))
    assert decode(data) == ["text", Handle(7), {"key": Handle(7)}]
    assert things == [one, other]


def nest(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


def test_bounds_are_reached():
    assert decode(encode(nest(values.MAX_DEPTH))) == nest(values.MAX_DEPTH)
    assert len(decode(encode([0] * (values.MAX_ITEMS - 1)))) == values.MAX_ITEMS - 1
    assert decode(encode([-(2**63), 2**64 - 1])) == [-(2**63), 2**64 - 1]
    deep = np.zeros((1,) * values.MAX_DIMENSIONS)
    assert decode(encode(deep)).shape == deep.shape


def cyclic():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (nest(values.MAX_DEPTH + 1), "nested more than"),
        (cyclic(), "nested more than"),
        ([0] * values.MAX_ITEMS, "more than 100,000 items"),
        ("x" * (values.MAX_BYTES + 1), "takes more than"),
        (["x" * 2**20] * 65, "takes more than"),
        (np.zeros(values.MAX_BYTES + 1, "uint8"), "takes more than"),
        ([np.zeros(2**20, "uint8")] * 65, "takes more than"),
        (np.broadcast_to(0.0, (10**6, 10**6)), "takes more than"),
        (np.zeros((1,) * 9), "more than 8 dimensions"),
        (2**64, "more than 64 bits"),
        (-(2**63) - 1, "more than 64 bits"),
        (10**5000, "more than 64 bits"),
        (np.array([object()]), "dtype object"),
        (np.array(["text"]), "dtype <U4"),
        (np.array([1j]), "dtype complex128"),
        (np.zeros(2, "datetime64[s]"), "dtype datetime64"),
        (np.zeros(2, [("x", "f4")]), "dtype [('x'"),
        (1j, "type complex"),
        ({1, 2}, "type set"),
        (b"bytes", "type bytes"),
        (len, "type builtin_function_or_method"),
        (object(), "type object"),
        (range(3), "type range"),
        ({1: "one"}, "keys are not all strings"),
    ],
    ids=lambda value: None if isinstance(value, str) and len(value) < 50 else type(value).__name__,
)
def test_other_values_are_refused(value, says):
    with pytest.raises(UnsupportedValue) as caught:
        encode(value)
    assert says in str(caught.value)


def peak_of_refusing(data):
    """Return the memory that decoding takes until it refuses."""
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedValue):
            decode(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


NO_VALUES = """
null null
NaN
Infinity
[]
{}
{"list": [1], "list2": []}
{"unknown": 1}
{"list": {}}
{"dict": []}
{"float": "1e5"}
{"float": ["nan"]}
{"handle": true}
{"handle": 0.5}
{"fixture": "tiny_backbone"}
{"fixture": ["tiny_backbone"]}
{"fixture": ["tiny_backbone", -1]}
{"fixture": ["tiny_backbone", true]}
{"fixture": ["tiny_backbone", {"float": "nan"}]}
{"fixture": [{"list": []}, 1]}
{"fixture": ["tiny_backbone", 1, 2]}
{"fixture": ["tiny_backbone", 18446744073709551616]}
18446744073709551616
{"array": ["float32", [1], "AAAAAA=="], "handle": 1}
{"array": ["float32", [1]]}
{"array": ["float32", [1], "AAAA"]}
{"array": ["float32", [2], "AAAAAA=="]}
{"array": ["float32", [-1], "AAAAAA=="]}
{"array": ["float32", [true], "AAAAAA=="]}
{"array": ["float32", [1.0], "AAAAAA=="]}
{"array": ["float32", 1, "AAAAAA=="]}
{"array": ["float32", "", "AAAAAA=="]}
{"array": ["float32", null, "AAAAAA=="]}
{"array": ["float32", [1, 1, 1, 1, 1, 1, 1, 1, 1], "AAAAAA=="]}
{"array": ["float32", [4611686018427387904, 4611686018427387904], "AAAAAA=="]}
{"array": ["float32", [1], "A AAAAA=="]}
{"array": ["float32", [1], "\u00e9AAAAA=="]}
{"array": ["float32", [1], 5]}
{"array": ["float32", [1], null]}
{"array": ["object", [1], "AAAAAAAAAAA="]}
{"array": ["O", [1], "AAAAAAAAAAA="]}
{"array": ["<U1", [1], "AAAAAA=="]}
{"array": ["complex128", [0], ""]}
{"array": ["float32,float32", [0], ""]}
{"array": [["float32"], [0], ""]}
{"array": [null, [1], "AAAAAAAAAAA="]}
{"array": [{}, [1], "AAAAAAAAAAA="]}
"""
HOSTILE = [
    b"",
    b"\xff\xfe",
    "5".encode("utf-16"),
    b"1" * 400,
    b"1" * 5000,
    b'{"list": ["' + b'\\"' * 10**6,
    b"[" * 10**6,
    b'{"list":[' * 10**5,
    b'{"list": [' * 20 + b"0" + b"]}" * 20,
    json.dumps({"array": ["float32", [2**26] * 8, ""]}).encode(),
    json.dumps({"array": ["float32", [0] + [2**26] * 7, ""]}).encode(),
]


@pytest.mark.parametrize(
    "data", [*map(str.encode, NO_VALUES.strip().splitlines()), *HOSTILE], ids=lambda d: repr(d[:60])
)
def test_hostile_bytes_are_refused_at_no_cost(data):
    assert peak_of_refusing(data) < 200_000 + 12 * len(data)


def test_bytes_without_end_are_refused():
    with pytest.raises(UnsupportedValue, match="takes 67,108,865 bytes"):
        decode(bytes(values.MAX_BYTES + 1))


@pytest.mark.parametrize("item", [b"{}", b"[]", b"1e9", b'{"a":0}', b'"ab"'])
def test_many_small_items_are_refused_before_they_are_built(monkeypatch, item):
    monkeypatch.setattr(values, "MAX_ITEMS", 100)
    data = b'{"list":[' + b",".join([item] * 50_000) + b"]}"
    # The text itself is copied; the parsed items would take several times as much.
    assert peak_of_refusing(data) < 2 * len(data) + 20_000


def test_full_value_of_large_arrays_stays_within_the_token_bound(monkeypatch):
    monkeypatch.setattr(values, "MAX_ITEMS", 100)
    value = {f'a "key", [{i}]': np.zeros((1,) * 8) for i in range(99)}
    assert same(value, decode(encode(value)))


def test_the_last_of_duplicate_keys_counts():
    assert decode(b'{"dict": {"a": 1, "a": 2}}') == {"a": 2}


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["list", "dict", "array", "float", "handle", "x"]), inner, max_size=2
        )
        | st.tuples(
            st.sampled_from([*sorted(DTYPES), "object"]) | inner,
            st.lists(st.integers(-2, 3), max_size=3) | inner,
            st.sampled_from(["", "AAAA", "AAAAAAAAAAA="]) | inner,
        ).map(lambda array: {"array": list(array)})
    ),
    max_leaves=15,
)


@settings(max_examples=300)
@given(junk.map(json.dumps).map(str.encode) | st.text().map(str.encode) | st.binary())
def test_bytes_of_any_kind_decode_or_are_refused(data):
    try:
        value = decode(data)
    except UnsupportedValue:
        return
    assert same(value, decode(encode(value)))
