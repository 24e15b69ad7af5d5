"""How numbers, times and durations read: one place for every page and table."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

NOTHING = "-"
"""What stands where there is nothing to say."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPANS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))

Number = Decimal | float | int


def number(value: Number | None, *, digits: int = 4, signed: bool = False) -> str:
    """Return a number with thousands and at most ``digits`` significant decimals.

    From 1 upwards it has at least two decimals less than that; whole numbers have none.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    size = abs(float(value))
    if size and size < 1:
        places = digits - 1 - math.floor(math.log10(size))
    else:
        places = max(2, digits - 2)
    text = f"{value:{'+' if signed else ''},.{min(places, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal | None, currency: str = "", *, signed: bool = False) -> str:
    """Return money with two decimals, four digits when it is less than 1."""
    if value is None:
        return NOTHING
    size = abs(value)
    sign = "+" if signed and value else ""
    places = 2
    if 0 < size < 1:
        places = min(12, max(2, 3 - math.floor(math.log10(size))))
    text = f"{value:{sign},.{places}f}"
    if places > 2:
        kept = text.rstrip("0")
        text = kept + "0" * max(0, 2 - len(kept.partition(".")[2]))
    return f"{text} {currency}".rstrip()


def price(value: Decimal | None) -> str:
    """Return a price or an amount as it is on its grid, with thousands."""
    if value is None:
        return NOTHING
    rounded = round(value, max(2, 8 - max(0, value.adjusted() + 1)))
    text = f"{rounded:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(ratio: Number | None, *, signed: bool = False) -> str:
    """Return a ratio as a percentage with two decimals, four when it is tiny."""
    if ratio is None or not math.isfinite(ratio):
        return NOTHING
    value = float(ratio) * 100
    places = 4 if 0 < abs(value) < 0.01 else 2
    return f"{value:{'+' if signed and value else ''},.{places}f}%"


def share(ratio: Number) -> str:
    """Return a share of a whole with no more decimals than it needs: ``100%``."""
    return f"{number(ratio * 100)}%"


def count(value: int) -> str:
    """Return a count with thousands."""
    return f"{value:,}"


def time(at_ms: int | None) -> str:
    """Return a time as UTC ISO text, with minutes: ``2022-01-05T10:15Z``."""
    if at_ms is None:
        return NOTHING
    return f"{_utc(at_ms):%Y-%m-%dT%H:%MZ}"


def moment(at_ms: int) -> str:
    """Return a time as UTC ISO text, as exact as it is, minutes at least."""
    when = _utc(at_ms)
    if at_ms % 60_000 == 0:
        return f"{when:%Y-%m-%dT%H:%MZ}"
    if at_ms % 1_000 == 0:
        return f"{when:%Y-%m-%dT%H:%M:%SZ}"
    return f"{when:%Y-%m-%dT%H:%M:%S}.{at_ms % 1_000:03d}Z"


def period(at_ms: int, by: str) -> str:
    """Return the ``day``, ``week`` or ``month`` that a time falls into."""
    when = _utc(at_ms)
    if by == "month":
        return f"{when:%Y-%m}"
    if by == "week":
        return f"{when:%G-W%V}"
    return f"{when:%Y-%m-%d}"


def duration(span_ms: Number | None) -> str:
    """Return a duration by its two largest parts: ``3h 20m``, ``45s``, ``250ms``."""
    if span_ms is None or not math.isfinite(span_ms):
        return NOTHING
    rest = abs(int(span_ms))
    sign = "-" if span_ms < 0 else ""
    if not rest:
        return "0s"
    if rest < 1_000:
        return f"{sign}{rest}ms"
    parts = []
    for name, size in _SPANS:
        whole, rest = divmod(rest, size)
        if whole:
            parts.append(f"{whole}{name}")
        if len(parts) == 2 or (parts and not whole):
            break
    return sign + " ".join(parts)


def plural(many: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun: ``1 trade``, ``3 trades``."""
    return f"{many:,} {noun if many == 1 else nouns or noun + 's'}"


def _utc(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)
