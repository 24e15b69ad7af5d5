"""The engine's state: the fold of all records, and nothing else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from quorate.contract.records import (
    Accepted,
    CancelAsked,
    CancelRefused,
    Closed,
    Declined,
    Delayed,
    Ended,
    Filled,
    Intended,
    Learned,
    Leaving,
    Record,
    Refused,
    Resumed,
    Started,
    Stopped,
    Tuned,
    Unknown,
)
from quorate.rulebook.params import ParamValue, read_tuned
from quorate.values.numbers import ZERO
from quorate.values.rates import RateLimits
from quorate.values.trade import (
    Fill,
    Market,
    Order,
    OrderStatus,
    Position,
    Purpose,
    Side,
)

REMEMBERED_ORDERS = 500
"""How many finished orders stay at hand for late answers and for assistants."""


@dataclass(slots=True)
class State:
    """What is true now. Only ``apply`` changes it, and only by records.

    ``version`` counts the changes that a decision may depend on.
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
    leaving: dict[str, Leaving] = field(default_factory=dict)
    hesitant: set[str] = field(default_factory=set)
    waiting: dict[str, Delayed] = field(default_factory=dict)
    declined: dict[str, Declined] = field(default_factory=dict)
    learned: dict[tuple[str, str], Learned] = field(default_factory=dict)
    tuned: dict[str, ParamValue] = field(default_factory=dict)
    tuned_by: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, Stopped] = field(default_factory=dict)
    memories: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders_made: int = 0
    version: int = 0

    def order(self, client_id: str) -> Order | None:
        """Return an order by our id, live or finished; None when it is not known."""
        return self.live.get(client_id) or self.finished.get(client_id)

    def orders_of(self, position_id: str) -> list[Order]:
        """Return the live orders of a position."""
        return [
            order
            for order in self.live.values()
            if order.intent.position_id == position_id
        ]

    def apply(self, record: Record) -> None:
        """Fold one record into the state."""
        self.now_ms = max(self.now_ms, record.at_ms)
        if not isinstance(record, Declined) or record.position_id:
            self.version += 1
        fold = _FOLDS.get(type(record))
        if fold is not None:
            fold(self, record)

    def _started(self, record: Started) -> None:
        self.run, self.source = record.run, record.source
        self.rulebook, self.limits = record.rulebook, record.limits
        self.markets.update({market.symbol: market for market in record.markets})
        self.balances.update(record.balances)

    def _intended(self, record: Intended) -> None:
        intent = record.intent
        self.orders_made += 1
        self.live[intent.client_id] = Order(intent=intent)
        if intent.purpose is Purpose.ENTRY and intent.position_id not in self.positions:
            self.positions[intent.position_id] = Position(
                id=intent.position_id,
                symbol=intent.symbol,
                rule=intent.rule,
                opened_ms=record.at_ms,
                confidence=record.confidence,
                rulebook=self.rulebook,
            )

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
        self._change(record.client_id, cancel_asked="")

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
        if order is not None and order.intent.purpose is Purpose.EXIT:
            self._stay(order.intent.position_id)

    def _filled(self, record: Filled) -> None:
        order = self.order(record.client_id)
        if order is None:
            return
        fill, market = record.fill, self.markets[order.intent.symbol]
        in_base = fill.fee_currency == market.base
        fee_quote = ZERO if in_base else fill.fee
        fee_base = fill.fee if in_base else ZERO
        self._change(
            record.client_id,
            filled=order.filled + fill.amount,
            cost_quote=order.cost_quote + fill.cost_quote,
            fee_quote=order.fee_quote + fee_quote,
            fee_base=order.fee_base + fee_base,
        )
        sign = 1 if order.intent.side is Side.BUY else -1
        self._credit(market.base, sign * fill.amount - fee_base)
        self._credit(market.quote, -sign * fill.cost_quote - fee_quote)
        self._move_position(order, fill, fee_quote, fee_base, record.at_ms)

    def _move_position(
        self,
        order: Order,
        fill: Fill,
        fee_quote: Decimal,
        fee_base: Decimal,
        at_ms: int,
    ) -> None:
        position = self.positions.get(order.intent.position_id)
        if position is None:
            return
        if order.intent.side is Side.BUY:
            position = replace(
                position,
                opened_ms=position.opened_ms if position.bought else at_ms,
                bought=position.bought + fill.amount,
                cost_quote=position.cost_quote + fill.cost_quote,
                entry_fee_quote=position.entry_fee_quote + fee_quote,
                fee_base=position.fee_base + fee_base,
            )
        else:
            position = replace(
                position,
                sold=position.sold + fill.amount,
                proceeds_quote=position.proceeds_quote + fill.cost_quote,
                exit_fee_quote=position.exit_fee_quote + fee_quote,
                fee_base=position.fee_base + fee_base,
            )
        self.positions[position.id] = position

    def _leave(self, record: Leaving) -> None:
        position = self.positions[record.position_id]
        fired = (*position.exits_fired, record.rule)
        self.positions[record.position_id] = replace(
            position,
            leaving=record.rule,
            exits_fired=fired if record.share < 1 else position.exits_fired,
        )
        self.leaving[record.position_id] = record
        self.hesitant.discard(record.position_id)

    def _stay(self, position_id: str) -> None:
        self.leaving.pop(position_id, None)
        position = self.positions.get(position_id)
        if position is not None:
            self.positions[position_id] = replace(position, leaving="")

    def _closed(self, record: Closed) -> None:
        position_id = record.trade.position_id
        self.positions.pop(position_id, None)
        self.leaving.pop(position_id, None)
        self.hesitant.discard(position_id)
        self.declined.pop(position_id, None)

    def _declined(self, record: Declined) -> None:
        self.declined[record.position_id or record.symbol] = record
        if record.position_id:
            self._stay(record.position_id)
            self.hesitant.add(record.position_id)

    def _delayed(self, record: Delayed) -> None:
        self.waiting[record.proposal.key] = record

    def _resumed(self, record: Resumed) -> None:
        self.waiting.pop(record.key, None)

    def _learned(self, record: Learned) -> None:
        self.learned[record.what, record.symbol] = record

    def _tuned(self, record: Tuned) -> None:
        value = read_tuned(record.new)
        if record.back:
            self.tuned.pop(record.param, None)
            self.tuned_by.pop(record.rule, None)
        else:
            self.tuned[record.param] = value
            self.tuned_by[record.rule] = record.at_ms

    def _stopped(self, record: Stopped) -> None:
        self.stopped[record.symbol] = record

    def _credit(self, currency: str, amount: Decimal) -> None:
        self.balances[currency] = self.balances.get(currency, ZERO) + amount

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
            self.finished.popitem(last=False)
        position = self.positions.get(order.intent.position_id)
        if position is not None and not position.bought:
            del self.positions[position.id]


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
}
