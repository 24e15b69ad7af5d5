"""Numbers with a unit as rules write them: 0.5%, 250ms, 30s, 5m, 4h, 2d."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import DURATION, RATIO, Unit

SUFFIXES = {
    "%": (Decimal("0.01"), RATIO),
    "ms": (Decimal(1), DURATION),
    "s": (Decimal(1_000), DURATION),
    "m": (Decimal(60_000), DURATION),
    "h": (Decimal(3_600_000), DURATION),
    "d": (Decimal(86_400_000), DURATION),
}
"""What a suffix multiplies by, and the unit it gives; durations are milliseconds."""

LARGEST = Decimal("1e15")
SMALLEST = Decimal("1e-15")

NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"([+-]?)({NUMBER})(%|[a-z]+)", re.ASCII)
_LEADING_ZERO = re.compile(r"0\d")


@dataclass(frozen=True, slots=True)
class Literal:
    """A number as written: its value, and its unit (None: it adapts to what it meets).

    A percentage is a ratio (0.5% is 0.005), a duration is in milliseconds. ``digits``
    is the length of the number without its suffix.
    """

    value: Decimal
    unit: Unit | None
    text: str
    digits: int


def read_literal(number: str, suffix: str) -> Literal | str:
    """Return the literal ``number`` + ``suffix``, or why it is none."""
    if _LEADING_ZERO.match(number):
        return f"{number} starts with a zero"
    if suffix and suffix not in SUFFIXES:
        return f"{number}{suffix} is not a number, and {suffix!r} is not a unit"
    scale, unit = SUFFIXES.get(suffix, (Decimal(1), None))
    try:
        value = Decimal(number) * scale
    except ArithmeticError:
        return f"{number}{suffix} is not a number that can be held"
    if abs(value) > LARGEST:
        return f"{number}{suffix} is larger than {LARGEST:f}"
    if value and abs(value) < SMALLEST:
        return f"{number}{suffix} is nearer to zero than {SMALLEST}"
    return Literal(value, unit, number + suffix, len(number))


def read_quantity(text: str) -> tuple[Decimal, Unit] | None:
    """Return the value and unit of a plain text such as ``0.5%``, ``-1%`` or ``30s``.

    None when the text is not one number with a unit right after it. Percentages come
    back as ratios, durations as milliseconds.
    """
    match = _QUANTITY.fullmatch(text.strip(" "))
    if match is None or match[3] not in SUFFIXES:
        return None
    literal = read_literal(match[2], match[3])
    if isinstance(literal, str) or literal.unit is None:
        return None
    return (-literal.value if match[1] == "-" else literal.value), literal.unit


def write_quantity(value: Decimal, unit: Unit) -> str:
    """Return ``value`` as a rule would write it: ratios as percent, durations short.

    Other units are written as plain numbers.
    """
    if unit == RATIO:
        return f"{_plain(value * 100)}%"
    if unit == DURATION:
        for suffix in ("d", "h", "m", "s"):
            scale = SUFFIXES[suffix][0]
            if value and value % scale == 0:
                return f"{_plain(value / scale)}{suffix}"
        return f"{_plain(value)}ms" if value else "0s"
    return _plain(value)


def resolved(value: Any) -> Any:
    """Return settings with quantities as numbers: 0.25% as 0.0025, 250ms as 250."""
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if isinstance(value, str):
        quantity = read_quantity(value)
        if quantity is not None:
            number, unit = quantity
            return int(number) if unit.time else number
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return value


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
