"""The venue's streams: market data, and what happens to the account's orders.

With ``feed: polling`` nothing is streamed. Prices and candles are then asked for, and
the stream of orders only says, every few seconds, that it goes on again, upon which
the engine asks for the state of each of its orders.
"""

from __future__ import annotations

from .market_stream import bars, watch
from .order_stream import follow

__all__ = ["bars", "follow", "watch"]
