"""The way the price takes through a candle, and the moments the watch looks at it.

A candle tells four prices and not their order. The tape assumes the worse one for
somebody who has bought: open, low, high, close, in straight lines of equal length, so
that a stop is met before a target. The watch looks once a second; the prices in between
two turns lie between them, so it is enough to look at four moments of a candle (one
second after its open, and at low, high and close) and to look closer where something
holds at one that did not hold at the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from quorate.values.market import Candles, Floats, Times

LOOKS = 4
"""Moments of a candle that are always looked at."""

SECOND_MS = 1000


@dataclass(slots=True, eq=False)
class Path:
    """One symbol's price over time. Looks are numbered through: four to a candle."""

    candles: Candles
    step_ms: int = field(init=False)
    start_ms: int = field(init=False)
    looks: Floats = field(init=False)

    def __post_init__(self) -> None:
        candles = self.candles
        self.step_ms = candles.timeframe_ms
        self.start_ms = int(candles.time_ms[0])
        looks = np.empty((len(candles), LOOKS))
        share = SECOND_MS / (self.step_ms // 3)
        looks[:, 0] = candles.open + (candles.low - candles.open) * share
        looks[:, 1] = candles.low
        looks[:, 2] = candles.high
        looks[:, 3] = candles.close
        self.looks = looks.reshape(-1)

    def __len__(self) -> int:
        return len(self.candles)

    @property
    def end_ms(self) -> int:
        """When the last candle closes."""
        return self.start_ms + len(self) * self.step_ms

    def look_ms(self, look: int) -> int:
        """Return when a look happens."""
        candle, part = divmod(look, LOOKS)
        return self.start_ms + candle * self.step_ms + self._offsets[part]

    def look_times(self, first: int, end: int) -> Times:
        """Return when the looks from ``first`` up to ``end`` happen."""
        numbers = np.arange(first, end, dtype=np.int64)
        offsets = np.array(self._offsets, dtype=np.int64)
        candle = numbers // LOOKS
        return self.start_ms + candle * self.step_ms + offsets[numbers % LOOKS]

    @property
    def _offsets(self) -> tuple[int, int, int, int]:
        third = self.step_ms // 3
        return (SECOND_MS, third, 2 * third, self.step_ms)

    def next_look(self, after_ms: int) -> int:
        """Return the first look later than a moment."""
        if after_ms < self.start_ms:
            return 0
        candle = (after_ms - self.start_ms) // self.step_ms
        within = after_ms - self.start_ms - candle * self.step_ms
        passed = sum(offset <= within for offset in self._offsets)
        return int(candle * LOOKS + passed)

    def closed(self, at_ms: int) -> int:
        """Return how many candles are closed at a moment."""
        return max(0, min(len(self), (at_ms - self.start_ms) // self.step_ms))

    def under_way(self, at_ms: int) -> int:
        """Return the candle whose price is traded at a moment; at a close, that one."""
        candle = (at_ms - self.start_ms - 1) // self.step_ms
        return max(0, min(len(self) - 1, candle))

    def price(self, at_ms: int) -> float | None:
        """Return the price at a moment, None before the first candle."""
        if at_ms <= self.start_ms:
            return None
        candle = self.under_way(at_ms)
        within = at_ms - self.start_ms - candle * self.step_ms
        if within >= self.step_ms:
            return float(self.candles.close[candle])
        third = self.step_ms // 3
        part, into = divmod(within, third)
        if into == 0:
            return float(self._turn(candle, part))
        start, end = self._turn(candle, part), self._turn(candle, part + 1)
        return float(start + (end - start) * (into / third))

    def _turn(self, candle: int, part: int) -> float:
        column = (
            self.candles.open,
            self.candles.low,
            self.candles.high,
            self.candles.close,
        )[min(part, 3)]
        return float(column[candle])

    def seconds(self, look: int, after_ms: int) -> tuple[Times, Floats]:
        """Return the moments and prices the watch sees on the way to a look.

        They are whole seconds of the candle, later than the look before and than
        ``after_ms``, the look itself last.
        """
        candle, part = divmod(look, LOOKS)
        begin = self.start_ms + candle * self.step_ms
        end_ms = begin + self._offsets[part]
        before_ms = begin if part == 0 else begin + self._offsets[part - 1]
        first = max(before_ms, after_ms) - begin
        offsets = np.arange(
            first // SECOND_MS + 1,
            (end_ms - begin - 1) // SECOND_MS + 1,
            dtype=np.int64,
        )
        third = self.step_ms // 3
        segment = max(part - 1, 0)
        start, end = self._turn(candle, segment), self._turn(candle, segment + 1)
        into = offsets * SECOND_MS - segment * third
        prices = np.append(start + (end - start) * (into / third), self.looks[look])
        return np.append(begin + offsets * SECOND_MS, end_ms), prices

    def peak(self, since_ms: int, at_ms: int) -> float | None:
        """Return the highest price the watch has seen since a moment, now included."""
        now, before = self.price(at_ms), self.peak_before(since_ms, at_ms)
        if now is None or before is None:
            return now
        return max(now, before)

    def peak_before(self, since_ms: int, at_ms: int) -> float | None:
        """Return the highest of the price at ``since_ms`` and the looks since then."""
        highest = self.price(since_ms)
        first, end = self.next_look(since_ms), self.next_look(at_ms)
        if end > first:
            seen = float(self.looks[first:end].max())
            highest = seen if highest is None else max(highest, seen)
        return highest
