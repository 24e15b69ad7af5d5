"""A desk that keeps what the rate_limit plugin remembers, and the road of an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import ModuleType
from typing import Any

from quorate import (
    Accepted,
    CancelAsked,
    Draft,
    Ended,
    Intended,
    Intent,
    Order,
    OrderStatus,
    OrderType,
    OrderView,
    Purpose,
    RateLimits,
    Record,
    Side,
    TimeInForce,
)

T0 = 1_000_000


def intent_of(client_id: str, symbol: str = "BTC/USD") -> Intent:
    return Intent(
        client_id=client_id,
        root_id=client_id,
        symbol=symbol,
        venue_symbol=symbol,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        amount=Decimal(1),
        limit_price=Decimal(100),
        reference_price=Decimal(100),
        purpose=Purpose.ENTRY,
        rule="r",
        attempt=1,
        max_attempts=3,
        cancel_after_ms=0,
        position_id="p",
        made_ms=T0,
    )


def draft_of(purpose: str) -> Draft:
    return Draft(
        symbol="BTC/USD",
        venue_symbol="BTC/USD",
        side=Side.BUY,
        purpose=purpose,
        rule="r",
        type="limit",
        time_in_force="GTC",
        post_only=False,
        quote_amount=Decimal(100),
        amount=Decimal(1),
        limit_price=Decimal(100),
        reference_price=Decimal(100),
        attempt=1,
    )


@dataclass
class Desk:
    """What the plugin reads of a desk, and the memory it is given."""

    plugin: ModuleType
    limits: RateLimits | None
    now_ms: int = T0
    symbol: str = "BTC/USD"
    exit_reserve: Decimal | bool | str = Decimal("0.2")
    memory: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)

    def param(self, name: str) -> Decimal | bool | str:
        assert name == "exit_reserve"
        return self.exit_reserve

    def order(self, client_id: str) -> Order | None:
        return self.orders.get(client_id)

    def recall(self, plugin: str) -> Mapping[str, Any]:
        assert plugin == "rate_limit"
        return self.memory

    def remember(self, *records: Record) -> Desk:
        for record in records:
            self.now_ms = max(self.now_ms, record.at_ms)
            self.plugin.remember(self.memory, record, self)
        return self

    def fact(self, name: str, purpose: str = "") -> Any:
        facts = {fact.name: fact for fact in self.plugin.facts()}
        view = OrderView(self, draft_of(purpose)) if purpose else self  # type: ignore[arg-type]
        return facts[name].compute(view)

    # The road of an order, as the journal records it.

    def send(self, client_id: str, at_ms: int, symbol: str = "BTC/USD") -> Desk:
        intent = intent_of(client_id, symbol)
        self.orders[client_id] = Order(intent=intent)
        return self.remember(Intended(at_ms=at_ms, intent=intent))

    def accept(self, client_id: str, at_ms: int) -> Desk:
        intent = self.orders[client_id].intent
        self.orders[client_id] = Order(
            intent=intent, status=OrderStatus.OPEN, accepted_ms=at_ms
        )
        return self.remember(Accepted(at_ms=at_ms, client_id=client_id, venue_id="V"))

    def ask_cancel(self, client_id: str, at_ms: int) -> Desk:
        return self.remember(CancelAsked(at_ms=at_ms, client_id=client_id, why="old"))

    def end(self, client_id: str, at_ms: int) -> Desk:
        intent = self.orders[client_id].intent
        self.orders[client_id] = Order(intent=intent, status=OrderStatus.DONE)
        ended = Ended(at_ms=at_ms, client_id=client_id, reason="cancelled")
        return self.remember(ended)
