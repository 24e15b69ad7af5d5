"""The candles of one symbol, minute by minute: which are closed, and which are sure.

A stream tells of a candle while it forms: each time all of it, so that the last word
counts. REST tells of candles that are over, and is believed. A candle of the stream
is sure if the stream was whole since the candle's minute began, if the last price that
the ticker told in that minute is the candle's, and if the ticker has spoken after it,
so that the feed was not frozen; any other is asked for. Pure: reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterable

from quorate import Bar

from .figures import MINUTE_MS

AHEAD_MS = 5_000
"""How far in the future a candle may open: clocks differ."""


class CandleGrid:
    """Takes candles in any order, gives each closed one once, in the order of time.

    ``next_ms`` is the minute that is decided on next, ``told_ms`` the end of the last
    candle that was given. ``whole_ms`` is the minute from which on the stream has told
    everything, None while it is interrupted. ``confirms`` says whether the ticker has
    to confirm a candle; it is waited for ``wait_ms``.
    """

    def __init__(
        self, symbol: str, next_ms: int, *, confirms: bool = True, wait_ms: int = 0
    ) -> None:
        self.symbol = symbol
        self.next_ms = self.told_ms = next_ms
        self.whole_ms: int | None = None
        self._confirms = confirms
        self._wait_ms = wait_ms
        self._spoke_ms = 0
        self._seen: dict[int, Bar] = {}
        self._heard: dict[int, float] = {}
        self._before: float | None = None

    def lost(self) -> None:
        """The stream is interrupted: what it told of unfinished minutes is dropped."""
        self.whole_ms = None
        self._seen.clear()
        self._heard.clear()

    def live(self, from_ms: int) -> None:
        """The stream is whole for every minute from ``from_ms`` on."""
        self.whole_ms = -(-from_ms // MINUTE_MS) * MINUTE_MS

    @property
    def behind(self) -> bool:
        """Whether there are minutes that only REST can tell of."""
        return self.whole_ms is None or self.next_ms < self.whole_ms

    def see(self, bar: Bar, now_ms: int) -> bool:
        """Take the word of the stream on a candle; return whether it is of use.

        A candle's volume only grows: what has less of it is an older word.

        Raises:
            ValueError: it opens in the future.
        """
        if bar.open_ms > now_ms + AHEAD_MS:
            ahead_s = (bar.open_ms - now_ms) // 1000
            raise ValueError(f"a candle that opens in {ahead_s} s")
        known = self._seen.get(bar.open_ms)
        if bar.open_ms < self.next_ms:
            return False
        if known is not None and known.volume > bar.volume:
            return False
        self._seen[bar.open_ms] = bar
        return True

    def hear(self, at_ms: int, price: float, since_ms: int = 0) -> None:
        """Take the last price traded, as the ticker tells it at a moment.

        Clocks differ: it was told at ``since_ms`` or later, 0 for ``at_ms``.
        """
        self._spoke_ms = max(self._spoke_ms, since_ms or at_ms)
        minute_ms = at_ms - at_ms % MINUTE_MS
        if minute_ms >= self.next_ms:
            self._heard[minute_ms] = price

    def close(self, now_ms: int, settle_ms: int) -> tuple[list[Bar], bool]:
        """Return candles that are closed and sure, and whether one has to be asked for.

        A minute is over ``settle_ms`` after its end: the last word on it is under way
        until then. A minute without a candle is left out when nothing was traded.
        """
        bars: list[Bar] = []
        while self.next_ms + MINUTE_MS + settle_ms <= now_ms:
            bar = self._seen.get(self.next_ms)
            if self.behind:
                return bars, True
            if not self._spoken():
                over_ms = self.next_ms + MINUTE_MS + settle_ms
                return bars, now_ms >= over_ms + self._wait_ms
            if not self._sure(bar):
                return bars, True
            if bar is not None:
                bars.append(bar)
            self._pass(self.next_ms + MINUTE_MS, bar)
        return bars, False

    def fill(self, rows: Iterable[Bar], over_ms: int) -> list[Bar]:
        """Return the candles that REST's word closes; ``rows`` are closed ones.

        Every minute that ended by ``over_ms`` is decided on: where REST has no candle
        yet, the stream's is taken, if it has been whole.
        """
        over_ms -= over_ms % MINUTE_MS
        known = {
            open_ms: bar
            for open_ms, bar in self._seen.items()
            if self.whole_ms is not None and self.whole_ms <= open_ms < over_ms
        }
        known |= {bar.open_ms: bar for bar in rows}
        bars = [known[at] for at in sorted(known) if at >= self.told_ms]
        last = bars[-1] if bars else None
        end_ms = last.open_ms + MINUTE_MS if last else 0
        self._pass(max(self.next_ms, over_ms, end_ms), last)
        return bars

    def _spoken(self) -> bool:
        """Return whether the ticker has spoken after the next minute."""
        return not self._confirms or self._spoke_ms >= self.next_ms + MINUTE_MS

    def _sure(self, bar: Bar | None) -> bool:
        heard = self._heard.get(self.next_ms)
        if heard is None or not self._confirms:
            return True
        return heard == (self._before if bar is None else bar.close)

    def _pass(self, next_ms: int, bar: Bar | None) -> None:
        """Go on to a later minute; ``bar`` is the last candle given before it."""
        heard = [at for at in self._heard if at < next_ms]
        if bar is not None:
            self.told_ms = bar.open_ms + MINUTE_MS
            self._before = bar.close
        elif heard:
            self._before = self._heard[max(heard)]
        for minute_ms in heard:
            del self._heard[minute_ms]
        for open_ms in [at for at in self._seen if at < next_ms]:
            del self._seen[open_ms]
        self.next_ms = next_ms


def closed_bars(rows: Iterable[Bar], asked_ms: int, settle_ms: int) -> list[Bar]:
    """Return those of REST's candles that are closed, oldest first, each once.

    One is closed when the reply has a later one, or when it was over, clocks allowing
    for, before the reply was asked for; the last row of a reply is often forming.
    """
    known = {bar.open_ms: bar for bar in rows}
    latest = max(known, default=0)
    return [
        known[open_ms]
        for open_ms in sorted(known)
        if open_ms < latest or open_ms + MINUTE_MS + settle_ms <= asked_ms
    ]
