"""Put one live run together: account, journal, recovery, streams, and a quiet end.

A start is always a recovery: the journal is folded, the venue is asked what became of
everything, the differences are told and settled, and only then is anything decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import Any

from quorate.contract.live import Bar, Keys, LiveVenue
from quorate.contract.records import ModeSet, Record, Started
from quorate.drivers.account_lock import lock_account
from quorate.drivers.asking import Asker
from quorate.drivers.auditing import Auditor
from quorate.drivers.clock import LiveClock
from quorate.drivers.control import Wish
from quorate.drivers.doubting import MARGIN_MS, Doubts
from quorate.drivers.ending import may_enter, may_stay
from quorate.drivers.live import LiveDriver, Note
from quorate.drivers.live_lane import KEPT_BARS
from quorate.drivers.parts import end_all, error_of, raise_failure
from quorate.drivers.reconcile import Reconciliation, compare
from quorate.drivers.recovery import ask_again, must_be_newest, take_snapshot
from quorate.drivers.reloading import Gather, Reloader, kept_book
from quorate.drivers.reloads import Accepted, LiveReloads
from quorate.drivers.run import ask_limits
from quorate.drivers.upkeep import SHUTDOWN, Upkeep, must_hold
from quorate.errors import JournalError, VenueError
from quorate.flow.book import Book
from quorate.flow.events import Cancel, Outcome, WakeAt
from quorate.flow.state import State
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import Rulebook
from quorate.values.mode import Mode
from quorate.values.numbers import ZERO
from quorate.values.timeframes import MINUTE_MS
from quorate.values.trade import (
    Order,
    Position,
)

QUIET_FOR_S = 15
"""How long a run that is stopped waits for the venue's answers."""

QUIET_EVERY_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSetup:
    """What a live run is made of. ``settings`` is the ``exchange`` section."""

    rulebook: Rulebook
    host: Host
    name: str
    tier: str
    settings: Mapping[str, Any]
    symbols: tuple[str, ...]
    keys: Keys | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run leaves: open positions, and the orders that still rest."""

    run: str
    positions: tuple[Position, ...]
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a run tells its face, and asks of it.

    ``prepared`` is called as soon as the venue's time is known, ``started`` when the
    differences are settled. ``wish`` returns a mode that was asked for and not yet
    taken, ``taken`` is called when it is in the journal. ``gather`` reads the rule
    files as they are now, None when they are not followed; ``accepted`` returns the
    hash of the rules that a person has accepted.
    """

    note: Callable[[Note], None]
    prepared: Callable[[LiveDriver], None] = lambda _: None
    started: Callable[[LiveDriver], None] = lambda _: None
    reconciled: Callable[[Reconciliation], None] = lambda _: None
    wish: Callable[[], Wish | None] = lambda: None
    taken: Callable[[], None] = lambda: None
    gather: Gather | None = None
    accepted: Accepted = lambda: ""


def open_live_venue(setup: LiveSetup) -> LiveVenue:
    """Return the venue that reaches the exchange; nothing is sent yet.

    Raises:
        VenueError: no plugin knows it, or its plugin failed.
    """
    answer = setup.host.ask_first(
        "live_venue", name=setup.name, settings=setup.settings, tier=setup.tier
    )
    if answer is None:
        raise VenueError(
            f"no plugin reaches the exchange {setup.name!r}; see `quorate plugins`"
        )
    if answer.error:
        raise VenueError(f"the exchange {setup.name!r} cannot be used: {answer.error}")
    venue: LiveVenue = answer.value
    return venue


async def run_live(
    setup: LiveSetup, journal: Journal, stop: asyncio.Event, calls: Calls
) -> Finished:
    """Trade until ``stop`` is set; then let nothing new begin, and leave in order.

    Raises:
        QuorateError: it could not start, or what was decided could not be recorded.
    """
    venue = open_live_venue(setup)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(venue.close)
        run = LiveRun(setup, journal, venue, calls)
        await venue.open(run.symbols, setup.keys)
        stack.callback(lock_account(setup.name, venue.account).release)
        if run.switch_ms:
            must_hold(venue, run.switch_ms)  # or it does not even begin
        await run.start()
        calls.started(run.driver)
        await run.trade(stop)
        return run.finished()


class LiveRun:
    """One live run from its recovery to its end."""

    def __init__(
        self, setup: LiveSetup, journal: Journal, venue: LiveVenue, calls: Calls
    ) -> None:
        self.setup, self.journal = setup, journal
        self.venue, self.calls = venue, calls
        self.records = list(journal.records())
        self.symbols = _symbols(setup.symbols, self.records)
        self.began_ms = self.records[0].at_ms if self.records else 0
        self.switch_ms = int(setup.settings.get("dead_man_switch") or 0)
        self.before: Book | None = None
        self.driver: LiveDriver
        self.upkeep: Upkeep

    async def start(self) -> None:
        """Recover: fold the journal, ask the venue, settle the differences.

        Raises:
            QuorateError: the journal is not this account's, or the venue does not tell.
        """
        pace = float(self.setup.settings.get("pace", 1))
        self._prepare(LiveClock(await ask_again(self.venue.clock_ms), pace))
        try:
            await self._recover()
        except BaseException:
            await self.driver.end_tasks()
            raise

    def _prepare(self, clock: LiveClock) -> None:
        """Put the driver together."""
        setup, calls = self.setup, self.calls
        self.driver = driver = LiveDriver(
            rulebook=setup.rulebook,
            host=setup.host,
            venue=self.venue,
            clock=clock,
            write=self._write,
            on_note=calls.note,
            keep=self._keep,
        )
        self.upkeep = Upkeep(
            driver, self.venue, calls.wish, calls.taken, self.switch_ms, self._margin_ms
        )
        for holder, names in self.venue.send_path():
            driver.pins.add(holder, *names)
        calls.prepared(driver)

    async def _recover(self) -> None:
        if self.records:
            self._same_account(self.records[0])
        self._keep(self.setup.rulebook)
        if self.records:
            await self._look_back()
            wakes = self.driver.flow.recover(self.records, self._kept_book)
            bench = self.driver.flow.bench
            self.before, now = bench.book, Book(self.setup.rulebook, self.setup.host)
            bench.use(now)  # what is sent from here on, is sent by the rules of now
            # A halt comes before anything that recovery would send.
            self.upkeep.take_wish(stricter_only=True)
            await self._reconcile(wakes)
        else:
            started = await self._begin()
            self.began_ms = started.at_ms
            self.driver.take([started])
            await self._look_back()
        self._go_on()

    def _keep(self, rulebook: Rulebook) -> None:
        self.journal.keep_rulebook(rulebook.digest, rulebook.sources.as_texts())

    def _kept_book(self, digest: str) -> Book | None:
        try:
            return kept_book(self.journal, self.setup.host, digest)
        except JournalError as error:
            told = f"{error}; positions opened under them leave by the exits of now"
            self.driver.note("alarm", told)
            return None

    def _write(self, outcome: Outcome, bars: Sequence[Bar]) -> None:
        self.journal.write(
            outcome.records,
            outcome.decisions,
            cursor=str(self.driver.now_ms()),
            rulebook=self.driver.flow.bench.rulebook.digest,
            candles=bars,
        )

    @property
    def _source(self) -> str:
        return f"{self.setup.name}:{self.venue.account}"

    def _same_account(self, first: object) -> None:
        if not isinstance(first, Started) or first.source != self._source:
            told = first.source if isinstance(first, Started) else "something else"
            raise JournalError(
                f"the journal is that of {told}, not of {self._source}; "
                f"name another with --journal"
            )

    async def _begin(self) -> Started:
        markets = await ask_again(self.venue.markets)
        balances = await ask_again(self.venue.balances)
        named = {name for m in markets.values() for name in (m.base, m.quote)}
        kept = {name: balances.get(name, ZERO) for name in named}
        deadline_ms = int(self.setup.settings.get("deadline", 0))
        return Started(
            at_ms=self.driver.now_ms(),
            run=token_hex(4),
            venue=self.setup.name,
            rulebook=self.setup.rulebook.digest,
            source=self._source,
            markets=tuple(markets.values()),
            balances=tuple(sorted(kept.items())),
            limits=ask_limits(self.setup.host, self.setup.tier),
            order_deadline_ms=deadline_ms if self.venue.has_deadline else 0,
        )

    async def _look_back(self) -> None:
        """Learn the candles of the past: what the journal kept, then what is later.

        Those are recorded: the next start would otherwise find a hole in them.
        """
        now_ms, listed = self.driver.now_ms(), await ask_again(self.venue.markets)
        since_ms = now_ms - KEPT_BARS * MINUTE_MS
        # In the order asked for, in the venue's spelling; those to enter come first.
        wanted = len(set(self.setup.symbols))
        names, held = list(listed), self.symbols[wanted:]
        for symbol in dict.fromkeys((*names, *held)):
            lane = self.driver.add_symbol(symbol)
            lane.entered = symbol in names[:wanted]
            if symbol not in listed:
                continue  # something is open in what is traded no more
            for bar in self.journal.candles(symbol=symbol, from_ms=since_ms):
                lane.add(bar)
            known_ms = lane.closed_ms or since_ms
            bars = await ask_again(partial(self.venue.bars, symbol, known_ms))
            fresh = [bar for bar in bars if lane.add(bar)]
            if fresh:
                self._write(Outcome(), fresh)

    async def _reconcile(self, wakes: Sequence[WakeAt]) -> None:
        state, driver = self.driver.flow.state, self.driver
        snapshot = await take_snapshot(self.venue, state, driver.now_ms, self.began_ms)
        await must_be_newest(self.venue, state, self.records)
        found = compare(state, snapshot, self._margin_ms)
        self.calls.reconciled(found)
        if found.refusal:
            raise JournalError(found.refusal)
        for unit in found.units:
            driver.take(unit)
        for wake in wakes:
            driver.act(wake)
        for order in found.cancels:
            driver.act(Cancel(order.intent.client_id))
        driver.asked.update(found.waits)

    @property
    def _margin_ms(self) -> int:
        return int(self.setup.settings.get("clock_margin", MARGIN_MS))

    def _go_on(self) -> None:
        """Record what is new since the last run, and take back its shutdown."""
        driver, digest = self.driver, self.setup.rulebook.digest
        state, now_ms = driver.flow.state, driver.now_ms()
        if state.rulebook != digest:
            self._change_from_before()
        if state.mode is Mode.REDUCE_ONLY and state.mode_why == SHUTDOWN:
            driver.take([ModeSet(at_ms=now_ms, mode=Mode.ACTIVE, why="start")])
        self.upkeep.take_wish()
        self.records.clear()  # folded; a long journal is large
        for lane in driver.view.lanes.values():
            lane.restate()

    def _change_from_before(self) -> None:
        """Bring what hangs on the rules of the last run under those of now."""
        driver, bench = self.driver, self.driver.flow.bench
        now = bench.book
        if self.before is not None:
            bench.use(self.before)
        driver.swap(now)

    async def trade(self, stop: asyncio.Event) -> None:
        """Let everything run until ``stop`` is set or a part of it fails.

        Raises:
            QuorateError: a part has failed, or has ended by itself.
        """
        parts = self._parts()
        every: list[asyncio.Task[Any]] = [*parts, asyncio.create_task(stop.wait())]
        try:
            await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
            failed = [part for part in parts if part.done()]
            if not any(isinstance(error_of(one), JournalError) for one in failed):
                await self._quiet(parts[0])
            for part in failed or [part for part in parts if part.done()]:
                raise_failure(part)
        finally:
            await end_all(every)
        await self.upkeep.let_go()

    def _parts(self) -> list[asyncio.Task[None]]:
        """Start what a run consists of, the driver first."""
        driver, venue, upkeep = self.driver, self.venue, self.upkeep
        asker = Asker(driver, venue, Doubts(margin_ms=self._margin_ms))
        auditor = Auditor(driver, venue, self._margin_ms, self.began_ms)
        works = {
            "the driver": driver.work(),
            "the market data": venue.watch(driver.tell),
            "the stream of orders": venue.follow(driver.tell),
            "asking for orders": asker.work(),
            "comparing the books": auditor.work(),
            "halt and resume": upkeep.hear(),
            "the clock": upkeep.keep_time(),
        }
        if self.calls.gather is not None:
            reloads = self._reloads(self.calls.gather)
            works["following the rule files"] = reloads.work()
        if self.switch_ms:
            works["the dead man's switch"] = upkeep.stay_alive()
        return [asyncio.create_task(work, name=name) for name, work in works.items()]

    def _reloads(self, gather: Gather) -> LiveReloads:
        reloader = Reloader(gather, self.setup.host, self.setup.rulebook)
        return LiveReloads(self.driver, reloader, self.calls.accepted)

    async def _quiet(self, work: asyncio.Task[None]) -> None:
        """Stop entries, cancel those that rest, and wait for what is on its way."""
        driver = self.driver
        driver.closing = True
        state = driver.flow.state
        if state.mode is Mode.ACTIVE and may_enter(state):
            now_ms = driver.now_ms()
            stopped = ModeSet(at_ms=now_ms, mode=Mode.REDUCE_ONLY, why=SHUTDOWN)
            driver.take([stopped])
        until_s = monotonic() + QUIET_FOR_S
        while monotonic() < until_s and not work.done():
            if driver.idle and all(map(may_stay, state.live.values())):
                return
            await asyncio.sleep(QUIET_EVERY_MS / 1000)

    def finished(self) -> Finished:
        """Return what is left open."""
        state = self.driver.flow.state
        return Finished(
            run=state.run,
            positions=tuple(p for p in state.positions.values() if p.bought),
            orders=tuple(state.live.values()),
        )


def _symbols(wanted: Sequence[str], records: Iterable[Record]) -> tuple[str, ...]:
    """Return the symbols to be traded, and those where something is still open."""
    state = State()
    for record in records:
        state.apply(record)
    held = [position.symbol for position in state.positions.values()]
    ordered = [order.intent.symbol for order in state.live.values()]
    return tuple(dict.fromkeys((*wanted, *held, *ordered)))
