"""The market behind the exchange: tickers, candles, books and trades from the tapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

import numpy as np

from quorate import Candles, VenueError

from .clock import MINUTE_MS, Clock
from .pairs import Listing, Pair
from .track import THIRD_MS, Rows, Track

HISTORY = 720
"""Candles that REST gives at most, the one under way included."""
DAY = 1440
OLDEST_MIN = 60 * DAY
"""How far back candles go: longer ones are fewer than REST would give."""

_ZERO = Decimal(0)
_QUIET = 0.1  # a quiet minute still has a tenth of the usual depth
_TRADES_A_MINUTE = 4
_DEEPEST = 5_000
_LEVEL_APART = Decimal("0.0001")  # of the price

Level = tuple[Decimal, Decimal]
"""A price and the amount that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBar:
    """A candle of the market, closed or under way, on the grid of its pair."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTrade:
    """A trade of others, as the public sees it."""

    at_ms: int
    price: Decimal
    amount: Decimal
    side: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidity:
    """How much is there: ``spread`` as a ratio of the price, ``share`` of the volume.

    ``depth`` is the amount at the touch, and what a minute lets resting orders have;
    None takes it from the volume of the minute.
    """

    spread: Decimal = Decimal("0.0001")
    share: Decimal = Decimal("0.1")
    depth: Decimal | None = None


class MarketTape:
    """All markets at the clock's time. Prices are Decimals on the grid of the pair."""

    def __init__(
        self,
        tapes: Sequence[Candles],
        pairs: Listing,
        clock: Clock,
        liquidity: Liquidity,
        start_row: int | None = None,
    ) -> None:
        self.clock = clock
        self.liquidity = liquidity
        self._pairs = pairs
        self._taken: dict[tuple[str, str], tuple[int, Decimal]] = {}
        self._days: dict[tuple[str, int], tuple[int, MarketBar]] = {}
        start = clock.now_ms() // MINUTE_MS
        self.tracks: dict[str, Track] = {}
        for tape in _common(tapes):
            row = start_row
            if row is None:
                row = HISTORY if len(tape) > HISTORY else 0
            tick = float(pairs.by_symbol[tape.symbol].tick)
            self.tracks[tape.symbol] = Track(tape, start - row, tick)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that have a market, which is those that have a tape."""
        return tuple(self.tracks)

    def price(self, symbol: str) -> Decimal:
        """Return the price now."""
        return self.on_grid(symbol, self.tracks[symbol].price(self.clock.now_ms()))

    def touch(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return the best bid and the best ask now, at least a tick apart."""
        tick, price = self._pair(symbol).tick, self.price(symbol)
        half = self.liquidity.spread / 2
        bid = max(tick, price * (1 - half) // tick * tick)
        ask = -(-price * (1 + half) // tick) * tick
        return bid, max(ask, bid + tick)

    def ticker(self, symbol: str) -> dict[str, Decimal | str]:
        """Return a ticker as the websockets write it, volumes and extremes of 24 h."""
        bid, bid_amount = next(self.levels(symbol, "sell"))
        ask, ask_amount = next(self.levels(symbol, "buy"))
        day, last = self.day(symbol, DAY), self.price(symbol)
        return {
            "symbol": symbol,
            "bid": bid,
            "bid_qty": bid_amount,
            "ask": ask,
            "ask_qty": ask_amount,
            "last": last,
            "volume": day.volume,
            "vwap": day.vwap or last,
            "low": day.low,
            "high": day.high,
            "change": last - day.open,
            "change_pct": ((last / day.open - 1) * 100).quantize(Decimal("0.01")),
        }

    def day(self, symbol: str, minutes: int) -> MarketBar:
        """Return the last ``minutes`` as one candle, the minute under way included."""
        now_ms = self.clock.now_ms()
        last = now_ms // MINUTE_MS
        now = self._under_way(symbol, now_ms)
        first = last - minutes + 1
        if first >= last:
            return now
        kept = self._days.get((symbol, minutes))
        if kept is None or kept[0] != last:
            rows = self.tracks[symbol].rows(first, last)
            whole = self._bars(symbol, rows, minutes)[0]
            kept = self._days[symbol, minutes] = (last, whole)
        return _merged((kept[1], now))

    def bars(
        self, symbol: str, interval_min: int, since_ms: int, most: int = HISTORY
    ) -> list[MarketBar]:
        """Return the candles that open after ``since_ms``, the last one under way.

        At most the last ``most`` of them, as REST does it.
        """
        now_ms = self.clock.now_ms()
        minute = now_ms // MINUTE_MS
        last = minute // interval_min
        oldest = -(-(minute - OLDEST_MIN) // interval_min)
        since = since_ms // (interval_min * MINUTE_MS)
        first = max(since + 1, last - most + 1, oldest)
        if first > last:
            return []
        now = self._under_way(symbol, now_ms)
        rows = self.tracks[symbol].rows(first * interval_min, minute)
        bars = self._bars(symbol, rows, interval_min)
        if minute % interval_min:
            return [*bars[:-1], _merged((bars[-1], now))]
        return [*bars, now]

    def book(self, symbol: str, depth: int) -> dict[str, list[Level]]:
        """Return ``depth`` levels of bids and asks, best first."""
        return {
            "bids": list(islice(self.levels(symbol, "sell"), depth)),
            "asks": list(islice(self.levels(symbol, "buy"), depth)),
        }

    def levels(self, symbol: str, side: str) -> Iterator[Level]:
        """Yield what an order of that side can take, best first: price and amount.

        What our orders of that side took within the minute is there no more.
        """
        bid, ask = self.touch(symbol)
        step = self._level_step(symbol, bid)
        price, step = (ask, step) if side == "buy" else (bid, -step)
        minute = self.clock.now_ms() // MINUTE_MS
        taken, at_touch = self._taken_in(symbol, side, minute), self._at_touch(symbol)
        for level in range(_DEEPEST):
            size = self._size(at_touch, level)
            away = min(taken, size)
            taken -= away
            if size > away:
                yield price, size - away
            price += step
            if price <= 0:
                return

    def trades(self, symbol: str, since_ms: int) -> list[MarketTrade]:
        """Return the trades after ``since_ms``: four in a minute, at its turns."""
        now_ms, track = self.clock.now_ms(), self.tracks[symbol]
        first = max(since_ms, now_ms - HISTORY * MINUTE_MS) // MINUTE_MS
        found = []
        for minute in range(first, now_ms // MINUTE_MS + 1):
            amount = self._amount(track.volume(minute) / _TRADES_A_MINUTE)
            for part in range(_TRADES_A_MINUTE):
                at_ms = minute * MINUTE_MS + min(part * THIRD_MS, MINUTE_MS - 1)
                if not since_ms < at_ms <= now_ms or not amount:
                    continue
                found.append(
                    MarketTrade(
                        at_ms=at_ms,
                        price=self.on_grid(symbol, track.price(at_ms)),
                        amount=amount,
                        side="buy" if part % 2 == 0 else "sell",
                        number=(minute - track.first_minute) * _TRADES_A_MINUTE + part,
                    )
                )
        return found

    def room(self, symbol: str, side: str, at_ms: int) -> Decimal:
        """Return how much a minute still gives to our resting orders of a side."""
        minute = at_ms // MINUTE_MS
        if self.liquidity.depth is not None:
            most = self.liquidity.depth
        else:
            volume = self.tracks[symbol].volume(minute)
            most = self._amount(volume * float(self.liquidity.share))
        return max(_ZERO, most - self._taken_in(symbol, side, minute))

    def take(self, symbol: str, side: str, amount: Decimal, at_ms: int) -> None:
        """Note that an order of ours on that side got ``amount`` in a minute."""
        minute = at_ms // MINUTE_MS
        amount += self._taken_in(symbol, side, minute)
        self._taken[symbol, side] = (minute, amount)

    def _taken_in(self, symbol: str, side: str, minute: int) -> Decimal:
        of_minute, amount = self._taken.get((symbol, side), (0, _ZERO))
        return amount if of_minute == minute else _ZERO

    def on_grid(self, symbol: str, price: float) -> Decimal:
        """Return a price on the grid of its pair, never below a tick."""
        tick = self._pair(symbol).tick
        return max(1, round(price / float(tick))) * tick

    def force(self, symbol: str, price: Decimal) -> None:
        """Let a price jump now."""
        self.tracks[symbol].force(float(price), self.clock.now_ms())

    def _pair(self, symbol: str) -> Pair:
        return self._pairs.by_symbol[symbol]

    def _amount(self, amount: float) -> Decimal:
        return Decimal(f"{amount:.8f}")

    def _at_touch(self, symbol: str) -> Decimal:
        if self.liquidity.depth is not None:
            return self.liquidity.depth
        track = self.tracks[symbol]
        volume = track.volume(self.clock.now_ms() // MINUTE_MS)
        volume = max(volume, _QUIET * track.mean_volume)
        return max(Decimal("1e-8"), self._amount(volume * float(self.liquidity.share)))

    def _size(self, at_touch: Decimal, level: int) -> Decimal:
        if self.liquidity.depth is not None and level:
            return at_touch
        return (at_touch * (2 + level) / 2).quantize(Decimal("1e-8"))

    def _level_step(self, symbol: str, price: Decimal) -> Decimal:
        tick = self._pair(symbol).tick
        return max(tick, price * _LEVEL_APART // tick * tick)

    def _under_way(self, symbol: str, now_ms: int) -> MarketBar:
        track, minute = self.tracks[symbol], now_ms // MINUTE_MS
        share = (now_ms - minute * MINUTE_MS) / MINUTE_MS
        prices = track.part(minute, now_ms)
        volume, vwap = track.volume(minute) * share, sum(prices) / len(prices)
        opened = minute * MINUTE_MS
        return self._bar(symbol, opened, prices, vwap, volume, int(volume > 0))

    def _bars(self, symbol: str, rows: Rows, minutes: int) -> list[MarketBar]:
        """Return closed candles of so many minutes; the last one may have fewer."""
        starts = np.arange(0, len(rows.open), minutes)
        if not len(starts):
            return []
        volume = np.add.reduceat(rows.volume, starts)
        middle = (rows.open + rows.high + rows.low + rows.close) / 4
        worth = np.add.reduceat(middle * rows.volume, starts)
        traded = np.add.reduceat((rows.volume > 0).astype(np.int64), starts)
        ends = np.minimum(starts + minutes, len(rows.open)) - 1
        columns = (
            rows.open[starts],
            np.maximum.reduceat(rows.high, starts),
            np.minimum.reduceat(rows.low, starts),
            rows.close[ends],
            np.divide(worth, volume, out=np.zeros(len(starts)), where=volume > 0),
            volume,
            traded,
        )
        opens = ((rows.minute + starts) * MINUTE_MS).tolist()
        return [
            self._bar(symbol, open_ms, row[:4], row[4], row[5], int(row[6]))
            for open_ms, row in zip(
                opens, np.column_stack(columns).tolist(), strict=True
            )
        ]

    def _bar(
        self,
        symbol: str,
        open_ms: int,
        prices: Sequence[float],
        vwap: float,
        volume: float,
        traded: int,
    ) -> MarketBar:
        opened, high, low, close = (self.on_grid(symbol, price) for price in prices)
        return MarketBar(
            open_ms=open_ms,
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=self._amount(volume),
            vwap=self.on_grid(symbol, vwap) if volume else _ZERO,
            trades=_TRADES_A_MINUTE * traded,
        )


def _merged(bars: Sequence[MarketBar]) -> MarketBar:
    if len(bars) == 1:
        return bars[0]
    volume = sum((bar.volume for bar in bars), _ZERO)
    worth = sum((bar.volume * bar.vwap for bar in bars), _ZERO)
    return MarketBar(
        open_ms=bars[0].open_ms,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=volume,
        vwap=worth / volume if volume else _ZERO,
        trades=sum(bar.trades for bar in bars),
    )


def _common(tapes: Sequence[Candles]) -> list[Candles]:
    """Return the tapes cut to the time they share, as they are if they share none."""
    for tape in tapes:
        if tape.timeframe_ms != MINUTE_MS or not len(tape):
            raise VenueError(
                f"the tape of {tape.symbol} must have candles of one minute, "
                f"had {len(tape)} of {tape.timeframe_ms} ms"
            )
    if not tapes:
        raise VenueError("the exchange needs a tape for each market")
    start = max(int(tape.time_ms[0]) for tape in tapes)
    end = min(int(tape.time_ms[-1]) for tape in tapes)
    if start >= end:
        return list(tapes)
    return [_cut(tape, start, end) for tape in tapes]


def _cut(tape: Candles, start_ms: int, end_ms: int) -> Candles:
    inside = (tape.time_ms >= start_ms) & (tape.time_ms <= end_ms)
    names = ("time_ms", "open", "high", "low", "close", "volume", "stale")
    columns = {name: getattr(tape, name)[inside] for name in names}
    return Candles(symbol=tape.symbol, timeframe_ms=tape.timeframe_ms, **columns)
