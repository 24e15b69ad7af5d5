"""The boundary of market data: what is no price and no candle comes no further."""

from __future__ import annotations

import logging
import math
from collections import Counter
from typing import Any

from quorate import Bar

log = logging.getLogger(__name__)

MINUTE_MS = 60_000

LEAST, MOST = 1e-15, 1e12
"""No price of anything is below or above."""
MOST_VOLUME = 1e18
WILDEST = 8.0
"""A price that many times another one, a moment or a minute later, is an error."""


class Refusals:
    """Counts what was refused at the boundary; a log line for the 1st, 10th, 100th."""

    def __init__(self, name: str) -> None:
        self.counts: Counter[str] = Counter()
        self._name = name

    def note(self, what: str, why: str) -> None:
        """Count something that was refused; ``why`` holds nothing secret."""
        self.counts[what] += 1
        times = self.counts[what]
        if times == 10 ** (len(str(times)) - 1):
            log.warning("%s: refused %s (%s times): %s", self._name, what, times, why)


def price(value: Any, field: str) -> float:
    """Return a price.

    Raises:
        ValueError: it is none.
    """
    number = _number(value, field)
    if not LEAST <= number <= MOST:
        raise ValueError(f"{field} is {number}")
    return number


def read_bar(symbol: str, row: Any) -> Bar:
    """Return a candle out of open time, open, high, low, close and volume.

    Raises:
        ValueError: it is none; the message says why.
    """
    if not isinstance(row, list | tuple) or len(row) < 6:
        raise ValueError("a candle without its six figures")
    open_ms = row[0]
    on_grid = isinstance(open_ms, int) and not isinstance(open_ms, bool)
    if not on_grid or open_ms <= 0 or open_ms % MINUTE_MS:
        raise ValueError(f"a candle that opens at {open_ms!r}")
    names = ("open", "high", "low", "close")
    first, high, low, last = map(price, row[1:5], names)
    if not low <= min(first, last) <= max(first, last) <= high:
        raise ValueError(f"a candle from {low} to {high} with {first} and {last}")
    if high > low * WILDEST:
        raise ValueError(f"a candle from {low} to {high}")
    volume = _number(row[5], "volume")
    if not 0 <= volume <= MOST_VOLUME:
        raise ValueError(f"volume is {volume}")
    return Bar(
        symbol=symbol,
        open_ms=open_ms,
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
    )


def check_book(bid: float, ask: float, before: tuple[float, float] | None) -> None:
    """Refuse a best bid and ask that no market has; ``before`` are the last ones.

    Raises:
        ValueError: they are crossed, far apart, or far from where they were.
    """
    if bid >= ask:
        raise ValueError(f"bid {bid} and ask {ask} are crossed")
    if ask > bid * WILDEST:
        raise ValueError(f"bid {bid} and ask {ask} are far apart")
    if before is not None:
        was, now = before[0] + before[1], bid + ask
        if not was / WILDEST <= now <= was * WILDEST:
            raise ValueError(f"bid {bid} and ask {ask} after {before[0]}, {before[1]}")


def _number(value: Any, field: str) -> float:
    if value is None or isinstance(value, bool):
        raise ValueError(f"{field} is {value}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{field} is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"{field} is {number}")
    return number
