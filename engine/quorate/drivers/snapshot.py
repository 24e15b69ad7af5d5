"""What an exchange says of an account at one moment, and how the journal differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal

from quorate.contract.live import OrderReport, VenueTrade
from quorate.values.numbers import plain
from quorate.values.trade import Market, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What an exchange says of an account, in the exchange's time.

    No query was asked before ``asked_ms`` and none answered after ``at_ms``. ``found``
    has a report, or None for "no such order", for each order that the journal held
    live, and lacks those that could not be told. ``trades`` are those since
    ``trades_since_ms``. When not ``steady``, something traded between the queries, and
    the balances cannot be held against the fills.
    """

    asked_ms: int
    at_ms: int
    open_orders: tuple[OrderReport, ...] = ()
    found: Mapping[str, OrderReport | None] = field(default_factory=dict)
    trades: tuple[VenueTrade, ...] = ()
    trades_since_ms: int = 0
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    markets: Mapping[str, Market] = field(default_factory=dict)
    steady: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing on which journal and exchange differ, and what is done about it.

    ``what`` is "order", "trade", "balance" or "market"; ``about`` its id, currency or
    symbol; ``done`` is "settled", "ended", "waits", "quarantined", "adopted", "noted"
    or "refused".
    """

    what: str
    about: str
    symbol: str
    journal: str
    exchange: str
    done: str

    @property
    def wrong(self) -> bool:
        """Whether it is more than a market's rule that has changed and is adopted."""
        return not (self.what == "market" and self.done == "adopted")

    @property
    def of(self) -> str:
        """What it is about, each name once."""
        names = dict.fromkeys((self.what, self.about, self.symbol))
        return " ".join(filter(None, names))


def changes(known: Market, market: Market) -> tuple[str, str]:
    """Return what of a market's rules was otherwise, and what it is now."""
    names = [
        one.name
        for one in fields(Market)
        if getattr(known, one.name) != getattr(market, one.name)
    ]
    before, now = (
        ", ".join(_told(name, getattr(one, name)) for name in names)
        for one in (known, market)
    )
    return before, now


def _told(name: str, value: object) -> str:
    """Return a market's rule in words; fees are ratios, read as percentages."""
    shown = str(value)
    if isinstance(value, Decimal):
        shown = f"{plain(value * 100)}%" if name.endswith("_fee") else plain(value)
    return f"{name.replace('_', ' ')} {shown}"


def journalled(order: Order) -> str:
    """Return what the journal says of an order."""
    intent = order.intent
    status = order.end_reason or str(order.status)
    return f"{status}, {plain(order.filled)} of {plain(intent.amount)} filled"


def reported(report: OrderReport) -> str:
    """Return what the exchange says of an order."""
    status = "open" if report.open else report.reason or "over"
    filled = "" if report.filled is None else f", {plain(report.filled)} filled"
    return f"{status}{filled}"


def opened(report: OrderReport) -> str:
    """Return what an open order is that the journal did not ask for."""
    side = report.side or "order"
    amount = "" if report.amount is None else f" of {plain(report.amount)}"
    return f"open {side}{amount}, client id {report.client_id or 'none'}"
