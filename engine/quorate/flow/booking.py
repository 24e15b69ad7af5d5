"""What one fill changes: its order, its position, the balances. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from quorate.values.numbers import ZERO
from quorate.values.trade import Fill, Intent, Market, Order, Position, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A fill with its fee on the side that pays it, and what it moves.

    ``moves`` pairs each currency with what the account gains of it, fees taken off.
    """

    fill: Fill
    side: Side
    fee_quote: Decimal
    fee_base: Decimal
    moves: tuple[tuple[str, Decimal], ...]


def book(fill: Fill, intent: Intent, market: Market) -> Booking:
    """Return what a fill of an order moves."""
    in_base = fill.fee_currency == market.base
    fee_quote = ZERO if in_base else fill.fee
    fee_base = fill.fee if in_base else ZERO
    sign = 1 if intent.side is Side.BUY else -1
    return Booking(
        fill=fill,
        side=intent.side,
        fee_quote=fee_quote,
        fee_base=fee_base,
        moves=(
            (market.base, sign * fill.amount - fee_base),
            (market.quote, -sign * fill.cost_quote - fee_quote),
        ),
    )


def smallest_cost(market: Market, intent: Intent) -> Decimal:
    """Return what the smallest order costs at an order's price, in quote currency."""
    return max(market.min_cost, market.min_amount * intent.reference_price)


def fill_order(order: Order, booking: Booking) -> Order:
    """Return the order after the fill."""
    return replace(
        order,
        filled=order.filled + booking.fill.amount,
        cost_quote=order.cost_quote + booking.fill.cost_quote,
        fee_quote=order.fee_quote + booking.fee_quote,
        fee_base=order.fee_base + booking.fee_base,
    )


def fill_position(position: Position, booking: Booking, at_ms: int) -> Position:
    """Return the position after the fill; it is open from its first one."""
    fill = booking.fill
    if booking.side is Side.BUY:
        return replace(
            position,
            opened_ms=position.opened_ms if position.bought else at_ms,
            bought=position.bought + fill.amount,
            cost_quote=position.cost_quote + fill.cost_quote,
            entry_fee_quote=position.entry_fee_quote + booking.fee_quote,
            fee_base=position.fee_base + booking.fee_base,
        )
    return replace(
        position,
        sold=position.sold + fill.amount,
        proceeds_quote=position.proceeds_quote + fill.cost_quote,
        exit_fee_quote=position.exit_fee_quote + booking.fee_quote,
        fee_base=position.fee_base + booking.fee_base,
    )
