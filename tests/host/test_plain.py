"""Plain values: what goes there and back, and what does not come in."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Learned, Mode, Resumed, Side
from quorate.host.plain import KNOWN, NotPlain, decode, encode

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30
    )
    | st.sampled_from([Side.BUY, Mode.HALTED, b"bytes"])
)
keys = st.text(max_size=5) | st.integers(0, 9) | st.tuples(st.text(max_size=3))
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.frozensets(st.integers(0, 9), max_size=4)
        | st.sets(st.text(max_size=3), max_size=4)
        | st.lists(inner, max_size=4).map(lambda items: deque(items, 9))
    ),
    max_leaves=20,
)


@given(values)
def test_a_value_goes_there_and_back(value: Any) -> None:
    again = decode(encode(value))
    assert again == value
    assert shown(again) == shown(value)  # types, and the digits of decimals


def shown(value: Any) -> str:
    """Return a value as text, sets in one order: theirs follows how they were made."""
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({sorted(map(shown, value))})"
    if isinstance(value, dict):
        pairs = [f"{shown(key)}: {shown(held)}" for key, held in value.items()]
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple | deque):
        return f"{type(value).__name__}({', '.join(map(shown, value))})"
    return repr(value)


@given(
    st.sampled_from(["f8", "f4", "i8", "u1", "?", ">f8"]),
    st.lists(st.floats(width=32), max_size=12),
)
def test_arrays_come_back_bit_for_bit(dtype: str, items: list[float]) -> None:
    with np.errstate(all="ignore"):
        array = np.nan_to_num(np.array(items)).clip(0, 9) if dtype != "f8" else items
        given_one = np.asarray(array).astype(dtype)
    again = decode(encode([given_one, {"k": given_one.reshape(1, -1)}]))
    assert (
        again[0].tobytes()
        == given_one.astype(given_one.dtype.newbyteorder("<")).tobytes()
    )
    assert again[0].shape == given_one.shape
    assert again[1]["k"].shape == (1, len(items))
    again[0][:] = 1  # it may be written, as one's own


def test_numbers_of_numpy_become_numbers() -> None:
    told = decode(
        encode([np.float64(0.1), np.float32(0.5), np.int8(3), np.bool_(True)])
    )
    assert repr(told) == "[0.1, 0.5, 3, True]"


def test_records_come_back_as_they_are() -> None:
    record = Resumed(at_ms=3, key="entry:p1")
    assert decode(encode(record)) == record
    assert "Draft" in KNOWN
    assert "Order" in KNOWN


class Own:
    """A class of a plugin's own."""


@pytest.mark.parametrize(
    "value",
    [Own(), [Own()], {1: Own()}, open, lambda: 1, np.array(["a"]), np.array([Own()])],
)
def test_what_is_not_plain_does_not_go_out(value: object) -> None:
    with pytest.raises(NotPlain, match=r"a \w+, which|an array of"):
        encode(value)


def test_what_holds_itself_does_not_go_out() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotPlain, match="holds itself"):
        encode(value)


LESSON = Learned(
    at_ms=1, what="minimum", symbol="X", value=Decimal(1), expires_ms=2, why="w"
)


def framed(tree: str, tail: bytes = b"") -> bytes:
    return len(tree).to_bytes(4, "big") + tree.encode() + tail


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff\xff\xff\xff",
        framed("nonsense"),
        framed("[1", b""),
        framed("null", b"more"),
        framed("{}"),
        framed('{"x":1}'),
        framed('{"d":"1","t":[]}'),
        framed('{"d":"one"}'),
        framed('{"d":1}'),
        framed('{"d":"1e5000"}'),
        framed('{"d":"' + "9" * 500 + '"}'),
        framed("1" * 4000),
        framed("1" * 200),
        framed('"\\ud800"'),
        framed("[" * 100_000),
        framed('{"a":["<f8",[2]]}', b"1234567"),
        framed('{"a":["<f8",[-1]]}'),
        framed('{"a":["O",[1]]}', b"12345678"),
        framed('{"a":["<f8",[1.5]]}', b"12345678"),
        framed('{"a":["<f8",[99999999999]]}'),
        framed('{"e":["Side","sideways"]}'),
        framed('{"e":["os","system"]}'),
        framed('{"v":["Popen",[["args","ls"]]]}'),
        framed('{"v":["Resumed",[]]}'),
        framed('{"v":["Resumed",[["at_ms",1],["key",5],["given_up",false]]]}'),
        framed('{"v":["Resumed",[["at_ms",true],["key","k"],["given_up",false]]]}'),
        framed('{"m":[[[1],2]]}'),
        framed('{"s":[[1]]}'),
        framed('{"q":[-1,[1]]}'),
        framed('{"b":"zz"}'),
        encode(replace(LESSON, value=Decimal("NaN"))),
        encode(replace(LESSON, value="1")),  # type: ignore[arg-type]
    ],
    ids=lambda data: data[4:40].decode("ascii", "replace"),
)
def test_what_is_no_value_does_not_come_in(data: bytes) -> None:
    with pytest.raises(NotPlain):
        decode(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_not_plain(data: bytes) -> None:
    try:
        decode(framed("[1]") + data)
    except NotPlain:
        assert data
    try:
        decode(data)
    except NotPlain:
        return
    assert json.loads(data[4 : 4 + int.from_bytes(data[:4], "big")]) is not Own
