"""What a run that ends must not leave behind, and what may stand at the venue. Pure."""

from __future__ import annotations

from quorate.flow.state import State
from quorate.values.trade import Order, OrderStatus, OrderType, Purpose, TimeInForce


def may_enter(state: State) -> bool:
    """Return whether an entry is on its way, rests, or waits to be sent."""
    live = (order.intent.purpose for order in state.live.values())
    waiting = (one.proposal.purpose for one in state.waiting.values())
    return Purpose.ENTRY in {*live, *waiting}


def may_stay(order: Order) -> bool:
    """Return whether an order is left as it is by a run that ends."""
    intent = order.intent
    entry = intent.purpose is Purpose.ENTRY
    rests = intent.type is OrderType.LIMIT and intent.time_in_force is TimeInForce.GTC
    known = order.status is OrderStatus.OPEN and bool(order.venue_id)
    return known and rests and not (entry or order.cancel_asked)
