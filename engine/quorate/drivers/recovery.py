"""Ask a venue for everything that the journal has to be compared with, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from quorate.contract.live import LiveVenue, OrderReport
from quorate.contract.records import Intended, Record
from quorate.drivers.snapshot import Snapshot
from quorate.errors import JournalError, NoAnswer
from quorate.flow.state import State
from quorate.values.timeframes import NEVER_MS

ROUNDS = 3
"""How often everything is asked again because something traded meanwhile."""

ATTEMPTS = 5
PAUSE_MS = 250
"""How long to wait after a question without an answer; doubled each time."""

IDS_AHEAD = 3
"""How many ids that were not given yet are looked for: some never reach a venue."""

BEFORE_MS = 60_000
"""How far back before the journal's last record trades are looked at."""

_T = TypeVar("_T")


async def take_snapshot(
    venue: LiveVenue,
    state: State,
    now_ms: Callable[[], int],
    started_ms: int = 0,
    before_ms: int = BEFORE_MS,
) -> Snapshot:
    """Return what the venue says of the account and of every order held live.

    Trades are asked from ``before_ms`` before the last record on, and none from before
    ``started_ms``, when the journal began; of an order that the venue has forgotten
    all of them, for what it filled has to be known. When something trades between the
    first and the last question, all is asked again, three times at most.

    Raises:
        NoAnswer: the venue could not be made to tell.
    """
    for _ in range(ROUNDS):
        snapshot = await _take(venue, state, now_ms, started_ms, before_ms)
        if snapshot.steady:
            break
    return snapshot


async def must_be_newest(
    venue: LiveVenue, state: State, records: Iterable[Record]
) -> None:
    """Refuse a journal that was restored from an older copy.

    Then the next order's id would be one that the venue has seen already.

    Raises:
        JournalError: it is not the newest.
        NoAnswer: the venue could not be made to tell.
    """
    sent = [one.intent for one in records if isinstance(one, Intended)]
    if not sent:
        return
    for number in range(1, IDS_AHEAD + 1):
        following = f"{state.run}-{state.orders_made + number}"
        intent = replace(sent[-1], client_id=following)
        if await ask_again(partial(venue.find, intent, "")) is not None:
            raise JournalError(
                f"the exchange has our order {following}, but the journal ends before "
                "it: it is an older copy; go on with the newest, or begin a new one "
                "with --journal"
            )


async def _take(
    venue: LiveVenue,
    state: State,
    now_ms: Callable[[], int],
    started_ms: int,
    before_ms: int,
) -> Snapshot:
    asked_ms, booked = now_ms(), _booked(state)
    since_ms = max(state.now_ms - before_ms, started_ms)
    before = await ask_again(venue.balances)
    open_orders = await ask_again(venue.open_orders)
    found = await _find(venue, state, open_orders)
    from_ms = min(since_ms, _vanished_ms(state, found))
    trades = await ask_again(lambda: venue.trades(from_ms))
    markets = await ask_again(venue.markets)
    balances = await ask_again(venue.balances)
    return Snapshot(
        asked_ms=asked_ms,
        at_ms=max(asked_ms, now_ms()),
        open_orders=tuple(open_orders),
        found=found,
        trades=tuple(trades),
        trades_since_ms=since_ms,
        balances=balances,
        markets=markets,
        steady=before == balances and booked == _booked(state),
    )


async def _find(
    venue: LiveVenue, state: State, open_orders: Iterable[OrderReport]
) -> dict[str, OrderReport | None]:
    """Ask for the live orders, one after the other; leave out what is not told.

    What the open orders tell in full needs no question of its own.
    """
    found: dict[str, OrderReport | None] = {}
    listed = {report.venue_id: report for report in open_orders}
    for client_id, order in list(state.live.items()):
        report = listed.get(order.venue_id)
        if report is not None and report.filled == order.filled:
            found[client_id] = report
            continue
        try:
            found[client_id] = await venue.find(order.intent, order.venue_id)
        except NoAnswer:
            continue
    return found


def _vanished_ms(state: State, found: Mapping[str, OrderReport | None]) -> int:
    """Return since when trades may be of an order that the venue has forgotten."""
    made_ms = [
        order.intent.made_ms
        for client_id, order in state.live.items()
        if order.venue_id and found.get(client_id, order) is None
    ]
    return min(made_ms, default=NEVER_MS)


def _booked(state: State) -> int:
    return sum(map(len, state.booked.values()))


async def ask_again(question: Callable[[], Awaitable[_T]]) -> _T:
    """Return the answer to a question that may be asked again."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return await question()
        except NoAnswer:
            await asyncio.sleep(PAUSE_MS * (1 << attempt) / 1000)
    return await question()
