"""Drive the flow with a venue over a wire: real time, real orders, one event at a time.

What comes in is queued and handled in order of urgency: the venue's answers, then what
was asked to be woken for, then prices of symbols that are held, then closed candles.
An outcome is durable before anything of it is done. Nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from quorate.contract.decisions import Decision
from quorate.contract.live import (
    Bar,
    CancelOutcome,
    Gap,
    LiveVenue,
    News,
    OrderReport,
    Tick,
)
from quorate.contract.records import (
    Answer,
    CancelRefused,
    Found,
    ModeSet,
    Refused,
    Stopped,
    Unknown,
)
from quorate.drivers.clock import LiveClock
from quorate.drivers.live_lane import LiveLane, LiveView
from quorate.drivers.noting import told_of
from quorate.drivers.reconcile import WHY
from quorate.drivers.settling import settle
from quorate.flow.book import Book
from quorate.flow.events import (
    Action,
    Cancel,
    Candle,
    Event,
    Look,
    Outcome,
    Send,
    Wake,
    WakeAt,
)
from quorate.flow.flow import Flow
from quorate.host.host import Host
from quorate.host.pins import Pins
from quorate.rulebook.rulebook import Rulebook
from quorate.stages.votes import Signals
from quorate.values.mode import Mode
from quorate.values.timeframes import MINUTE_MS, NEVER_MS
from quorate.values.trade import NOT_SENT, Intent

LOOK_EVERY_MS = 1000
"""How often an open position is looked at when its price does not move."""

LOOKS_IN_A_ROW = 100
"""How many prices come before a closed candle that waits: none waits for ever."""

RECENT = 50


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should read: ``level`` is info, warning or alarm."""

    at_ms: int
    level: str
    text: str


Write = Callable[[Outcome, Sequence[Bar]], None]
"""Make an outcome and the candle that led to it durable, or raise."""


@dataclass(slots=True, eq=False)
class LiveDriver:
    """One flow, one venue, one account. ``work`` runs it until it is cancelled.

    ``keep`` keeps the text of a rulebook before anything is decided by it. ``asked``
    are the orders whose state is to be asked for at once, ``gap_ms`` is when the stream
    of orders last came back.
    """

    rulebook: Rulebook
    host: Host
    venue: LiveVenue
    clock: LiveClock
    write: Write
    on_note: Callable[[Note], None]
    keep: Callable[[Rulebook], None] = lambda _: None
    pins: Pins = field(default_factory=Pins)
    flow: Flow = field(init=False)
    view: LiveView = field(default_factory=LiveView)
    recent: deque[Decision] = field(default_factory=lambda: deque(maxlen=RECENT))
    notes: deque[Note] = field(default_factory=lambda: deque(maxlen=RECENT))
    streams: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    gap_ms: int = 0
    closing: bool = False
    _reports: deque[OrderReport] = field(default_factory=deque)
    _answers: deque[Sequence[Event]] = field(default_factory=deque)
    _ticks: dict[str, None] = field(default_factory=dict)
    _bars: deque[Bar] = field(default_factory=deque)
    _wakes: list[int] = field(default_factory=list)
    _looked: dict[str, int] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _passed: int = 0
    _failure: BaseException | None = None

    def __post_init__(self) -> None:
        self.flow = Flow(self.rulebook, self.host, self.view)

    def now_ms(self) -> int:
        """Return the venue's time."""
        return self.clock.now_ms()

    def note(self, level: str, text: str) -> None:
        """Tell people something."""
        note = Note(self.now_ms(), level, text)
        self.notes.append(note)
        self.on_note(note)

    def add_symbol(self, symbol: str) -> LiveLane:
        """Begin to follow a symbol."""
        lane = self.view.lanes[symbol] = LiveLane(symbol, self.flow)
        return lane

    def tell(self, news: News) -> None:
        """Take one piece of news from a stream; it is handled when its turn comes."""
        if isinstance(news, Tick):
            lane = self.view.lanes[news.symbol]
            # The first price says that the stream is there, unless it said otherwise.
            if not self.streams.setdefault("market", ""):
                lane.interrupted = False
            if lane.see(news):
                self._ticks[news.symbol] = None
        elif isinstance(news, Bar):
            self._bars.append(news)
        elif isinstance(news, OrderReport):
            self._reports.append(news)
        else:
            self._gap(news)
        self._news.set()

    def _gap(self, gap: Gap) -> None:
        before = self.streams.get(gap.stream)
        self.streams[gap.stream] = "" if gap.over else gap.why or "interrupted"
        if before or not gap.over:  # else it has only said that it is there
            level = "info" if gap.over else "warning"
            told = "goes on" if gap.over else "is interrupted"
            why = gap.why or "no reason was told"
            self.note(level, f"the {gap.stream} stream {told}: {why}")
        if gap.stream == "market":
            for lane in self.view.lanes.values():
                lane.interrupted = not gap.over
        elif gap.over:
            # A stream does not repeat itself: what happened meanwhile is asked for.
            self.gap_ms = self.now_ms()

    async def work(self) -> None:
        """Handle what comes, most urgent first, until cancelled.

        Raises:
            JournalError: an outcome could not be made durable; nothing more is done.
        """
        try:
            while self._failure is None:
                if self._step():
                    await asyncio.sleep(0)  # let the wire be read between two events
                else:
                    await self._wait()
            raise self._failure
        finally:
            await self.end_tasks()

    async def end_tasks(self) -> None:
        """Wait for nothing more; what has left goes on at the venue."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait(self) -> None:
        """Wait for news, or for the next moment that was asked for."""
        self._news.clear()
        due_ms = min(self._wakes[:1] or [self.now_ms() + LOOK_EVERY_MS])
        due_ms = min(due_ms, self.now_ms() + LOOK_EVERY_MS)
        wall_s = self.clock.wall_s(due_ms - self.now_ms())
        # Not wait_for, which forgets a cancel that comes together with the news.
        with suppress(TimeoutError):
            async with asyncio.timeout(wall_s):
                await self._news.wait()

    def _step(self) -> bool:
        """Handle the most urgent thing; return False when there is none."""
        now_ms = self.now_ms()
        if self._answers:
            self.take(self._answers.popleft())
        elif self._reports:
            self.report(self._reports.popleft())
        elif self._wakes and self._wakes[0] <= now_ms:
            while self._wakes and self._wakes[0] <= now_ms:
                heapq.heappop(self._wakes)
            self.take([Wake(now_ms)])
        elif self._passed < LOOKS_IN_A_ROW and self._look_next(now_ms):
            self._passed += 1
        else:
            self._passed = 0
            return self._next_bar(now_ms) or self._look_next(now_ms)
        return True

    def _look_next(self, now_ms: int) -> bool:
        """Look at what moved; else at a position whose price has not for a while."""
        if self._ticks:
            symbol = next(iter(self._ticks))
            del self._ticks[symbol]
            self._look(symbol, now_ms)
            return True
        return self._look_again(now_ms)

    def _look(self, symbol: str, now_ms: int) -> None:
        self._looked[symbol] = now_ms
        if self.flow.state.held_in.get(symbol):
            self.take([Look(symbol, now_ms)])

    def _look_again(self, now_ms: int) -> bool:
        """Look at a position whose price has not moved for a while."""
        for symbol, held in self.flow.state.held_in.items():
            if held and now_ms - self._looked.get(symbol, 0) >= LOOK_EVERY_MS:
                self._look(symbol, now_ms)
                return True
        return False

    def _next_bar(self, now_ms: int) -> bool:
        if not self._bars:
            return False
        bar = self._bars.popleft()
        lane = self.view.lanes[bar.symbol]
        if not lane.add(bar):
            return True
        late_ms = now_ms - lane.closed_ms
        more = any(other.symbol == bar.symbol for other in self._bars)
        if more or late_ms >= MINUTE_MS or self.closing:
            self.write(Outcome(), [bar])  # known, but too late to be decided on
            return True
        lane.restate()
        self.take([Candle(bar.symbol, now_ms)], [bar])
        return True

    def report(self, report: OrderReport) -> None:
        """Bring the state up to what the venue says of an order."""
        settled = settle(self.flow.state, report, self.now_ms())
        if settled.alarm:
            self.note("alarm", settled.alarm)
        if settled.answers:
            self.take(settled.answers)
        if settled.ask and settled.client_id:
            self.asked.add(settled.client_id)
        elif settled.ask:
            self.gap_ms = self.now_ms()  # one of ours, but it does not say which
        elif not settled.ours:
            self._not_ours(report)

    def answer(self, *answers: Answer) -> None:
        """Take answers as one unit, when their turn comes."""
        self._answers.append(answers)
        self._news.set()

    def _not_ours(self, report: OrderReport) -> None:
        """Record an order that nobody here sent, and stop entries in its symbol."""
        if ("order", report.venue_id) in self.flow.state.found:
            return
        self.note("alarm", f"order {report.venue_id} is not of this journal")
        now_ms, symbol = self.now_ms(), report.symbol
        found = Found(
            at_ms=now_ms,
            what="order",
            venue_id=report.venue_id,
            symbol=symbol,
            detail=f"client id {report.client_id or 'none'}",
        )
        stopped = Stopped(
            at_ms=now_ms,
            symbol=symbol or "*",
            until_ms=NEVER_MS,
            why=f"{WHY}order {report.venue_id} is not in the journal",
        )
        self.take([found, stopped])

    def take(self, events: Iterable[Event], bars: Sequence[Bar] = ()) -> None:
        """Let the flow handle events as one unit, make it durable, then act on it."""
        self._finish(self.flow.handle_all(events), bars)

    async def change_rules(self, book: Book) -> None:
        """Decide by another rulebook from now on; the swap is between two events.

        Raises:
            TapeError: its votes look at timeframes that there are no candles for; then
                nothing has changed.
            JournalError: it could not be made durable.
        """
        ready: dict[str, tuple[int, Signals]] = {}
        for symbol, lane in self.view.lanes.items():
            ready[symbol] = (lane.closed_ms, lane.count(book.rulebook))
            await asyncio.sleep(0)  # hundreds of symbols take seconds
        for symbol, lane in self.view.lanes.items():
            closed_ms, signals = ready[symbol]
            late = closed_ms != lane.closed_ms
            lane.signals = lane.count(book.rulebook) if late else signals
        self.keep(book.rulebook)
        self.swap(book)

    def swap(self, book: Book) -> None:
        """Let the flow go on by another rulebook, whose columns are there."""
        self._finish(self.flow.change_rules(book, self.now_ms()), ())

    def _finish(self, outcome: Outcome, bars: Sequence[Bar]) -> None:
        """Make an outcome durable, then act on it."""
        if outcome.records or outcome.decisions or bars:
            self.write(outcome, bars)
        self.recent.extend(outcome.decisions)
        for record in outcome.records:
            told = told_of(record)
            if told is not None and all(told[1] != one.text for one in self.notes):
                self.note(*told)  # what is refused at every candle is said once
        for action in outcome.actions:
            self.act(action)

    def act(self, action: Action) -> None:
        """Do what the flow asked for; it is in the journal."""
        if isinstance(action, WakeAt):
            heapq.heappush(self._wakes, action.at_ms)
            self._news.set()
        elif isinstance(action, Send):
            self._spawn(self._send(action.intent))
        else:
            self._spawn(self._cancel(action))

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Let no task die unseen."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failure = self._failure or error
            self._news.set()

    async def _send(self, intent: Intent) -> None:
        answer = self._tampered(intent) or await self.venue.send(intent)
        answer = replace(answer, at_ms=self.now_ms())
        self.answer(answer)
        if isinstance(answer, Unknown):
            self.asked.add(intent.client_id)

    def _tampered(self, intent: Intent) -> Refused | None:
        """Halt when something has replaced what an order passes on its way out."""
        changed = self.pins.changed()
        if not changed:
            return None
        why = f"the way of orders was tampered with: {'; '.join(changed)}"
        if self.flow.state.mode is not Mode.HALTED:
            self.note("alarm", why)
            halted = ModeSet(at_ms=self.now_ms(), mode=Mode.HALTED, why=why)
            self.take([halted])
        return Refused(
            at_ms=0, client_id=intent.client_id, errors=(f"{NOT_SENT}{why}",)
        )

    async def _cancel(self, action: Cancel) -> None:
        order = self.flow.state.order(action.client_id)
        if order is None or not order.live:
            return
        reply = await self.venue.cancel(order)
        if reply.outcome is CancelOutcome.REFUSED:
            refused = CancelRefused(
                at_ms=self.now_ms(), client_id=action.client_id, errors=reply.errors
            )
            self.answer(refused)
        # Whatever it said, what was filled before is for the venue to tell.
        self.asked.add(action.client_id)

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way and nothing waits to be handled."""
        return not (self._tasks or self._answers or self._reports)
