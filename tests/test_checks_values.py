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


@settings(deadline=None)
@given(nested)
@example([np.array(math.nan), np.zeros((3, 0, 2)), np.float32([math.inf, -math.inf]), -0.0])
@example("\ud800 half a pair")
def test_round_trip_of_nested_values(value):
    assert same(value, decode(encode(value)))


@settings(deadline=None)
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


def test_subclasses_come_back_plain():
    class Array(np.ndarray):
        pass

    class Number(float):
        def __repr__(self):
            return "no number"

    class Text(str):
        def __str__(self):
            return "something else"

    class Dict(dict):
        pass

    Colour = Enum("Colour", {"RED": "red"}, type=str)
    Level = IntEnum("Level", {"HIGH": 3})
    value = [
        np.arange(3.0).view(Array),
        Number(0.5),
        Number("inf"),
        Text("text"),
        Colour.RED,
        Level.HIGH,
        (1, 2),
        Dict(key=np.str_("word")),
    ]
    plain = [np.arange(3.0), 0.5, math.inf, "text", "red", 3, [1, 2], {"key": "word"}]
    assert same(plain, decode(encode(value)))


def test_tensors_become_arrays():
    from keras import Variable, ops

    tensors = [
        ops.ones((2, 3), "float32"),
        Variable([1, 2], dtype="int32"),
        ops.ones(2, "bfloat16"),
    ]
    arrays = [np.ones((2, 3), "float32"), np.array([1, 2], "int32"), np.ones(2, "float32")]
    assert same(arrays, decode(encode(tensors)))


def test_handles_stand_for_other_objects():
    things = []

    def handle_for(value):
        things.append(value)
        return Handle(len(things) - 1)

    one, other = object(), object()
    assert decode(encode(["text", one, {"key": other}], handle_for)) == [
        "text",
        Handle(0),
        {"key": Handle(1)},
    ]
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


def hostile(text):
    return text if isinstance(text, bytes) else json.dumps(text).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null null",
        b"NaN",
        b"Infinity",
        b"[]",
        b"{}",
        b'{"list": [1], "list2": []}',
        b'{"unknown": 1}',
        b'{"list": {}}',
        b'{"dict": []}',
        b'{"float": "1e5"}',
        b'{"float": ["nan"]}',
        b'{"handle": true}',
        b'{"handle": 0.5}',
        b'{"fixture": "tiny_backbone"}',
        b'{"fixture": ["tiny_backbone"]}',
        b'{"fixture": ["tiny_backbone", -1]}',
        b'{"fixture": ["tiny_backbone", true]}',
        b'{"fixture": ["tiny_backbone", {"float": "nan"}]}',
        b'{"fixture": [{"list": []}, 1]}',
        b'{"fixture": ["tiny_backbone", 1, 2]}',
        b'{"fixture": ["tiny_backbone", 18446744073709551616]}',
        b"1" * 400,
        b"1" * 5000,
        b"18446744073709551616",
        "5".encode("utf-16"),
        b'{"list": ["' + b'\\"' * 10**6,
        b"[" * 10**6,
        b'{"list":[' * 10**5,
        b'{"list": [' * 20 + b"0" + b"]}" * 20,
        {"array": ["float32", [1], "AAAAAA=="], "handle": 1},
        {"array": ["float32", [1]]},
        {"array": ["float32", [1], "AAAA"]},
        {"array": ["float32", [2], "AAAAAA=="]},
        {"array": ["float32", [-1], "AAAAAA=="]},
        {"array": ["float32", [True], "AAAAAA=="]},
        {"array": ["float32", [1.0], "AAAAAA=="]},
        {"array": ["float32", 1, "AAAAAA=="]},
        {"array": ["float32", "", "AAAAAA=="]},
        {"array": ["float32", None, "AAAAAA=="]},
        {"array": ["float32", [1] * 40, "AAAAAA=="]},
        {"array": ["float32", [2**62, 2**62], "AAAAAA=="]},
        {"array": ["float32", [2**26] * 8, ""]},
        {"array": ["float32", [0] + [2**26] * 7, ""]},
        {"array": ["float32", [1], "A AAAAA=="]},
        {"array": ["float32", [1], "\u00e9AAAAA=="]},
        {"array": ["float32", [1], 5]},
        {"array": ["float32", [1], None]},
        {"array": ["object", [1], "AAAAAAAAAAA="]},
        {"array": ["O", [1], "AAAAAAAAAAA="]},
        {"array": ["<U1", [1], "AAAAAA=="]},
        {"array": ["complex128", [0], ""]},
        {"array": ["float32,float32", [0], ""]},
        {"array": [["float32"], [0], ""]},
        {"array": [None, [1], "AAAAAAAAAAA="]},
        {"array": [{}, [1], "AAAAAAAAAAA="]},
    ],
    ids=lambda data: repr(hostile(data)[:40]),
)
def test_hostile_bytes_are_refused_at_no_cost(data):
    data = hostile(data)
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedValue):
            decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000 + 12 * len(data)


def test_bytes_without_end_are_refused():
    with pytest.raises(UnsupportedValue, match="takes 67,108,865 bytes"):
        decode(bytes(values.MAX_BYTES + 1))


@pytest.mark.parametrize("item", [b"{}", b"[]", b"1e9", b'{"a":0}', b'"ab"'])
def test_many_small_items_are_refused_before_they_are_built(monkeypatch, item):
    monkeypatch.setattr(values, "MAX_ITEMS", 100)
    data = b'{"list":[' + b",".join([item] * 50_000) + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedValue):
            decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The text itself is copied; the parsed items would take several times as much.
    assert peak < 2 * len(data) + 20_000


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


@settings(deadline=None, max_examples=300)
@given(junk)
def test_json_like_trees_decode_or_are_refused(tree):
    try:
        value = decode(json.dumps(tree).encode())
    except UnsupportedValue:
        return
    assert same(value, decode(encode(value)))


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_random_bytes_decode_or_are_refused(data):
    try:
        value = decode(data)
    except UnsupportedValue:
        return
    assert same(value, decode(encode(value)))
