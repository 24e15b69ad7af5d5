"""Cancel what must not rest any longer, and ask again when the venue would not."""

from __future__ import annotations

from collections.abc import Iterator

from quorate.contract.records import CancelAsked
from quorate.flow.events import Cancel, WakeAt
from quorate.flow.state import State
from quorate.flow.turn import Turn
from quorate.values.mode import Mode
from quorate.values.trade import Order, OrderStatus, Purpose

ANSWER_MS = 1_000
"""How long an order that has run out of time is given to be accepted first."""

AGAIN_MS = 10_000
"""How long to wait before a cancel that the venue refused is asked for again."""


def clear(turn: Turn, order: Order) -> None:
    """Ask the venue to cancel an order, when it is to go and that is due."""
    wish = _wish(turn.state, order)
    if wish is None or wish[0] > turn.now_ms:
        return
    client_id = order.intent.client_id
    turn.note(CancelAsked(at_ms=turn.now_ms, client_id=client_id, why=wish[1]))
    turn.act(Cancel(client_id))


def clear_due(turn: Turn) -> None:
    """Cancel every order whose time has come; one not accepted yet a little later."""
    for order in list(turn.state.live.values()):
        wish = _wish(turn.state, order)
        if wish is None or wish[0] > turn.now_ms:
            continue
        if order.status is OrderStatus.SENT and wish[1] == "cancel_after":
            turn.act(WakeAt(turn.now_ms + ANSWER_MS))
        else:
            clear(turn, order)


def ask_again(turn: Turn, order: Order) -> None:
    """Come back to an order that the venue did not cancel and that is still to go."""
    if order.live and _wish(turn.state, order) is not None:
        turn.act(WakeAt(turn.now_ms + AGAIN_MS))


def due(state: State) -> Iterator[int]:
    """Yield when orders are to be cancelled that were not yet asked to go."""
    for order in state.live.values():
        wish = _wish(state, order)
        if wish is not None:
            yield wish[0]


def _wish(state: State, order: Order) -> tuple[int, str] | None:
    """Return when an order is to go and why, None when it stays or was asked to go."""
    intent = order.intent
    if order.cancel_asked:
        return None
    wishes = []
    leaving = state.leaving.get(intent.position_id)
    if leaving is not None and intent.purpose is not Purpose.EXIT:
        wishes.append((leaving.at_ms, leaving.rule))
    if intent.cancel_after_ms:
        wishes.append((intent.made_ms + intent.cancel_after_ms, "cancel_after"))
    if state.mode is not Mode.ACTIVE and intent.purpose is Purpose.ENTRY:
        wishes.append((state.mode_since_ms, state.mode_why or str(state.mode)))
    if not wishes:
        return None
    at_ms, why = min(wishes)
    refused_ms = order.cancel_asked_ms
    return (max(at_ms, refused_ms + AGAIN_MS) if refused_ms else at_ms), why
