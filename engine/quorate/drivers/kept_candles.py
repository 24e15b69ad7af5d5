"""The last closed candles of one symbol, as columns that grow at their end."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quorate.contract.live import Bar
from quorate.values.market import Candles, Flags, Floats, Times
from quorate.values.timeframes import MINUTE_MS

_Scalar = TypeVar("_Scalar", np.float64, np.int64, np.bool_)

_ROOM = 256
"""How many candles more there is room for at least, when room is made."""


class KeptCandles:
    """At least the last ``most`` one-minute candles that were added, without gaps.

    Columns that were given out cannot be written to and never change: new candles
    stand behind them, and when there is no room the last ones move to new arrays.
    """

    def __init__(self, symbol: str, most: int) -> None:
        self._symbol, self._most = symbol, most
        self._rows = 0
        self._time_ms: Times = np.empty(0, np.int64)
        self._prices: Floats = np.empty((5, 0), np.float64)
        self._stale: Flags = np.empty(0, np.bool_)
        self._make_room()

    def __len__(self) -> int:
        return self._rows

    @property
    def closed_ms(self) -> int:
        """When the last candle closed, 0 before the first."""
        return int(self._time_ms[self._rows - 1]) + MINUTE_MS if self._rows else 0

    @property
    def last_close(self) -> float:
        """The last candle's close; there must be one."""
        return float(self._prices[3, self._rows - 1])

    def add(self, bar: Bar, *, stale: bool) -> None:
        """Take the candle after the last one."""
        if self._rows == len(self._time_ms):
            self._make_room()
        row = self._rows
        self._time_ms[row], self._stale[row] = bar.open_ms, stale
        self._prices[:, row] = bar.open, bar.high, bar.low, bar.close, bar.volume
        self._rows += 1

    def clear(self) -> None:
        """Forget them all."""
        self._rows = 0
        self._make_room()

    def candles(self) -> Candles:
        """Return the last ``most`` of them as columns."""
        part = slice(max(0, self._rows - self._most), self._rows)
        first, high, low, close, volume = _locked(self._prices[:, part])
        return Candles(
            symbol=self._symbol,
            timeframe_ms=MINUTE_MS,
            time_ms=_locked(self._time_ms[part]),
            open=first,
            high=high,
            low=low,
            close=close,
            volume=volume,
            stale=_locked(self._stale[part]),
        )

    def _make_room(self) -> None:
        """Move the last candles to new arrays with room behind them."""
        kept = min(self._rows, self._most)
        room = kept + max(_ROOM, kept // 4)
        before = slice(self._rows - kept, self._rows)
        self._time_ms = _moved(self._time_ms[before], room)
        self._prices = _moved(self._prices[:, before], room)
        self._stale = _moved(self._stale[before], room)
        self._rows = kept


def _moved(column: NDArray[_Scalar], room: int) -> NDArray[_Scalar]:
    """Return a copy with room for as many candles as ``room``."""
    moved = np.empty((*column.shape[:-1], room), column.dtype)
    moved[..., : column.shape[-1]] = column
    return moved


def _locked(column: NDArray[_Scalar]) -> NDArray[_Scalar]:
    column.flags.writeable = False
    return column
