"""One symbol on the tape: what it waits for, and what the flow sees of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from quorate.contract.venue import Resting
from quorate.drivers.path import LOOKS, Path
from quorate.drivers.screen import ExitScreen, ShadowScreen
from quorate.flow.flow import Flow
from quorate.flow.shadows import unsaid
from quorate.stages.votes import Signals
from quorate.values.market import Flags
from quorate.values.mode import Mode
from quorate.values.timeframes import NEVER_MS
from quorate.values.trade import Position, Side


@dataclass(slots=True)
class TapeView:
    """Market data as known at ``now_ms``: what the flow looks at."""

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

    def stale(self, symbol: str) -> str:  # noqa: ARG002 - a tape is never late
        """Return "": on a tape the prices are always those of now."""
        return ""

    def stretch_ms(self, symbol: str) -> int:
        """Return since when the last candles have been candidates, 0 if not."""
        lane = self.lanes[symbol]
        return lane.stretch_ms(lane.path.closed(self.now_ms) - 1)

    def shadow_stretch_ms(self, symbol: str) -> int:
        """Return the same for the shadow entry rules."""
        lane = self.lanes[symbol]
        lane.candidates()
        return lane.began_ms(lane.shadows, lane.path.closed(self.now_ms) - 1)

    def scores(self, symbol: str) -> dict[str, float]:
        """Return each voter's score at the last closed candle."""
        lane = self.lanes[symbol]
        row = lane.path.closed(self.now_ms) - 1
        return {
            ballot.voter: float(ballot.scores[row]) for ballot in lane.signals.ballots
        }


@dataclass(frozen=True, slots=True)
class Stretches:
    """Candles that are candidates, and the first of the stretch each is in."""

    rows: list[int] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)


def _stretches(mask: Flags) -> Stretches:
    rows = np.flatnonzero(mask)
    onset = rows[np.insert(np.diff(rows) > 1, 0, True)] if len(rows) else rows
    begin = onset[np.searchsorted(onset, rows, side="right") - 1]
    starts = dict(zip(rows.tolist(), begin.tolist(), strict=True))
    return Stretches(rows.tolist(), starts)


@dataclass(slots=True, eq=False)
class Lane:
    """One symbol on the tape: its path, its columns, and what it waits for."""

    symbol: str
    path: Path
    signals: Signals
    flow: Flow
    screen: ExitScreen = field(init=False)
    shadow_screen: ShadowScreen = field(init=False)
    shadows: Stretches = field(default_factory=Stretches)
    _live: Stretches = field(default_factory=Stretches)
    _params: object = None
    _exits: dict[str, tuple[Position, object, int, int]] = field(default_factory=dict)
    _shadow_exits: dict[str, tuple[Position, object, int, int]] = field(
        default_factory=dict
    )
    _matches: dict[str, tuple[int, int]] = field(default_factory=dict)
    _standing: tuple[int, str] = (-1, "")

    def __post_init__(self) -> None:
        self.screen = ExitScreen(self.flow, self.path, self.signals)
        self.shadow_screen = ShadowScreen(self.flow, self.path, self.signals)

    def restate(self, signals: Signals) -> None:
        """Go on with other columns: the rules have changed."""
        self.signals = signals
        self.screen = ExitScreen(self.flow, self.path, signals)
        self.shadow_screen = ShadowScreen(self.flow, self.path, signals)
        self._shadow_exits.clear()
        self._params, self._standing = None, (-1, "")
        self._exits.clear()

    def candidates(self) -> list[int]:
        """Return the candles that are entry candidates under the params of now."""
        params = self.flow.bench.params(self.symbol)
        if params is not self._params:
            self._params = params
            self._live = _stretches(self.signals.candidates(params))
            rules = self.flow.bench.rulebook.shadows["entry"]
            self.shadows = _stretches(self.signals.candidates(params, rules))
        return self._live.rows

    def stretch_ms(self, row: int) -> int:
        """Return when the stretch of candidates around ``row`` began, 0 for none."""
        self.candidates()
        return self.began_ms(self._live, row)

    def began_ms(self, stretches: Stretches, row: int) -> int:
        """Return when the stretch around ``row`` began, 0 when it is in none."""
        begin = stretches.starts.get(row)
        if begin is None:
            return 0
        return self.path.start_ms + (begin + 1) * self.path.step_ms

    def next_shadow(self, closed: int) -> int:
        """Return when the next candle closes that a shadow entry may speak of."""
        self.candidates()
        rows, book = self.shadows.rows, self.flow.bench.book
        place = bisect_right(rows, closed - 1)
        while place < len(rows):
            since_ms = self.began_ms(self.shadows, rows[place])
            if unsaid(self.flow.state, book.shadows.entry, self.symbol, since_ms):
                return self.path.start_ms + (rows[place] + 1) * self.path.step_ms
            place = self._next_onset(self.shadows, place)
        return NEVER_MS

    def next_candidate(self, closed: int) -> int:
        """Return when the next candle closes that could be entered at, or NEVER_MS.

        ``closed`` candles are behind. While a veto stands that only a record can lift,
        nothing but the beginning of a stretch is worth recording.
        """
        candidates = self.candidates()
        place = bisect_right(candidates, closed - 1)
        while place < len(candidates):
            row = candidates[place]
            if self._live.starts[row] != row and self._declined_already(row):
                place = self._next_onset(self._live, place)
                continue
            return self.path.start_ms + (row + 1) * self.path.step_ms
        return NEVER_MS

    def _next_onset(self, stretches: Stretches, place: int) -> int:
        rows, starts = stretches.rows, stretches.starts
        begin = starts[rows[place]]
        while place < len(rows):
            if starts[rows[place]] != begin:
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
        """Return when the next exit holds for an open position, or NEVER_MS."""
        nearest = NEVER_MS
        state = self.flow.state
        if state.mode is Mode.HALTED:
            return NEVER_MS  # nothing leaves
        for position in state.held_in.get(self.symbol, {}).values():
            if position.leaving or not position.bought:
                continue
            nearest = min(nearest, self._next_exit(position, now_ms))
            nearest = min(nearest, self._next_shadow_exit(position, now_ms))
            if position.id in state.hesitant and not state.orders_of(position.id):
                nearest = min(nearest, self._next_close(now_ms))
        return nearest

    def _next_close(self, now_ms: int) -> int:
        closed = self.path.closed(now_ms)
        if closed >= len(self.path):
            return NEVER_MS
        return self.path.start_ms + (closed + 1) * self.path.step_ms

    def _next_exit(self, position: Position, now_ms: int) -> int:
        if not self.screen.steady(position):
            look = self.path.next_look(now_ms)
            at_end = look >= len(self.path) * LOOKS
            return NEVER_MS if at_end else self._nearest_look(position, now_ms, look)
        state = self.flow.state
        key = (position.id in state.hesitant, state.turns)
        known = self._exits.get(position.id)
        same = known is not None and known[0] is position and known[1] == key
        if known is not None and same and known[2] <= now_ms < known[3]:
            return known[3]
        stop = self.screen.next_stop(position, now_ms)
        at_ms = NEVER_MS if stop is None else stop.at_ms
        self._exits[position.id] = (position, key, now_ms, at_ms)
        return at_ms

    def _next_shadow_exit(self, position: Position, now_ms: int) -> int:
        """Return the next look at which a shadow exit has something to say."""
        exits, state = self.flow.bench.book.shadows.exits, self.flow.state
        if not exits.keys or not unsaid(state, exits, position.id):
            return NEVER_MS
        if not self.shadow_screen.steady(position):
            look = self.path.next_look(now_ms)
            at_end = look >= len(self.path) * LOOKS
            return NEVER_MS if at_end else self.path.look_ms(look)
        key = (sum(about == position.id for _, about in state.shadowed), state.turns)
        known = self._shadow_exits.get(position.id)
        same = known is not None and known[0] is position and known[1] == key
        if known is not None and same and known[2] <= now_ms < known[3]:
            return known[3]
        stop = self.shadow_screen.next_stop(position, now_ms)
        at_ms = NEVER_MS if stop is None else stop.at_ms
        self._shadow_exits[position.id] = (position, key, now_ms, at_ms)
        return at_ms

    def _nearest_look(self, position: Position, now_ms: int, look: int) -> int:
        stop = self.screen.next_stop(position, now_ms, until_look=look)
        return self.path.look_ms(look) if stop is None else stop.at_ms

    def next_match(self, resting: Sequence[Resting], now_ms: int, step: Decimal) -> int:
        """Return when the price next goes beyond a resting order's, or NEVER_MS."""
        nearest = NEVER_MS
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
        return NEVER_MS
