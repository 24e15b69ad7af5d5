"""Taking the snapshot: what is asked, what may fail, and when it is asked again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from itertools import count
from typing import Any

import pytest

from quorate import Intent, Market, NoAnswer, OrderReport, VenueTrade
from quorate.drivers import recovery
from quorate.drivers.recovery import take_snapshot
from quorate.drivers.snapshot import Snapshot

books = import_module("order_books")
model = import_module("exchange_model")


@dataclass
class Asked:
    """A venue that tells what it was given, and fails where it is told to."""

    totals: list[int] = field(default_factory=lambda: [5])
    resting: tuple[OrderReport, ...] = (books.report(filled=0),)
    silent: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        self.silent[what] = self.silent.get(what, 0) - 1
        if self.silent[what] >= 0:
            raise NoAnswer(f"no answer to {what}")

    async def balances(self) -> dict[str, Decimal]:
        self._ask("balances")
        total = self.totals.pop(0) if len(self.totals) > 1 else self.totals[0]
        return {"USD": Decimal(total)}

    async def markets(self) -> dict[str, Market]:
        self._ask("markets")
        return {"BTC/USD": model.market("BTC/USD")}

    async def open_orders(self) -> list[OrderReport]:
        self._ask("open_orders")
        return list(self.resting)

    async def trades(self, since_ms: int) -> list[VenueTrade]:
        self._ask(f"trades since {since_ms - books.START_MS}")
        return []

    async def find(self, intent: Intent, venue_id: str) -> OrderReport | None:
        self._ask(f"find {intent.client_id} {venue_id}".strip())
        return None


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "PAUSE_MS", 0)


def take(venue: Any, *records: Any, started_ms: int = 0) -> Snapshot:
    state = books.state_of(*records)
    ticks = count(books.START_MS + 10)
    return asyncio.run(take_snapshot(venue, state, lambda: next(ticks), started_ms))


def test_everything_is_asked_for_between_two_looks_at_the_balances() -> None:
    venue = Asked()
    snapshot = take(venue, books.intended(), books.intended(2), books.accepted(2))
    assert venue.asked == [
        "balances",
        "open_orders",
        "find r-1",
        "find r-2 V2",
        "trades since -60000",
        "markets",
        "balances",
    ]
    assert snapshot.found == {"r-1": None, "r-2": None}
    assert snapshot.steady
    assert snapshot.asked_ms == books.START_MS + 10 < snapshot.at_ms
    assert snapshot.trades_since_ms == books.START_MS - 60_000


def test_no_trade_from_before_the_journal_is_asked_for() -> None:
    snapshot = take(Asked(), started_ms=books.START_MS - 1)
    assert snapshot.trades_since_ms == books.START_MS - 1


def test_all_trades_of_an_order_that_the_venue_has_forgotten_are_asked_for() -> None:
    venue, long_ago_ms = Asked(resting=()), books.START_MS - 3_600_000
    snapshot = take(
        venue, books.intended(1, made_ms=long_ago_ms), books.accepted(), started_ms=1
    )
    assert "trades since -3600000" in venue.asked
    assert snapshot.trades_since_ms == books.START_MS - 60_000


def test_an_order_that_the_open_orders_tell_in_full_is_not_asked_for() -> None:
    whole, part = books.report(filled=0), books.report(filled="0.5")
    for resting, asked in ((whole, 0), (part, 1), (books.report(), 1)):
        venue = Asked(resting=(resting,))
        snapshot = take(venue, books.intended(1), books.accepted())
        assert venue.asked.count("find r-1 V1") == asked
        assert snapshot.found == {"r-1": None if asked else whole}


def test_an_order_that_gets_no_answer_is_left_out() -> None:
    venue = Asked(silent={"find r-1": 1})
    assert take(venue, books.intended(), books.intended(2)).found == {"r-2": None}


@pytest.mark.parametrize("what", ["balances", "open_orders", "markets"])
def test_what_must_be_known_is_asked_for_again(what: str) -> None:
    assert take(Asked(silent={what: recovery.ATTEMPTS - 1})).steady
    with pytest.raises(NoAnswer):
        take(Asked(silent={what: recovery.ATTEMPTS}))


def test_all_is_asked_again_when_something_trades_meanwhile() -> None:
    venue = Asked(totals=[5, 4, 4])
    snapshot = take(venue)
    assert snapshot.steady
    assert snapshot.balances == {"USD": 4}
    assert venue.asked.count("open_orders") == 2


def test_a_market_that_never_rests_is_told_as_such() -> None:
    venue = Asked(totals=list(range(20)))
    assert not take(venue).steady
    assert venue.asked.count("open_orders") == recovery.ROUNDS
