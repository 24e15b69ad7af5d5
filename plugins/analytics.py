"""The analytics assistant: knows how well orders are executed.

An execution is an order that is over, or that the venue refused. Slippage is how much
worse the mean fill was than the price the decision saw: positive costs us money.
Take-profits are left out of slippage and fill rate: they wait for their price, and
are pulled by our own exits.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from decimal import Decimal
from typing import Any

from quorate import (
    MONEY,
    Desk,
    Ended,
    Fact,
    Filled,
    Market,
    Order,
    Purpose,
    Refused,
    Stage,
    exact,
    hookimpl,
)

ZERO = Decimal(0)
ONE = Decimal(1)


@hookimpl
def remember(
    memory: MutableMapping[str, Any], record: Filled | Ended | Refused, desk: Desk
) -> None:
    """Keep the last executions, and the sum of the fees in each quote currency."""
    order = desk.order(record.client_id)
    if order is None or not order.placed:
        return  # what the venue never had was not executed, well or badly
    if isinstance(record, Filled):
        market = desk.market_of(order.intent.symbol)
        fees = memory.setdefault("fees", {})
        fees[market.quote] = fees.get(market.quote, ZERO) + fee_in_quote(record, market)
        return
    kept = memory.setdefault("executions", [])
    kept.append(measured(order, accepted=isinstance(record, Ended)))
    del kept[: -window(desk)]


def measured(order: Order, *, accepted: bool) -> dict[str, Decimal | None]:
    """Return what one execution tells; None for what it does not tell."""
    waits = order.intent.purpose is Purpose.TAKE_PROFIT
    return {
        "success": Decimal(accepted),
        "slippage": None if waits else order.slippage,
        "filled": order.filled / order.intent.amount
        if accepted and not waits
        else None,
    }


def fee_in_quote(filled: Filled, market: Market) -> Decimal:
    """Return a fill's fee in quote currency; one in a third currency is not counted."""
    fill = filled.fill
    if fill.fee_currency == market.quote:
        return fill.fee
    return fill.fee * fill.price if fill.fee_currency == market.base else ZERO


def window(desk: Desk) -> int:
    """Return how many executions are averaged."""
    return int(exact(desk.param("execution_window")))


def recent(desk: Desk) -> list[dict[str, Any]]:
    """Return the last executions of all symbols, oldest first."""
    kept: list[dict[str, Any]] = desk.recall("analytics").get("executions", [])
    return kept[-window(desk) :]


def mean(desk: Desk, what: str) -> Decimal | None:
    """Return the mean of ``what`` over the last executions, None if never measured."""
    values = [run[what] for run in recent(desk) if run[what] is not None]
    return sum(values, ZERO) / len(values) if values else None


def fees_paid(desk: Desk) -> Decimal:
    """Return all fees of the run that were paid in markets of our quote currency."""
    return Decimal(desk.recall("analytics").get("fees", {}).get(desk.market.quote, 0))


FACTS = [
    Fact(
        name="avg_slippage",
        stage=Stage.ACCOUNT,
        low=-ONE,
        params=("execution_window",),
        help="mean slippage of the last executions, positive is worse for us",
        compute=lambda desk: mean(desk, "slippage"),
    ),
    Fact(
        name="success_rate",
        stage=Stage.ACCOUNT,
        low=ZERO,
        high=ONE,
        params=("execution_window",),
        help="share of the last orders that the venue took",
        compute=lambda desk: mean(desk, "success"),
    ),
    Fact(
        name="fill_rate",
        stage=Stage.ACCOUNT,
        low=ZERO,
        high=ONE,
        params=("execution_window",),
        help="mean share that was filled of the last orders the venue took",
        compute=lambda desk: mean(desk, "filled"),
    ),
    Fact(
        name="samples",
        stage=Stage.ACCOUNT,
        low=ZERO,
        params=("execution_window",),
        help="how many executions are averaged",
        compute=lambda desk: len(recent(desk)),
    ),
    Fact(
        name="fees_paid",
        stage=Stage.ACCOUNT,
        unit=MONEY,
        low=ZERO,
        help="fees of all fills of the run, in quote currency",
        compute=fees_paid,
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of execution quality."""
    return FACTS
