"""Tell news from what is known already: venues say things twice, and late."""

from __future__ import annotations

from quorate.contract.records import (
    Accepted,
    Answer,
    CancelRefused,
    Filled,
    Refused,
    Unknown,
)
from quorate.flow.state import State
from quorate.values.trade import OrderStatus


def is_news(state: State, answer: Answer) -> bool:
    """Return whether an answer says what is not known yet.

    A fill is news whenever it comes, for it is what the venue did; anything else is no
    news once the order is over. A refusal is none once the venue has given it an id:
    it refuses a request that something on the way has sent twice.
    """
    order = state.order(answer.client_id)
    if order is None:
        return False  # not an order of ours
    if isinstance(answer, Filled):
        return answer.fill.trade_id not in state.booked.get(answer.client_id, ())
    if isinstance(answer, CancelRefused):
        return bool(order.cancel_asked)
    if isinstance(answer, Accepted):
        return order.live and not order.venue_id
    if isinstance(answer, Refused):
        return order.live and not order.venue_id
    if isinstance(answer, Unknown):
        return order.status is OrderStatus.SENT
    return order.live
