"""Compare the journal with what the exchange says, and settle the differences. Pure.

An order of ours that is found is brought up to date; one that is not found is ended
only on evidence, and waits otherwise. Orders and trades that the journal does not know
are recorded once, and their symbol is quarantined: stopped for entries until it is
clean again or a person releases it; exits go on. Balances are the exchange's to say:
what the fills do not explain is adopted, and quarantines the symbols whose positions
it does not cover. A second comparison with the same snapshot has nothing left to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from quorate.contract.live import OrderReport, VenueTrade
from quorate.contract.records import (
    Accepted,
    Answer,
    BalancesSeen,
    Ended,
    Found,
    MarketsSeen,
    Released,
    Stopped,
    Unknown,
)
from quorate.drivers.books import Books
from quorate.drivers.doubting import MARGIN_MS, not_placed, when_certain_ms
from quorate.drivers.settling import another, number_of, settle, traded, whose
from quorate.drivers.snapshot import (
    Difference,
    Snapshot,
    changes,
    journalled,
    opened,
    reported,
)
from quorate.flow.events import Event
from quorate.flow.state import State
from quorate.values.numbers import plain
from quorate.values.timeframes import NEVER_MS
from quorate.values.trade import Fill, Market, Order, OrderStatus

WHY = "reconcile: "
"""What the reasons of this module's stops begin with; only those it releases."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The differences, and the events that settle them, in units for ``handle_all``.

    ``waits`` are the orders of which it is still not known what became of them,
    ``cancels`` those that are open though a cancel was asked: the request may never
    have left, so it is sent again. ``refusal`` says why nothing may be traded with
    this journal at all, "" when it may.
    """

    differences: tuple[Difference, ...]
    units: tuple[tuple[Event, ...], ...]
    waits: tuple[str, ...] = ()
    cancels: tuple[Order, ...] = ()
    refusal: str = ""


def compare(
    state: State, snapshot: Snapshot, margin_ms: int = MARGIN_MS
) -> Reconciliation:
    """Return how the journal's state differs from an exchange's, and what to do.

    ``margin_ms`` is the room for clock differences. The units are to be handled at
    once, before anything else changes the state.
    """
    comparison = _Comparison(state, snapshot, margin_ms)
    comparison.compare_markets()
    for order in list(state.live.values()):
        comparison.compare_order(order)
    for report in snapshot.open_orders:
        comparison.compare_open(report)
    comparison.compare_trades()
    comparison.compare_balances()
    return comparison.result()


@dataclass(slots=True)
class _Comparison:
    """The comparison so far. ``unclean`` says of each symbol why it is quarantined.

    ``stands`` are reasons that a person may already have released: they keep a
    quarantine, but do not begin one again.
    """

    state: State
    snapshot: Snapshot
    margin_ms: int
    differences: list[Difference] = field(default_factory=list)
    markets: list[Market] = field(default_factory=list)
    found: dict[str, list[Found]] = field(default_factory=dict)
    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    seen: BalancesSeen | None = None
    venue_ids: dict[str, str] = field(default_factory=dict)
    unclean: dict[str, str] = field(default_factory=dict)
    stands: set[str] = field(default_factory=set)
    waits: list[str] = field(default_factory=list)
    cancels: list[Order] = field(default_factory=list)
    refusal: str = ""

    def differ(
        self, what: str, about: str, symbol: str, sides: tuple[str, str], done: str
    ) -> None:
        journal, exchange = sides
        self.differences.append(
            Difference(
                what=what,
                about=about,
                symbol=symbol,
                journal=journal,
                exchange=exchange,
                done=done,
            )
        )

    def compare_markets(self) -> None:
        """Adopt market rules that have changed; quarantine what is traded no more."""
        for symbol, market in self.snapshot.markets.items():
            known = self.state.markets.get(symbol)
            if known == market:
                continue
            self.markets.append(market)
            if known is not None:
                sides = changes(known, market)
                self.differ("market", symbol, symbol, sides, "adopted")
        in_use = {order.intent.symbol for order in self.state.live.values()}
        in_use |= {one.symbol for one in self.state.positions.values() if one.bought}
        for symbol in sorted(in_use - self.snapshot.markets.keys()):
            sides = "in use", "not traded there"
            self.differ("market", symbol, symbol, sides, "quarantined")
            self.unclean[symbol] = "the exchange does not trade it"

    def compare_order(self, order: Order) -> None:
        """Bring a live order up to date, end it on evidence, or let it wait."""
        client_id = order.intent.client_id
        report = self._report(order)
        if report is not None:
            self._settle(order, report)
            return
        self._book_trades(order)
        if any(isinstance(one, Ended) for one in self.answers.get(client_id, ())):
            return
        if client_id in self.snapshot.found:
            self._absent(order)
        elif order.intent.made_ms < self.snapshot.asked_ms:
            self._wait(order, "it could not be asked for")

    def _report(self, order: Order) -> OrderReport | None:
        """Return all that the snapshot tells of an order, None when nothing."""
        client_id = order.intent.client_id
        report = self.snapshot.found.get(client_id)
        if report is None:
            named = [
                one
                for one in self.snapshot.open_orders
                if whose(self.state, one) == client_id and not another(order, one)
            ]
            report = next(iter(named), None)
        if report is None:
            return None
        self.venue_ids[report.venue_id] = client_id
        return replace(report, fills=(*report.fills, *self._fills(report.venue_id)))

    def _fills(self, venue_id: str) -> list[Fill]:
        return [one.fill for one in self.snapshot.trades if one.venue_id == venue_id]

    def _book_trades(self, order: Order) -> None:
        """Book what the trades tell of an order that could not be asked for."""
        report = traded(order, self.snapshot.trades, self.snapshot.at_ms)
        if order.venue_id and report.fills:
            self._settle(order, report)

    def _settle(self, order: Order, report: OrderReport) -> None:
        client_id, symbol = order.intent.client_id, order.intent.symbol
        settled = settle(self.state, report, self.snapshot.at_ms)
        alarm = settled.alarm
        filled = report.filled
        if filled is not None and filled < order.filled and self.snapshot.steady:
            alarm = f"{client_id}: {order.filled} is booked, but {filled} was filled"
        if alarm:
            sides = journalled(order), alarm
            self.differ("order", client_id, symbol, sides, "quarantined")
            self.unclean[symbol] = alarm
        if not settled.ours:
            self.waits.append(client_id)
            return
        if settled.answers:
            self.answers[client_id] = settled.answers
            sides = journalled(order), reported(report)
            self.differ("order", client_id, symbol, sides, "settled")
        if settled.ask:
            self.waits.append(client_id)
        elif order.cancel_asked and report.open:
            self.cancels.append(order)

    def _absent(self, order: Order) -> None:
        client_id, symbol = order.intent.client_id, order.intent.symbol
        certain_ms = when_certain_ms(order, self.margin_ms)
        late_enough = self.snapshot.asked_ms > certain_ms and order.intent.deadline_ms
        ended = not_placed(self.state, client_id, self.snapshot.at_ms)
        if ended is None:
            sides = journalled(order), "no such order"
            self.differ("order", client_id, symbol, sides, "quarantined")
            self.unclean[symbol] = f"{client_id} was accepted, but is not to be found"
            self.waits.append(client_id)
        elif late_enough:
            self.answers[client_id] = (ended,)
            sides = journalled(order), "no such order, and too late for it to come"
            self.differ("order", client_id, symbol, sides, "ended")
        else:
            self._wait(order, "no such order yet")

    def _wait(self, order: Order, told: str) -> None:
        client_id = order.intent.client_id
        self.waits.append(client_id)
        sides = journalled(order), told
        self.differ("order", client_id, order.intent.symbol, sides, "waits")
        if order.status is OrderStatus.SENT:
            at_ms, why = self.snapshot.at_ms, f"{WHY}{told}"
            unknown = Unknown(at_ms=at_ms, client_id=client_id, why=why)
            self.answers[client_id] = (unknown,)

    def compare_open(self, report: OrderReport) -> None:
        """Record an open order that the journal does not hold live."""
        number = number_of(self.state, report.client_id)
        if number is not None and number > self.state.orders_made:
            self.refusal = (
                f"the exchange has our order {report.client_id}, but the journal ends "
                f"at {self.state.run}-{self.state.orders_made}: it is not the newest "
                "one; go on with the newest, or begin with a new one"
            )
        client_id = whose(self.state, report)
        order = self.state.order(client_id)
        ours = "is over" if client_id else "does not know it"
        if order is not None and order.live:
            if self.venue_ids.get(report.venue_id) == client_id:
                return
            ours = f"knows {client_id} as another order"
        elif order is not None and order.ended_ms >= self.snapshot.asked_ms:
            return  # it ended while the exchange was asked
        self._found("order", report.venue_id, report.symbol, ours, opened(report))

    def _found(
        self, what: str, venue_id: str, symbol: str, ours: str, theirs: str
    ) -> None:
        """Record once what is not ours; quarantine its symbol if we trade it."""
        new = (what, venue_id) not in self.state.found
        done = "quarantined" if symbol in self.state.markets else "noted"
        self.differ(what, venue_id, symbol, (ours, theirs), done)
        if not new:
            self.stands.add(symbol)
            return
        found = Found(
            at_ms=self.snapshot.at_ms,
            what=what,
            venue_id=venue_id,
            symbol=symbol,
            detail=theirs,
        )
        self.found.setdefault(symbol, []).append(found)
        if symbol in self.state.markets:
            self.unclean[symbol] = f"{what} {venue_id} is not in the journal"

    def compare_trades(self) -> None:
        """Book what of our finished orders is not booked; record what is not ours."""
        known = {order.venue_id: client_id for client_id, order in _all(self.state)}
        known |= self.venue_ids
        known.pop("", None)
        late: dict[str, list[VenueTrade]] = {}
        for trade in self.snapshot.trades:
            client_id = known.get(trade.venue_id)
            if trade.at_ms < self.snapshot.trades_since_ms:
                continue
            if client_id is None:
                self._stray(trade)
            elif client_id not in self.state.live:
                late.setdefault(client_id, []).append(trade)
        for client_id, trades in late.items():
            self._late(client_id, trades)

    def _stray(self, trade: VenueTrade) -> None:
        told = (
            f"{trade.side} {plain(trade.fill.amount)} at {plain(trade.fill.price)}"
            f" by order {trade.venue_id}"
        )
        nameless = any(
            not order.venue_id
            and order.intent.side is trade.side
            and order.intent.symbol == trade.symbol
            and not self._known(client_id)
            for client_id, order in self.state.live.items()
        )
        if nameless:  # it may be of an order that still waits
            sides = "does not know it yet", told
            self.differ("trade", trade.fill.trade_id, trade.symbol, sides, "waits")
            return
        ours = "does not know it"
        self._found("trade", trade.fill.trade_id, trade.symbol, ours, told)

    def _known(self, client_id: str) -> bool:
        """Return whether the snapshot says what became of an order."""
        answers = self.answers.get(client_id, ())
        return any(isinstance(one, Accepted | Ended) for one in answers)

    def _late(self, client_id: str, trades: Sequence[VenueTrade]) -> None:
        order = self.state.finished[client_id]
        report = OrderReport(
            at_ms=self.snapshot.at_ms,
            client_id=client_id,
            venue_id=order.venue_id,
            open=False,
            fills=tuple(trade.fill for trade in trades),
        )
        self._settle(order, report)

    def compare_balances(self) -> None:
        """Adopt what the fills do not explain; quarantine what is not covered."""
        books = Books(self.state, self.snapshot, self.answers, tuple(self.waits))
        self.differences += books.differences()
        for symbol, currency in books.lacking().items():
            self.unclean[symbol] = f"its positions hold more {currency} than is there"
        told = books.unexplained()
        if told:
            self.seen = BalancesSeen(
                at_ms=self.snapshot.at_ms,
                balances=told,
                why=f"{WHY}the fills do not explain it",
            )

    def result(self) -> Reconciliation:
        """Return the units: stops first, so that nothing enters what is not clean."""
        at_ms = self.snapshot.at_ms
        units: list[tuple[Event, ...]] = []
        if self.markets:
            units.append((MarketsSeen(at_ms=at_ms, markets=tuple(self.markets)),))
        for symbol in sorted({*self.found, *self.unclean}):
            unit = (*self.found.get(symbol, ()), *self._stops(symbol))
            units += [unit] if unit else []
        if self.seen is not None:
            units.append((self.seen,))
        units += self.answers.values()
        for symbol, stop in self.state.stopped.items():
            if self._ours(stop) and symbol not in {*self.unclean, *self.stands}:
                why = f"{WHY}clean again"
                units.append((Released(at_ms=at_ms, symbol=symbol, why=why),))
        return Reconciliation(
            tuple(self.differences),
            tuple(units),
            tuple(dict.fromkeys(self.waits)),
            tuple(self.cancels),
            self.refusal,
        )

    def _stops(self, symbol: str) -> tuple[Event, ...]:
        why, stop = self.unclean.get(symbol), self.state.stopped.get(symbol)
        if why is None or self._ours(stop):
            return ()
        stopped = Stopped(
            at_ms=self.snapshot.at_ms,
            symbol=symbol,
            until_ms=NEVER_MS,
            why=f"{WHY}{why}",
        )
        return (stopped,)

    @staticmethod
    def _ours(stop: Stopped | None) -> bool:
        return stop is not None and stop.why.startswith(WHY)


def _all(state: State) -> Iterator[tuple[str, Order]]:
    yield from state.finished.items()
    yield from state.live.items()
