"""When is an order in doubt, and when is silence evidence? Pure; reads no clock.

``doubtful`` says which orders have to be asked for now, ``Doubts`` remembers what was
asked, and ``not_placed`` and ``gone`` say when silence has become evidence:

- Where the venue refuses an order after its deadline, one query that was *asked* later
  than that, with room for the clocks, and that finds nothing, proves it was not placed.
- Elsewhere a request may still be on its way. Then it takes a long, careful window, a
  cancel by our id that the venue has answered, and two queries after both, some time
  apart, that find nothing. That is as near to a proof as such a venue allows; until
  then the order counts at full size.
- An order that the venue has accepted and no longer knows (an exchange that restarts
  may lose open orders) is over once two queries some time apart, later than its lists
  may lag behind, have found nothing; its fills stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from quorate.contract.records import Ended
from quorate.flow.state import State
from quorate.values.timeframes import NEVER_MS
from quorate.values.trade import NOT_PLACED, Order, OrderStatus, OrderType, TimeInForce

MARGIN_MS = 2_000
"""Room for clock differences before "not found" is believed."""

CAREFUL_MS = 120_000
"""How long a request may be on its way where the venue knows no deadline."""

LAG_MS = 30_000
"""How long a venue's own list may lag behind what it has accepted."""

GRACE_MS = 5_000
"""How long an answer that should come by itself is waited for."""

APART_MS = 10_000
"""How far apart two queries are that prove something together."""

LONGEST_WAIT_MS = 30_000
"""The longest pause between two questions about one order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What was asked about one order since the venue last told of it.

    ``absent_ms`` is when those queries were asked that found nothing. The venue has
    answered a cancel first at ``cancelled_ms`` and last at ``again_ms``, 0 for never.
    """

    times: int = 0
    asked_ms: int = 0
    absent_ms: tuple[int, ...] = ()
    cancelled_ms: int = 0
    again_ms: int = 0


@dataclass(slots=True)
class Doubts:
    """What a driver remembers of its questions; a restart begins with none.

    ``margin_ms`` is the room for clock differences, ``careful_ms`` the window of a
    venue without deadlines.
    """

    margin_ms: int = MARGIN_MS
    careful_ms: int = CAREFUL_MS
    orders: dict[str, Doubt] = field(default_factory=dict)

    def of(self, client_id: str) -> Doubt:
        """Return what was asked about an order."""
        return self.orders.get(client_id, Doubt())

    def asked(self, client_id: str, at_ms: int) -> None:
        """Note that a query about an order leaves now."""
        doubt = self.of(client_id)
        again = at_ms - doubt.asked_ms <= 2 * LONGEST_WAIT_MS
        times = doubt.times + 1 if again else 1
        self.orders[client_id] = replace(doubt, times=times, asked_ms=at_ms)

    def may_ask(self, client_id: str, now_ms: int) -> bool:
        """Return whether an order may be asked for again already."""
        doubt = self.of(client_id)
        return not doubt.times or now_ms >= doubt.asked_ms + pause_ms(doubt.times)

    def absent(self, client_id: str, asked_ms: int) -> None:
        """Note that a query, asked at a moment, has found nothing."""
        doubt = self.of(client_id)
        self.orders[client_id] = replace(
            doubt, absent_ms=(*doubt.absent_ms[-7:], asked_ms)
        )

    def cancelled(self, client_id: str, at_ms: int) -> None:
        """Note that the venue has answered a cancel, whatever it said."""
        doubt = self.of(client_id)
        first_ms = doubt.cancelled_ms or at_ms
        self.orders[client_id] = replace(doubt, cancelled_ms=first_ms, again_ms=at_ms)

    def told(self, client_id: str) -> None:
        """Note that the venue knows the order: earlier silence proves nothing."""
        self.orders[client_id] = replace(self.of(client_id), absent_ms=())

    def forget(self, state: State, now_ms: int) -> None:
        """Let go of orders that are over, once they are no longer asked for."""
        for client_id, doubt in list(self.orders.items()):
            lately = now_ms - doubt.asked_ms <= 2 * LONGEST_WAIT_MS
            if client_id not in state.live and not lately:
                del self.orders[client_id]


def when_certain_ms(
    order: Order, margin_ms: int = MARGIN_MS, careful_ms: int = CAREFUL_MS
) -> int:
    """Return the moment after which a query that finds nothing can be evidence.

    With a deadline that query is proof. Without one, or once the venue had accepted
    the order, it takes more: see ``gone``.
    """
    intent = order.intent
    if order.venue_id or order.filled:
        return max(order.accepted_ms, intent.made_ms) + min(LAG_MS, careful_ms)
    if intent.deadline_ms:
        return intent.deadline_ms + margin_ms
    return intent.made_ms + careful_ms


def not_placed(state: State, client_id: str, at_ms: int) -> Ended | None:
    """Return the end of an order that a query asked late enough has not found.

    None when the venue has shown before that it knows the order, or it is over.
    """
    order = state.live.get(client_id)
    if order is None or order.venue_id or order.filled:
        return None
    return Ended(at_ms=at_ms, client_id=client_id, reason=NOT_PLACED)


def gone(state: State, client_id: str, at_ms: int, doubts: Doubts) -> Ended | None:
    """Return the end of an order when all that was asked proves one, None if not."""
    order = state.live.get(client_id)
    if order is None:
        return None
    doubt = doubts.of(client_id)
    certain_ms = when_certain_ms(order, doubts.margin_ms, doubts.careful_ms)
    known = bool(order.venue_id or order.filled)
    if order.intent.deadline_ms and not known:
        proof = any(asked_ms > certain_ms for asked_ms in doubt.absent_ms)
        return not_placed(state, client_id, at_ms) if proof else None
    if not known and not doubt.cancelled_ms:
        return None
    after_ms = certain_ms if known else max(certain_ms, doubt.cancelled_ms)
    if not _twice([asked for asked in doubt.absent_ms if asked > after_ms]):
        return None
    if known:
        return Ended(at_ms=at_ms, client_id=client_id, reason="cancelled")
    return not_placed(state, client_id, at_ms)


def _twice(asked_ms: Sequence[int]) -> bool:
    return bool(asked_ms) and max(asked_ms) - min(asked_ms) >= APART_MS


def wants_cancel(order: Order, doubts: Doubts, now_ms: int) -> bool:
    """Return whether a cancel has to be sent, now that the order was asked for.

    One was asked for and the order is still open: it may never have arrived.
    Or silence cannot prove anything before: the order has no deadline, the venue has
    never told of it, and its careful window is over.
    """
    doubt = doubts.of(order.intent.client_id)
    if order.cancel_asked:
        last_ms = max(order.cancel_asked_ms, doubt.again_ms)
        return now_ms - last_ms >= APART_MS
    known = order.venue_id or order.filled or order.intent.deadline_ms
    certain_ms = when_certain_ms(order, doubts.margin_ms, doubts.careful_ms)
    return not known and now_ms > certain_ms and not doubt.cancelled_ms


def doubtful(
    state: State, now_ms: int, doubts: Doubts | None = None, grace_ms: int = GRACE_MS
) -> list[Order]:
    """Return the live orders that have to be asked for now, the oldest first."""
    known = doubts or Doubts()
    return [
        order
        for order in state.live.values()
        if when_to_ask_ms(order, known, grace_ms) <= now_ms
    ]


def when_to_ask_ms(order: Order, doubts: Doubts, grace_ms: int = GRACE_MS) -> int:
    """Return when an order has to be asked for (again); ``NEVER_MS`` without doubt."""
    doubt = doubts.of(order.intent.client_id)
    since_ms = _since_ms(order, doubt, grace_ms)
    if since_ms == NEVER_MS or not doubt.times:
        return since_ms
    again_ms = doubt.asked_ms + pause_ms(doubt.times)
    certain_ms = when_certain_ms(order, doubts.margin_ms, doubts.careful_ms)
    if doubt.asked_ms <= certain_ms:
        again_ms = min(again_ms, certain_ms + 1)  # then the answer counts
    return max(since_ms, again_ms)


def pause_ms(times: int) -> int:
    """Return how long to wait after having asked so many times: 1 s, 2 s, 4 s, ..."""
    return int(min(LONGEST_WAIT_MS, 500 << min(times, 16)))


def _since_ms(order: Order, doubt: Doubt, grace_ms: int) -> int:
    """Return since when an order is in doubt, ``NEVER_MS`` when it is not."""
    intent, moments = order.intent, [NEVER_MS]
    if order.status is OrderStatus.UNKNOWN or doubt.absent_ms:
        moments.append(0)
    if order.status is OrderStatus.SENT:
        moments.append(intent.made_ms + grace_ms)
    if order.cancel_asked:
        moments.append(order.cancel_asked_ms + grace_ms)
    passing = (
        intent.type is OrderType.MARKET or intent.time_in_force is not TimeInForce.GTC
    )
    if passing:  # it does not rest: its end should have come
        moments.append(max(order.accepted_ms, intent.made_ms) + grace_ms)
    return min(moments)
