"""Plain values as bytes and back: what a plugin's process may answer, and no more.

JSON with a tag for what JSON does not have, and arrays as raw bytes behind it. Reading
makes numbers, texts, containers, NumPy arrays and quorate's own values. It runs no
code of whoever wrote the bytes, unlike a pickle, and every number is of a size that
arithmetic can bear.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from quorate.contract import records
from quorate.contract.views import Draft
from quorate.values import mode, rates, trade

MOST_BITS = 256
"""Of a whole number."""
MOST_DIGITS = 100
"""Of a decimal number, and of its exponent."""

_LENGTH_BYTES = 4
_ARRAYS = frozenset(
    ("<f8", "<f4", "<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1", "|b1")
)


class NotPlain(ValueError):  # noqa: N818 - a judgement on the value
    """A value that cannot go from process to process, or bytes that hold none."""


def _known() -> dict[str, type]:
    """Return quorate's own values and choices, by the name of their class."""
    kinds = (*get_args(records.Record), records.Proposal, Draft)
    found: list[Any] = [*kinds, *vars(rates).values(), *vars(mode).values()]
    found += vars(trade).values()
    return {
        kind.__name__: kind
        for kind in found
        if isinstance(kind, type)
        and kind.__module__.startswith("quorate.")
        and (is_dataclass(kind) or issubclass(kind, Enum))
    }


KNOWN: Mapping[str, type] = _known()


def encode(value: object) -> bytes:
    """Return a value as bytes.

    Raises:
        NotPlain: it holds what is neither plain nor a value of quorate.
    """
    arrays: list[bytes] = []
    try:
        tree = json.dumps(_tree(value, arrays), separators=(",", ":")).encode()
    except RecursionError:
        raise NotPlain("a value that is nested too deep, or holds itself") from None
    return b"".join((len(tree).to_bytes(_LENGTH_BYTES, "big"), tree, *arrays))


def _tree(value: object, arrays: list[bytes]) -> object:
    kind = type(value)
    if value is None or kind is bool or kind is str or kind is int or kind is float:
        return value
    write = _WRITERS.get(kind)
    if write is not None:
        return write(value, arrays)
    if isinstance(value, Enum) and KNOWN.get(kind.__name__) is kind:
        return {"e": [kind.__name__, value.value]}
    if KNOWN.get(kind.__name__) is kind and is_dataclass(value):
        told = {one.name: getattr(value, one.name) for one in fields(value)}
        return {"v": [kind.__name__, _pairs(told, arrays)]}
    return _number(value)


def _number(value: object) -> object:
    """Return NumPy's scalars, and others that are numbers or texts, as Python's own."""
    if isinstance(value, np.bool_):
        return bool(value)
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value)
    raise NotPlain(f"a {type(value).__name__}, which is not a plain value")


def _pairs(mapping: Mapping[Any, Any], arrays: list[bytes]) -> list[list[object]]:
    return [[_tree(k, arrays), _tree(v, arrays)] for k, v in mapping.items()]


def _array(value: Any, arrays: list[bytes]) -> object:
    array = value.astype(value.dtype.newbyteorder("<"), copy=False)
    if array.dtype.str not in _ARRAYS:
        raise NotPlain(f"an array of {value.dtype}, which holds no plain numbers")
    arrays.append(array.tobytes())
    return {"a": [array.dtype.str, list(array.shape)]}


def _series(tag: str) -> Callable[[Any, list[bytes]], object]:
    return lambda value, arrays: {tag: [_tree(one, arrays) for one in value]}


_WRITERS: Mapping[type, Callable[[Any, list[bytes]], object]] = {
    list: lambda value, arrays: [_tree(one, arrays) for one in value],
    tuple: _series("t"),
    set: _series("s"),
    frozenset: _series("z"),
    dict: lambda value, arrays: {"m": _pairs(value, arrays)},
    deque: lambda value, arrays: {
        "q": [value.maxlen, [_tree(one, arrays) for one in value]]
    },
    Decimal: lambda value, _: {"d": str(value)},
    bytes: lambda value, _: {"b": value.hex()},
    np.ndarray: _array,
}


def decode(data: bytes | bytearray) -> Any:
    """Return the value that ``encode`` made these bytes of.

    Raises:
        NotPlain: they hold something else.
    """
    begin = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")
    try:
        tree = json.loads(data[_LENGTH_BYTES:begin])
        reader = _Reader(data, begin)
        value = reader.read(tree)
    except NotPlain:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise NotPlain(f"bytes that hold no value: {type(error).__name__}") from None
    except (RecursionError, OverflowError, InvalidOperation):
        raise NotPlain("bytes that hold a value out of all bounds") from None
    if reader.at != len(data):
        raise NotPlain("bytes that nothing belongs to")
    return value


class _Reader:
    """Makes values of a tree; ``at`` is where the next array's bytes begin."""

    def __init__(self, data: bytes | bytearray, at: int) -> None:
        self.data, self.at = data, at

    def read(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is list:
            return [self.read(one) for one in tree]
        if kind is dict:
            [(tag, held)] = tree.items()
            return _READERS[tag](self, held)
        if kind is int and tree.bit_length() > MOST_BITS:
            raise NotPlain(f"a whole number of {tree.bit_length()} bits")
        if kind is str and not tree.isascii():
            tree.encode()  # half a surrogate pair could never be written again
        return tree

    def mapping(self, held: Any) -> dict[Any, Any]:
        return {self.read(key): self.read(value) for key, value in held}

    def array(self, held: Any) -> Any:
        dtype, shape = held
        if dtype not in _ARRAYS or not all(
            type(one) is int and one >= 0 for one in shape
        ):
            raise NotPlain("an array of something else than numbers")
        kind = np.dtype(dtype)
        size = kind.itemsize
        for one in shape:
            size *= one
        begin, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise NotPlain("an array that is cut off")
        raw = bytearray(self.data[begin : self.at])  # writable, as a plugin's would be
        if dtype == "|b1":
            return (np.frombuffer(raw, "|u1") != 0).reshape(shape)
        return np.frombuffer(raw, kind).reshape(shape)

    def own(self, held: Any) -> Any:
        name, pairs = held
        kind = KNOWN[name]
        told = self.mapping(pairs)
        for field, hint in _hints(kind).items():
            if field not in told or not _fits(told[field], hint):
                raise NotPlain(f"a {name} whose {field} is {told.get(field)!r:.40}")
        return kind(**told)


def _decimal(_: _Reader, held: Any) -> Decimal:
    number = Decimal(held) if len(held) <= 2 * MOST_DIGITS else Decimal(0) / 0
    if number.is_finite() and number and abs(number.adjusted()) > MOST_DIGITS:
        raise NotPlain("a decimal number out of all bounds")
    return number


_READERS: Mapping[str, Callable[[_Reader, Any], Any]] = {
    "t": lambda reader, held: tuple(reader.read(list(held))),
    "s": lambda reader, held: set(reader.read(list(held))),
    "z": lambda reader, held: frozenset(reader.read(list(held))),
    "m": lambda reader, held: reader.mapping(held),
    "q": lambda reader, held: deque(reader.read(held[1]), held[0]),
    "d": _decimal,
    "b": lambda _, held: bytes.fromhex(held),
    "a": lambda reader, held: reader.array(held),
    "e": lambda _, held: KNOWN[held[0]](held[1]),
    "v": lambda reader, held: reader.own(held),
}


@cache
def _hints(kind: type) -> dict[str, Any]:
    known = {one.name for one in fields(kind)}
    return {name: hint for name, hint in get_type_hints(kind).items() if name in known}


def _fits(value: object, hint: Any) -> bool:
    """Return whether a field holds what its annotation says; finite, if a number."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if inner[-1] is Ellipsis:
            return all(_fits(one, inner[0]) for one in value)
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if hint is None or hint is NoneType:
        return value is None
    if hint is int:
        return type(value) is int
    if hint is Decimal:
        return isinstance(value, Decimal) and value.is_finite()
    return isinstance(value, hint)
