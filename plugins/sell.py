"""The sell assistant: knows how an open position stands.

Only ``+ - * /`` here: the same line then gives the same bits for one moment (floats)
and for a whole stretch of candles (arrays).
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter

from quorate import (
    AMOUNT,
    DURATION,
    PRICE,
    Fact,
    Floats,
    Moves,
    PositionView,
    Stage,
    Times,
    hookimpl,
)

ZERO = Decimal(0)
ALL_LOST = Decimal(-1)


def net_profit(view: PositionView) -> float | Floats:
    """Return the profit ratio of selling at market now, after both fees."""
    return view.price * (1 - view.taker_fee) / view.unit_cost - 1


def peak_profit(view: PositionView) -> float | Floats:
    """Return what ``net_profit`` was at the highest price since the entry."""
    return view.peak_price * (1 - view.taker_fee) / view.unit_cost - 1


def giveback(view: PositionView) -> float | Floats:
    """Return how much of the highest profit has been given back."""
    return peak_profit(view) - net_profit(view)


def gross_profit(view: PositionView) -> float | Floats:
    """Return the profit ratio by price alone; no fee is counted."""
    return view.price / view.entry_price - 1


def break_even(view: PositionView) -> float:
    """Return the price at which a resting sale, paying the maker fee, earns 0."""
    return view.unit_cost / (1 - view.maker_fee)


def age(view: PositionView) -> int | Times:
    """Return how long the position has been open, in milliseconds."""
    return view.at_ms - view.opened_ms


FACTS = [
    Fact(
        name="net_profit",
        stage=Stage.POSITION,
        low=ALL_LOST,
        moves=Moves.MARKET,
        help="profit of selling at market now, after both fees",
        compute=net_profit,
    ),
    Fact(
        name="gross_profit",
        stage=Stage.POSITION,
        low=ALL_LOST,
        moves=Moves.MARKET,
        help="profit by price alone, no fees counted",
        compute=gross_profit,
    ),
    Fact(
        name="peak_profit",
        stage=Stage.POSITION,
        low=ALL_LOST,
        moves=Moves.MARKET,
        help="highest net profit since the entry",
        compute=peak_profit,
    ),
    Fact(
        name="giveback",
        stage=Stage.POSITION,
        low=ZERO,
        moves=Moves.MARKET,
        help="how far net profit has fallen from its highest",
        compute=giveback,
    ),
    Fact(
        name="age",
        stage=Stage.POSITION,
        unit=DURATION,
        low=ZERO,
        moves=Moves.CLOCK,
        help="how long the position has been open",
        compute=age,
    ),
    Fact(
        name="break_even",
        stage=Stage.POSITION,
        unit=PRICE,
        low=ZERO,
        help="price at which a resting sale earns nothing, after both fees",
        compute=break_even,
    ),
    Fact(
        name="entry_price",
        stage=Stage.POSITION,
        unit=PRICE,
        low=ZERO,
        help="mean price paid, fees not counted",
        compute=attrgetter("entry_price"),
    ),
    Fact(
        name="peak_price",
        stage=Stage.POSITION,
        unit=PRICE,
        low=ZERO,
        moves=Moves.MARKET,
        help="highest price since the entry",
        compute=attrgetter("peak_price"),
    ),
    Fact(
        name="last_price",
        stage=Stage.POSITION,
        unit=PRICE,
        low=ZERO,
        moves=Moves.MARKET,
        help="the last price, at which net profit is reckoned",
        compute=attrgetter("price"),
    ),
    Fact(
        name="held",
        stage=Stage.POSITION,
        unit=AMOUNT,
        low=ZERO,
        help="what can still be sold, in base currency",
        compute=attrgetter("held"),
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of an open position."""
    return FACTS
