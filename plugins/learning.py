"""The learning assistant: knows what the venue's answers have taught for a symbol.

A venue states a smallest order, and now and then refuses a larger one as too small.
The refused amount is the lesson: smaller orders are not tried again for a while. A
lesson is capped, so that no wrong answer can lock a position in, and it expires.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from decimal import Decimal
from typing import Any

from quorate import (
    AMOUNT,
    Desk,
    Ended,
    ErrorSeen,
    Fact,
    Learned,
    Market,
    Moves,
    Order,
    OrderView,
    Purpose,
    Refused,
    Stage,
    ceil_to,
    exact,
    floor_to,
    hookimpl,
    plain,
)

ZERO = Decimal(0)
ONE = Decimal(1)


def stated_minimum(market: Market, price: Decimal) -> Decimal:
    """Return the smallest order the venue says it takes at ``price``, in base.

    A venue that states none takes one step of the amount.
    """
    by_cost = ceil_to(market.min_cost / price, market.amount_step)
    return max(market.amount_step, market.min_amount, by_cost)


def capped(amount: Decimal, desk: Desk, market: Market, price: Decimal) -> Decimal:
    """Return ``amount``, at most the param ``minimum_cap`` times what is stated."""
    cap = stated_minimum(market, price) * exact(desk.param("minimum_cap"))
    return min(amount, floor_to(cap, market.amount_step))


def minimum_lesson(order: Order, desk: Desk, at_ms: int) -> Learned:
    """Return the lesson of an order that was refused as too small.

    It never falls back behind a larger lesson that is still in force.
    """
    intent = order.intent
    before = desk.learned("minimum", intent.symbol)
    amount = max(intent.amount, before.value if before else ZERO)
    price = intent.limit_price or intent.reference_price
    return Learned(
        at_ms=at_ms,
        what="minimum",
        symbol=intent.symbol,
        value=capped(amount, desk, desk.market_of(intent.symbol), price),
        expires_ms=at_ms + int(exact(desk.param("minimum_expiry"))),
        why=f"the venue refused {plain(intent.amount)} as too small",
    )


@hookimpl
def learn(record: ErrorSeen, desk: Desk) -> list[Learned] | None:
    """Return a lesson when an error rule says that a minimum was not met."""
    if record.learn != "minimum":
        return None
    order = desk.order(record.client_id)
    return None if order is None else [minimum_lesson(order, desk, record.at_ms)]


def learned_minimum(view: OrderView) -> Decimal:
    """Return the smallest amount worth sending: as stated, or as learned if larger."""
    desk, draft = view.desk, view.draft
    price = draft.limit_price or draft.reference_price
    stated = stated_minimum(desk.market, price)
    lesson = desk.learned("minimum", draft.symbol)
    if lesson is None:
        return stated
    return max(stated, capped(lesson.value, desk, desk.market, price))


@hookimpl
def remember(
    memory: MutableMapping[str, Any], record: Ended | Refused, desk: Desk
) -> None:
    """Keep the last executions of each symbol: its slippage, and whether it worked."""
    order = desk.order(record.client_id)
    if order is not None and order.placed:
        kept = memory.setdefault(order.intent.symbol, [])
        # A take-profit waits for its price: it says nothing of slippage.
        waits = order.intent.purpose is Purpose.TAKE_PROFIT
        slippage = None if waits else order.slippage
        kept.append([slippage, isinstance(record, Ended)])
        del kept[: -window(desk)]


def window(desk: Desk) -> int:
    """Return how many executions are averaged."""
    return int(exact(desk.param("execution_window")))


def recent(desk: Desk) -> list[list[Any]]:
    """Return the symbol's last executions, each its slippage and success."""
    kept: list[list[Any]] = desk.recall("learning").get(desk.symbol, [])
    return kept[-window(desk) :]


def mean(values: Iterable[Any]) -> Decimal | None:
    """Return the mean of what was measured, None when nothing was."""
    measured = [Decimal(value) for value in values if value is not None]
    return sum(measured, ZERO) / len(measured) if measured else None


FACTS = [
    Fact(
        name="learned_minimum",
        stage=Stage.ORDER,
        unit=AMOUNT,
        low=ZERO,
        moves=Moves.MARKET,
        params=("minimum_cap", "minimum_expiry"),
        help="smallest order the venue takes, as it states or as it was learned",
        compute=learned_minimum,
    ),
    Fact(
        name="symbol_slippage",
        stage=Stage.ACCOUNT,
        low=-ONE,
        params=("execution_window",),
        help="mean slippage of the symbol's last executions, positive is worse",
        compute=lambda desk: mean(slip for slip, _ in recent(desk)),
    ),
    Fact(
        name="symbol_success_rate",
        stage=Stage.ACCOUNT,
        low=ZERO,
        high=ONE,
        params=("execution_window",),
        help="share of the symbol's last orders that the venue took",
        compute=lambda desk: mean(worked for _, worked in recent(desk)),
    ),
    Fact(
        name="symbol_samples",
        stage=Stage.ACCOUNT,
        low=ZERO,
        params=("execution_window",),
        help="how many executions of the symbol are averaged",
        compute=lambda desk: len(recent(desk)),
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of what was learned."""
    return FACTS
