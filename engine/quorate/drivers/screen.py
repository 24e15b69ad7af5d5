"""Find the next look at which an exit would hold, many looks at once.

The columns say when, the flow decides: both compute the same arithmetic on the same
numbers, so where the screen passes over a look the flow would do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from quorate.contract.views import PositionView
from quorate.contract.vocabulary import Fact, Moves, Stage
from quorate.drivers.path import LOOKS, Path
from quorate.flow.book import Exits
from quorate.flow.flow import Flow
from quorate.rulebook.compile_columns import compile_columns_section
from quorate.rulebook.rules import ExitRule
from quorate.stages.answers import Moment, as_float
from quorate.stages.exits import view_position
from quorate.stages.votes import Signals
from quorate.values.market import Flags, Floats, Times
from quorate.values.trade import Position

FIRST_STRETCH = 256
LONGEST_STRETCH = 65_536


@dataclass(frozen=True, slots=True)
class Stop:
    """A moment at which a position would leave; ``look`` is the look it belongs to."""

    at_ms: int
    look: int


@dataclass(frozen=True, slots=True)
class Watched:
    """The watched exits of one rulebook, compiled to columns.

    ``steady`` is False when an exit mentions a fact that time or the market moves:
    then the flow itself has to take every look, and nothing is passed over.
    """

    exits: Exits
    rules: tuple[ExitRule, ...]
    evaluate: Callable[[Mapping[str, Any]], tuple[list[Flags], list[Flags]]]
    reads: tuple[str, ...]
    steady: bool

    @classmethod
    def of(cls, exits: Exits) -> Watched:
        """Compile the conditions of some exits."""
        rules = tuple(rule for rule in exits.rules if rule.when is not None)
        pairs = [(rule.id, rule.when.expression) for rule in rules if rule.when]
        reads = tuple({name for _, formula in pairs for name in formula.reads})
        facts = exits.rulebook.facts
        account = [
            fact.moves
            for name in reads
            if (fact := facts.get(name)) is not None and fact.stage is Stage.ACCOUNT
        ]
        evaluate = compile_columns_section(pairs)
        return cls(
            exits, rules, evaluate, reads, set(account) <= {Moves.STATE, Moves.TIME}
        )


@dataclass(slots=True)
class ExitScreen:
    """Looks ahead for the positions of one symbol."""

    HESITATES: ClassVar[bool] = True

    flow: Flow
    path: Path
    signals: Signals
    _watched: dict[str, tuple[Watched, ...]] = field(default_factory=dict)

    def watched(self, position: Position) -> tuple[Watched, ...]:
        """Return what a position is watched for: the rules it was opened under."""
        known = self._watched.get(position.rulebook)
        if known is None:
            groups = self.flow.bench.exits_of(position)
            every = (Watched.of(exits) for exits in groups)
            known = tuple(group for group in every if group.rules)
            self._watched[position.rulebook] = known
        return known

    def steady(self, position: Position) -> bool:
        """Return whether looks at a position may be passed over."""
        return all(group.steady for group in self.watched(position))

    def next_stop(
        self, position: Position, after_ms: int, *, until_look: int | None = None
    ) -> Stop | None:
        """Return the first moment after ``after_ms`` at which an exit holds.

        Looks no further than ``until_look``. The moment is the second at which it
        first holds on the way to a look at which it holds.
        """
        if not self.watched(position):
            return None
        first = self.path.next_look(after_ms)
        end = len(self.path) * LOOKS if until_look is None else until_look + 1
        stretch = FIRST_STRETCH
        peak = self.path.peak_before(position.opened_ms, after_ms)
        while first < end:
            upto = min(end, first + stretch)
            prices = self.path.looks[first:upto]
            peaks = np.maximum.accumulate(prices)
            if peak is not None:
                peaks = np.maximum(peaks, peak)
            times = self.path.look_times(first, upto)
            held = self._held(position, prices, times, peaks)
            if held.any():
                look = first + int(held.argmax())
                return self._closer(position, look, after_ms)
            peak = float(peaks[-1])
            first, stretch = upto, min(stretch * 4, LONGEST_STRETCH)
        return None

    def _closer(self, position: Position, look: int, after_ms: int) -> Stop:
        """Return the first second on the way to ``look`` at which an exit holds."""
        times, prices = self.path.seconds(look, after_ms)
        # No look lies between two of these seconds: what was seen before is the same.
        before = self.path.peak_before(position.opened_ms, int(times[0]) - 1)
        peaks = prices if before is None else np.maximum(prices, before)
        closing = look % LOOKS == LOOKS - 1
        for index in np.flatnonzero(self._held(position, prices, times, peaks)):
            at_close = closing and index == len(times) - 1
            if position.id not in self.flow.state.hesitant or at_close:
                return Stop(int(times[index]), look)
        return Stop(int(times[-1]), look)

    def _held(
        self, position: Position, prices: Floats, times: Times, peaks: Floats
    ) -> Flags:
        """Return at which of the moments a watched exit of the position holds."""
        symbol, bench = self.path.candles.symbol, self.flow.bench
        market = self.flow.state.markets[symbol]
        view = view_position(
            position, market, price=prices, at_ms=times, peak_price=peaks
        )
        held = np.zeros(len(times), dtype=np.bool_)
        for group in self.watched(position):
            desk = bench.desk(symbol, int(times[0]), group.exits.rulebook)
            columns = self._columns(group, view, desk, times)
            true, unknown = group.evaluate(columns)
            for rule, column, faults in zip(group.rules, true, unknown, strict=True):
                held |= self._matters(position, rule, column, faults)
        if self.HESITATES and position.id in self.flow.state.hesitant:
            held &= (times - self.path.start_ms) % self.path.step_ms == 0
        return held

    def _matters(
        self, position: Position, rule: ExitRule, true: Flags, unknown: Flags
    ) -> Flags:
        """Return at which moments the flow has something to do because of a rule."""
        if rule.id in position.exits_fired:
            return np.zeros_like(true)
        if (position.id, rule.id) in self.flow.state.unknown_exits:
            return true
        return true | unknown  # the flow has to say so, once

    def _columns(
        self, group: Watched, view: PositionView, desk: Any, times: Times
    ) -> dict[str, Any]:
        rulebook = group.exits.rulebook
        closed = (times - self.path.start_ms) // self.path.step_ms - 1
        columns: dict[str, Any] = {}
        for name in group.reads:
            fact = rulebook.facts.get(name)
            if fact is not None and fact.stage is Stage.POSITION:
                columns[name] = _column_of(fact, view, times)
                continue
            if fact is not None and fact.moves is Moves.TIME:
                columns[name] = _column_of(fact, replace(desk, now_ms=times), times)
                continue
            column = self.signals.column(name)
            if column is not None and name not in rulebook.params.by_name:
                known = column[np.maximum(closed, 0)]
                columns[name] = np.where(closed >= 0, known, np.nan)
                continue
            answers = group.exits.answers
            context = answers.context([name], Moment(desk), exact=False)
            columns[name] = as_float(getattr(context, name))
        return columns


@dataclass(slots=True)
class ShadowScreen(ExitScreen):
    """Looks ahead for shadow exits: at the looks of a candle, and at nothing between.

    At a look every live exit may be looked at too; at a second between two looks it
    might hold where without the shadow nobody would have seen it.
    """

    HESITATES: ClassVar[bool] = False

    def watched(self, position: Position) -> tuple[Watched, ...]:  # noqa: ARG002
        """Return the shadow exits of the rulebook of now, for any position."""
        if "" not in self._watched:
            group = Watched.of(self.flow.bench.book.shadow_exits())
            self._watched[""] = (group,) if group.rules else ()
        return self._watched[""]

    def _closer(
        self,
        position: Position,  # noqa: ARG002 - any position waits for the look
        look: int,
        after_ms: int,  # noqa: ARG002
    ) -> Stop:
        return Stop(self.path.look_ms(look), look)

    def _matters(
        self,
        position: Position,
        rule: ExitRule,
        true: Flags,
        unknown: Flags,  # noqa: ARG002 - what is not known says nothing
    ) -> Flags:
        said = (rule.id, position.id) in self.flow.state.shadowed
        return np.zeros_like(true) if said else true


def _column_of(fact: Fact, view: object, times: Times) -> Floats:
    """Return a fact at many moments; one that fails there is for the flow to ask."""
    try:
        value = np.asarray(fact.compute(view), float)
        return np.broadcast_to(value, times.shape)
    except Exception:  # noqa: BLE001 - a fact may fail in any way
        return np.full(times.shape, np.nan)
