"""Questions about orders in doubt: none is forgotten, none is asked all the time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from typing import Any, cast

from tests.drivers import order_books as books

from quorate import (
    CancelReply,
    Ended,
    Intent,
    NoAnswer,
    Order,
    OrderReport,
    OrderStatus,
)
from quorate.drivers import asking
from quorate.drivers.asking import Asker
from quorate.drivers.clock import LiveClock
from quorate.drivers.live import LiveDriver, Note

own = import_module("live_rules")
PACE = 200


class Venue:
    """Answers with what a test says, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.silent: set[str] = set()
        self.found: dict[str, OrderReport] = {}
        self.listed: list[OrderReport] = []
        self.audits = 0

    async def find(self, intent: Intent, venue_id: str) -> OrderReport | None:
        self.asked[intent.client_id] += 1
        await asyncio.sleep(0.001)
        if intent.client_id in self.silent:
            raise NoAnswer("silence")
        return self.found.get(intent.client_id)

    async def cancel(self, order: Order) -> CancelReply:
        raise AssertionError(f"{order.intent.client_id} is not to be cancelled")

    async def open_orders(self) -> list[OrderReport]:
        self.audits += 1
        if "*" in self.silent:
            raise NoAnswer("silence")
        return self.listed

    async def trades(self, since_ms: int) -> list[Any]:
        return []


def driver_of(venue: Venue, notes: list[Note]) -> LiveDriver:
    """Return a driver whose time runs fast, with nothing written."""
    driver = LiveDriver(
        rulebook=own.own_rules(),
        host=own.own_host(),
        venue=cast("Any", venue),
        clock=LiveClock(books.START_MS + 1_000, PACE),
        write=lambda outcome, bars: None,
        on_note=notes.append,
    )
    for symbol in ("BTC/USD", "ETH/USD"):
        driver.add_symbol(symbol)
    return driver


async def ask(driver: LiveDriver, venue: Venue, seconds: float) -> Asker:
    """Let the driver and its questions work for a while of the wall."""
    asker = Asker(driver, cast("Any", venue))
    works = [asyncio.create_task(asker.work()), asyncio.create_task(driver.work())]
    done, _ = await asyncio.wait(works, timeout=seconds)
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    assert not done
    return asker


def test_one_that_is_never_answered_keeps_no_other_waiting() -> None:
    venue, notes = Venue(), list[Note]()
    driver = driver_of(venue, notes)
    state = driver.flow.state
    for number in range(1, 6):
        intent = books.intent(number, position_id=f"p{number}")
        state.live[intent.client_id] = Order(intent=intent)
    state.run, venue.silent = "r", {"r-1"}

    asyncio.run(ask(driver, venue, 2.0))  # 400 s of the venue

    assert list(state.live) == ["r-1"], "the others are ended by evidence"
    assert {state.finished[f"r-{n}"].end_reason for n in range(2, 6)} == {"not_placed"}
    # 1 s, 2 s, 4 s, ... up to half a minute apart: at most 20 in 400 s.
    assert 4 <= venue.asked["r-1"] <= 25
    assert venue.audits >= 2


def test_one_that_never_adds_up_is_not_asked_for_all_the_time() -> None:
    venue, notes = Venue(), list[Note]()
    driver = driver_of(venue, notes)
    state = driver.flow.state
    intent = books.intent(1)
    state.run, state.orders_made = "r", 1
    state.live["r-1"] = Order(intent=intent, venue_id="V1")
    state.apply(Ended(at_ms=books.START_MS, client_id="r-1", reason="cancelled"))
    assert "r-1" in state.finished
    venue.found["r-1"] = OrderReport(
        at_ms=books.START_MS,
        client_id="r-1",
        venue_id="V1",
        open=False,
        reason="filled",
        filled=Decimal(10),  # and no fill that says so
    )
    driver.asked.add("r-1")

    asker = asyncio.run(ask(driver, venue, 2.0))

    assert 4 <= venue.asked["r-1"] <= 25
    assert asker.doubts.orders.keys() == {"r-1"}, "its pause is remembered"
    assert driver.asked or venue.asked["r-1"] > 1, "and it is not given up"


def test_an_open_order_that_is_not_listed_is_asked_for(monkeypatch: Any) -> None:
    monkeypatch.setattr(asking, "AUDIT_EVERY_MS", 10_000)
    venue, notes = Venue(), list[Note]()
    driver = driver_of(venue, notes)
    state = driver.flow.state
    order = Order(intent=books.intent(1), venue_id="V1", accepted_ms=books.START_MS)
    state.run, state.live["r-1"] = "r", order

    asyncio.run(ask(driver, venue, 1.0))

    assert state.finished["r-1"].end_reason == "cancelled"
    assert any("by evidence" in note.text for note in notes)


def test_after_an_interruption_one_question_tells_of_all_that_is_open() -> None:
    venue = Venue()
    driver = driver_of(venue, [])
    state = driver.flow.state
    for number, rests in ((1, True), (2, False)):
        intent = books.intent(number, position_id=f"p{number}")
        order = Order(intent=intent, status=OrderStatus.OPEN, venue_id=f"v{number}")
        early_ms = books.START_MS + 1
        state.live[intent.client_id] = replace(order, accepted_ms=early_ms)
        if rests:
            venue.listed.append(
                OrderReport(at_ms=0, client_id=f"r-{number}", venue_id=f"v{number}")
            )
    state.run, driver.gap_ms = "r", driver.now_ms()

    asyncio.run(ask(driver, venue, 0.2))  # 40 s of the venue

    assert venue.audits == 1
    assert set(venue.asked) == {"r-2"}, "only what is missing is asked for by itself"


def test_an_interruption_of_a_silent_venue_is_no_storm_of_questions() -> None:
    venue = Venue()
    driver = driver_of(venue, [])
    venue.silent, driver.gap_ms = {"*"}, driver.now_ms()

    asyncio.run(ask(driver, venue, 1.0))  # 200 s of the venue

    assert 3 <= venue.audits <= 12, "further and further apart"
