"""Ask the venue about orders whose state is in doubt, until it is known.

A stream says what happens, a query says what is true. What a stream left out is found
by an audit of the open orders now and then.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from quorate.contract.live import CancelOutcome, LiveVenue, OrderReport, VenueTrade
from quorate.contract.records import Ended
from quorate.drivers.doubting import Doubts, doubtful, gone, pause_ms, wants_cancel
from quorate.drivers.live import LiveDriver
from quorate.drivers.settling import vanished
from quorate.errors import NoAnswer
from quorate.values.trade import NOT_PLACED, Order

PAUSE_MS = 50
"""Shortest pause of the wall clock between two rounds of questions."""

AUDIT_EVERY_MS = 60_000


@dataclass(slots=True)
class Asker:
    """Asks one question at a time, the oldest doubt first; never gives up."""

    driver: LiveDriver
    venue: LiveVenue
    doubts: Doubts = field(default_factory=Doubts)
    _audit_ms: int = 0
    _gap_ms: int = 0
    _unanswered: int = 0

    async def work(self) -> None:
        """Ask until cancelled."""
        self._audit_ms = self.driver.now_ms() + AUDIT_EVERY_MS
        while True:
            for client_id in self._due():
                await self._ask(client_id)
                await self._audit_if_due()  # many doubts must not put it off
            await self._audit_if_due()
            self.doubts.forget(self.driver.flow.state, self.driver.now_ms())
            await asyncio.sleep(PAUSE_MS / 1000)

    def _due(self) -> list[str]:
        """Return the orders to ask for now: those in doubt, then those asked to."""
        driver, doubts = self.driver, self.doubts
        state, now_ms = driver.flow.state, driver.now_ms()
        if driver.gap_ms > self._gap_ms:
            # One question tells of all that are still open after an interruption.
            self._gap_ms, self._audit_ms = driver.gap_ms, now_ms
        due = [one.intent.client_id for one in doubtful(state, now_ms, doubts)]
        # One that was asked for just now waits until its pause is over.
        asked = {one for one in driver.asked if doubts.may_ask(one, now_ms)}
        driver.asked -= asked
        return list(dict.fromkeys((*due, *sorted(asked))))

    async def _ask(self, client_id: str) -> None:
        driver, doubts = self.driver, self.doubts
        order = driver.flow.state.order(client_id)
        if order is None:
            return
        if order.live and wants_cancel(order, doubts, driver.now_ms()):
            reply = await self.venue.cancel(order)
            if reply.outcome is not CancelOutcome.UNKNOWN:
                doubts.cancelled(client_id, driver.now_ms())
        asked_ms = driver.now_ms()
        doubts.asked(client_id, asked_ms)
        try:
            report = await self.venue.find(order.intent, order.venue_id)
        except NoAnswer:
            driver.asked.add(client_id)  # again, after its pause
            return
        if report is not None:
            doubts.told(client_id)
            driver.tell(report)
            return
        doubts.absent(client_id, asked_ms)
        ended = gone(driver.flow.state, client_id, driver.now_ms(), doubts)
        if ended is not None:
            await self._end(order, ended)

    async def _end(self, order: Order, ended: Ended) -> None:
        """End an order that is gone, with the fills of it that nobody has told."""
        driver, client_id = self.driver, ended.client_id
        trades: list[VenueTrade] = []
        if ended.reason != NOT_PLACED:
            try:
                trades = await self.venue.trades(order.intent.made_ms)
            except NoAnswer:
                driver.asked.add(client_id)
                return
        if client_id in driver.flow.state.live:
            driver.note("warning", f"order {client_id}: {ended.reason}, by evidence")
            driver.answer(*vanished(driver.flow.state, ended, trades))

    async def _audit_if_due(self) -> None:
        if self.driver.now_ms() >= self._audit_ms:
            await self._audit()

    async def _audit(self) -> None:
        """Compare the venue's open orders with ours."""
        asked_ms = self.driver.now_ms()
        self._audit_ms = asked_ms + AUDIT_EVERY_MS
        try:
            reports = await self.venue.open_orders()
        except NoAnswer:
            self._unanswered += 1
            self._audit_ms = self.driver.now_ms() + pause_ms(self._unanswered)
            return
        self._unanswered = 0
        for report in reports:
            self.driver.tell(report)
        self._miss(reports, asked_ms)

    def _miss(self, reports: list[OrderReport], asked_ms: int) -> None:
        """Ask for orders that should be open and are not."""
        listed = {report.venue_id for report in reports}
        for client_id, order in self.driver.flow.state.live.items():
            before = 0 < order.accepted_ms < asked_ms
            if before and order.venue_id not in listed:
                self.driver.asked.add(client_id)
