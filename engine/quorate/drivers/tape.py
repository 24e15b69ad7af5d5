"""Drive the flow over recorded candles: paper trading and backtests.

Events are taken in the order of time; at one moment a venue's answers come first, then
what rests at the venue, then the watch, then the closed candle. The driver jumps from
one moment that could matter to the next; ``walk`` takes every look and candle instead,
and comes to the same journal.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import get_args

from quorate.contract.records import (
    Answer,
    CancelAsked,
    Filled,
    Intended,
    Record,
    RulesHeld,
    RulesRefused,
    Started,
)
from quorate.contract.venue import MarketNow, Resting, SimulatedVenue
from quorate.drivers.lane import Lane, TapeView
from quorate.drivers.path import LOOKS, Path
from quorate.errors import JournalError
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
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.terms import Expression
from quorate.stages.votes import Signals, count_votes
from quorate.values.market import Candles
from quorate.values.numbers import exact
from quorate.values.timeframes import NEVER_MS
from quorate.values.trade import Liquidity

MAKER = Liquidity.MAKER

ARRIVE, TRADE, LOOK, CANDLE = range(4)
"""What can be next at one moment, in the order in which it is taken."""

_CLOSE = LOOKS - 1

Write = Callable[[Outcome, str, str], None]
"""Record an outcome, the cursor it leaves the run at, and the hash of the rules."""


@dataclass(slots=True)
class TapeDriver:
    """Runs one flow over the candles of several symbols, to the end of the tape.

    Nothing is decided before ``from_ms``.
    """

    rulebook: Rulebook
    host: Host
    venue: SimulatedVenue
    tapes: Sequence[Candles]
    write: Write
    walk: bool = False
    from_ms: int = 0
    flow: Flow = field(init=False)
    view: TapeView = field(init=False)
    _lanes: list[Lane] = field(default_factory=list)
    _heap: list[tuple[int, int, Action]] = field(default_factory=list)
    _wakes: set[int] = field(default_factory=set)
    _pushed: int = 0
    _cursor: tuple[int, int, int] = (0, 0, 0)
    _resting: dict[str, tuple[Resting, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.view = TapeView()
        self.flow = Flow(self.rulebook, self.host, self.view)

    @property
    def now_ms(self) -> int:
        """Where the run is, UTC milliseconds."""
        return self.view.now_ms

    @property
    def span_ms(self) -> tuple[int, int]:
        """When the tape begins and ends."""
        return (
            min(lane.path.start_ms for lane in self._lanes),
            max(lane.path.end_ms for lane in self._lanes),
        )

    def prepare(self) -> None:
        """Compute every column of every symbol: nothing is decided yet."""
        for candles in self.tapes:
            signals = self._count(self.rulebook, candles)
            lane = Lane(candles.symbol, Path(candles), signals, self.flow)
            self._lanes.append(lane)
            self.view.lanes[candles.symbol] = lane
        self.view.now_ms = self.span_ms[0]

    def _count(
        self, rulebook: Rulebook, candles: Candles, also: Sequence[Expression] = ()
    ) -> Signals:
        params = rulebook.params.effective(candles.symbol, {})
        return count_votes(rulebook, self.host, candles, params, also)

    def change_rules(self, book: Book) -> None:
        """Go on under another rulebook, from between two steps on.

        Raises:
            TapeError: its votes look at timeframes that the tapes cannot give; then
                nothing has changed.
        """
        self._restate(book.rulebook)
        self._finish(self.flow.change_rules(book, self.view.now_ms))

    def _restate(self, rulebook: Rulebook) -> None:
        """Compute the columns of another rulebook, and those of exits that are kept."""
        bench = self.flow.bench
        also = [*bench.kept_expressions(), *bench.book.exits.expressions()]
        fresh = [self._count(rulebook, lane.path.candles, also) for lane in self._lanes]
        for lane, signals in zip(self._lanes, fresh, strict=True):
            lane.restate(signals)

    def note(self, record: RulesRefused | RulesHeld) -> None:
        """Record what became of edited rules."""
        self._take(record)

    def start(self, started: Started) -> None:
        """Begin a new run."""
        if self.from_ms > self.view.now_ms:
            self.view.now_ms = self.from_ms
            self._cursor = (self.from_ms, CANDLE, len(self._lanes))
        self._take(started)

    def resume(
        self,
        records: Iterable[Record],
        cursor: str,
        kept_book: Callable[[str], Book] | None = None,
    ) -> None:
        """Go on where a journal ends: fold it, and bring the venue to the same point.

        ``kept_book`` returns the rulebook with a hash, for a run whose rules changed.

        Raises:
            JournalError: the journal was not made by this tape and venue, or its rules
                can no longer be used.
        """
        at_ms, order, number = (int(part) for part in cursor.split(":"))
        self._cursor = (at_ms, order, number)
        known = list(records)
        self.view.now_ms = at_ms
        wakes = self.flow.recover(known, kept_book)
        if self.flow.bench.rulebook is not self.rulebook:
            self._restate(self.flow.bench.rulebook)
        self._retell(known, at_ms)
        self._resting.clear()
        for wake in wakes:
            if wake.at_ms > at_ms:
                self._push(wake.at_ms, wake)
            else:
                self._push(at_ms, wake)

    def run(self, between: Callable[[int], None] | None = None) -> None:
        """Go on to the tape's end; ``between`` is told the moment now and then."""
        turns = 0
        while self.step():
            turns += 1
            if between is not None and turns % 256 == 0:
                between(self.view.now_ms)

    def step(self) -> bool:
        """Take what is next; return False at the end of the tape."""
        at_ms, order, number = self._next()
        if at_ms > self.span_ms[1] or at_ms == NEVER_MS:
            return False
        # An answer without latency comes at a moment whose candle is already taken.
        self._cursor = max(self._cursor, (at_ms, order, number))
        self.view.now_ms = at_ms
        if order == ARRIVE:
            action = heapq.heappop(self._heap)[2]
            if isinstance(action, WakeAt):
                self._wakes.discard(at_ms)
            self._arrive(action)
        else:
            self._stop(self._lanes[number], order)
        return True

    def _next(self) -> tuple[int, int, int]:
        """Return the moment, kind and lane of what is next."""
        best = (self._heap[0][0], ARRIVE, 0) if self._heap else (NEVER_MS, ARRIVE, 0)
        for number, lane in enumerate(self._lanes):
            best = min(best, self._next_in(lane, number))
        return best

    def _next_in(self, lane: Lane, number: int) -> tuple[int, int, int]:
        """Return what is next in a lane, later than the cursor."""
        best = (NEVER_MS, CANDLE, number)
        for at_ms, order in self._stops(lane, number):
            best = min(best, (at_ms, order, number))
        return best

    def _stops(self, lane: Lane, number: int) -> Iterable[tuple[int, int]]:
        """Yield what a lane waits for; each strictly after the cursor."""
        now_ms = self._cursor[0]
        for order in (TRADE, LOOK, CANDLE):
            # What comes later at this very moment has not been taken yet.
            behind = (now_ms, order, number) <= self._cursor
            after_ms = now_ms if behind else now_ms - 1
            if order == TRADE:
                yield self._next_trade(lane, after_ms), order
            elif order == LOOK:
                at_ms = self._next_look(lane, after_ms)
                if (at_ms - lane.path.start_ms) % lane.path.step_ms:
                    yield at_ms, order
                elif at_ms != NEVER_MS:
                    yield at_ms, CANDLE  # the close is looked at with its candle
            else:
                yield self._next_candle(lane, after_ms), order
                closing = (now_ms - lane.path.start_ms) % lane.path.step_ms == 0
                if closing and not behind:
                    at_ms = self._next_look(lane, after_ms)
                    yield (now_ms if at_ms == now_ms else NEVER_MS), order

    def _next_trade(self, lane: Lane, after_ms: int) -> int:
        resting = self._resting.get(lane.symbol)
        if resting is None:
            resting = self._resting[lane.symbol] = self.venue.resting(lane.symbol)
        if not resting:
            return NEVER_MS
        if self.walk:
            return self._look_ms(lane, after_ms)
        step = self.flow.state.markets[lane.symbol].price_step
        return lane.next_match(resting, after_ms, step)

    def _next_look(self, lane: Lane, after_ms: int) -> int:
        if not self.walk:
            return lane.next_exit(after_ms)
        look = lane.path.next_look(after_ms)
        if look >= len(lane.path) * LOOKS:
            return NEVER_MS
        nearest = lane.path.look_ms(look)
        for position in self.flow.state.held_in.get(lane.symbol, {}).values():
            if position.bought and not position.leaving:
                stop = lane.screen.next_stop(position, after_ms, until_look=look)
                nearest = min(nearest, stop.at_ms if stop else nearest)
        return nearest

    def _next_candle(self, lane: Lane, after_ms: int) -> int:
        closed = lane.path.closed(after_ms)
        if not self.walk and not self.flow.bench.book.switches_move:
            return min(lane.next_candidate(closed), lane.next_shadow(closed))
        if closed >= len(lane.path):
            return NEVER_MS
        return lane.path.start_ms + (closed + 1) * lane.path.step_ms

    def _look_ms(self, lane: Lane, after_ms: int) -> int:
        look = lane.path.next_look(after_ms)
        return NEVER_MS if look >= len(lane.path) * LOOKS else lane.path.look_ms(look)

    def _stop(self, lane: Lane, order: int) -> None:
        at_ms = self.view.now_ms
        if order == TRADE:
            for answer in self.venue.trade(lane.symbol, self._market(lane, at_ms)):
                self._take(answer)
            self._resting.pop(lane.symbol, None)
        elif order == LOOK:
            self._take(Look(lane.symbol, at_ms))
        else:
            self._take(Candle(lane.symbol, at_ms))

    def _arrive(self, action: Action) -> None:
        """Let what was sent reach the venue, or wake the flow."""
        at_ms = self.view.now_ms
        if isinstance(action, WakeAt):
            self._take(Wake(at_ms))
            return
        for answer in self._tell(action, at_ms):
            self._take(answer)

    def _tell(self, action: Send | Cancel, at_ms: int) -> list[Answer]:
        self._resting.clear()
        if isinstance(action, Send):
            lane = self.view.lanes[action.intent.symbol]
            return self.venue.arrive(action.intent, self._market(lane, at_ms))
        return self.venue.cancel(action.client_id, at_ms)

    def _market(self, lane: Lane, at_ms: int) -> MarketNow:
        path = lane.path
        candle = path.under_way(at_ms)
        price = path.price(at_ms)
        return MarketNow(
            at_ms=at_ms,
            price=exact(price if price is not None else float(path.candles.open[0])),
            volume=exact(float(path.candles.volume[candle])),
            candle_ms=path.start_ms + candle * path.step_ms,
        )

    def _take(self, event: Event) -> None:
        """Let the flow handle an event, record the outcome, then act on it."""
        self._finish(self.flow.handle(event))

    def _finish(self, outcome: Outcome) -> None:
        """Record an outcome, then act on it."""
        if outcome.records or outcome.decisions:
            cursor = ":".join(str(part) for part in self._cursor)
            self.write(outcome, cursor, self.flow.bench.rulebook.digest)
        for action in outcome.actions:
            if isinstance(action, WakeAt):
                self._push(action.at_ms, action)
            else:
                self._push(self.view.now_ms + self.venue.latency_ms, action)

    def _push(self, at_ms: int, action: Action) -> None:
        if isinstance(action, WakeAt):
            if at_ms in self._wakes:
                return  # one wake is for everything that is due
            self._wakes.add(at_ms)
        self._pushed += 1
        heapq.heappush(self._heap, (at_ms, self._pushed, action))

    def _retell(self, records: Sequence[Record], until_ms: int) -> None:
        """Tell a fresh venue what the journal says it was told, and keep what was not.

        The venue answers the same, so nothing is recorded again.
        """
        told: list[tuple[int, int, int, Action | str]] = []
        symbols: dict[str, str] = {}
        latency_ms = self.venue.latency_ms
        for record in records:
            number = len(told)
            if isinstance(record, Intended):
                at_ms = record.intent.made_ms + latency_ms
                symbols[record.intent.client_id] = record.intent.symbol
                told.append((at_ms, ARRIVE, number, Send(record.intent)))
            elif isinstance(record, CancelAsked):
                action = Cancel(record.client_id)
                told.append((record.at_ms + latency_ms, ARRIVE, number, action))
            elif isinstance(record, Filled) and record.fill.liquidity is MAKER:
                symbol = symbols[record.client_id]
                told.append((record.at_ms, TRADE, number, symbol))
        answers: list[Answer] = []
        before_ms = self.view.now_ms
        self.view.now_ms = 0
        traded: set[tuple[int, str]] = set()
        for at_ms, _, _, what in sorted(told, key=lambda one: one[:3]):
            self.view.now_ms = max(at_ms, self.view.now_ms)
            if at_ms > until_ms:
                assert not isinstance(what, str)
                self._push(at_ms, what)
            elif isinstance(what, str):
                if (at_ms, what) not in traded:
                    traded.add((at_ms, what))
                    lane = self.view.lanes[what]
                    answers.extend(self.venue.trade(what, self._market(lane, at_ms)))
            else:
                assert not isinstance(what, WakeAt)
                answers.extend(self._tell(what, at_ms))
        self.view.now_ms = before_ms
        self._deliver_rest(records, answers, until_ms)

    def _deliver_rest(
        self, records: Sequence[Record], answers: Sequence[Answer], until_ms: int
    ) -> None:
        """Take the answers of the last moment that the journal does not have yet."""
        journalled = {
            repr(record) for record in records if isinstance(record, _ANSWERS)
        }
        again = {repr(answer) for answer in answers}
        late = [answer for answer in answers if repr(answer) not in journalled]
        if journalled - again or any(answer.at_ms < until_ms for answer in late):
            raise JournalError(
                "the journal's fills are not those of this tape and these settings; "
                "run with the tape, rules and quorate.yaml it was made with, or begin "
                "a new journal"
            )
        for answer in late:
            self._take(answer)


_ANSWERS = get_args(Answer)
