"""Everything that is streamed: market data to whom it concerns, account news, beats.

A market frame is built once and sent to all that subscribed to it. Between two frames
nothing is kept but what was sent last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .calls import Calls
from .clock import rfc3339
from .frames import (
    Levels,
    book_changes,
    book_levels,
    candles,
    checksum,
    ticker,
    trades,
)
from .replies import encode
from .sockets import Socket
from .subscriptions import PRIVATE, Subscription

Key = tuple[str, str, int]

SNAPSHOT_CANDLES = 100
SNAPSHOT_TRADES = 50
MOST_AT_ONCE = 100
"""Streams that are looked at in one go, so that requests never wait long for them."""
_NEWS = ("new", "filled", "canceled", "expired", "trade")
"""What is told of an order to those who do not want every status."""


class Streams:
    """The open connections and what they are told."""

    def __init__(self, calls: Calls) -> None:
        self.sockets: set[Socket] = set()
        self._calls = calls
        self._market = calls.core.market
        self._last: dict[Key, Any] = {}
        self._told: dict[Socket, int] = {}
        self._next = 0
        calls.core.listeners.append(self._account_news)
        self._builders: Mapping[str, Callable[[Key], Iterator[dict[str, Any]]]] = {
            "ticker": self._ticker,
            "ohlc": self._ohlc,
            "book": self._book,
            "trade": self._trade,
        }

    def publish(self) -> None:
        """Send what has changed in the market since the last time."""
        wanted: dict[Key, list[Socket]] = {}
        for socket in self.sockets:
            for key in socket.subscriptions:
                if key[0] not in PRIVATE:
                    wanted.setdefault(key, []).append(socket)
        for key in self._last.keys() - wanted.keys():
            del self._last[key]
        for key in self._turn(list(wanted)):
            readers = wanted[key]
            for data in self._builders[key[0]](key):
                message = {"channel": key[0], "type": "update", "data": [data]}
                if key[0] == "ohlc":
                    message["timestamp"] = data["timestamp"]
                text = encode(message)
                for socket in readers:
                    socket.frame_text(key[0], text)

    def _turn(self, keys: list[Key]) -> list[Key]:
        """Return whose turn it is: all, or with very many of them the next ones."""
        if len(keys) <= MOST_AT_ONCE:
            return keys
        begin = self._next % len(keys)
        self._next = begin + MOST_AT_ONCE
        return (keys[begin:] + keys[:begin])[:MOST_AT_ONCE]

    def beat(self) -> None:
        """Send a heartbeat on every connection that heard nothing since the last."""
        for socket in list(self.sockets):
            if socket.subscriptions and self._told.get(socket) == socket.told:
                socket.heartbeat()
            self._told[socket] = socket.told
        for gone in self._told.keys() - self.sockets:
            del self._told[gone]

    def close_all(self) -> None:
        """Close every connection."""
        for socket in list(self.sockets):
            socket.close()

    def greet(self, socket: Socket, one: Subscription) -> None:
        """Send what a new subscription begins with."""
        if one.channel == "executions":
            self._greet_executions(socket, one)
        elif one.channel == "balances":
            if one.snapshot:
                socket.frame("balances", "snapshot", self._calls.core.wallet())
        elif one.snapshot:
            self._greet_market(socket, one)

    def _greet_executions(self, socket: Socket, one: Subscription) -> None:
        """Send open orders, then trades: two frames, as ccxt takes one by its first."""
        core = self._calls.core
        if one.snap_orders:
            socket.frame("executions", "snapshot", core.open_executions())
        if one.snap_trades:
            recent = core.recent_trades(SNAPSHOT_TRADES)
            socket.frame("executions", "snapshot", recent)

    def _greet_market(self, socket: Socket, one: Subscription) -> None:
        symbol, size = one.symbol, one.size
        data: list[dict[str, Any]]
        if one.channel == "ticker":
            data = [ticker(self._market, symbol)]
        elif one.channel == "ohlc":
            data = candles(self._market, symbol, size, SNAPSHOT_CANDLES)
        elif one.channel == "book":
            levels = self._last.get(one.key)
            if levels is None:
                levels = self._last[one.key] = book_levels(self._market, symbol, size)
            data = [self._whole_book(symbol, levels)]
        else:
            data = trades(self._market, symbol, 0)[-SNAPSHOT_TRADES:]
        socket.frame(one.channel, "snapshot", data)

    def _ticker(self, key: Key) -> Iterator[dict[str, Any]]:
        now = ticker(self._market, key[1])
        if self._last.get(key) != now:
            self._last[key] = now
            yield now

    def _ohlc(self, key: Key) -> Iterator[dict[str, Any]]:
        """Yield the candle that is forming; before it, how the last one closed."""
        rows = candles(self._market, key[1], key[2], 3)
        last = self._last.get(key)
        since = rows[-1]["interval_begin"] if last is None else last["interval_begin"]
        for row in rows:
            if row["interval_begin"] >= since and row != last:
                self._last[key] = row
                yield row

    def _book(self, key: Key) -> Iterator[dict[str, Any]]:
        _, symbol, depth = key
        last: Levels | None = self._last.get(key)
        now = book_levels(self._market, symbol, depth)
        self._last[key] = now
        if last is None or last == now:
            return
        yield {
            "symbol": symbol,
            "bids": book_changes(last.bids, now.bids),
            "asks": book_changes(last.asks, now.asks),
            "checksum": checksum(now),
            "timestamp": rfc3339(self._calls.core.clock.now_ms()),
        }

    def _whole_book(self, symbol: str, levels: Levels) -> dict[str, Any]:
        return {
            "symbol": symbol,
            "bids": book_changes((), levels.bids),
            "asks": book_changes((), levels.asks),
            "checksum": checksum(levels),
            "timestamp": rfc3339(self._calls.core.clock.now_ms()),
        }

    def _trade(self, key: Key) -> Iterator[dict[str, Any]]:
        last = self._last.setdefault(key, self._calls.core.clock.now_ms())
        self._last[key] = self._calls.core.clock.now_ms()
        yield from trades(self._market, key[1], last)

    def _account_news(self, event: Mapping[str, Any]) -> None:
        """Pass on what the core says of orders and balances."""
        if event.get("channel") == "balances":
            for socket in self._readers("balances"):
                socket.frame("balances", "update", event["data"])
            return
        for socket in self._readers("executions"):
            one = socket.subscriptions["executions", "", 0]
            if not one.every_status and event.get("exec_type") not in _NEWS:
                continue
            more = {}
            if one.ratecounter and "symbol" in event:
                more["ratecount"] = self._calls.core.counter(event["symbol"])
            socket.frame("executions", "update", [{**event, **more}])

    def _readers(self, channel: str) -> list[Socket]:
        return [one for one in self.sockets if (channel, "", 0) in one.subscriptions]
