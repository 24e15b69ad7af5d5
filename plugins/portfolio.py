"""The portfolio assistant: knows where the money is, and which position is weakest.

Money is counted in the quote currency of the symbol under consideration; positions
count when their market has the same quote currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from quorate import (
    AMOUNT,
    DURATION,
    MONEY,
    Desk,
    Fact,
    Kind,
    Moves,
    Position,
    Stage,
    exact,
    hookimpl,
)

ZERO = Decimal(0)
ONE = Decimal(1)
ALL_LOST = Decimal(-1)
AVAILABLE = "funds_available"
DEPLOYED = "funds_deployed"


def free_quote(desk: Desk) -> Decimal:
    """Return the quote currency that no live order has locked."""
    return desk.free(desk.market.quote)


def total_quote(desk: Desk) -> Decimal:
    """Return the quote currency held, locked included."""
    return desk.total(desk.market.quote)


def own_positions(desk: Desk) -> Iterator[Position]:
    """Return the open positions that would be sold for our quote currency."""
    for position in desk.positions():
        same_quote = desk.market_of(position.symbol).quote == desk.market.quote
        if same_quote and position.held > 0:
            yield position


def deployment(desk: Desk) -> str | None:
    """Return whether the funds are deployed; None while a price is not known."""
    value = total_quote(desk)
    for position in own_positions(desk):
        price = desk.price(position.symbol)
        if price is None:
            return None
        value += position.held * price
    keep = value * exact(desk.param("deployed_below"))
    return DEPLOYED if free_quote(desk) < keep else AVAILABLE


def profit_now(position: Position, desk: Desk) -> Decimal | None:
    """Return the profit ratio of selling at market now, after both fees."""
    price = desk.price(position.symbol)
    if price is None:
        return None
    taker_fee = desk.market_of(position.symbol).taker_fee
    return price * (ONE - taker_fee) / position.unit_cost - ONE


def weakest(desk: Desk) -> tuple[Position, Decimal] | None:
    """Return the position with the lowest profit, and that profit; None for none.

    Positions on their way out are not looked at: their money is coming already. On
    equal profit the oldest is the weakest.
    """
    lowest: tuple[Position, Decimal] | None = None
    for position in own_positions(desk):
        profit = None if position.leaving else profit_now(position, desk)
        if profit is not None and (lowest is None or profit < lowest[1]):
            lowest = position, profit
    return lowest


def of_weakest(
    answer: Callable[[Desk, Position, Decimal], object],
) -> Callable[[Desk], object]:
    """Return a fact's computation that asks ``answer`` about the weakest position."""

    def compute(desk: Desk) -> object:
        found = weakest(desk)
        return None if found is None else answer(desk, *found)

    return compute


FACTS = [
    Fact(
        name="free_quote",
        stage=Stage.ACCOUNT,
        unit=MONEY,
        low=ZERO,
        help="quote currency that no live order has locked",
        compute=free_quote,
    ),
    Fact(
        name="locked_quote",
        stage=Stage.ACCOUNT,
        unit=MONEY,
        low=ZERO,
        help="quote currency locked in live orders",
        compute=lambda desk: total_quote(desk) - free_quote(desk),
    ),
    Fact(
        name="total_quote",
        stage=Stage.ACCOUNT,
        unit=MONEY,
        low=ZERO,
        help="quote currency held, locked included",
        compute=total_quote,
    ),
    Fact(
        name="free_base",
        stage=Stage.ACCOUNT,
        unit=AMOUNT,
        low=ZERO,
        help="base currency of the symbol that no live order has locked",
        compute=lambda desk: desk.free(desk.market.base),
    ),
    Fact(
        name="deployment",
        stage=Stage.ACCOUNT,
        kind=Kind.TEXT,
        values=(AVAILABLE, DEPLOYED),
        moves=Moves.MARKET,
        params=("deployed_below",),
        help="whether the free share of all funds has fallen below deployed_below",
        compute=deployment,
    ),
    Fact(
        name="weakest_position",
        stage=Stage.ACCOUNT,
        kind=Kind.TEXT,
        moves=Moves.MARKET,
        help="id of the position with the lowest profit that is not leaving yet",
        compute=of_weakest(lambda _desk, position, _profit: position.id),
    ),
    Fact(
        name="weakest_profit",
        stage=Stage.ACCOUNT,
        low=ALL_LOST,
        moves=Moves.MARKET,
        help="lowest net profit among the positions, sold at market now",
        compute=of_weakest(lambda _desk, _position, profit: profit),
    ),
    Fact(
        name="weakest_confidence",
        stage=Stage.ACCOUNT,
        low=ZERO,
        high=ONE,
        moves=Moves.MARKET,
        help="confidence in the symbol of the weakest position",
        compute=of_weakest(
            lambda desk, position, _profit: desk.confidence(position.symbol)
        ),
    ),
    Fact(
        name="weakest_age",
        stage=Stage.ACCOUNT,
        unit=DURATION,
        low=ZERO,
        moves=Moves.MARKET,
        help="how long the weakest position has been open",
        compute=of_weakest(
            lambda desk, position, _profit: desk.now_ms - position.opened_ms
        ),
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of the money and of the weakest position."""
    return FACTS
