"""The execution assistant: brings a draft onto the venue's grid, and knows it.

An entry arrives as money to spend, a sale as an amount to sell. What leaves here
names the venue's own symbol and stands on its steps of price and amount.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from quorate import (
    AMOUNT,
    MONEY,
    PRICE,
    Desk,
    Draft,
    Fact,
    Kind,
    Market,
    Moves,
    OrderType,
    OrderView,
    Purpose,
    Side,
    Stage,
    ceil_to,
    floor_to,
    hookimpl,
)

ZERO = Decimal(0)
ONE = Decimal(1)


def price_of(draft: Draft) -> Decimal:
    """Return the price an order is reckoned at: its limit, or what was seen last."""
    return draft.reference_price if draft.limit_price is None else draft.limit_price


def price_on_grid(price: Decimal, side: Side, market: Market) -> Decimal:
    """Return ``price`` on the market's step, never to our disadvantage."""
    if side is Side.BUY:
        return floor_to(price, market.price_step)
    return ceil_to(price, market.price_step)


def affordable(quote_amount: Decimal, price: Decimal, market: Market) -> Decimal:
    """Return what ``quote_amount`` buys at ``price``, the taker fee paid out of it."""
    return quote_amount / (price * (ONE + market.taker_fee))


@hookimpl
def coordinate(draft: Draft, desk: Desk) -> Draft | None:
    """Return the order on the venue's grid, or None when nothing is left of it.

    An amount that is already there was settled by a rule (a sale's share, a retry's
    new amount) and is only rounded down; otherwise it is what the money buys.
    """
    market = desk.market
    limit = draft.limit_price
    if limit is not None:
        limit = price_on_grid(limit, draft.side, market)
    price = draft.reference_price if limit is None else limit
    if price <= 0:
        return None
    wanted = draft.amount or affordable(draft.quote_amount, price, market)
    amount = floor_to(wanted, market.amount_step)
    if amount <= 0:
        return None
    return replace(
        draft, venue_symbol=market.venue_symbol, amount=amount, limit_price=limit
    )


def cost(view: OrderView) -> Decimal:
    """Return amount times price; for a buy with the taker fee, so never too little."""
    draft = view.draft
    value = draft.amount * price_of(draft)
    if draft.side is Side.BUY:
        value *= ONE + view.desk.market.taker_fee
    return value


FACTS = [
    Fact(
        name="amount",
        stage=Stage.ORDER,
        unit=AMOUNT,
        low=ZERO,
        moves=Moves.MARKET,
        help="what the order would trade, in base currency",
        compute=lambda view: view.draft.amount,
    ),
    Fact(
        name="cost",
        stage=Stage.ORDER,
        unit=MONEY,
        low=ZERO,
        moves=Moves.MARKET,
        help="what the order is worth; for a buy, all it can use with the taker fee",
        compute=cost,
    ),
    Fact(
        name="limit_price",
        stage=Stage.ORDER,
        unit=PRICE,
        low=ZERO,
        moves=Moves.MARKET,
        help="the order's limit; the last price seen when it is a market order",
        compute=lambda view: price_of(view.draft),
    ),
    Fact(
        name="side",
        stage=Stage.ORDER,
        kind=Kind.TEXT,
        values=tuple(side.value for side in Side),
        help="whether the order buys or sells",
        compute=lambda view: view.draft.side.value,
    ),
    Fact(
        name="purpose",
        stage=Stage.ORDER,
        kind=Kind.TEXT,
        values=tuple(purpose.value for purpose in Purpose),
        help="why the order is sent",
        compute=lambda view: str(view.draft.purpose),
    ),
    Fact(
        name="attempt",
        stage=Stage.ORDER,
        low=ONE,
        help="which attempt at this order it is, 1 for the first",
        compute=lambda view: Decimal(view.draft.attempt),
    ),
    Fact(
        name="order_type",
        stage=Stage.ORDER,
        kind=Kind.TEXT,
        values=tuple(kind.value for kind in OrderType),
        help="whether the order has a limit price",
        compute=lambda view: str(view.draft.type),
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of an order that is being put together."""
    return FACTS
