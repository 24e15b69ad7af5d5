"""Fold a journal's records into what a report counts; pure, one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from quorate.contract.records import (
    Accepted,
    Closed,
    Declined,
    Ended,
    ErrorSeen,
    Filled,
    Intended,
    PluginFault,
    Record,
    Refused,
    Started,
    Stopped,
    Tuned,
)
from quorate.flow.state import State
from quorate.values.numbers import ZERO
from quorate.values.trade import (
    Fill,
    Intent,
    Market,
    OrderType,
    Purpose,
    TimeInForce,
    Trade,
)


@dataclass(slots=True)
class Strayed:
    """How far the fills of one side were from the price decided on."""

    orders: int = 0
    total: Decimal = ZERO
    worst: Decimal | None = None

    def add(self, slipped: Decimal) -> None:
        """Count one order; positive is worse for us."""
        self.orders += 1
        self.total += slipped
        self.worst = slipped if self.worst is None else max(self.worst, slipped)


@dataclass(slots=True)
class Tally:
    """Everything counted so far; ``add`` takes the records in journal order."""

    state: State = field(default_factory=State)
    first: Started | None = None
    last: Started | None = None
    records: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    ioc: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)
    refused: int = 0
    held_back: int = 0
    filled_shares: list[Decimal] = field(default_factory=list)
    strayed: dict[Purpose, Strayed] = field(
        default_factory=lambda: {Purpose.ENTRY: Strayed(), Purpose.EXIT: Strayed()}
    )
    fees: dict[str, Decimal] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    entries_declined: Counter[str] = field(default_factory=Counter)
    exits_declined: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    tunings: list[Tuned] = field(default_factory=list)
    stops: list[Stopped] = field(default_factory=list)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    last_faults: dict[tuple[str, str], PluginFault] = field(default_factory=dict)

    def add_all(self, records: Iterable[Record]) -> Tally:
        """Count every record; return the tally itself."""
        for record in records:
            self.add(record)
        return self

    def add(self, record: Record) -> None:
        """Count one record."""
        self.records += 1
        self.state.apply(record)
        count = _COUNTS.get(type(record))
        if count is not None:
            count(self, record)

    def market(self, symbol: str) -> Market:
        """Return the market of a symbol that the run trades."""
        return self.state.markets[symbol]

    def _started(self, record: Started) -> None:
        self.first = self.first or record
        self.last = record

    def _intended(self, record: Intended) -> None:
        intent = record.intent
        self.sent[intent.purpose] += 1
        self.attempts[intent.root_id] += 1
        if intent.purpose is Purpose.ENTRY and is_ioc(intent):
            self.ioc += 1

    def _accepted(self, record: Accepted | Filled) -> None:
        self.accepted.add(record.client_id)

    def _filled(self, record: Filled) -> None:
        self._accepted(record)
        order = self.state.order(record.client_id)
        if order is not None:
            market = self.market(order.intent.symbol)
            fee = fee_in_quote(record.fill, market)
            self.fees[market.quote] = self.fees.get(market.quote, ZERO) + fee

    def _ended(self, record: Ended) -> None:
        order = self.state.order(record.client_id)
        if order is None or order.placed:
            self.accepted.add(record.client_id)
        self._measure(record.client_id)

    def _refused(self, record: Refused) -> None:
        order = self.state.order(record.client_id)
        if order is None or order.placed:
            self.refused += 1
            self._measure(record.client_id)
        else:
            self._not_sent(order.intent)

    def _not_sent(self, intent: Intent) -> None:
        """Take back what never left: the venue was not asked."""
        self.held_back += 1
        self.sent[intent.purpose] -= 1
        self.attempts[intent.root_id] -= 1
        if intent.purpose is Purpose.ENTRY and is_ioc(intent):
            self.ioc -= 1

    def _measure(self, client_id: str) -> None:
        """Measure an order that is over: how much of it was filled, and how well."""
        order = self.state.order(client_id)
        if order is None or order.intent.purpose is Purpose.TAKE_PROFIT:
            return
        if client_id in self.accepted:
            self.filled_shares.append(order.filled / order.intent.amount)
        slipped = order.slippage
        if slipped is not None:
            self.strayed[order.intent.purpose].add(slipped)

    def _closed(self, record: Closed) -> None:
        self.trades.append(record.trade)

    def _declined(self, record: Declined) -> None:
        declined = self.exits_declined if record.position_id else self.entries_declined
        declined[record.by] += 1

    def _error(self, record: ErrorSeen) -> None:
        self.errors[record.rule, record.error] += 1

    def _tuned(self, record: Tuned) -> None:
        self.tunings.append(record)

    def _stopped(self, record: Stopped) -> None:
        self.stops.append(record)

    def _fault(self, record: PluginFault) -> None:
        key = record.plugin, record.where
        self.faults[key] += 1
        before = self.last_faults.get(key)
        off = record.off or (before is not None and before.off)
        self.last_faults[key] = replace(record, off=off)


_COUNTS: dict[type, Callable[[Tally, Any], None]] = {
    Started: Tally._started,
    Intended: Tally._intended,
    Accepted: Tally._accepted,
    Filled: Tally._filled,
    Ended: Tally._ended,
    Refused: Tally._refused,
    Closed: Tally._closed,
    Declined: Tally._declined,
    ErrorSeen: Tally._error,
    Tuned: Tally._tuned,
    Stopped: Tally._stopped,
    PluginFault: Tally._fault,
}


def is_ioc(intent: Intent) -> bool:
    """Return whether an order is a limit order that may not rest."""
    return (
        intent.type is OrderType.LIMIT and intent.time_in_force is not TimeInForce.GTC
    )


def fee_in_quote(fill: Fill, market: Market) -> Decimal:
    """Return a fill's fee in quote currency; one in a third currency is not counted."""
    if fill.fee_currency == market.quote:
        return fill.fee
    return fill.fee * fill.price if fill.fee_currency == market.base else ZERO
