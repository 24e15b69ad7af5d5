"""A loopback exchange, a venue that listens to it, and all that it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from quorate import Bar, Gap, Keys, OrderReport, Tick

lo, orders = import_module("loopback"), import_module("venue_orders")
in_a_loop: Callable[[Any], Callable[..., None]] = lo.in_a_loop

PACE = 120
SYMBOLS = ["BTC/USD", "ETH/USD"]
SPANS = {"stale_after": 120_000}
MINUTE = 60_000


@dataclass(slots=True)
class Heard:
    """An exchange on loopback, a venue that listens to it, and all that it told."""

    exchange: Any
    venue: Any
    news: list[Any] = field(default_factory=list)

    def of(self, kind: type, symbol: str = "") -> list[Any]:
        found: list[Any] = [one for one in self.news if isinstance(one, kind)]
        return [one for one in found if not symbol or one.symbol == symbol]

    def gaps(self, stream: str) -> list[bool]:
        return [one.over for one in self.of(Gap) if one.stream == stream]

    async def until(self, happened: Callable[[], object], what: str = "") -> None:
        for _ in range(600):
            if happened():
                return
            await asyncio.sleep(0.05)
        told = [one for one in self.news if not isinstance(one, Tick)]
        raise AssertionError(f"{what} did not happen: {told[-10:]}")

    def check_bars(self, symbol: str) -> None:
        """Every candle once, in order, none left out, and as the exchange has it."""
        bars = self.of(Bar, symbol)
        opened = [bar.open_ms for bar in bars]
        assert opened == list(range(opened[0], opened[-1] + MINUTE, MINUTE))
        market = self.exchange.core.market
        names = ("open", "high", "low", "close", "volume")
        truth = {bar.open_ms: bar for bar in market.bars(symbol, 1, opened[0] - 1)}
        for bar in bars:
            mine = [getattr(bar, name) for name in names]
            assert mine == [float(getattr(truth[bar.open_ms], name)) for name in names]

    def buy(self, **more: Any) -> Any:
        form = {"pair": "BTC/USD", "type": "buy", "ordertype": "market"}
        form |= {"volume": "0.001", **more}
        placed = self.exchange.core.private("AddOrder", form, self.exchange.key)
        return placed["txid"][0]

    def fills_told(self) -> set[str]:
        reports = self.of(OrderReport)
        return {fill.trade_id for report in reports for fill in report.fills}


@asynccontextmanager
async def listening(
    *parts: str, pace: float = PACE, keys: Keys | None = None, **settings: Any
) -> AsyncIterator[Heard]:
    """Run some of a venue's streams; at the end none of their tasks is left."""
    async with lo.loopback(pace=pace) as exchange:
        known = asyncio.all_tasks()
        more = {} if keys is None else {"keys": keys}
        given = {**SPANS, "symbols": SYMBOLS, **settings, **more}
        async with orders.on_loopback(exchange, **given) as venue:
            heard = Heard(exchange, venue)
            tasks = [
                asyncio.create_task(getattr(venue, part)(heard.news.append))
                for part in parts
            ]
            try:
                yield heard
                assert not any(task.done() for task in tasks), "a stream has ended"
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(one) for one in ended] == [asyncio.CancelledError] * len(parts)
        await heard.until(lambda: not left_over(asyncio.all_tasks() - known), "an end")


def left_over(tasks: set[asyncio.Task[Any]]) -> list[str]:
    """Return the tasks that are not those of the server."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in tasks]
    server = ("RequestHandler.", "Socket.", "Calls.", "TCPSite", "WebSocketResponse")
    return [name for name in names if not name.startswith(server)]
