"""What the market said, as columns: candles of one symbol and one timeframe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candles:
    """Closed candles of one symbol, oldest first, on a regular grid.

    ``time_ms`` is each candle's opening time (UTC, milliseconds) and rises by
    ``timeframe_ms``; a candle is known at ``time_ms + timeframe_ms``. Prices are in
    quote currency, ``volume`` in base currency. ``stale`` marks candles that were
    filled in because nothing traded. The arrays all have the same length.
    """

    symbol: str
    timeframe_ms: int
    time_ms: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    stale: Flags

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def close_ms(self) -> Times:
        """When each candle closed: the first moment at which it may be used."""
        return self.time_ms + self.timeframe_ms
