"""Candles are given each once, in order, and as the exchange has them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Bar

part = import_module("venue_orders").part
grid_module, figures = part("candle_grid"), part("figures")
CandleGrid, closed_bars = grid_module.CandleGrid, grid_module.closed_bars

MINUTE = 60_000
START = 29_000_000 * MINUTE
SETTLE = 1_000


def bar(minute: int, close: float = 10.0, volume: float = 1.0, **more: Any) -> Bar:
    given = {"open": 10.0, "high": 12.0, "low": 8.0, **more}
    open_ms = START + minute * MINUTE
    return Bar(symbol="BTC/USD", open_ms=open_ms, close=close, volume=volume, **given)


def at(minute: float) -> int:
    return START + round(minute * MINUTE)


def grid(*, confirms: bool = False, wait_ms: int = 0) -> Any:
    made = CandleGrid("BTC/USD", START, confirms=confirms, wait_ms=wait_ms)
    made.live(START)
    return made


def minutes(bars: list[Bar]) -> list[int]:
    return [(one.open_ms - START) // MINUTE for one in bars]


def test_a_candle_is_given_when_its_minute_is_over_though_no_other_comes() -> None:
    one = grid()
    one.see(bar(0), at(0.5))
    assert one.close(at(1), SETTLE) == ([], False)
    assert one.close(at(1) + SETTLE, SETTLE) == ([bar(0)], False)
    assert one.close(at(1.9), SETTLE) == ([], False)


def test_the_last_word_counts_though_it_comes_before_an_older_one() -> None:
    one = grid()
    one.see(bar(0, close=11.0, volume=3.0), at(0.5))
    assert not one.see(bar(0, close=10.0, volume=2.0), at(0.5))
    assert one.close(at(1.1), SETTLE)[0] == [bar(0, close=11.0, volume=3.0)]


def test_a_word_on_a_candle_that_was_given_is_of_no_use() -> None:
    one = grid()
    one.see(bar(0), at(0.5))
    one.close(at(1.1), SETTLE)
    assert not one.see(bar(0, volume=9.0), at(1.1))
    assert one.close(at(1.5), SETTLE) == ([], False)


def test_a_candle_of_the_future_is_refused() -> None:
    with pytest.raises(ValueError, match="opens in 360 s"):
        grid().see(bar(7), at(1))


def test_a_candle_that_is_not_what_the_ticker_said_is_asked_for() -> None:
    one = grid(confirms=True)
    one.see(bar(0, close=10.0), at(0.5))
    one.hear(at(0.9), 11.0)
    one.hear(at(1.01), 11.0)
    assert one.close(at(1.1), SETTLE) == ([], True)
    assert one.fill([bar(0, close=11.0)], at(1.05)) == [bar(0, close=11.0)]
    assert one.close(at(1.5), SETTLE) == ([], False)


def test_with_many_symbols_a_candle_is_not_confirmed() -> None:
    one = grid()
    one.see(bar(0, close=10.0), at(0.5))
    one.hear(at(0.9), 11.0)
    assert one.close(at(1.1), SETTLE) == ([bar(0, close=10.0)], False)


def test_a_candle_is_asked_for_when_the_feed_may_have_been_frozen() -> None:
    one = grid(confirms=True, wait_ms=4_000)
    one.see(bar(0, close=10.0), at(0.5))
    one.hear(at(0.9), 10.0)
    assert one.close(at(1) + SETTLE + 3_999, SETTLE) == ([], False)
    assert one.close(at(1) + SETTLE + 4_000, SETTLE) == ([], True)
    one.hear(at(1) + 500, 10.0, since_ms=at(1) - 1)  # perhaps before its end
    assert one.close(at(1) + SETTLE + 4_000, SETTLE) == ([], True)
    one.hear(at(1), 10.0)
    assert one.close(at(1) + SETTLE + 4_000, SETTLE) == ([bar(0)], False)


def test_a_minute_without_a_trade_is_left_out_unasked() -> None:
    one = grid(confirms=True)
    one.see(bar(0, close=10.0), at(0.5))
    one.hear(at(0.9), 10.0)
    one.hear(at(1.5), 10.0)
    one.see(bar(2, close=10.0), at(2.5))
    one.hear(at(3), 10.0)
    assert minutes(one.close(at(3.1), SETTLE)[0]) == [0, 2]


def test_a_minute_whose_candle_is_lost_is_asked_for_if_the_price_moved() -> None:
    one = grid(confirms=True)
    one.see(bar(0, close=10.0), at(0.5))
    one.hear(at(1.5), 10.5)
    one.hear(at(2), 10.5)
    bars, asks = one.close(at(2.1), SETTLE)
    assert (minutes(bars), asks) == ([0], True)


def test_after_an_interruption_nothing_is_given_before_it_was_asked_for() -> None:
    one = grid()
    one.see(bar(0), at(0.5))
    one.lost()
    one.see(bar(3), at(3.5))
    one.live(at(3.5))
    one.see(bar(4), at(4.5))
    assert one.close(at(5.1), SETTLE) == ([], True)
    told = one.fill([bar(0), bar(1), bar(2), bar(3)], at(5) - SETTLE)
    assert minutes(told) == [0, 1, 2, 3]
    assert minutes(one.close(at(5.1), SETTLE)[0]) == [4]


def test_where_rest_lags_behind_the_streams_candle_is_taken() -> None:
    one = grid()
    one.see(bar(0), at(0.5))
    one.see(bar(1), at(1.5))
    assert minutes(one.fill([bar(0)], at(2))) == [0, 1]


def test_the_forming_candle_of_rest_is_not_closed() -> None:
    rows = [bar(2), bar(0), bar(1), bar(1)]
    assert minutes(closed_bars(rows, at(2.5), SETTLE)) == [0, 1]
    assert minutes(closed_bars(rows, at(3) + SETTLE - 1, SETTLE)) == [0, 1]
    assert minutes(closed_bars(rows, at(3) + SETTLE, SETTLE)) == [0, 1, 2]
    assert closed_bars([], at(3), SETTLE) == []


@dataclass(slots=True)
class Trade:
    """A trade of the truth: what becomes of the frame that tells of its candle."""

    at_ms: int
    price: float
    fate: str


@dataclass(slots=True)
class World:
    """An exchange, a stream that may lose, double and swap frames, and REST."""

    trades: list[Trade]
    latency_ms: int
    cuts: list[tuple[int, int]]
    grid: Any = field(default_factory=lambda: CandleGrid("BTC/USD", START))
    given: list[Bar] = field(default_factory=list)
    asked: tuple[int, int, list[Bar]] | None = None
    held: Bar | None = None

    def candle(self, minute: int, now_ms: int) -> Bar | None:
        low, high = at(minute), min(now_ms, at(minute + 1) - 1)
        found = [one.price for one in self.trades if low <= one.at_ms <= high]
        if not found:
            return None
        most, least = max(found), min(found)
        figures = {"open": found[0], "high": most, "low": least}
        return bar(minute, close=found[-1], volume=float(len(found)), **figures)

    def last(self, now_ms: int) -> float:
        return max((one.price for one in self.trades if one.at_ms <= now_ms), default=0)

    def rows(self, since_ms: int, now_ms: int) -> list[Bar]:
        first, last = (since_ms - START) // MINUTE, (now_ms - START) // MINUTE
        made = (self.candle(minute, now_ms) for minute in range(first, last + 1))
        return [one for one in made if one is not None]

    def run(self, end_ms: int) -> list[Bar]:
        self.grid.live(START)
        moments = {one.at_ms: one for one in self.trades}
        for now_ms in range(START, end_ms, 1_000):
            for start_ms, stop_ms in self.cuts:
                if now_ms == start_ms:
                    self.grid.lost()
                    self.held = None
                if now_ms == stop_ms:
                    self.grid.live(now_ms)
                    self.word(self.candle((now_ms - START) // MINUTE, now_ms), now_ms)
            cut = any(low <= now_ms < high for low, high in self.cuts)
            if now_ms in moments and not cut:
                self.frame(moments[now_ms], now_ms)
            elif not cut and now_ms % 10_000 == 0 and self.last(now_ms):
                self.grid.hear(now_ms, self.last(now_ms))
            self.step(now_ms)
        return self.given

    def frame(self, trade: Trade, now_ms: int) -> None:
        self.grid.hear(now_ms, trade.price)
        told = self.candle((now_ms - START) // MINUTE, now_ms)
        if trade.fate == "held":
            self.held, told = told, None
        times = {"lost": 0, "twice": 2}.get(trade.fate, 1)
        for _ in range(times):
            self.word(told, now_ms)
        if told is not None and times:
            self.word(self.held, now_ms)
            self.held = None

    def word(self, told: Bar | None, now_ms: int) -> None:
        if told is not None:
            self.grid.see(told, now_ms)

    def step(self, now_ms: int) -> None:
        bars, asks = self.grid.close(now_ms, SETTLE)
        self.given += bars
        if asks and self.asked is None:
            rows = self.rows(self.grid.told_ms, now_ms)
            self.asked = (now_ms, now_ms + self.latency_ms, rows)
        if self.asked is not None and now_ms >= self.asked[1]:
            asked_ms, _, rows = self.asked
            closed = closed_bars(rows, asked_ms, SETTLE)
            self.given += self.grid.fill(closed, asked_ms - SETTLE)
            self.asked = None


FATES = ("told", "told", "told", "lost", "twice", "held")
SECONDS = st.integers(0, 12 * 60 - 1)


@given(
    seconds=st.dictionaries(SECONDS, st.sampled_from(FATES), max_size=60),
    cuts=st.lists(st.tuples(SECONDS, st.integers(1, 200)), max_size=3),
    latency_s=st.integers(0, 100),
)
def test_every_candle_is_given_once_in_order_and_as_the_exchange_has_it(
    seconds: dict[int, str], cuts: list[tuple[int, int]], latency_s: int
) -> None:
    trades = [
        # No price twice: what was lost shows in the last price.
        Trade(START + second * 1_000, 10.0 + place / 128, seconds[second])
        for place, second in enumerate(sorted(seconds))
    ]
    spans = [
        (START + first * 1_000, START + (first + length) * 1_000)
        for first, length in cuts
    ]
    if any(a is not b and a[0] <= b[1] and b[0] <= a[1] for a in spans for b in spans):
        spans = spans[:1]
    world = World(trades, latency_s * 1_000, spans)
    given = world.run(START + 20 * MINUTE)
    wanted = [world.candle(minute, at(20)) for minute in range(12)]
    expected = [one for one in wanted if one is not None]
    assert [one.open_ms for one in given] == sorted({one.open_ms for one in given})
    assert given == expected


def test_the_world_shows_what_a_grid_without_doubts_gets_wrong() -> None:
    trades = [Trade(at(0.5), 10.0, "told"), Trade(at(0.9), 11.0, "lost")]
    world = World(trades, 0, [])
    world.grid = CandleGrid("BTC/USD", START, confirms=False)
    assert world.run(at(3)) == [bar(0, close=10.0, open=10.0, high=10.0, low=10.0)]


def read(row: Any) -> Bar:
    found: Bar = figures.read_bar("BTC/USD", row)
    return found


GOOD = [START, 10.0, 12.0, 8.0, 11.0, 3.0]


@given(
    place=st.integers(1, 5),
    value=st.one_of(
        st.sampled_from([None, "", "x", True, [], {}, "nan", "inf", 1e300, 10**400]),
        st.floats(max_value=-1e-9),
        st.sampled_from([float("nan"), float("inf"), -float("inf")]),
    ),
)
def test_a_figure_that_is_none_is_refused(place: int, value: Any) -> None:
    row = [*GOOD[:place], value, *GOOD[place + 1 :]]
    with pytest.raises(ValueError, match=r"is |none|candle"):
        read(row)


def test_candles_that_cannot_be_are_refused() -> None:
    assert read(GOOD) == replace(bar(0), close=11.0, volume=3.0)
    assert read([START, "10", "12", "8", "11", "0"]).volume == 0
    bad: list[Any] = [
        [*GOOD[:1], 0, *GOOD[2:]],
        [START + 1, *GOOD[1:]],
        [float(START), *GOOD[1:]],
        [-MINUTE, *GOOD[1:]],
        [START, 13.0, 12.0, 8.0, 11.0, 3.0],
        [START, 10.0, 12.0, 11.5, 11.0, 3.0],
        [START, 10.0, 90.0, 8.0, 11.0, 3.0],
        GOOD[:5],
        None,
    ]
    for row in bad:
        with pytest.raises(ValueError, match=r"candle|is "):
            read(row)
