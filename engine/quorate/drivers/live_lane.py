"""One symbol in a live run: its closed candles, its prices, its columns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from quorate.contract.live import Bar, Tick
from quorate.drivers.kept_candles import KeptCandles
from quorate.flow.flow import Flow
from quorate.rulebook.params import ParamValue
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import EntryRule
from quorate.stages.votes import Signals, count_votes
from quorate.values.market import Candles
from quorate.values.timeframes import MINUTE_MS, NEVER_MS

KEPT_BARS = 2880
"""Closed candles that indicators look back on: two days of minutes."""

KEPT_PEAKS = 10_000


NOT_SEEN = "no-price"
STALE = "stale-market"
NOT_TRADED = "not-traded"


@dataclass(slots=True, eq=False)
class LiveLane:
    """What is known of one symbol. ``restate`` is due after new bars.

    ``interrupted`` while its prices may be late, ``entered`` unless only what is open
    in it is looked after.
    ``_peaks`` are the prices that were not exceeded since, each with when it came and
    until when it stood, so that the highest since any moment is the first of them that
    still stood then.
    """

    symbol: str
    flow: Flow
    price: float | None = None
    price_ms: int = 0
    interrupted: bool = True
    entered: bool = True
    signals: Signals | None = None
    _kept: KeptCandles = field(init=False)
    _peaks: list[tuple[int, float, int]] = field(default_factory=list)
    _begun: tuple[object, Signals | None, int] = (None, None, 0)

    def __post_init__(self) -> None:
        self._kept = KeptCandles(self.symbol, KEPT_BARS)

    @property
    def closed_ms(self) -> int:
        """When the last known candle closed, 0 before the first."""
        return self._kept.closed_ms

    def see(self, tick: Tick) -> bool:
        """Take the last price, held between bid and ask; return whether it is new."""
        if tick.at_ms < self.price_ms:
            return False
        price = min(max(tick.last, tick.bid), tick.ask)
        moved = price != self.price
        self.price, self.price_ms = price, tick.at_ms
        if moved:
            self._peak(tick.at_ms, price)
        return moved

    def _peak(self, at_ms: int, price: float) -> None:
        if self._peaks:  # the last one is the price that stands until now
            came_ms, stood, _ = self._peaks[-1]
            self._peaks[-1] = (came_ms, stood, at_ms)
        while self._peaks and self._peaks[-1][1] <= price:
            self._peaks.pop()
        self._peaks.append((at_ms, price, NEVER_MS))
        if len(self._peaks) > KEPT_PEAKS:
            del self._peaks[: KEPT_PEAKS // 2]

    def peak(self, since_ms: int) -> float | None:
        """Return the highest price seen since a moment, now included."""
        first = bisect_left(self._peaks, (since_ms,))
        if first and self._peaks[first - 1][2] > since_ms:
            first -= 1  # it came before, and still stood
        if first < len(self._peaks):
            return max(self._peaks[first][1], self.price or 0.0)
        return self.price

    def add(self, bar: Bar) -> bool:
        """Take a closed candle; return False when it is not a later one.

        Minutes without a trade stay flat at the last close.
        """
        if bar.open_ms < self.closed_ms:
            return False
        if len(self._kept):
            self._fill(bar.open_ms)
        self._kept.add(bar, stale=bar.volume == 0)
        close_ms = bar.open_ms + MINUTE_MS
        if bar.open_ms >= self.price_ms:
            # No tick was seen in it, so its high is all there is to know.
            self._peak(close_ms - 1, bar.high)
            self.price, self.price_ms = bar.close, close_ms
            self._peak(close_ms, bar.close)
        return True

    def _fill(self, until_ms: int) -> None:
        """Add the minutes in which nothing was traded."""
        begin_ms, price = self.closed_ms, self._kept.last_close
        # What a long interruption left out would be forgotten again at once.
        first_ms = max(begin_ms, until_ms - KEPT_BARS * MINUTE_MS)
        if first_ms > begin_ms:
            self._kept.clear()
        for open_ms in range(first_ms, until_ms, MINUTE_MS):
            self._kept.add(_flat(self.symbol, price, open_ms), stale=True)

    def restate(self) -> None:
        """Compute every column anew: after new candles, before they are decided on."""
        self.signals = self.count(self.flow.bench.rulebook)

    def count(self, rulebook: Rulebook) -> Signals:
        """Return the columns that a rulebook needs, and those of exits that are kept.

        Raises:
            TapeError: a vote looks at a timeframe that minutes cannot give.
        """
        bench = self.flow.bench
        params = rulebook.params.effective(self.symbol, {})
        also = bench.kept_expressions()
        if rulebook is not bench.rulebook:
            also += bench.book.exits.expressions()
        return count_votes(rulebook, bench.host, self.candles(), params, also)

    def candles(self) -> Candles:
        """Return the closed candles as columns, the last KEPT_BARS of them."""
        return self._kept.candles()

    def stretch_ms(self) -> int:
        """Return since when the last candles have been candidates, 0 if not."""
        if self.signals is None or not len(self.signals.candles):
            return 0
        params = self.flow.bench.params(self.symbol)
        if self._begun[0] is not params or self._begun[1] is not self.signals:
            rules = self.flow.bench.rulebook.entry
            begun = self._begin(self.signals, params, rules)
            self._begun = (params, self.signals, begun)
        return self._begun[2]

    def shadow_stretch_ms(self) -> int:
        """Return the same for the shadow entry rules."""
        if self.signals is None or not len(self.signals.candles):
            return 0
        bench = self.flow.bench
        rules = bench.rulebook.shadows["entry"]
        begun = self._begin(self.signals, bench.params(self.symbol), rules)
        first = int(self.signals.candles.close_ms[0])
        return 1 if begun == first else begun  # it began before what is kept

    def _begin(
        self,
        signals: Signals,
        params: Mapping[str, ParamValue],
        rules: Sequence[EntryRule],
    ) -> int:
        mask = signals.candidates(params, rules)
        if not mask[-1]:
            return 0
        others = np.flatnonzero(~mask)
        first = int(others[-1]) + 1 if len(others) else 0
        return int(signals.candles.close_ms[first])

    def value(self, name: str) -> float | None:
        """Return a column's value at the last closed candle."""
        column = None if self.signals is None else self.signals.column(name)
        return float(column[-1]) if column is not None and len(column) else None

    def scores(self) -> dict[str, float]:
        """Return each voter's score at the last closed candle."""
        if self.signals is None:
            return {}
        return {
            ballot.voter: float(ballot.scores[-1])
            for ballot in self.signals.ballots
            if len(ballot.scores)
        }


@dataclass(slots=True)
class LiveView:
    """Market data as it is known now: what the flow looks at."""

    lanes: dict[str, LiveLane] = field(default_factory=dict)

    def price(self, symbol: str) -> float | None:
        """Return the last price seen, None before the first."""
        return self.lanes[symbol].price

    def peak(self, symbol: str, since_ms: int) -> float | None:
        """Return the highest price seen since a moment, now included."""
        return self.lanes[symbol].peak(since_ms)

    def column(self, symbol: str, name: str) -> float | None:
        """Return a column's value at the last closed candle."""
        return self.lanes[symbol].value(name)

    def stretch_ms(self, symbol: str) -> int:
        """Return since when the last candles have been candidates, 0 if not."""
        return self.lanes[symbol].stretch_ms()

    def shadow_stretch_ms(self, symbol: str) -> int:
        """Return the same for the shadow entry rules."""
        return self.lanes[symbol].shadow_stretch_ms()

    def scores(self, symbol: str) -> dict[str, float]:
        """Return each voter's score at the last closed candle."""
        return self.lanes[symbol].scores()

    def stale(self, symbol: str) -> str:
        """Return why the prices are not those of now, "" when they are."""
        lane = self.lanes[symbol]
        if not lane.entered:
            return NOT_TRADED
        if lane.price is None:
            return NOT_SEEN
        return STALE if lane.interrupted else ""


def _flat(symbol: str, price: float, open_ms: int) -> Bar:
    return Bar(
        symbol=symbol,
        open_ms=open_ms,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=0.0,
    )
