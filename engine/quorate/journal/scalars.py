"""Single values as JSON text and back, so that what is read equals what was written.

In a field of a known type a Decimal is a JSON text (``"0.10"``). Among a decision's
inputs and effects, where the type is not known beforehand, it is a JSON number, so that
SQL can compare and sum it, and the exponent tells the types apart:

    int      7                   Decimal   0.10, 7E0, 1.5E-7    (``E``, or a point)
    float    0.1e0, 1e+16        (``e``)
    text     "funds_deployed"    bool      true, false          None   null
    float    {"float": "nan"}, {"float": "inf"}, {"float": "-inf"}
    Decimal  {"decimal": "NaN"}, {"decimal": "Infinity"}, {"decimal": "-Infinity"}
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from quorate.contract.decisions import Value

Writer = Callable[[Any], str]
Reader = Callable[[Any], Any]

# Escaping all but ASCII lets any text through, half a surrogate pair included.
write_text: Final[Writer] = encode_basestring_ascii
write_int: Final[Writer] = int.__repr__
write_flag: Final[Writer] = {True: "true", False: "false"}.__getitem__


def write_decimal(value: Any) -> str:
    """Return a Decimal as a JSON text; a float in its place is refused, not rounded."""
    if type(value) is not Decimal:
        raise TypeError("must be a Decimal")
    return f'"{value}"'


def write_float(value: Any) -> str:
    """Return a float as a JSON number with an ``e``, or as a named one."""
    text = float.__repr__(value)
    if not math.isfinite(value):
        return f'{{"float":"{text}"}}'
    return text if "e" in text else f"{text}e0"


def write_value(value: Value) -> str:
    """Return an input or effect of a decision as JSON."""
    writer = _VALUES.get(type(value))
    return writer(value) if writer else _write_kin(value)


def _write_number(value: Decimal) -> str:
    if not value.is_finite():
        return f'{{"decimal":"{value}"}}'
    text = str(value)
    return text if "." in text or "E" in text else f"{text}E0"


def _write_null(_: None) -> str:
    return "null"


def _write_kin(value: Value) -> str:
    # A StrEnum is a text and a numpy float64 is a float, by another type.
    for kind in (str, float, int, Decimal):
        if isinstance(value, kind):
            return _VALUES[kind](value)
    raise TypeError("must be a number, a flag, a text or None")


_VALUES: Final[dict[type, Writer]] = {
    Decimal: _write_number,
    float: write_float,
    int: write_int,
    bool: write_flag,
    str: write_text,
    type(None): _write_null,
}


def read_text(raw: Any) -> str:
    """Return a text.

    Raises:
        ValueError: it is none; so for all readers here.
    """
    if type(raw) is not str:
        raise ValueError("must be a text")
    return raw


def read_int(raw: Any) -> int:
    """Return a whole number."""
    if type(raw) is not int:
        raise ValueError("must be a whole number")
    return raw


def read_flag(raw: Any) -> bool:
    """Return true or false."""
    if type(raw) is not bool:
        raise ValueError("must be true or false")
    return raw


def read_decimal(raw: Any) -> Decimal:
    """Return the Decimal of a JSON text."""
    try:
        return Decimal(read_text(raw))
    except ArithmeticError:
        raise ValueError("must be a decimal number as text") from None


def read_float(raw: Any) -> float:
    """Return a float, not-a-number and the infinities included."""
    value = read_value(raw)
    if type(value) is not float:
        raise ValueError("must be a float")
    return value


def read_value(raw: Any) -> Value:
    """Return an input or effect of a decision from parsed JSON."""
    if type(raw) is dict:
        return _read_named(raw)
    if type(raw) is list:
        raise ValueError("must be a single value")
    value: Value = raw
    return value


def _read_named(raw: dict[str, Any]) -> Value:
    match raw:
        case {"float": str(text), **more} if not more:
            return float(text)
        case {"decimal": str(text), **more} if not more:
            return read_decimal(text)
    raise ValueError("must be a single value")


def _read_number(text: str) -> Decimal | float:
    return float(text) if "e" in text else Decimal(text)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


# A parser with hooks is built once: json.loads would build one for every row.
_PARSER: Final = json.JSONDecoder(
    parse_float=_read_number, parse_constant=_refuse_constant
)


def parse(text: str) -> Any:
    """Return parsed JSON, its numbers exact.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return _PARSER.decode(text)
    except (RecursionError, ArithmeticError, TypeError) as error:
        raise ValueError(f"is not JSON ({error})") from None
