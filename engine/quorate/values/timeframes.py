"""Timeframes: their text, and higher candles built from lower without lookahead."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from quorate.values.market import Candles, Times

MINUTE_MS = 60_000
NEVER_MS = 1 << 62
"""A moment that does not come."""
_UNITS_MS = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": 1440 * MINUTE_MS}
_DAY_MS = _UNITS_MS["d"]
_TEXT = re.compile(r"([1-9][0-9]{0,3})([mhd])")


def parse_timeframe(text: str) -> int:
    """Return the milliseconds of a timeframe such as "1m", "15m", "4h" or "1d".

    Raises:
        ValueError: not a number of minutes, hours or days that divides a day.
    """
    found = _TEXT.fullmatch(text)
    timeframe_ms = int(found[1]) * _UNITS_MS[found[2]] if found else 0
    if not is_timeframe(timeframe_ms):
        raise ValueError(
            f"timeframe must be whole minutes, hours or days that divide a day, "
            f"such as 1m, 15m, 4h or 1d, was {text!r}"
        )
    return timeframe_ms


def is_timeframe(timeframe_ms: int) -> bool:
    """Tell whether candles can be this long: whole minutes that divide a day.

    Only then does every day begin with a new candle.
    """
    return timeframe_ms > 0 and timeframe_ms % MINUTE_MS == 0 == _DAY_MS % timeframe_ms


def format_timeframe(timeframe_ms: int) -> str:
    """Return a timeframe in its largest whole unit: 900000 is "15m", 3600000 "1h".

    Raises:
        ValueError: not whole minutes that divide a day.
    """
    if not is_timeframe(timeframe_ms):
        raise ValueError(
            f"timeframe must be whole minutes that divide a day, was {timeframe_ms} ms"
        )
    unit = next(u for u in ("d", "h", "m") if timeframe_ms % _UNITS_MS[u] == 0)
    return f"{timeframe_ms // _UNITS_MS[unit]}{unit}"


def resample(candles: Candles, timeframe_ms: int) -> Candles:
    """Return the complete candles of a higher timeframe.

    A higher candle begins at a multiple of its timeframe in UTC and is made of all
    its lower candles; an incomplete first or last one is left out. It is stale when
    all its lower candles are. The candles themselves return for their own timeframe.

    Raises:
        ValueError: not a multiple of the candles' timeframe, or candles are missing.
    """
    if timeframe_ms == candles.timeframe_ms:
        return candles
    if not is_timeframe(timeframe_ms) or timeframe_ms % candles.timeframe_ms:
        raise ValueError(
            f"candles of {candles.timeframe_ms} ms cannot be put together "
            f"to candles of {timeframe_ms} ms"
        )
    _require_regular(candles)
    ratio = timeframe_ms // candles.timeframe_ms
    skipped = 0
    if len(candles):
        skipped = int(-candles.time_ms[0] % timeframe_ms) // candles.timeframe_ms
    count = max(0, (len(candles) - skipped) // ratio)
    inside = slice(skipped, skipped + count * ratio)
    starts = np.arange(0, count * ratio, ratio)
    return Candles(
        symbol=candles.symbol,
        timeframe_ms=timeframe_ms,
        time_ms=candles.time_ms[inside][::ratio].copy(),
        open=candles.open[inside][::ratio].copy(),
        high=np.maximum.reduceat(candles.high[inside], starts),
        low=np.minimum.reduceat(candles.low[inside], starts),
        close=candles.close[inside][ratio - 1 :: ratio].copy(),
        volume=np.add.reduceat(candles.volume[inside], starts),
        stale=np.logical_and.reduceat(candles.stale[inside], starts),
    )


def last_closed(higher: Candles, at_close_ms: Times) -> NDArray[np.int64]:
    """Return, for each moment, the row of the last higher candle closed by then.

    ``at_close_ms`` are the rising closing times of lower candles; -1 stands where no
    higher candle is closed yet. A candle counts from the very moment of its close.
    """
    # Looking up the few higher closes is several times as fast as the many lower ones.
    first_seen = np.searchsorted(at_close_ms, higher.close_ms, side="left")
    edges = np.concatenate(([0], first_seen, [len(at_close_ms)]))
    return np.repeat(np.arange(-1, len(higher), dtype=np.int64), np.diff(edges))


def _require_regular(candles: Candles) -> None:
    step = candles.timeframe_ms
    if len(candles) and candles.time_ms[0] % step:
        raise ValueError(f"candles must begin at multiples of {step} ms")
    if np.any(np.diff(candles.time_ms) != step):
        raise ValueError("candles are missing; fill the gaps before resampling")
