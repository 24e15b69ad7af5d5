"""Hold the books of a run against the venue's now and then, as a start does.

Streams and queries tell of orders; only a comparison of everything finds what nobody
told of: an order of another hand, a deposit, a market whose rules have changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from quorate.contract.live import LiveVenue
from quorate.contract.records import ModeSet
from quorate.drivers.live import LiveDriver
from quorate.drivers.reconcile import compare
from quorate.drivers.recovery import take_snapshot
from quorate.drivers.snapshot import Difference
from quorate.errors import NoAnswer
from quorate.values.mode import Mode

AUDIT_EVERY_MS = 180_000

SKIPS_TOLD = 3
"""Every so many comparisons in a row that came to nothing are told of."""

ROUTINE = ("settled", "waits")
"""What a running venue is always a little ahead with."""


@dataclass(slots=True)
class Auditor:
    """Compares all books every few minutes; ``began_ms`` is when the journal did."""

    driver: LiveDriver
    venue: LiveVenue
    margin_ms: int
    began_ms: int
    _skipped: int = 0

    async def work(self) -> None:
        """Audit until cancelled."""
        while True:
            await asyncio.sleep(self.driver.clock.wall_s(AUDIT_EVERY_MS))
            await self.audit()

    async def audit(self) -> None:
        """Compare once, and settle what differs."""
        driver = self.driver
        state = driver.flow.state
        try:
            snapshot = await take_snapshot(
                self.venue, state, driver.now_ms, self.began_ms, 2 * AUDIT_EVERY_MS
            )
        except NoAnswer:
            self._skip()
            return
        if driver.closing:
            return
        if not snapshot.steady:
            self._skip()  # it trades right now; the next audit compares again
            return
        self._skipped = 0
        found = compare(state, snapshot, self.margin_ms)
        for difference in found.differences:
            if difference.done not in ROUTINE:
                driver.note("warning", _told(difference))
        if found.refusal and state.mode is not Mode.HALTED:
            halted = ModeSet(at_ms=driver.now_ms(), mode=Mode.HALTED, why=found.refusal)
            driver.take([halted])
        for unit in found.units:
            driver.take(unit)
        driver.asked.update(found.waits)

    def _skip(self) -> None:
        self._skipped += 1
        if self._skipped % SKIPS_TOLD == 0:
            told = f"the books could not be compared {self._skipped} times in a row"
            self.driver.note("warning", told)


def _told(difference: Difference) -> str:
    return (
        f"{difference.what} {difference.about}: the journal says "
        f"{difference.journal}, the exchange {difference.exchange}; {difference.done}"
    )
