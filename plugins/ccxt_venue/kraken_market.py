"""Kraken's market channels over its websocket protocol v2, read from raw frames.

Sources: docs.kraken.com/exchange/api-reference/spot-websocket-v2/ticker, .../ohlc,
.../subscribe, .../heartbeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .market_desk import MarketDesk

SYMBOLS_PER_REQUEST = 100


def subscriptions(symbols: list[str]) -> list[dict[str, Any]]:
    """Return the requests for tickers and candles of symbols.

    Tickers follow the best bid and ask: by default they come with trades only, and a
    quiet market would look like a frozen feed.
    """
    requests: list[dict[str, Any]] = []
    wanted = ({"channel": "ticker", "event_trigger": "bbo"}, ONE_MINUTE)
    for channel in wanted:
        for first in range(0, len(symbols), SYMBOLS_PER_REQUEST):
            part = symbols[first : first + SYMBOLS_PER_REQUEST]
            requests.append(
                {"method": "subscribe", "params": channel | {"symbol": part}}
            )
    return requests


ONE_MINUTE: dict[str, Any] = {"channel": "ohlc", "interval": 1}


class KrakenFrames:
    """Hands what stands in a frame to the desk; counts the answers to subscriptions.

    ``missing`` are the subscriptions not yet answered, ``refused`` the errors of those
    that were.
    """

    def __init__(self, desk: MarketDesk, symbols: list[str]) -> None:
        self._desk = desk
        self.missing = {
            (channel, symbol) for channel in ("ticker", "ohlc") for symbol in symbols
        }
        self.refused: list[str] = []

    def take(self, frame: dict[str, Any]) -> bool:
        """Take a frame; return False for one that is not of the market."""
        self._desk.heard()
        channel = frame.get("channel")
        if channel == "ticker":
            for item in frame["data"]:
                self._ticker(item)
        elif channel == "ohlc":
            for item in frame["data"]:
                self._candle(item)
        elif frame.get("method") == "subscribe":
            self._answer(frame)
        else:
            return channel in ("heartbeat", "status")
        return True

    def _ticker(self, item: Mapping[str, Any]) -> None:
        at_ms = moment_ms(item["timestamp"]) if item.get("timestamp") else None
        # A side that is missing is an empty book, not one that stayed as it was.
        figures = (item.get(name, 0) for name in ("last", "bid", "ask"))
        last, bid, ask = (0 if each is None else each for each in figures)
        self._desk.quote(item["symbol"], at_ms, last, bid, ask)

    def _candle(self, item: Mapping[str, Any]) -> None:
        if item.get("interval") != 1:
            return
        names = ("open", "high", "low", "close", "volume")
        open_ms = moment_ms(item["interval_begin"])
        self._desk.candle(item["symbol"], (open_ms, *(item.get(n) for n in names)))

    def _answer(self, frame: Mapping[str, Any]) -> None:
        result = frame.get("result")
        if frame.get("success") is True and isinstance(result, dict):
            self.missing.discard((result.get("channel"), result.get("symbol")))
        elif frame.get("error") != "Already subscribed":
            told = f"{frame.get('symbol', '')} {frame.get('error', '')}"
            self.refused.append(told.strip())


def moment_ms(text: str) -> int:
    """Return an RFC 3339 moment in UTC milliseconds.

    Raises:
        ValueError: it is none, or does not say its offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without its offset")
    return round(moment.timestamp() * 1000)
