"""The engine's state: the fold of all records, and nothing else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from quorate.contract.records import (
    Accepted,
    BalancesSeen,
    CancelAsked,
    CancelRefused,
    Closed,
    Declined,
    Delayed,
    Ended,
    Filled,
    Found,
    Intended,
    Learned,
    Leaving,
    MarketsSeen,
    ModeSet,
    Rearmed,
    Record,
    Refused,
    Released,
    Resumed,
    RulesChanged,
    Shadowed,
    Started,
    Stopped,
    Tuned,
    Unknown,
)
from quorate.flow.booking import book, fill_order, fill_position, smallest_cost
from quorate.rulebook.params import ParamValue, read_tuned
from quorate.values.mode import Mode
from quorate.values.numbers import ZERO
from quorate.values.rates import RateLimits
from quorate.values.trade import (
    Intent,
    Market,
    Order,
    OrderStatus,
    Position,
    Purpose,
    Side,
)

REMEMBERED_ORDERS = 500
"""How many finished orders stay at hand for late answers and for assistants."""

NOT_KNOWN = "not-known"
"""What declines an exit whose inputs are not known: reported once, watched on."""


@dataclass(slots=True)
class State:
    """What is true now. Only ``apply`` changes it, and only by records.

    ``version`` counts the changes that a decision may depend on, ``turns`` those of
    tuned params. ``spent`` has the kill switches that fired, with the quote currency
    they fired for, and the symbol where they did.
    """

    now_ms: int = 0
    run: str = ""
    rulebook: str = ""
    source: str = ""
    limits: RateLimits | None = None
    markets: dict[str, Market] = field(default_factory=dict)
    balances: dict[str, Decimal] = field(default_factory=dict)
    live: dict[str, Order] = field(default_factory=dict)
    finished: OrderedDict[str, Order] = field(default_factory=OrderedDict)
    positions: dict[str, Position] = field(default_factory=dict)
    held_in: dict[str, dict[str, Position]] = field(default_factory=dict)
    leaving: dict[str, Leaving] = field(default_factory=dict)
    hesitant: set[str] = field(default_factory=set)
    unknown_exits: set[tuple[str, str]] = field(default_factory=set)
    waiting: dict[str, Delayed] = field(default_factory=dict)
    declined: dict[str, Declined] = field(default_factory=dict)
    learned: dict[tuple[str, str], Learned] = field(default_factory=dict)
    tuned: dict[str, ParamValue] = field(default_factory=dict)
    tuned_by: dict[str, int] = field(default_factory=dict)
    tuned_last: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, Stopped] = field(default_factory=dict)
    mode: Mode = Mode.ACTIVE
    mode_since_ms: int = 0
    mode_why: str = ""
    spent: dict[tuple[str, str], str] = field(default_factory=dict)
    shadowed: dict[tuple[str, str], int] = field(default_factory=dict)
    order_deadline_ms: int = 0
    found: set[tuple[str, str]] = field(default_factory=set)
    memories: dict[str, dict[str, Any]] = field(default_factory=dict)
    booked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    orders_made: int = 0
    positions_made: int = 0
    turns: int = 0
    version: int = 0

    def order(self, client_id: str) -> Order | None:
        """Return an order by our id, live or finished; None when it is not known."""
        return self.live.get(client_id) or self.finished.get(client_id)

    def orders_of(self, position_id: str) -> list[Order]:
        """Return the live orders of a position."""
        live = self.live.values()
        return [order for order in live if order.intent.position_id == position_id]

    def sellable(self, position_id: str) -> Decimal:
        """Return what a position holds and no live sale has promised yet."""
        position = self.positions.get(position_id)
        if position is None:
            return ZERO
        live = self.orders_of(position_id)
        sales = [order for order in live if order.intent.side is Side.SELL]
        return position.held - sum((order.remaining for order in sales), ZERO)

    def apply(self, record: Record) -> None:
        """Fold one record into the state."""
        if isinstance(record, Shadowed):
            self.shadowed[record.rule, record.about] = record.since_ms
            return  # not even the time moves on: nothing may depend on it
        self.now_ms = max(self.now_ms, record.at_ms)
        if not isinstance(record, Declined) or record.position_id:
            self.version += 1
        fold = _FOLDS.get(type(record))
        if fold is not None:
            fold(self, record)

    def _started(self, record: Started) -> None:
        self.run, self.source = record.run, record.source
        self.rulebook, self.limits = record.rulebook, record.limits
        self.order_deadline_ms = record.order_deadline_ms
        self.markets.update({market.symbol: market for market in record.markets})
        self.balances.update(record.balances)

    def _intended(self, record: Intended) -> None:
        intent = record.intent
        self.orders_made += 1
        self.live[intent.client_id] = Order(intent=intent)
        if intent.purpose is Purpose.ENTRY:
            self._number(intent.position_id)
            if intent.position_id not in self.positions:
                self._open(intent, record.at_ms, record.confidence)

    def _number(self, position_id: str) -> None:
        """Count a position's number as used: one that waits keeps its own."""
        number = int(position_id.removeprefix("p"))
        self.positions_made = max(self.positions_made, number)

    def _open(self, intent: Intent, at_ms: int, confidence: Decimal | None) -> Position:
        return self._keep(
            Position(
                id=intent.position_id,
                symbol=intent.symbol,
                rule=intent.rule,
                opened_ms=at_ms,
                confidence=confidence,
                rulebook=self.rulebook,
                smallest_cost=smallest_cost(self.markets[intent.symbol], intent),
            )
        )

    def _keep(self, position: Position) -> Position:
        """Take the newest value of a position into the books."""
        self.positions[position.id] = position
        self.held_in.setdefault(position.symbol, {})[position.id] = position
        return position

    def _drop(self, position_id: str) -> None:
        position = self.positions.pop(position_id, None)
        if position is not None:
            del self.held_in[position.symbol][position_id]

    def _accepted(self, record: Accepted) -> None:
        self._change(
            record.client_id,
            status=OrderStatus.OPEN,
            venue_id=record.venue_id,
            accepted_ms=record.at_ms,
        )

    def _unknown(self, record: Unknown) -> None:
        self._change(record.client_id, status=OrderStatus.UNKNOWN)

    def _cancel_asked(self, record: CancelAsked) -> None:
        self._change(
            record.client_id, cancel_asked=record.why, cancel_asked_ms=record.at_ms
        )

    def _cancel_refused(self, record: CancelRefused) -> None:
        # The time stays: it says when the wish was refused, so when to ask again.
        self._change(record.client_id, cancel_asked="", cancel_asked_ms=record.at_ms)

    def _refused(self, record: Refused) -> None:
        self._finish(
            record.client_id,
            status=OrderStatus.REFUSED,
            ended_ms=record.at_ms,
            errors=record.errors,
        )

    def _ended(self, record: Ended) -> None:
        self._finish(
            record.client_id,
            status=OrderStatus.DONE,
            ended_ms=record.at_ms,
            end_reason=record.reason,
        )
        order = self.finished.get(record.client_id)
        if order is None:
            return
        position_id = order.intent.position_id
        if order.intent.purpose is Purpose.EXIT:
            leaving = self.leaving.get(position_id)
            if order.filled and leaving is not None and leaving.share < 1:
                self._fire(position_id, leaving.rule)
            self._stay(position_id)
            if order.remaining and position_id in self.positions:
                self.hesitant.add(position_id)  # sold less than it should
        elif order.intent.purpose is Purpose.TAKE_PROFIT and not order.remaining:
            self._fire(position_id, order.intent.rule)

    def _fire(self, position_id: str, rule: str) -> None:
        """Note that an exit has sold its share: it sells a share only once."""
        position = self.positions.get(position_id)
        if position is not None and rule not in position.exits_fired:
            fired = (*position.exits_fired, rule)
            self._keep(replace(position, exits_fired=fired))

    def _filled(self, record: Filled) -> None:
        order = self.order(record.client_id)
        if order is None:
            return
        market = self.markets[order.intent.symbol]
        booking = book(record.fill, order.intent, market)
        before = self.booked.get(record.client_id, ())
        self.booked[record.client_id] = (*before, record.fill.trade_id)
        filled = fill_order(order, booking)
        if order.live:
            # Whoever fills an order has accepted it.
            filled = replace(filled, status=OrderStatus.OPEN)
            self.live[record.client_id] = filled
        else:
            self.finished[record.client_id] = filled
        for currency, gain in booking.moves:
            self.balances[currency] = self.balances.get(currency, ZERO) + gain
        position = self.positions.get(order.intent.position_id)
        if position is None and order.intent.side is Side.BUY:
            # A fill that comes after its order was over is held all the same.
            position = self._open(order.intent, record.at_ms, None)
        if position is not None:
            self._keep(fill_position(position, booking, record.at_ms))

    def _leave(self, record: Leaving) -> None:
        position = self.positions[record.position_id]
        self._keep(replace(position, leaving=record.rule))
        self.leaving[record.position_id] = record
        self.hesitant.discard(record.position_id)
        self._forget_waiting(record.position_id)

    def _forget_waiting(self, position_id: str) -> None:
        """Let go of what waits to be sold of a position that leaves or is gone."""
        for key, delayed in list(self.waiting.items()):
            proposal = delayed.proposal
            if proposal.position_id == position_id and (
                proposal.purpose != Purpose.ENTRY
            ):
                del self.waiting[key]

    def _stay(self, position_id: str) -> None:
        self.leaving.pop(position_id, None)
        position = self.positions.get(position_id)
        if position is not None:
            self._keep(replace(position, leaving=""))

    def _closed(self, record: Closed) -> None:
        position_id = record.trade.position_id
        self._drop(position_id)
        self.leaving.pop(position_id, None)
        self.hesitant.discard(position_id)
        self.declined.pop(position_id, None)
        self.unknown_exits = {
            known for known in self.unknown_exits if known[0] != position_id
        }
        self._forget_waiting(position_id)
        for rule, about in list(self.shadowed):
            if about == position_id:
                del self.shadowed[rule, about]

    def _declined(self, record: Declined) -> None:
        if record.by == NOT_KNOWN and record.position_id:
            self.unknown_exits.add((record.position_id, record.rule))
            return
        self.declined[record.position_id or record.symbol] = record
        if record.position_id:
            self._stay(record.position_id)
            self.hesitant.add(record.position_id)

    def _delayed(self, record: Delayed) -> None:
        self.waiting[record.proposal.key] = record
        if record.proposal.purpose == Purpose.ENTRY:
            self._number(record.proposal.position_id)

    def _resumed(self, record: Resumed) -> None:
        self.waiting.pop(record.key, None)

    def _learned(self, record: Learned) -> None:
        self.learned[record.what, record.symbol] = record

    def _tuned(self, record: Tuned) -> None:
        value = read_tuned(record.new)
        self.turns += 1
        if record.back:
            self.tuned.pop(record.param, None)
            self.tuned_by.pop(record.rule, None)
        else:
            self.tuned[record.param] = value
            self.tuned_by[record.rule] = record.at_ms
        self.tuned_last[record.rule] = record.at_ms

    def _stopped(self, record: Stopped) -> None:
        before = self.stopped.get(record.symbol)
        if before is None or before.until_ms < record.until_ms:
            self.stopped[record.symbol] = record

    def _change(self, client_id: str, **changes: Any) -> None:
        if client_id in self.live:
            self.live[client_id] = replace(self.live[client_id], **changes)
        elif client_id in self.finished:
            self.finished[client_id] = replace(self.finished[client_id], **changes)

    def _finish(self, client_id: str, **changes: Any) -> None:
        order = self.live.pop(client_id, None)
        if order is None:
            return
        self.finished[client_id] = replace(order, **changes)
        if len(self.finished) > REMEMBERED_ORDERS:
            forgotten, _ = self.finished.popitem(last=False)
            self.booked.pop(forgotten, None)
        position = self.positions.get(order.intent.position_id)
        if position is not None and not position.bought:
            self._drop(position.id)

    def _released(self, record: Released) -> None:
        if record.symbol == "*":
            self.stopped.clear()
        else:
            self.stopped.pop(record.symbol, None)

    def _mode_set(self, record: ModeSet) -> None:
        self.mode, self.mode_why = record.mode, record.why
        self.mode_since_ms = record.at_ms
        if record.rule:
            self.spent[record.rule, self.markets[record.symbol].quote] = record.symbol

    def _rearmed(self, record: Rearmed) -> None:
        self.spent.pop((record.rule, self.markets[record.symbol].quote), None)

    def _markets_seen(self, record: MarketsSeen) -> None:
        self.markets.update({market.symbol: market for market in record.markets})

    def _balances_seen(self, record: BalancesSeen) -> None:
        self.balances.update(record.balances)

    def _found(self, record: Found) -> None:
        self.found.add((record.what, record.venue_id))


_FOLDS: dict[type, Callable[[State, Any], None]] = {
    Started: State._started,
    Intended: State._intended,
    Accepted: State._accepted,
    Unknown: State._unknown,
    CancelAsked: State._cancel_asked,
    CancelRefused: State._cancel_refused,
    Refused: State._refused,
    Ended: State._ended,
    Filled: State._filled,
    Leaving: State._leave,
    Closed: State._closed,
    Declined: State._declined,
    Delayed: State._delayed,
    Resumed: State._resumed,
    Learned: State._learned,
    Tuned: State._tuned,
    Stopped: State._stopped,
    Released: State._released,
    ModeSet: State._mode_set,
    Rearmed: State._rearmed,
    MarketsSeen: State._markets_seen,
    BalancesSeen: State._balances_seen,
    RulesChanged: lambda state, record: setattr(state, "rulebook", record.rulebook),
    Found: State._found,
}
