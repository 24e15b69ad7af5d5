"""What an exchange says of an account at one moment, and how the journal differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from quorate.contract.live import OrderReport, VenueTrade
from quorate.values.trade import Market


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
