"""Compare a live run's journal with the exchange: questions only."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from quorate.drivers.account_lock import lock_account
from quorate.drivers.clock import LiveClock
from quorate.drivers.live_run import LiveSetup, open_live_venue
from quorate.drivers.reconcile import Reconciliation, compare
from quorate.drivers.recovery import take_snapshot
from quorate.errors import JournalError
from quorate.face.live_journal import read_live


async def compare_now(setup: LiveSetup, journal: Path) -> Reconciliation:
    """Return how the journal differs from what the exchange says now.

    Raises:
        QuorateError: the journal cannot be read, or the exchange does not answer.
    """
    kept = read_live(journal)
    if kept is None:
        raise JournalError(
            f"{journal}: no live run has begun in it; there is nothing to compare"
        )
    state, first = kept.state, kept.began
    venue = open_live_venue(setup)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(venue.close)
        await venue.open(tuple(state.markets), setup.keys)
        # One key, one process: nonces of two would make orders fail.
        stack.callback(lock_account(setup.name, venue.account).release)
        source = f"{setup.name}:{venue.account}"
        if first.source != source:
            raise JournalError(
                f"{journal} is that of {first.source}, not of {source}; the key or "
                f"the exchange is another"
            )
        clock = LiveClock(await venue.clock_ms(), float(setup.settings["pace"]))
        snapshot = await take_snapshot(venue, state, clock.now_ms, first.at_ms)
        return compare(state, snapshot, int(setup.settings["clock_margin"]))
