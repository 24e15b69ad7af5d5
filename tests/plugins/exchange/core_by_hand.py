"""The exchange without its wire, on a clock that a test turns by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from quorate import Candles

kraken_exchange = import_module("loopback").kraken_exchange

START_MS = 1_790_000_040_000  # a whole minute
MINUTE_MS = 60_000


def part(name: str) -> ModuleType:
    """Return a part of the plugin, such as ``core``."""
    return import_module(f"{kraken_exchange().__name__}.{name}")


def tape(
    candles: Iterable[Sequence[float]],
    symbol: str = "BTC/USD",
    volume: float = 10.0,
) -> Candles:
    """Return a tape of (open, high, low, close), each with the same volume."""
    rows = np.array(list(candles), dtype=np.float64)
    count = len(rows)
    return Candles(
        symbol=symbol,
        timeframe_ms=MINUTE_MS,
        time_ms=1_740_960_000_000 + MINUTE_MS * np.arange(count, dtype=np.int64),
        open=rows[:, 0].copy(),
        high=rows[:, 1].copy(),
        low=rows[:, 2].copy(),
        close=rows[:, 3].copy(),
        volume=np.full(count, volume),
        stale=np.zeros(count, dtype=np.bool_),
    )


def flat(price: float = 50_000.0, minutes: int = 10, **more: Any) -> Candles:
    """Return a tape on which nothing moves."""
    return tape([(price, price, price, price)] * minutes, **more)


class ByHand:
    """An exchange and its one customer. Every event it tells is kept."""

    def __init__(self, *tapes: Candles, **options: Any) -> None:
        core = part("core")
        self.passed = 0.0
        clock = part("clock").Clock(START_MS, 1.0, lambda: self.passed)
        liquidity = options.pop("liquidity", {})
        options.setdefault("balances", {"USD": Decimal(100_000), "BTC": Decimal(2)})
        options["liquidity"] = part("market").Liquidity(**liquidity)
        chosen = core.Options(tapes=tapes or (flat(),), **options)
        self.core = core.Core(chosen, clock)
        self.key: str = chosen.key
        self.events: list[dict[str, Any]] = []
        self.core.listeners.append(self.events.append)

    def wait(self, seconds: float) -> None:
        """Let time pass, and the market run."""
        self.passed += seconds
        self.core.advance()

    def ask(self, method: str, /, **form: Any) -> Any:
        """Return the result of a private method."""
        return self.core.private(method, form, self.key)

    def look(self, method: str, /, **query: Any) -> Any:
        """Return the result of a public method."""
        return self.core.public(method, query)

    def order(self, side: str = "buy", volume: object = "0.01", **form: Any) -> str:
        """Send an order, a limit order if it has a price; return its txid."""
        result = self.ask("AddOrder", **self.form(side, volume, **form))
        return str(result["txid"][0])

    def form(
        self, side: str = "buy", volume: object = "0.01", **form: Any
    ) -> dict[str, Any]:
        """Return what AddOrder is asked."""
        kind = "limit" if "price" in form else "market"
        usual = {"pair": "XBTUSD", "type": side, "ordertype": kind, "volume": volume}
        return {**usual, **form}

    def refusal(self, method: str = "AddOrder", /, **form: Any) -> tuple[str, ...]:
        """Return the errors a private method is refused with, () if it is not."""
        try:
            self.core.private(method, form, self.key)
        except part("refusal").KrakenError as error:
            errors: tuple[str, ...] = error.errors
            return errors
        return ()

    def seen(self, txid: str) -> dict[str, Any]:
        """Return an order as QueryOrders tells it, with its trades."""
        orders = self.core.history.query_orders({"txid": txid, "trades": True})
        found: dict[str, Any] = orders[txid]
        return found

    def free(self, currency: str) -> Decimal:
        """Return what can be used of a currency."""
        free: Decimal = self.core.ledger.free(currency)
        return free

    def told(self, txid: str) -> list[dict[str, Any]]:
        """Return the events of one order."""
        return [event for event in self.events if event.get("order_id") == txid]
