"""Whether recorded candles can be used: the first row that cannot, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.values.market import Flags, Floats, Times
from quorate.values.timeframes import MINUTE_MS, format_timeframe, is_timeframe

MOST_ROWS = 20_000_000
EARLIEST_MS = 1_230_768_000_000  # 2009-01-01: before it there was nothing to trade
LATEST_MS = 4_102_444_800_000  # 2100-01-01
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a tape, and what to do; ``row`` is None for the whole file.

    Rows count from 0, without a header.
    """

    row: int | None
    message: str


def time_flaw(time_ms: Times) -> Flaw | None:
    """Return the first opening time that cannot be, None when all can."""
    outside = (time_ms < EARLIEST_MS) | (time_ms >= LATEST_MS)
    row = _first(outside)
    if row is not None:
        return Flaw(
            row,
            f"time {_utc(time_ms[row])} is not between 2009 and 2100; "
            f"times are UTC, as ISO-8601 or as s, ms, us or ns since 1970",
        )
    step = np.diff(time_ms)
    row = _first(step == 0)
    if row is not None:
        return Flaw(
            row + 1, f"time {_utc(time_ms[row])} stands twice; keep one of the rows"
        )
    row = _first(step < 0)
    if row is not None:
        return Flaw(
            row + 1,
            f"time {_utc(time_ms[row + 1])} is before the row above it; "
            f"sort the file by time",
        )
    return None


def common_step(time_ms: Times) -> int | None:
    """Return the most common step of rising times in ms, None for a single one."""
    if len(time_ms) < 2:
        return None
    steps, counts = np.unique(np.diff(time_ms), return_counts=True)
    return int(steps[np.argmax(counts)])


def grid_flaw(time_ms: Times, timeframe_ms: int, max_gap_ms: int) -> Flaw | None:
    """Return the first time off the timeframe's grid or after too long a gap."""
    if not is_timeframe(timeframe_ms):
        return Flaw(
            None,
            f"the most common step between rows is {timeframe_ms / MINUTE_MS:g} "
            f"minutes; candles must be of whole minutes that divide a day",
        )
    row = _first(time_ms % timeframe_ms != 0)
    if row is not None:
        return Flaw(
            row,
            f"time {_utc(time_ms[row])} is off the grid of "
            f"{format_timeframe(timeframe_ms)} candles (the most common step), which "
            f"open at whole multiples in UTC; correct the time or remove the row",
        )
    step = np.diff(time_ms)
    row = _first(step > max_gap_ms)
    if row is not None:
        return Flaw(
            row + 1,
            f"{step[row] / 86_400_000:.1f} days are missing before "
            f"{_utc(time_ms[row + 1])}, more than {max_gap_ms / 86_400_000:g}; split "
            f"the file there",
        )
    return None


def price_flaw(columns: dict[str, Floats]) -> Flaw | None:
    """Return the first row whose prices or volume cannot be, None when all can."""
    for name in (*PRICES, "volume"):
        row = _first(~np.isfinite(columns[name]))
        if row is not None:
            return Flaw(row, f"{name} is not a number; correct or remove the row")
    for name in PRICES:
        row = _first(columns[name] <= 0)
        if row is not None:
            return _wrong_row(row, f"{name} must be above zero", columns, name)
    row = _first(columns["high"] < columns["low"])
    if row is not None:
        return _wrong_row(row, "high is below low", columns, "high", "low")
    for name in ("open", "close"):
        outside = (columns[name] > columns["high"]) | (columns[name] < columns["low"])
        row = _first(outside)
        if row is not None:
            return _wrong_row(
                row, f"{name} is outside low and high", columns, name, "low", "high"
            )
    row = _first(columns["volume"] < 0)
    if row is not None:
        return _wrong_row(row, "volume must not be negative", columns, "volume")
    return None


def without_noise(column: Floats) -> Floats:
    """Return prices without binary noise: 5.330000000000001e-05 becomes 5.33e-05.

    Fifteen significant digits of the highest price are kept, which is all that a
    float holds for certain, so that a price on the venue's grid stays on it. The
    order of prices is kept.
    """
    highest = float(np.abs(column).max(initial=0.0))
    if not np.isfinite(highest) or highest <= 0:
        return column
    # Powers of ten are exact up to 10**22, and the division then rounds correctly.
    decimals = int(np.clip(14 - np.floor(np.log10(highest)), 0, 22))
    scale = float(10**decimals)
    return np.rint(column * scale) / scale


def filled_rows(time_ms: Times, timeframe_ms: int) -> tuple[NDArray[np.int64], Flags]:
    """Return, for every candle of the full grid, its row or the last one before it.

    The flags say which candles are missing.
    """
    place = (time_ms - time_ms[0]) // timeframe_ms
    missing = np.ones(int(place[-1]) + 1, dtype=np.bool_)
    missing[place] = False
    return np.cumsum(~missing) - 1, missing


def _first(wrong: Flags) -> int | None:
    if not wrong.any():
        return None
    return int(np.argmax(wrong))


def _wrong_row(row: int, message: str, columns: dict[str, Floats], *names: str) -> Flaw:
    values = ", ".join(f"{name} {columns[name][row]:.15g}" for name in names)
    return Flaw(row, f"{message} ({values}); correct or remove the row")


def _utc(time_ms: np.int64) -> str:
    try:
        return f"{np.datetime64(int(time_ms), 'ms')}Z"
    except (OverflowError, ValueError):
        return str(int(time_ms))
