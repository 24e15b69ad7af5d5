"""A state with orders in it, and reports about them, for tests of the live driver."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from importlib import import_module
from typing import Any

from quorate import (
    Accepted,
    Fill,
    Filled,
    Intended,
    Intent,
    Liquidity,
    OrderReport,
    OrderType,
    Purpose,
    Record,
    Side,
    Started,
    TimeInForce,
)
from quorate.flow.state import State

model = import_module("exchange_model")

START_MS = 1_700_000_000_000
DEADLINE_MS = START_MS + 5_000


def intent(number: int = 1, **changes: Any) -> Intent:
    """Return an entry of 10 BTC at 100 USD, or what is changed of it."""
    told: dict[str, Any] = {
        "client_id": f"r-{number}",
        "root_id": f"r-{number}",
        "symbol": "BTC/USD",
        "venue_symbol": "BTC/USD",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "amount": Decimal(10),
        "limit_price": Decimal(100),
        "reference_price": Decimal(100),
        "purpose": Purpose.ENTRY,
        "rule": "quorum",
        "attempt": 1,
        "max_attempts": 1,
        "cancel_after_ms": 0,
        "position_id": f"p{number}",
        "made_ms": START_MS,
        "deadline_ms": DEADLINE_MS,
    }
    return Intent(**told | changes)


def state_of(*records: Record) -> State:
    """Return the state after a start and some records."""
    state = State()
    state.apply(
        Started(
            at_ms=START_MS,
            run="r",
            venue="model",
            rulebook="rules",
            source="model",
            markets=(model.market("BTC/USD"), model.market("ETH/USD")),
            balances=(("USD", Decimal(10_000)),),
            order_deadline_ms=5_000,
        )
    )
    for record in records:
        state.apply(record)
    return state


def intended(number: int = 1, **changes: Any) -> Intended:
    return Intended(at_ms=START_MS, intent=intent(number, **changes))


def accepted(number: int = 1) -> Accepted:
    return Accepted(at_ms=START_MS, client_id=f"r-{number}", venue_id=f"V{number}")


def fill(trade_id: str, amount: object, price: object = 100) -> Fill:
    much, paid = Decimal(str(amount)), Decimal(str(price))
    return Fill(
        trade_id=trade_id,
        price=paid,
        amount=much,
        fee=much * paid * model.FEE,
        fee_currency="USD",
        liquidity=Liquidity.TAKER,
    )


def filled(trade_id: str, amount: object, number: int = 1) -> Filled:
    return Filled(at_ms=START_MS, client_id=f"r-{number}", fill=fill(trade_id, amount))


def report(*fills: Fill, **told: Any) -> OrderReport:
    """Return a report of order 1 as V1, open unless a reason is told."""
    if told.get("filled") is not None:
        told["filled"] = Decimal(str(told["filled"]))
    base: dict[str, Any] = {
        "at_ms": START_MS + 100,
        "client_id": "r-1",
        "venue_id": "V1",
        "open": "reason" not in told,
        "fills": fills,
    }
    return OrderReport(**base | told)


def names(answers: Iterable[object]) -> list[str]:
    """Return answers as words: kind, and what is filled or why it ended."""
    words = []
    for one in answers:
        more = getattr(one, "reason", "") or getattr(one, "venue_id", "")
        if isinstance(one, Filled):
            more = one.fill.trade_id
        words.append(f"{type(one).__name__} {more}".strip())
    return words
