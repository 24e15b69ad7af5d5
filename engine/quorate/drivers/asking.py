"""Ask the venue about orders whose state is in doubt, until it is known.

A stream says what happens, a query says what is true. What a stream left out is found
by an audit of the open orders now and then.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from quorate.contract.live import CancelOutcome, LiveVenue, OrderReport
from quorate.drivers.doubting import Doubts, doubtful, gone, wants_cancel
from quorate.drivers.live import LiveDriver
from quorate.errors import NoAnswer
from quorate.values.trade import Order

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

    async def work(self) -> None:
        """Ask until cancelled."""
        self._audit_ms = self.driver.now_ms() + AUDIT_EVERY_MS
        while True:
            for order in self._due():
                await self._ask(order)
            if self.driver.now_ms() >= self._audit_ms:
                await self._audit()
            self.doubts.forget(self.driver.flow.state)
            await asyncio.sleep(PAUSE_MS / 1000)

    def _due(self) -> list[Order]:
        """Return the orders to ask for now: those in doubt, then those asked to."""
        state = self.driver.flow.state
        self.doubts.gap_ms = max(self.doubts.gap_ms, self.driver.gap_ms)
        due = {
            order.intent.client_id: order
            for order in doubtful(state, self.driver.now_ms(), self.doubts)
        }
        for client_id in list(self.driver.asked):
            if not self.doubts.may_ask(client_id, self.driver.now_ms()):
                continue  # it was asked for just now
            self.driver.asked.discard(client_id)
            order = state.order(client_id)
            if order is not None:
                due.setdefault(client_id, order)
        return list(due.values())

    async def _ask(self, order: Order) -> None:
        driver, doubts = self.driver, self.doubts
        client_id = order.intent.client_id
        if wants_cancel(order, doubts, driver.now_ms()):
            reply = await self.venue.cancel(order)
            if reply.outcome is not CancelOutcome.UNKNOWN:
                doubts.cancelled(client_id, driver.now_ms())
        asked_ms = driver.now_ms()
        doubts.asked(client_id, asked_ms)
        try:
            report = await self.venue.find(order.intent, order.venue_id)
        except NoAnswer:
            return  # asked again after a pause
        if report is not None:
            doubts.told(client_id)
            driver.tell(report)
            return
        doubts.absent(client_id, asked_ms)
        ended = gone(driver.flow.state, client_id, driver.now_ms(), doubts)
        if ended is not None:
            driver.note("warning", f"order {client_id}: {ended.reason}, by evidence")
            driver.answer(ended)

    async def _audit(self) -> None:
        """Compare the venue's open orders with ours."""
        self._audit_ms = self.driver.now_ms() + AUDIT_EVERY_MS
        asked_ms = self.driver.now_ms()
        try:
            reports = await self.venue.open_orders()
        except NoAnswer:
            return
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
