"""Records and the values of decisions as JSON text, prepared once for each class.

Everything comes from the dataclasses' type hints: a new field or kind needs no change
here. A field with a default may be missing on reading, as it is in an older journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from quorate.contract.decisions import Value
from quorate.contract.records import Record
from quorate.errors import JournalError
from quorate.journal import scalars
from quorate.journal.scalars import Reader, Writer

KINDS: Final[Mapping[str, type[Record]]] = {
    cls.__name__: cls for cls in get_args(Record)
}


def encode(record: Record) -> str:
    """Return ``record`` as the text of a JSON object.

    Raises:
        JournalError: a field holds what its type does not allow.
    """
    cls = type(record)
    try:
        return _shape(cls).write(record)
    except (TypeError, ValueError, KeyError):
        raise JournalError(
            f"{cls.__name__} cannot be recorded: {_blame(record)}"
        ) from None


def decode(kind: str, text: str, where: str) -> Record:
    """Return the record of class name ``kind`` that ``text`` holds.

    ``where`` names the row for whoever has to look at it.

    Raises:
        JournalError: the kind or a field is unknown, missing or of a wrong type.
    """
    cls = KINDS.get(kind)
    if cls is None:
        raise JournalError(
            f"{where}: kind {kind!r} is not known; "
            "read this journal with the version of quorate that wrote it"
        )
    try:
        record: Record = _shape(cls).read(scalars.parse(text))
    except (ValueError, ArithmeticError) as error:
        raise JournalError(f"{where} ({kind}): {error}") from None
    return record


def encode_values(values: Mapping[str, Value]) -> str:
    """Return the inputs or the effect of a decision as the text of a JSON object.

    Raises:
        JournalError: a value is neither number, flag, text nor None.
    """
    try:
        return _WRITE_VALUES(values)
    except (TypeError, ValueError):
        raise JournalError(
            f"a decision cannot be recorded: {_blame_value(values)}"
        ) from None


def decode_values(text: str, where: str) -> dict[str, Value]:
    """Return the inputs or the effect of a decision; ``where`` names the row.

    Raises:
        JournalError: ``text`` is not what :func:`encode_values` writes.
    """
    try:
        values: dict[str, Value] = _READ_VALUES(scalars.parse(text))
    except ValueError as error:
        raise JournalError(f"{where}: {error}") from None
    return values


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one dataclass is written and read."""

    cls: type[Any]
    take: Callable[[Any], tuple[Any, ...]]
    template: str
    writers: tuple[Writer, ...]
    readers: Mapping[str, Reader]
    required: frozenset[str]

    def write(self, value: Any) -> str:
        if type(value) is not self.cls:
            raise TypeError(f"must be {self.cls.__name__}")
        return self.template % tuple(
            [
                write(item)
                for write, item in zip(self.writers, self.take(value), strict=True)
            ]
        )

    def read(self, raw: Any) -> Any:
        if type(raw) is not dict:
            raise ValueError("must be an object")
        if missing := self.required - raw.keys():
            raise ValueError(f"field {min(missing)!r} is missing")
        readers = self.readers
        given = {}
        for name, item in raw.items():
            if name not in readers:
                raise ValueError(f"field {name!r} is not known")
            try:
                given[name] = readers[name](item)
            except ValueError as error:
                raise ValueError(f"{name}: {error}, was {item!r}") from None
        return self.cls(**given)


_SHAPES: Final[dict[type[Any], _Shape]] = {}


def _shape(cls: type[Any]) -> _Shape:
    shape = _SHAPES.get(cls)
    if shape is None:
        shape = _SHAPES[cls] = _prepare(cls)
    return shape


def _prepare(cls: type[Any]) -> _Shape:
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    pairs = {name: _pair(hints[name]) for name in names}
    return _Shape(
        cls=cls,
        take=_taker(names),
        template="{" + ",".join(f'"{name}":%s' for name in names) + "}",
        writers=tuple(write for write, _ in pairs.values()),
        readers={name: read for name, (_, read) in pairs.items()},
        required=frozenset(
            field.name
            for field in fields(cls)
            if field.default is MISSING and field.default_factory is MISSING
        ),
    )


def _taker(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


_SCALARS: Final[Mapping[Any, tuple[Writer, Reader]]] = {
    str: (scalars.write_text, scalars.read_text),
    int: (scalars.write_int, scalars.read_int),
    bool: (scalars.write_flag, scalars.read_flag),
    float: (scalars.write_float, scalars.read_float),
    Decimal: (scalars.write_decimal, scalars.read_decimal),
    Value: (scalars.write_value, scalars.read_value),
}


def _pair(hint: Any) -> tuple[Writer, Reader]:
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union) and len(args) == 2 and type(None) in args:
        return _optional(*_pair(next(arg for arg in args if arg is not type(None))))
    if origin is tuple and args[1:] == (Ellipsis,):
        return _row(*_pair(args[0]))
    if origin is tuple:
        return _fixed([_pair(arg) for arg in args])
    if isinstance(origin, type) and issubclass(origin, Mapping) and args[0] is str:
        return _mapping(*_pair(args[1]))
    if isinstance(hint, type) and issubclass(hint, Enum) and issubclass(hint, str):
        return scalars.write_text, hint
    if isinstance(hint, type) and is_dataclass(hint):
        shape = _shape(hint)
        return shape.write, shape.read
    raise TypeError(f"no journal text is defined for a field of type {hint}")


def _optional(write: Writer, read: Reader) -> tuple[Writer, Reader]:
    return (
        lambda value: "null" if value is None else write(value),
        lambda raw: None if raw is None else read(raw),
    )


def _row(write: Writer, read: Reader) -> tuple[Writer, Reader]:
    def write_row(values: Any) -> str:
        if type(values) is not tuple:
            raise TypeError("must be a tuple")
        return "[" + ",".join(map(write, values)) + "]"

    def read_row(raw: Any) -> tuple[Any, ...]:
        if type(raw) is not list:
            raise ValueError("must be a list")
        return tuple(map(read, raw))

    return write_row, read_row


def _fixed(pairs: list[tuple[Writer, Reader]]) -> tuple[Writer, Reader]:
    writers, readers = zip(*pairs, strict=True)

    def write_fixed(values: Any) -> str:
        if type(values) is not tuple:
            raise TypeError("must be a tuple")
        items = zip(writers, values, strict=True)
        return "[" + ",".join([write(item) for write, item in items]) + "]"

    def read_fixed(raw: Any) -> tuple[Any, ...]:
        if type(raw) is not list or len(raw) != len(readers):
            raise ValueError(f"must be a list of {len(readers)}")
        return tuple(read(item) for read, item in zip(readers, raw, strict=True))

    return write_fixed, read_fixed


def _mapping(write: Writer, read: Reader) -> tuple[Writer, Reader]:
    quote = scalars.write_text

    def write_mapping(values: Mapping[str, Any]) -> str:
        items = [f"{quote(name)}:{write(value)}" for name, value in values.items()]
        return "{" + ",".join(items) + "}"

    def read_mapping(raw: Any) -> dict[str, Any]:
        if type(raw) is not dict:
            raise ValueError("must be an object")
        return {name: read(value) for name, value in raw.items()}

    return write_mapping, read_mapping


_WRITE_VALUES, _READ_VALUES = _pair(Mapping[str, Value])


def _blame(value: Any) -> str:
    """Say which field of ``value`` cannot be written; only looked for on failure."""
    shape = _shape(type(value))
    for field, write in zip(fields(shape.cls), shape.writers, strict=True):
        item = getattr(value, field.name)
        try:
            write(item)
        except (TypeError, ValueError, KeyError):
            return f"{field.name} must be {field.type}, was {item!r}"
    return "it changed while it was written"


def _blame_value(values: Mapping[str, Value]) -> str:
    for name, value in values.items():
        try:
            _WRITE_VALUES({name: value})
        except (TypeError, ValueError):
            kind = type(value).__name__
            return f"{name} must be a number, a flag, a text or None, was {kind}"
    return "its values changed while they were written"
