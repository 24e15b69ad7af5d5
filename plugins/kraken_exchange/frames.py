"""Market data as the websocket protocol v2 writes it.

Sources: docs.kraken.com/api/docs/websocket-v2 (ticker, ohlc, book, trade) and
docs.kraken.com/api/docs/guides/spot-ws-book-v2 (the checksum).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zlib import crc32

from .clock import MINUTE_MS, rfc3339
from .market import Level, MarketTape

_LEVELS_IN_A_CHECKSUM = 10
_ZERO = Decimal(0)
_LOT = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Levels:
    """A book at one moment, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def ticker(market: MarketTape, symbol: str) -> dict[str, Any]:
    """Return the ticker of a symbol."""
    return dict(market.ticker(symbol))


def candles(
    market: MarketTape, symbol: str, interval: int, most: int
) -> list[dict[str, Any]]:
    """Return the last ``most`` candles, oldest first; the last one is forming."""
    span_ms = interval * MINUTE_MS
    since_ms = market.clock.now_ms() - most * span_ms
    return [
        {
            "symbol": symbol,
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "trades": bar.trades,
            "volume": bar.volume,
            "vwap": bar.vwap,
            "interval_begin": rfc3339(bar.open_ms // span_ms * span_ms),
            "interval": interval,
            "timestamp": rfc3339((bar.open_ms // span_ms + 1) * span_ms),
        }
        for bar in market.bars(symbol, interval, since_ms, most)
    ]


def trades(market: MarketTape, symbol: str, since_ms: int) -> list[dict[str, Any]]:
    """Return the trades after ``since_ms``."""
    return [
        {
            "symbol": symbol,
            "side": one.side,
            "price": one.price,
            "qty": one.amount,
            "ord_type": "market",
            "trade_id": one.number,
            "timestamp": rfc3339(one.at_ms),
        }
        for one in market.trades(symbol, since_ms)
    ]


def book_levels(market: MarketTape, symbol: str, depth: int) -> Levels:
    """Return the best ``depth`` levels of both sides."""
    book = market.book(symbol, depth)
    return Levels(*(tuple(map(_written, book[side])) for side in ("bids", "asks")))


def book_changes(
    before: Sequence[Level], now: Sequence[Level]
) -> list[dict[str, Decimal]]:
    """Return what changed on one side of a book; a level that is gone has no qty."""
    old, new = dict(before), dict(now)
    gone = [{"price": price, "qty": _ZERO} for price in old if price not in new]
    changed = [
        {"price": price, "qty": qty} for price, qty in now if old.get(price) != qty
    ]
    return gone + changed


def checksum(levels: Levels) -> int:
    """Return the CRC32 of the ten best asks and bids, digits without their points."""
    best = (
        *levels.asks[:_LEVELS_IN_A_CHECKSUM],
        *levels.bids[:_LEVELS_IN_A_CHECKSUM],
    )
    digits = "".join(_digits(price) + _digits(qty) for price, qty in best)
    return crc32(digits.encode())


def _written(level: Level) -> Level:
    """Return a level with its amount at all eight decimals, as the wire has it."""
    return level[0], level[1].quantize(_LOT)


def _digits(number: Decimal) -> str:
    return f"{number:f}".replace(".", "").lstrip("0")
