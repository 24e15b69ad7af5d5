"""Series in a compact notation: ``100 +1x5 -2x3 =x4 _x2``.

The first value, then changes: ``+1x5`` is five values, each 1 above the one before;
``+0.5%x5`` grows by half a percent each; ``=x4`` repeats, ``_x2`` is not known. A
number or a quantity alone, ``95`` or ``95x3``, jumps there; ``(+1x3 -1x2)x9`` is all
that is in the brackets nine times over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from quorate.contract.vocabulary import RATIO, Unit
from quorate.rulebook.literals import NUMBER, read_quantity

LONGEST = 20_000
"""More steps than two weeks of minutes; what is longer is a slip."""

_PART = re.compile(
    rf"(?P<sign>[+-]?)(?P<number>{NUMBER})(?P<unit>%|[a-z]+?)?(?:x(?P<times>\d{{1,6}}))?"
    r"|(?P<mark>[=_])(?:x(?P<again>\d{1,6}))?"
)

_AGAIN = re.compile(r"\(([^()]*)\)x(\d{1,6})")


def read_series(text: str, unit: Unit) -> tuple[Decimal | None, ...]:
    """Return the values of a series measured in ``unit``.

    A percentage changes a ratio by addition, anything else by its share.

    Raises:
        ValueError: a part cannot be read, or the series is too long.
    """
    values: list[Decimal | None] = []
    last: Decimal | None = None
    for part in _parts(text):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(
                f"{part!r} is no part of a series such as 100 +1x5 =x3 -0.5%x2 _x2"
            )
        times = int(found["times"] or found["again"] or 1)
        if len(values) + times > LONGEST:
            raise ValueError(f"the series has more than {LONGEST:,} values")
        for _ in range(times):
            value = _next(found, last, unit)
            values.append(value)
            last = last if value is None else value
    if not values:
        raise ValueError("the series has no values")
    return tuple(values)


def _parts(text: str) -> Iterator[str]:
    """Yield the parts of a series, those in brackets as often as they are said."""
    at = 0
    for found in _AGAIN.finditer(text):
        yield from text[at : found.start()].split()
        parts = found[1].split()
        if int(found[2]) * max(1, len(parts)) > LONGEST:
            raise ValueError(f"the series has more than {LONGEST:,} parts")
        yield from parts * int(found[2])
        at = found.end()
    yield from text[at:].split()


def _next(part: re.Match[str], last: Decimal | None, unit: Unit) -> Decimal | None:
    if part["mark"] == "_":
        return None
    if part["mark"] == "=":
        if last is None:
            raise ValueError("there is no value yet that could be repeated")
        return last
    relative = part["unit"] == "%" and unit != RATIO
    number = _number(part["number"] + (part["unit"] or ""), unit, relative=relative)
    if not part["sign"] or last is None:
        if relative:
            raise ValueError(f"{part[0]!r} is a share of nothing: a value comes first")
        return -number if part["sign"] == "-" else number
    if relative:
        number *= last
    return last - number if part["sign"] == "-" else last + number


def _number(text: str, unit: Unit, *, relative: bool) -> Decimal:
    quantity = read_quantity(text)
    if quantity is None:
        try:
            return Decimal(text)
        except ArithmeticError:
            raise ValueError(f"{text!r} is not a number") from None
    if not relative and quantity[1] != unit:
        raise ValueError(f"{text!r} is a {quantity[1]}, a {unit} is needed")
    return quantity[0]
