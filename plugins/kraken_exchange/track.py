"""One symbol's price over time, as its tape says.

A tape row is shown as the candle of an exchange minute. Inside it the price goes in
straight lines of equal length from open over low and high to close. When the tape ends
it goes on from its beginning, rescaled so that nothing jumps; the same backwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from quorate import Candles, Floats

from .clock import MINUTE_MS

THIRD_MS = MINUTE_MS // 3
_HIGHEST = 1e12


@dataclass(frozen=True, slots=True)
class Line:
    """A straight piece of the price's way, ``start`` to ``end`` in milliseconds."""

    start_ms: int
    end_ms: int
    start: float
    end: float

    def at(self, at_ms: int) -> float:
        """Return the price at a moment of this piece."""
        span = self.end_ms - self.start_ms
        share = (at_ms - self.start_ms) / span if span else 1.0
        return self.start + (self.end - self.start) * share

    def reaches(self, price: float, *, below: bool) -> int | None:
        """Return when the price is first below (or above) ``price``, None if never."""
        sign = 1 if below else -1
        start, end = sign * (self.start - price), sign * (self.end - price)
        if start < 0:
            return self.start_ms
        if end >= 0:
            return None
        share = start / (start - end)
        return self.start_ms + int((self.end_ms - self.start_ms) * share)


@dataclass(frozen=True, slots=True)
class Rows:
    """Candles of consecutive minutes as columns; ``minute`` is minutes since 1970."""

    minute: int
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@dataclass(slots=True, eq=False)
class Track:
    """A tape laid on exchange time: ``first_minute`` shows its row 0."""

    tape: Candles
    first_minute: int
    tick: float
    jumps: list[tuple[int, float]] = field(default_factory=list)
    mean_volume: float = field(init=False)
    _drift: float = field(init=False)
    _last: Line | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.mean_volume = float(self.tape.volume.mean())
        self._drift = float(self.tape.close[-1] / self.tape.open[0])

    def force(self, price: float, at_ms: int) -> None:
        """Let the price jump at a moment; the tape goes on from there, rescaled."""
        self.jumps.append((at_ms, price / self.price(at_ms)))
        self._last = None

    def price(self, at_ms: int) -> float:
        """Return the price at a moment, not yet on the grid."""
        return self.line(at_ms).at(at_ms)

    def line(self, at_ms: int) -> Line:
        """Return the straight piece that begins at or before a moment and holds it."""
        # Most questions are about now, again and again.
        if self._last is None or not self._last.start_ms <= at_ms < self._last.end_ms:
            self._last = self._line(at_ms)
        return self._last

    def _line(self, at_ms: int) -> Line:
        minute, within = divmod(at_ms, MINUTE_MS)
        part = within // THIRD_MS
        turns = self._turns(minute)
        start_ms = minute * MINUTE_MS + part * THIRD_MS
        factor = self._factor(at_ms)
        whole = Line(
            start_ms,
            start_ms + THIRD_MS,
            turns[part] * factor,
            turns[part + 1] * factor,
        )
        jumps = [ms for ms, _ in self.jumps]
        first = max([start_ms, *(ms for ms in jumps if ms <= at_ms)])
        last = min([whole.end_ms, *(ms for ms in jumps if ms > at_ms)])
        return Line(first, last, whole.at(first), whole.at(last))

    def lines(self, from_ms: int, to_ms: int) -> Iterator[Line]:
        """Yield the way of the price between two moments, piece by piece."""
        at_ms = from_ms
        while at_ms < to_ms:
            whole = self.line(at_ms)
            end_ms = min(whole.end_ms, to_ms)
            yield Line(at_ms, end_ms, whole.at(at_ms), whole.at(end_ms))
            at_ms = end_ms

    def rows(self, first: int, end: int) -> Rows:
        """Return the whole candles of the minutes from ``first`` up to ``end``."""
        rows = self._from_tape(first, end)
        for at_ms, factor in self.jumps:
            later = max(0, at_ms // MINUTE_MS + 1 - first)
            for column in (rows.open, rows.high, rows.low, rows.close):
                column[later:] *= factor
        for minute in {at_ms // MINUTE_MS for at_ms, _ in self.jumps}:
            if first <= minute < end:
                whole = self.part(minute, (minute + 1) * MINUTE_MS)
                for column, price in zip(
                    (rows.open, rows.high, rows.low, rows.close), whole, strict=True
                ):
                    column[minute - first] = price
        return rows

    def part(self, minute: int, until_ms: int) -> tuple[float, float, float, float]:
        """Return open, high, low and close of a minute as far as it is over."""
        start_ms = minute * MINUTE_MS
        until_ms = max(until_ms, start_ms + 1)
        seen = [
            price
            for line in self.lines(start_ms, until_ms)
            for price in (line.start, line.end)
        ]
        return seen[0], max(seen), min(seen), seen[-1]

    def volume(self, minute: int) -> float:
        """Return what is traded in a minute, in base currency."""
        row = (minute - self.first_minute) % len(self.tape)
        return float(self.tape.volume[row])

    def _turns(self, minute: int) -> list[float]:
        # Plain numbers: this is asked many times a second, and arrays of one are slow.
        cycle, row = divmod(minute - self.first_minute, len(self.tape))
        scale, tape = self._drift**cycle, self.tape
        columns = (tape.open, tape.low, tape.high, tape.close)
        prices = (float(column[row]) * scale for column in columns)
        return [min(max(price, self.tick), _HIGHEST) for price in prices]

    def _factor(self, at_ms: int) -> float:
        factor = 1.0
        for jump_ms, by in self.jumps:
            if jump_ms <= at_ms:
                factor *= by
        return factor

    def _from_tape(self, first: int, end: int) -> Rows:
        number = np.arange(first, end, dtype=np.int64) - self.first_minute
        row, cycle = number % len(self.tape), number // len(self.tape)
        scale = np.power(self._drift, cycle)
        columns = [
            np.clip(column[row] * scale, self.tick, _HIGHEST)
            for column in (
                self.tape.open,
                self.tape.high,
                self.tape.low,
                self.tape.close,
            )
        ]
        opened, high, low, close = columns
        return Rows(first, opened, high, low, close, self.tape.volume[row])
