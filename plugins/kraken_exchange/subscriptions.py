"""What can be subscribed to over a socket, and with which words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .refusal import invalid, refused

PRIVATE = ("executions", "balances")
PUBLIC = ("ticker", "ohlc", "book", "trade")
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
DEPTHS = (10, 25, 100, 500, 1000)

MOST_SYMBOLS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One channel of one symbol ("" for private ones).

    ``size`` is the interval of candles in minutes, or the depth of a book.
    """

    channel: str
    symbol: str = ""
    size: int = 0
    snapshot: bool = True
    snap_trades: bool = False
    snap_orders: bool = True
    every_status: bool = True
    ratecounter: bool = False

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes two of them the same."""
        return (self.channel, self.symbol, self.size)

    def acknowledged(self) -> dict[str, Any]:
        """Return what the acknowledgement says."""
        said: dict[str, Any] = {"channel": self.channel, "snapshot": self.snapshot}
        if self.symbol:
            said["symbol"] = self.symbol
        if self.channel == "ohlc":
            said["interval"] = self.size
        elif self.channel == "book":
            said["depth"] = self.size
        elif self.channel == "executions":
            said["snap_orders"] = self.snap_orders
            said["snap_trades"] = self.snap_trades
        return said


def read_subscriptions(
    params: Mapping[str, Any], known: Collection[str]
) -> list[Subscription]:
    """Return what is subscribed to by a request: one for each symbol.

    Raises:
        KrakenError: the channel, a symbol or a size is none of Kraken's.
    """
    channel = params.get("channel")
    if channel in PRIVATE:
        return [_private(str(channel), params)]
    if channel not in PUBLIC:
        raise refused(f"Subscription name invalid: {channel}")
    symbols = params.get("symbol")
    if not isinstance(symbols, list) or not 0 < len(symbols) <= MOST_SYMBOLS:
        raise refused("Symbol field must be an array")
    for symbol in symbols:
        if symbol not in known:
            raise refused(f"Currency pair not supported {symbol}")
    size = _size(str(channel), params)
    snapshot = _flag(params, "snapshot", default=channel != "trade")
    return [
        Subscription(channel=str(channel), symbol=symbol, size=size, snapshot=snapshot)
        for symbol in symbols
    ]


def _private(channel: str, params: Mapping[str, Any]) -> Subscription:
    snapshot = _flag(params, "snapshot", default=True)
    return Subscription(
        channel=channel,
        snapshot=snapshot,
        snap_trades=_flag(params, "snap_trades", default=False),
        snap_orders=_flag(params, "snap_orders", default=snapshot),
        every_status=_flag(params, "order_status", default=True),
        ratecounter=_flag(params, "ratecounter", default=False),
    )


def _size(channel: str, params: Mapping[str, Any]) -> int:
    name, default, allowed = {
        "ohlc": ("interval", 1, INTERVALS),
        "book": ("depth", 10, DEPTHS),
    }.get(channel, ("", 0, (0,)))
    size = params.get(name, default)
    if size not in allowed or isinstance(size, bool):
        raise refused(f"Subscription {channel} {name} not supported")
    return int(size)


def _flag(params: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = params.get(name, default)
    if not isinstance(value, bool):
        raise invalid(name)
    return value
