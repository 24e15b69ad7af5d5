"""Drive the flow over recorded candles: paper trading and backtests.

Events are taken in the order of time; at one moment a venue's answers come first, then
what rests at the venue, then the watch, then the closed candle. The driver jumps from
one moment that could matter to the next; ``walk`` takes every look and candle instead,
and comes to the same journal.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import get_args

import numpy as np

from quorate.contract.records import (
    Answer,
    CancelAsked,
    Filled,
    Intended,
    Record,
    Started,
)
from quorate.contract.venue import MarketNow, Resting, SimulatedVenue
from quorate.drivers.path import LOOKS, Path
from quorate.drivers.screen import ExitScreen
from quorate.errors import JournalError
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
from quorate.stages.votes import Signals, count_votes
from quorate.values.market import Candles
from quorate.values.numbers import exact
from quorate.values.trade import Position, Side

ARRIVE, TRADE, LOOK, CANDLE = range(4)
"""What can be next at one moment, in the order in which it is taken."""

NEVER = 1 << 62
_CLOSE = LOOKS - 1

Write = Callable[[Outcome, str], None]
"""Record an outcome with the cursor it leaves the run at, durably as it sees fit."""


@dataclass(slots=True)
class TapeView:
    """Market data as known at ``now_ms``: what the flow looks at."""

    rulebook: Rulebook
    now_ms: int = 0
    lanes: dict[str, Lane] = field(default_factory=dict)
    _prices: dict[str, tuple[int, float | None]] = field(default_factory=dict)

    def price(self, symbol: str) -> float | None:
        """Return the price at this moment."""
        known = self._prices.get(symbol)
        if known is None or known[0] != self.now_ms:
            price = self.lanes[symbol].path.price(self.now_ms)
            known = self._prices[symbol] = (self.now_ms, price)
        return known[1]

    def peak(self, symbol: str, since_ms: int) -> float | None:
        """Return the highest price the watch has seen since a moment."""
        return self.lanes[symbol].path.peak(since_ms, self.now_ms)

    def column(self, symbol: str, name: str) -> float | None:
        """Return a column's value at the last closed candle."""
        lane = self.lanes[symbol]
        row = lane.path.closed(self.now_ms) - 1
        column = lane.signals.column(name)
        return float(column[row]) if column is not None and row >= 0 else None

    def stretch_ms(self, symbol: str) -> int:
        """Return since when the last candles have been candidates, 0 if not."""
        lane = self.lanes[symbol]
        return lane.stretch_ms(lane.path.closed(self.now_ms) - 1)

    def scores(self, symbol: str) -> dict[str, float]:
        """Return each voter's score at the last closed candle."""
        lane = self.lanes[symbol]
        row = lane.path.closed(self.now_ms) - 1
        return {
            ballot.voter: float(ballot.scores[row]) for ballot in lane.signals.ballots
        }


@dataclass(slots=True, eq=False)
class Lane:
    """One symbol on the tape: its path, its columns, and what it waits for."""

    symbol: str
    path: Path
    signals: Signals
    flow: Flow
    screen: ExitScreen = field(init=False)
    _candidates: list[int] = field(default_factory=list)
    _starts: dict[int, int] = field(default_factory=dict)
    _params: object = None
    _exits: dict[str, tuple[Position, object, int, int]] = field(default_factory=dict)
    _matches: dict[str, tuple[int, int]] = field(default_factory=dict)
    _standing: tuple[int, str] = (-1, "")

    def __post_init__(self) -> None:
        self.screen = ExitScreen(self.flow, self.path, self.signals)

    def candidates(self) -> list[int]:
        """Return the candles that are entry candidates under the params of now."""
        params = self.flow.bench.params(self.symbol)
        if params is not self._params:
            self._params = params
            mask = self.signals.candidates(params)
            rows = np.flatnonzero(mask)
            onset = rows[np.insert(np.diff(rows) > 1, 0, True)] if len(rows) else rows
            begin = onset[np.searchsorted(onset, rows, side="right") - 1]
            self._candidates = rows.tolist()
            self._starts = dict(zip(rows.tolist(), begin.tolist(), strict=True))
        return self._candidates

    def stretch_ms(self, row: int) -> int:
        """Return when the stretch of candidates around ``row`` began, 0 for none."""
        self.candidates()
        begin = self._starts.get(row)
        if begin is None:
            return 0
        return self.path.start_ms + (begin + 1) * self.path.step_ms

    def next_candidate(self, closed: int) -> int:
        """Return when the next candle closes that could be entered at, or NEVER.

        ``closed`` candles are behind. While a veto stands that only a record can lift,
        nothing but the beginning of a stretch is worth recording.
        """
        candidates = self.candidates()
        place = bisect_right(candidates, closed - 1)
        while place < len(candidates):
            row = candidates[place]
            if self._starts[row] != row and self._declined_already(row):
                place = self._next_onset(place)
                continue
            return self.path.start_ms + (row + 1) * self.path.step_ms
        return NEVER

    def _next_onset(self, place: int) -> int:
        begin = self._starts[self._candidates[place]]
        while place < len(self._candidates):
            if self._starts[self._candidates[place]] != begin:
                return place
            place += 1
        return place

    def _declined_already(self, row: int) -> bool:
        """Return whether the row's stretch was declined by a veto that still stands."""
        declined = self.flow.state.declined.get(self.symbol)
        if declined is None or declined.stretch_ms != self.stretch_ms(row):
            return False
        version = self.flow.state.version
        if self._standing[0] != version:
            self._standing = (version, self.flow.standing_veto(self.symbol))
        return self._standing[1] == declined.by

    def next_exit(self, now_ms: int) -> int:
        """Return when the next exit holds for an open position, or NEVER."""
        nearest = NEVER
        state = self.flow.state
        for position in state.positions.values():
            if position.symbol != self.symbol or position.leaving:
                continue
            if not position.bought:
                continue
            nearest = min(nearest, self._next_exit(position, now_ms))
        return nearest

    def _next_exit(self, position: Position, now_ms: int) -> int:
        if not self.screen.steady:
            look = self.path.next_look(now_ms)
            at_end = look >= len(self.path) * LOOKS
            return NEVER if at_end else self._nearest_look(position, now_ms, look)
        state = self.flow.state
        key = (position.id in state.hesitant, state.turns)
        known = self._exits.get(position.id)
        same = known is not None and known[0] is position and known[1] == key
        if known is not None and same and known[2] <= now_ms < known[3]:
            return known[3]
        stop = self.screen.next_stop(position, now_ms)
        at_ms = NEVER if stop is None else stop.at_ms
        self._exits[position.id] = (position, key, now_ms, at_ms)
        return at_ms

    def _nearest_look(self, position: Position, now_ms: int, look: int) -> int:
        stop = self.screen.next_stop(position, now_ms, until_look=look)
        return self.path.look_ms(look) if stop is None else stop.at_ms

    def next_match(self, resting: Sequence[Resting], now_ms: int, step: Decimal) -> int:
        """Return when the price next goes beyond a resting order's, or NEVER."""
        nearest = NEVER
        for order in resting:
            known = self._matches.get(order.client_id)
            if known is None or not known[0] <= now_ms < known[1]:
                at_ms = self._find_match(order, now_ms, step)
                known = self._matches[order.client_id] = (now_ms, at_ms)
            nearest = min(nearest, known[1])
        return nearest

    def _find_match(self, order: Resting, now_ms: int, step: Decimal) -> int:
        looks = self.path.looks
        first, stretch = self.path.next_look(now_ms), 1024
        # Half a step of room, so that a float never hides a match from the venue,
        # which compares exactly.
        near = float(order.limit_price)
        near += float(step) / 2 * (-1 if order.side is Side.BUY else 1)
        while first < len(looks):
            part = looks[first : first + stretch]
            beyond = part < near if order.side is Side.BUY else part > near
            if beyond.any():
                return self.path.look_ms(first + int(beyond.argmax()))
            first, stretch = first + stretch, stretch * 4
        return NEVER


@dataclass(slots=True)
class TapeDriver:
    """Runs one flow over the candles of several symbols, to the end of the tape."""

    rulebook: Rulebook
    host: Host
    venue: SimulatedVenue
    tapes: Sequence[Candles]
    write: Write
    walk: bool = False
    flow: Flow = field(init=False)
    view: TapeView = field(init=False)
    _lanes: list[Lane] = field(default_factory=list)
    _heap: list[tuple[int, int, Action]] = field(default_factory=list)
    _pushed: int = 0
    _cursor: tuple[int, int, int] = (0, 0, 0)
    _resting: dict[str, tuple[Resting, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.view = TapeView(self.rulebook)
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
            params = self.rulebook.params.effective(candles.symbol, {})
            signals = count_votes(self.rulebook, self.host, candles, params)
            lane = Lane(candles.symbol, Path(candles), signals, self.flow)
            self._lanes.append(lane)
            self.view.lanes[candles.symbol] = lane
        self.view.now_ms = self.span_ms[0]

    def start(self, started: Started) -> None:
        """Begin a new run."""
        self._take(started)

    def resume(self, records: Iterable[Record], cursor: str) -> None:
        """Go on where a journal ends: fold it, and bring the venue to the same point.

        Raises:
            JournalError: the journal was not made by this tape and venue.
        """
        at_ms, order, number = (int(part) for part in cursor.split(":"))
        self._cursor = (at_ms, order, number)
        known = list(records)
        self.view.now_ms = at_ms
        wakes = self.flow.recover(known)
        self._retell(known, at_ms)
        self._resting.clear()
        for wake in wakes:
            if wake.at_ms > at_ms:
                self._push(wake.at_ms, wake)
            else:
                self._push(at_ms, wake)

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Go on to the tape's end; ``progress`` is told the moment now and then."""
        turns = 0
        while self.step():
            turns += 1
            if progress is not None and turns % 256 == 0:
                progress(self.view.now_ms)

    def step(self) -> bool:
        """Take what is next; return False at the end of the tape."""
        at_ms, order, number = self._next()
        if at_ms > self.span_ms[1] or at_ms == NEVER:
            return False
        self._cursor = (at_ms, order, number)
        self.view.now_ms = at_ms
        if order == ARRIVE:
            self._arrive(heapq.heappop(self._heap)[2])
        else:
            self._stop(self._lanes[number], order)
        return True

    def _next(self) -> tuple[int, int, int]:
        """Return the moment, kind and lane of what is next."""
        best = (self._heap[0][0], ARRIVE, 0) if self._heap else (NEVER, ARRIVE, 0)
        for number, lane in enumerate(self._lanes):
            best = min(best, self._next_in(lane, number))
        return best

    def _next_in(self, lane: Lane, number: int) -> tuple[int, int, int]:
        """Return what is next in a lane, later than the cursor."""
        best = (NEVER, CANDLE, number)
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
                elif at_ms != NEVER:
                    yield at_ms, CANDLE  # the close is looked at with its candle
            else:
                yield self._next_candle(lane, after_ms), order
                closing = (now_ms - lane.path.start_ms) % lane.path.step_ms == 0
                if closing and not behind:
                    at_ms = self._next_look(lane, after_ms)
                    yield (now_ms if at_ms == now_ms else NEVER), order

    def _next_trade(self, lane: Lane, after_ms: int) -> int:
        resting = self._resting.get(lane.symbol)
        if resting is None:
            resting = self._resting[lane.symbol] = self.venue.resting(lane.symbol)
        if not resting:
            return NEVER
        if self.walk:
            return self._look_ms(lane, after_ms)
        step = self.flow.state.markets[lane.symbol].price_step
        return lane.next_match(resting, after_ms, step)

    def _next_look(self, lane: Lane, after_ms: int) -> int:
        if not self.walk:
            return lane.next_exit(after_ms)
        look = lane.path.next_look(after_ms)
        if look >= len(lane.path) * LOOKS:
            return NEVER
        nearest = lane.path.look_ms(look)
        for position in self.flow.state.positions.values():
            watched = position.symbol == lane.symbol and position.bought
            if watched and not position.leaving:
                stop = lane.screen.next_stop(position, after_ms, until_look=look)
                nearest = min(nearest, stop.at_ms if stop else nearest)
        return nearest

    def _next_candle(self, lane: Lane, after_ms: int) -> int:
        closed = lane.path.closed(after_ms)
        if not self.walk:
            return lane.next_candidate(closed)
        if closed >= len(lane.path):
            return NEVER
        return lane.path.start_ms + (closed + 1) * lane.path.step_ms

    def _look_ms(self, lane: Lane, after_ms: int) -> int:
        look = lane.path.next_look(after_ms)
        return NEVER if look >= len(lane.path) * LOOKS else lane.path.look_ms(look)

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
        outcome = self.flow.handle(event)
        if outcome.records or outcome.decisions:
            self.write(outcome, ":".join(str(part) for part in self._cursor))
        for action in outcome.actions:
            if isinstance(action, WakeAt):
                self._push(action.at_ms, action)
            else:
                self._push(self.view.now_ms + self.venue.latency_ms, action)

    def _push(self, at_ms: int, action: Action) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (at_ms, self._pushed, action))

    def _retell(self, records: Sequence[Record], until_ms: int) -> None:
        """Tell a fresh venue what the journal says it was told, and keep what was not.

        The venue answers the same, so nothing is recorded again.
        """
        told: list[tuple[int, int, int, Action | str]] = []
        sent: dict[str, int] = {}
        latency_ms = self.venue.latency_ms
        for record in records:
            number = len(told)
            if isinstance(record, Intended):
                at_ms = record.intent.made_ms + latency_ms
                sent[record.intent.client_id] = at_ms
                told.append((at_ms, ARRIVE, number, Send(record.intent)))
            elif isinstance(record, CancelAsked):
                action = Cancel(record.client_id)
                told.append((record.at_ms + latency_ms, ARRIVE, number, action))
            elif isinstance(record, Filled) and record.at_ms != sent.get(
                record.client_id
            ):
                symbol = self._symbol(records, record.client_id)
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

    def _symbol(self, records: Sequence[Record], client_id: str) -> str:
        for record in records:
            if isinstance(record, Intended) and record.intent.client_id == client_id:
                return record.intent.symbol
        raise JournalError(f"the journal has a fill of an order it lacks: {client_id}")

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
