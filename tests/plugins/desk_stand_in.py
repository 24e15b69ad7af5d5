"""A desk made of plain data, and short ways to make what stands on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import ModuleType
from typing import Any, get_type_hints

from quorate import (
    Desk,
    Draft,
    Fact,
    Intent,
    Learned,
    Market,
    Order,
    OrderType,
    Position,
    Purpose,
    RateLimits,
    Record,
    Side,
    TimeInForce,
    Trade,
)

Load = Callable[[str], ModuleType]
ZERO = Decimal(0)


def market(symbol: str = "BTC/USD", **changes: Any) -> Market:
    base, quote = symbol.split("/")
    plain = Market(
        symbol=symbol,
        base=base,
        quote=quote,
        venue_symbol=symbol,
        price_step=Decimal("0.1"),
        amount_step=Decimal("0.001"),
        min_amount=Decimal("0.01"),
        min_cost=Decimal(5),
        maker_fee=Decimal("0.0025"),
        taker_fee=Decimal("0.004"),
    )
    return replace(plain, **changes)


MARKETS = {s: market(s) for s in ("BTC/USD", "ETH/USD", "ETH/EUR")}


@dataclass(kw_only=True)
class StandIn:
    """The Desk protocol, answered from fields."""

    now_ms: int = 1_000_000
    symbol: str = "BTC/USD"
    limits: RateLimits | None = None
    markets: Mapping[str, Market] = field(default_factory=lambda: dict(MARKETS))
    params: Mapping[str, Decimal | bool | str] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    confidences: Mapping[str, Decimal] = field(default_factory=dict)
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    locked: Mapping[str, Decimal] = field(default_factory=dict)
    held: Iterable[Position] = ()
    orders: Mapping[str, Order] = field(default_factory=dict)
    lessons: Mapping[tuple[str, str], Learned] = field(default_factory=dict)
    memories: dict[str, dict[str, Any]] = field(default_factory=dict)
    approved: bool | None = None
    asked: set[str] = field(default_factory=set)

    @property
    def market(self) -> Market:
        return self.markets[self.symbol]

    def param(self, name: str) -> Decimal | bool | str:
        self.asked.add(name)
        return self.params[name]

    def price(self, symbol: str) -> Decimal | None:
        return self.prices.get(symbol)

    def market_of(self, symbol: str) -> Market:
        return self.markets[symbol]

    def confidence(self, symbol: str) -> Decimal | None:
        return self.confidences.get(symbol)

    def total(self, currency: str) -> Decimal:
        return self.totals.get(currency, ZERO)

    def free(self, currency: str) -> Decimal:
        return self.total(currency) - self.locked.get(currency, ZERO)

    def positions(self) -> Iterable[Position]:
        return self.held

    def live_orders(self) -> Iterable[Order]:
        return [order for order in self.orders.values() if order.live]

    def order(self, client_id: str) -> Order | None:
        return self.orders.get(client_id)

    def learned(self, what: str, symbol: str) -> Learned | None:
        return self.lessons.get((what, symbol))

    def recall(self, plugin: str) -> Mapping[str, Any]:
        return self.memories.get(plugin, {})

    def risk_approved(self) -> bool | None:
        return self.approved

    def remembers(self, plugin: ModuleType, *records: Record) -> None:
        """Let ``plugin`` fold ``records``, as the engine would."""
        name = plugin.__name__.removeprefix("plugin_")
        memory = self.memories.setdefault(name, {})
        for record in records:
            given = {"memory": memory, "record": record, "desk": self}
            hook = plugin.remember
            wanted = get_type_hints(hook)["record"]
            if not isinstance(record, wanted):
                continue  # the engine asks for the kinds that the hook names
            names = hook.__code__.co_varnames[: hook.__code__.co_argcount]
            hook(**{name: given[name] for name in names})


_checked_by_mypy: Desk = StandIn()


def facts_of(plugin: ModuleType) -> dict[str, Fact]:
    return {fact.name: fact for fact in plugin.facts()}


def answer(plugin: ModuleType, name: str, view: object) -> Any:
    return facts_of(plugin)[name].compute(view)


def position(symbol: str = "BTC/USD", **changes: Any) -> Position:
    plain = Position(
        id=f"position-{symbol}",
        symbol=symbol,
        rule="quorum",
        opened_ms=400_000,
        bought=Decimal(2),
        cost_quote=Decimal(200),
    )
    return replace(plain, **changes)


def order(client_id: str = "a", symbol: str = "BTC/USD", **changes: Any) -> Order:
    """Return an order; ``changes`` may name fields of the intent or of the order."""
    intent = Intent(
        client_id=client_id,
        root_id=client_id,
        symbol=symbol,
        venue_symbol=symbol,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        amount=Decimal(2),
        limit_price=Decimal(101),
        reference_price=Decimal(100),
        purpose=Purpose.ENTRY,
        rule="quorum",
        attempt=1,
        max_attempts=3,
        cancel_after_ms=0,
        position_id="",
        made_ms=0,
    )
    own = {name: changes.pop(name) for name in list(changes) if hasattr(intent, name)}
    return Order(intent=replace(intent, **own), **changes)


def draft(**changes: Any) -> Draft:
    plain = Draft(
        symbol="BTC/USD",
        venue_symbol="",
        side=Side.BUY,
        purpose="entry",
        rule="quorum",
        type="limit",
        time_in_force="GTC",
        post_only=False,
        quote_amount=Decimal(1000),
        amount=ZERO,
        limit_price=Decimal(100),
        reference_price=Decimal(99),
        attempt=1,
    )
    return replace(plain, **changes)


def trade(profit: str | int, closed_ms: int = 0, symbol: str = "BTC/USD") -> Trade:
    return Trade(
        position_id="p",
        symbol=symbol,
        rule="quorum",
        exit_rule="stop",
        opened_ms=0,
        closed_ms=closed_ms,
        amount=Decimal(1),
        cost_quote=Decimal(100),
        proceeds_quote=Decimal(100) + Decimal(profit),
        fee_quote=ZERO,
        profit_quote=Decimal(profit),
        profit_ratio=Decimal(profit) / 100,
        dust=ZERO,
    )
