"""What is known of every symbol's market, and how sure it is; told as it comes.

Quotes and candles come in from a source (a stream, or polling), are refused at the
boundary when they are impossible, and go out as ticks and closed candles. What a
source leaves open is wanted from REST: candles that were missed, and the price of a
symbol that has been quiet, since a quiet market and a frozen feed look the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from quorate import Tell, Tick

from .candle_grid import AHEAD_MS, CandleGrid, closed_bars
from .figures import MINUTE_MS, Refusals, check_book, price, read_bar
from .pacing import Timing

SETTLE_MS = 1_000
"""How long after a minute's end the last word on its candle may take."""
SETTLE_S = 0.15
WAIT_MS = 4_000
WAIT_S = 0.2
"""How long after that a ticker is waited for, which shows that a feed is not frozen."""
GRACE_MS = 2_000
"""How much earlier REST may know a price than the stream."""
GRACE_S = 0.3
CONFIRMED_SYMBOLS = 30
"""With more symbols than this the public budget has no room for doubts in candles:
then the minute in which a stream begins, of which it tells the whole as well, is
believed too.
"""
OLDEST_MS = 720 * MINUTE_MS
"""Candles that were missed longer ago than this are not asked for."""


@dataclass(slots=True)
class Quote:
    """The prices of a symbol: ``at_ms`` of the exchange, ``heard_ms`` when they came.

    ``sure_ms`` is until when they are known to be those of now; ``differs_ms`` since
    when REST says another price, 0 for never.
    """

    last: float | None = None
    bid: float | None = None
    ask: float | None = None
    at_ms: int = 0
    heard_ms: int = -1
    sure_ms: int = 0
    probed_ms: int = 0
    differs_ms: int = 0

    @property
    def book(self) -> tuple[float, float] | None:
        """Best bid and ask, None before both are known."""
        return None if self.bid is None or self.ask is None else (self.bid, self.ask)


def settle_ms(timing: Timing) -> int:
    """Return how long after its end by our clock a minute is over for certain."""
    return timing.span_ms(SETTLE_MS, SETTLE_S) + timing.unsure_ms()


class MarketDesk:
    """Every symbol's grid and quote; ``begin`` and ``live`` mark a source's life.

    ``wanted`` are the symbols whose candles REST is to be asked for.
    """

    def __init__(self, timing: Timing, symbols: Iterable[str], tell: Tell) -> None:
        self.timing = timing
        self.refusals = Refusals("market data")
        self.stale_after_ms = timing.stale_after_ms
        self.wanted: asyncio.Queue[str] = asyncio.Queue()
        self.quotes: dict[str, Quote] = {}
        self.grids: dict[str, CandleGrid] = {}
        self.streams_candles = True
        self._asked: set[str] = set()
        self._tell = tell
        self._heard_ms = timing.elapsed_ms()
        self._live = False
        now_ms, names = timing.now_ms(), tuple(symbols)
        self._confirms = len(names) <= CONFIRMED_SYMBOLS
        for symbol in names:
            minute_ms = now_ms - now_ms % MINUTE_MS
            self.grids[symbol] = CandleGrid(
                symbol,
                minute_ms,
                confirms=self._confirms,
                wait_ms=timing.span_ms(WAIT_MS, WAIT_S),
            )
            self.quotes[symbol] = Quote()

    @property
    def settle_ms(self) -> int:
        """How long after its end a minute counts as over; our clock may be ahead."""
        return settle_ms(self.timing)

    def start_at(self, symbol: str, told_ms: int) -> None:
        """Give candles from ``told_ms`` on: those before were given already."""
        grid = self.grids.get(symbol)
        if grid is not None and told_ms < grid.next_ms:
            grid.next_ms = grid.told_ms = told_ms

    def begin(self) -> None:
        """A source starts: nothing that was known before is sure."""
        self._live = False
        self._heard_ms = self.timing.elapsed_ms()
        self._asked.clear()
        self.wanted = asyncio.Queue()  # those who served the old one are gone
        for symbol, grid in self.grids.items():
            grid.lost()
            self.quotes[symbol] = Quote()

    def live(self, *, candles: bool = True) -> None:
        """The source is at work; whether it tells of candles while they form."""
        now_ms = self.timing.now_ms()
        self._live, self.streams_candles = True, candles
        for symbol, grid in self.grids.items():
            self.quotes[symbol].sure_ms = now_ms
            if candles:
                grid.live(now_ms if self._confirms else now_ms - now_ms % MINUTE_MS)
            if grid.next_ms + MINUTE_MS <= now_ms:
                self.want(symbol)

    def heard(self) -> None:
        """Something came, whatever it was."""
        self._heard_ms = self.timing.elapsed_ms()

    def want(self, symbol: str) -> None:
        """Have REST asked for the candles of a symbol."""
        if symbol not in self._asked:
            self._asked.add(symbol)
            self.wanted.put_nowait(symbol)

    def served(self, symbol: str) -> None:
        """REST has been asked; a later want is a new one."""
        self._asked.discard(symbol)

    def quote(
        self,
        symbol: Any,
        at_ms: int | None,
        last: Any = None,
        bid: Any = None,
        ask: Any = None,
    ) -> None:
        """Take prices as they came; ``at_ms`` is the exchange's word, None without.

        What is not told stays as it was, until everything is known.
        """
        quote = self.quotes.get(symbol)
        if quote is None:
            return
        now_ms = self.timing.now_ms()
        when_ms = now_ms if at_ms is None else at_ms
        try:
            room_ms = self.timing.span_ms(AHEAD_MS) + self.timing.unsure_ms()
            if when_ms > now_ms + room_ms:
                raise ValueError(f"prices from {(when_ms - now_ms) // 1000} s ahead")
            if when_ms < quote.at_ms:
                self.refusals.note("prices", f"{symbol}: older than those before")
                return
            self._take(quote, last, bid, ask)
        except ValueError as error:
            self.refusals.note("prices", f"{symbol}: {error}")
            return
        quote.at_ms, quote.heard_ms, quote.differs_ms = when_ms, now_ms, 0
        quote.sure_ms = max(quote.sure_ms, when_ms)
        if last is not None and quote.last is not None:
            since_ms = when_ms - (self.timing.unsure_ms() if at_ms is None else 0)
            self.grids[symbol].hear(when_ms, quote.last, since_ms)
        # What was so long ago is not the price of now: it is asked for first.
        if now_ms - when_ms < self.stale_after_ms:
            self._tell_tick(symbol, quote, when_ms)

    def _take(self, quote: Quote, last: Any, bid: Any, ask: Any) -> None:
        traded = quote.last if last is None else price(last, "last")
        best = quote.bid if bid is None else price(bid, "bid")
        least = quote.ask if ask is None else price(ask, "ask")
        if best is not None and least is not None:
            check_book(best, least, quote.book)
        quote.last, quote.bid, quote.ask = traded, best, least

    def _tell_tick(self, symbol: str, quote: Quote, at_ms: int) -> None:
        last, book = quote.last, quote.book
        if last is not None and book is not None:
            bid, ask = book
            self._tell(Tick(at_ms=at_ms, symbol=symbol, last=last, bid=bid, ask=ask))

    def candle(self, symbol: Any, row: Any) -> None:
        """Take the word of a source on a candle that may still form."""
        grid = self.grids.get(symbol)
        if grid is None:
            return
        try:
            bar = read_bar(symbol, row)
            grid.see(bar, self.timing.now_ms() + self.timing.unsure_ms())
        except ValueError as error:
            self.refusals.note("candle", f"{symbol}: {error}")

    def fill(self, symbol: str, rows: Iterable[Any], asked_ms: int) -> None:
        """Take what REST says of candles; ``asked_ms`` is when it was asked."""
        bars = []
        for row in rows:
            try:
                bars.append(read_bar(symbol, row))
            except ValueError as error:
                self.refusals.note("candle", f"{symbol}: {error}")
        settled_ms = self.settle_ms
        closed = closed_bars(bars, asked_ms, settled_ms)
        for bar in self.grids[symbol].fill(closed, asked_ms - settled_ms):
            self._tell(bar)

    def since_ms(self, symbol: str) -> int:
        """Return from when on candles of a symbol are missing."""
        return max(self.grids[symbol].told_ms, self.timing.now_ms() - OLDEST_MS)

    def close_minutes(self) -> None:
        """Tell every candle that is closed and sure; want those that are not sure."""
        if not self._live:
            return
        now_ms, settled_ms = self.timing.now_ms(), self.settle_ms
        for symbol, grid in self.grids.items():
            bars, asks = grid.close(now_ms, settled_ms)
            for bar in bars:
                self._tell(bar)
            if asks:
                self.want(symbol)

    @property
    def whole(self) -> bool:
        """Whether every symbol has a price, and no candle that was missed is due."""
        return self._live and not any(
            (grid.behind and symbol in self._asked)
            or self.quotes[symbol].heard_ms < 0
            or self.quotes[symbol].book is None
            for symbol, grid in self.grids.items()
        )

    def quiet(self) -> list[str]:
        """Return the symbols whose price has to be asked for, and note that it is.

        Half of the span after which they are stale is left for the answer.
        """
        if not self._live:
            return []
        now_ms, after_ms = self.timing.now_ms(), self.stale_after_ms / 2
        found = [
            symbol
            for symbol, quote in self.quotes.items()
            if now_ms - quote.sure_ms > after_ms
            and now_ms - quote.probed_ms > self.stale_after_ms / 4
        ]
        for symbol in found:
            self.quotes[symbol].probed_ms = now_ms
        return found

    def probed(self, symbol: str, last: Any, bid: Any, ask: Any, asked_ms: int) -> None:
        """Take REST's word on the price of a symbol that was quiet."""
        quote = self.quotes[symbol]
        if quote.heard_ms >= asked_ms:
            return  # not quiet any more
        told: tuple[Any, ...] = (bid, ask)
        ours: tuple[float | None, ...] = (quote.bid, quote.ask)
        if None in told or None in ours:
            # The stream may tell no more of a last price that moved nothing.
            told, ours = (last,), (quote.last,)
        try:
            same = tuple(price(each, "price") for each in told) == ours
        except ValueError as error:
            self.refusals.note("prices", f"{symbol}, asked for: {error}")
            return
        if same:
            quote.sure_ms, quote.differs_ms = asked_ms, 0
            self._tell_tick(symbol, quote, asked_ms)
        else:
            quote.differs_ms = quote.differs_ms or self.timing.now_ms()

    def stale(self) -> str:
        """Return why the source cannot be relied on, "" when it can."""
        silent_ms = self.timing.elapsed_ms() - self._heard_ms
        if silent_ms > self.timing.silent_after_ms:
            return f"nothing came for {silent_ms // 1000} s"
        if not self._live:
            return ""
        now_ms, grace_ms = self.timing.now_ms(), self.timing.span_ms(GRACE_MS, GRACE_S)
        for symbol, quote in self.quotes.items():
            if quote.differs_ms and now_ms - quote.differs_ms > grace_ms:
                return f"{symbol} is frozen: the exchange tells another price"
            if now_ms - quote.sure_ms > self.stale_after_ms:
                return f"no price of {symbol} for {(now_ms - quote.sure_ms) // 1000} s"
        return ""
