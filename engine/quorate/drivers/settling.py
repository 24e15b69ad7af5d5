"""Bring the state up to what a venue reports of one order. Pure; reads no clock.

Reports come twice, late, out of order and incomplete, from a stream and from queries.
``settle`` takes any of them and says which answers they add up to. An order ends only
when the fills that are known are exactly the amount that the venue says was filled;
until then it has to be asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from quorate.contract.live import OrderReport, VenueTrade
from quorate.contract.records import Accepted, Answer, Ended, Filled
from quorate.flow.state import State
from quorate.values.trade import NOT_PLACED, Fill, Order, OrderType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a report adds to what is known; ``answers`` are one unit, in their order.

    ``ask``: something is missing, the order has to be asked for. ``ours`` is False for
    an order that this journal does not know; with ``ask`` it may still be one of those
    that have no venue id yet. ``client_id`` is the order's, "" when it is not ours.
    ``alarm`` says what cannot be true, "" for nothing; nothing of it was booked.
    """

    answers: tuple[Answer, ...] = ()
    ask: bool = False
    ours: bool = True
    client_id: str = ""
    alarm: str = ""


def settle(state: State, report: OrderReport, at_ms: int) -> Settled:
    """Return what a report adds to the state; ``at_ms`` is when it came."""
    client_id = whose(state, report)
    order = state.order(client_id)
    if not client_id:
        nameless = not report.client_id and any(
            not one.venue_id and report.symbol in ("", one.intent.symbol)
            for one in state.live.values()
        )
        return Settled(ours=False, ask=nameless)
    if order is None:  # ours, but over for so long that it is forgotten
        alarm = f"{client_id} is open, but was over long ago" if report.open else ""
        return Settled(client_id=client_id, alarm=alarm)
    other = another(order, report)
    if other:
        return Settled(ours=False, client_id=client_id, alarm=other)
    news = _news(order, report, state.booked.get(client_id, ()))
    filled = tuple(
        Filled(at_ms=at_ms, client_id=client_id, fill=fill) for fill in news.fills
    )
    if not order.live:
        return Settled(
            answers=filled,
            ask=report.filled is not None and report.filled > news.total,
            client_id=client_id,
            alarm=news.alarm or _contradicts(order, report),
        )
    answers: list[Answer] = []
    if report.venue_id and not order.venue_id:
        answers.append(
            Accepted(at_ms=at_ms, client_id=client_id, venue_id=report.venue_id)
        )
    answers += filled
    over = _over(order, report, news)
    if over:
        answers.append(Ended(at_ms=at_ms, client_id=client_id, reason=over))
    return Settled(
        answers=tuple(answers),
        ask=not over and _misses(order, report, news),
        client_id=client_id,
        alarm=news.alarm,
    )


def whose(state: State, report: OrderReport) -> str:
    """Return the client id of the order that a report is about, "" if not ours.

    Our own id says it; a report without one is known by the venue's id.
    """
    if report.client_id and state.order(report.client_id) is not None:
        return report.client_id
    if report.venue_id:
        for orders in (state.live, state.finished):
            for client_id, order in orders.items():
                if order.venue_id == report.venue_id:
                    return client_id
    return report.client_id if is_forgotten(state, report.client_id) else ""


def is_forgotten(state: State, client_id: str) -> bool:
    """Return whether a client id is one that this journal gave to an order."""
    number = number_of(state, client_id)
    return number is not None and number <= state.orders_made


def number_of(state: State, client_id: str) -> int | None:
    """Return the number in a client id of this run, None when it is of no such form."""
    run, _, number = client_id.rpartition("-")
    if run != state.run or not run or not (number.isascii() and number.isdigit()):
        return None
    return int(number)


def another(order: Order, report: OrderReport) -> str:
    """Return why a report under our id is not about our order, "" when it is.

    A venue may let an id be used again, and a proxy may say a request twice.
    """
    intent = order.intent
    sized = intent.type is not OrderType.MARKET  # some venues size these in quote
    for what, ours, theirs in (
        ("venue id", order.venue_id, report.venue_id),
        ("symbol", intent.symbol, report.symbol),
        ("side", intent.side, report.side),
        ("amount", intent.amount, report.amount if sized else None),
    ):
        if ours and theirs and ours != theirs:
            return (
                f"the venue's order {report.venue_id} carries the id "
                f"{intent.client_id}, but its {what} is {theirs}, not {ours}"
            )
    return ""


@dataclass(frozen=True, slots=True)
class _News:
    """The fills of a report that are not booked yet, and all that is then filled."""

    fills: tuple[Fill, ...]
    total: Decimal
    alarm: str


def _news(order: Order, report: OrderReport, booked: tuple[str, ...]) -> _News:
    """Return what of a report's fills can be booked: never more than the order is.

    While an order is open a report may be older than what is known, so its ``filled``
    is no limit, and may be less than what is booked; of one that is over it is final.
    """
    final = None if report.open else report.filled
    limit = order.intent.amount if final is None else min(order.intent.amount, final)
    known, total, fills, alarm = set(booked), order.filled, [], ""
    for fill in report.fills:
        if fill.trade_id in known:
            continue
        known.add(fill.trade_id)
        if fill.amount <= 0 or total + fill.amount > limit:
            alarm = (
                f"fill {fill.trade_id} of {fill.amount} does not fit in "
                f"{order.intent.client_id}: {total} of {limit} is filled"
            )
            continue
        fills.append(fill)
        total += fill.amount
    if final is not None and final < order.filled and not alarm:
        alarm = (
            f"{order.intent.client_id}: {final} is reported as filled in all, "
            f"but {order.filled} is booked"
        )
    return _News(tuple(fills), total, alarm)


def _over(order: Order, report: OrderReport, news: _News) -> str:
    """Return the reason for which an order is now known to be over, "" when not."""
    if news.total == order.intent.amount:
        return "filled"
    if report.open or report.filled != news.total:
        return ""
    return report.reason or "cancelled"


def _misses(order: Order, report: OrderReport, news: _News) -> bool:
    if not report.open:
        return True  # it is over, and its fills do not add up yet
    told = report.filled
    return told is not None and told > min(news.total, order.intent.amount)


def _contradicts(order: Order, report: OrderReport) -> str:
    """Return what is wrong with an open order that never was, by the journal."""
    never = order.errors or order.end_reason == NOT_PLACED
    if never and report.open:
        return (
            f"{order.intent.client_id} is open as {report.venue_id}, but the journal "
            "says that it was never placed"
        )
    return ""


def traded(order: Order, trades: Sequence[VenueTrade], at_ms: int) -> OrderReport:
    """Return what a list of trades tells of an order: its fills, and nothing else."""
    return OrderReport(
        at_ms=at_ms,
        client_id=order.intent.client_id,
        venue_id=order.venue_id,
        fills=tuple(one.fill for one in trades if one.venue_id == order.venue_id),
    )


def vanished(
    state: State, ended: Ended, trades: Sequence[VenueTrade]
) -> tuple[Answer, ...]:
    """Return the end of an order that a venue does not know any more, as one unit.

    Some of its fills may never have been told: ``trades`` are the account's since the
    order was made.
    """
    order = state.live[ended.client_id]
    settled = settle(state, traded(order, trades, ended.at_ms), ended.at_ms)
    over = any(isinstance(one, Ended) for one in settled.answers)
    return settled.answers if over else (*settled.answers, ended)
