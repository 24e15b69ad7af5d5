"""The market's boundary: what is refused, what is told, and when a feed is stale."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from quorate import Bar, Tick

part = import_module("venue_orders").part
desk_module, pacing, kraken = (
    part("market_desk"),
    part("pacing"),
    part("kraken_market"),
)

MINUTE = 60_000
START = 29_000_000 * MINUTE
STALE = 30_000
SYMBOLS = ("BTC/USD", "ETH/USD")


@dataclass(slots=True)
class ByHand:
    """A clock that is turned by hand."""

    at_ms: int = START

    def now_ms(self) -> int:
        return self.at_ms

    elapsed_ms = now_ms

    def unsure_ms(self) -> int:
        return 0


@dataclass(slots=True)
class Desk:
    """A desk, its clock, and all that it told."""

    clock: ByHand = field(default_factory=ByHand)
    told: list[Any] = field(default_factory=list)
    desk: Any = None

    @property
    def ticks(self) -> list[Tick]:
        return [one for one in self.told if isinstance(one, Tick)]

    @property
    def bars(self) -> list[Bar]:
        return [one for one in self.told if isinstance(one, Bar)]

    def quote(self, symbol: str = "BTC/USD", **more: Any) -> None:
        given = {"at_ms": None, "last": 10.0, "bid": 9.9, "ask": 10.1, **more}
        self.desk.heard()
        self.desk.quote(symbol, **given)

    def quote_all(self) -> None:
        for symbol in SYMBOLS:
            self.quote(symbol)

    def wanted(self) -> list[str]:
        found = []
        while not self.desk.wanted.empty():
            found.append(self.desk.wanted.get_nowait())
        return found


def opened(**settings: Any) -> Desk:
    made = Desk()
    given = {"stale_after": STALE, **settings}
    timing = pacing.Timing(SimpleNamespace(settings=given, clock=made.clock))
    made.desk = desk_module.MarketDesk(timing, SYMBOLS, made.told.append)
    made.desk.begin()
    made.clock.at_ms += 10_000
    made.desk.live()
    return made


def test_a_tick_has_the_moment_of_the_exchange_or_that_of_its_coming() -> None:
    one = opened()
    one.quote()
    one.clock.at_ms += 500
    one.quote(at_ms=START + 10_200, last=10.05)
    assert [tick.at_ms - START for tick in one.ticks] == [10_000, 10_200]
    assert one.ticks[1] == Tick(
        at_ms=START + 10_200, symbol="BTC/USD", last=10.05, bid=9.9, ask=10.1
    )


@pytest.mark.parametrize(
    "given",
    [
        {"last": None, "bid": None},
        {"bid": 0},
        {"ask": 0.0},
        {"last": -1.0},
        {"last": "much"},
        {"last": True},
        {"last": float("nan")},
        {"ask": float("inf")},
        {"last": 1e300},
        {"bid": 10.1},
        {"bid": 10.2},
        {"bid": 1.0, "ask": 10.1},
        {"bid": 99.0, "ask": 101.0, "last": 100.0},
        {"at_ms": START + 9_999},
        {"at_ms": START + 20_000},
    ],
)
def test_prices_that_cannot_be_are_refused_counted_and_never_told(
    given: dict[str, Any],
) -> None:
    one = opened()
    one.quote(at_ms=START + 10_000)
    one.clock.at_ms += 100
    if given.get("bid") is None and "bid" in given:
        given = {"last": 0, "bid": 0, "ask": 0}  # an empty book, as it is read
    one.quote(**{"at_ms": START + 10_100, **given})
    assert len(one.ticks) == 1
    assert one.desk.refusals.counts == {"prices": 1}
    one.quote(at_ms=START + 10_100, last=10.2)
    assert one.ticks[-1].last == 10.2


def test_refusals_are_counted_and_logged_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = opened()
    for _ in range(250):
        one.quote(bid=0)
    assert one.desk.refusals.counts["prices"] == 250
    assert len(caplog.records) == 3  # the 1st, the 10th, the 100th
    assert "BTC/USD: bid is 0" in caplog.text


def test_prices_of_another_market_are_not_ours() -> None:
    one = opened()
    one.quote("DOGE/USD")
    one.desk.candle("DOGE/USD", [START, 1, 1, 1, 1, 1])
    assert not one.told


def test_parts_of_a_quote_are_told_when_all_is_known() -> None:
    one = opened()
    one.desk.quote("BTC/USD", None, last=10.0)
    assert not one.ticks
    one.desk.quote("BTC/USD", None, bid=9.9, ask=10.1)
    one.desk.quote("BTC/USD", None, last=10.05)
    assert [(tick.last, tick.bid) for tick in one.ticks] == [(10.0, 9.9), (10.05, 9.9)]


def test_an_old_price_is_not_that_of_now_it_is_asked_for() -> None:
    one = opened()
    one.clock.at_ms += 2 * STALE
    one.desk.live()
    one.quote(at_ms=START + 5_000)
    assert not one.ticks
    one.clock.at_ms += STALE // 2 + 1
    assert one.desk.quiet() == list(SYMBOLS)
    one.desk.probed("BTC/USD", 10.0, 9.9, 10.1, one.clock.at_ms)
    assert one.ticks[-1].at_ms == one.clock.at_ms


def test_a_quiet_market_is_confirmed_and_not_stale() -> None:
    one = opened()
    one.quote_all()
    for _ in range(20):
        one.clock.at_ms += STALE // 3
        one.desk.heard()  # a heartbeat
        for symbol in one.desk.quiet():
            one.desk.probed(symbol, 10.0, 9.9, 10.1, one.clock.at_ms)
        assert one.desk.stale() == ""
    assert len(one.ticks) > 10


def test_a_frozen_feed_with_a_heartbeat_is_stale() -> None:
    one = opened()
    one.quote_all()
    one.clock.at_ms += STALE // 2 + 1
    one.quote("ETH/USD")
    assert one.desk.quiet() == ["BTC/USD"]
    one.desk.probed("BTC/USD", 10.5, 10.4, 10.6, one.clock.at_ms)
    assert one.desk.stale() == ""  # REST may be a moment ahead
    one.clock.at_ms += desk_module.GRACE_MS + 1
    one.quote("ETH/USD")
    assert "BTC/USD is frozen" in one.desk.stale()
    one.quote(last=10.5, bid=10.4, ask=10.6)
    assert one.desk.stale() == ""


def test_a_price_that_came_while_rest_was_asked_is_the_later_one() -> None:
    one = opened()
    one.quote_all()
    asked_ms = one.clock.at_ms
    one.clock.at_ms += 100
    one.quote(last=10.5, bid=10.4, ask=10.6)
    one.desk.probed("BTC/USD", 10.0, 9.9, 10.1, asked_ms)
    one.clock.at_ms += desk_module.GRACE_MS + 1
    assert one.desk.stale() == ""


def test_a_quiet_market_is_not_asked_for_at_every_beat() -> None:
    one = opened()
    one.quote_all()
    one.clock.at_ms += STALE // 2 + 1
    assert one.desk.quiet() == list(SYMBOLS)
    one.clock.at_ms += 250
    assert one.desk.quiet() == []
    one.clock.at_ms += STALE // 4
    assert one.desk.quiet() == list(SYMBOLS)


def test_the_minute_in_which_a_stream_begins_is_asked_for_when_it_is_over() -> None:
    one = opened()
    one.desk.candle("BTC/USD", [START, 10.0, 12.0, 8.0, 11.0, 3.0])
    one.clock.at_ms = START + MINUTE + 2_000
    one.quote_all()
    one.desk.close_minutes()
    assert not one.bars
    assert "BTC/USD" in one.wanted()


def test_a_price_that_nobody_confirms_is_stale() -> None:
    one = opened()
    one.quote_all()
    one.clock.at_ms += STALE + 1
    one.quote("ETH/USD")
    assert "no price of BTC/USD for 30 s" in one.desk.stale()


def test_a_silent_connection_is_stale_before_it_is_live_too() -> None:
    one = opened()
    one.desk.begin()
    one.clock.at_ms += STALE + 1
    assert "nothing came" in one.desk.stale()
    one.desk.heard()
    assert one.desk.stale() == ""


def test_a_stream_is_whole_with_all_prices_and_all_missed_candles() -> None:
    one = opened()
    one.clock.at_ms = START + 3 * MINUTE + 30_000
    one.desk.begin()
    one.desk.live()
    assert one.wanted() == list(SYMBOLS)
    one.quote_all()
    assert not one.desk.whole
    rows = [[START + n * MINUTE, 10.0, 12.0, 8.0, 11.0, 3.0] for n in range(4)]
    for symbol in SYMBOLS:
        assert one.desk.since_ms(symbol) == START
        one.desk.fill(symbol, rows, one.clock.at_ms)
        one.desk.served(symbol)
    assert one.desk.whole
    assert [bar.open_ms for bar in one.bars] == [row[0] for row in rows[:3]] * 2


def test_a_want_is_made_once_until_it_is_served_and_anew_by_the_next_source() -> None:
    one = opened()
    one.clock.at_ms = START + 3 * MINUTE + 30_000
    one.desk.begin()
    one.desk.live()
    one.desk.close_minutes()
    one.desk.close_minutes()
    assert one.wanted() == list(SYMBOLS)
    one.desk.begin()
    assert not one.wanted()
    one.desk.live()
    assert one.wanted() == list(SYMBOLS)


def test_candles_go_on_where_those_asked_for_before_ended() -> None:
    one = Desk()
    one.clock.at_ms = START + 5 * MINUTE
    timing = pacing.Timing(SimpleNamespace(settings={}, clock=one.clock))
    one.desk = desk_module.MarketDesk(timing, SYMBOLS, one.told.append)
    one.desk.start_at("BTC/USD", START + 2 * MINUTE)
    one.desk.start_at("DOGE/USD", START)
    assert one.desk.since_ms("BTC/USD") == START + 2 * MINUTE
    assert one.desk.since_ms("ETH/USD") == START + 5 * MINUTE


def test_what_was_missed_very_long_ago_is_not_asked_for() -> None:
    one = opened()
    one.clock.at_ms += 10 * desk_module.OLDEST_MS
    assert one.desk.since_ms("BTC/USD") == one.clock.at_ms - desk_module.OLDEST_MS


def frame(channel: str, **item: Any) -> dict[str, Any]:
    return {"channel": channel, "type": "update", "data": [item]}


def test_krakens_frames_are_read_with_their_own_moments() -> None:
    one = opened()
    frames = kraken.KrakenFrames(one.desk, list(SYMBOLS))
    figures = {"symbol": "BTC/USD", "bid": 9.9, "ask": 10.1, "last": 10.0}
    assert frames.take(frame("ticker", timestamp=written(START + 9_000), **figures))
    assert one.ticks[0].at_ms == START + 9_000
    assert frames.take(frame("ticker", **{**figures, "bid": None}))
    assert one.desk.refusals.counts["prices"] == 1
    candle = {"symbol": "BTC/USD", "open": 9, "high": 10, "low": 9, "close": 10}
    candle |= {"volume": 1, "interval_begin": written(START)}
    assert frames.take(frame("ohlc", interval=1, **candle))
    assert frames.take(frame("ohlc", interval=5, **{**candle, "open": 10, "volume": 5}))
    one.clock.at_ms = START + MINUTE + 2_000
    frames.take(frame("ticker", **figures))
    one.desk.grids["BTC/USD"].live(START)
    one.desk.close_minutes()
    assert [bar.open for bar in one.bars] == [9]


def written(at_ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def test_other_frames_are_ccxts_and_subscriptions_are_counted() -> None:
    frames = kraken.KrakenFrames(opened().desk, list(SYMBOLS))
    assert not frames.take({"method": "pong"})
    assert frames.take({"channel": "heartbeat"})
    for channel in ("ticker", "ohlc"):
        for symbol in SYMBOLS:
            assert frames.missing
            result = {"channel": channel, "symbol": symbol}
            frames.take({"method": "subscribe", "success": True, "result": result})
    assert not frames.missing
    refused = {"method": "subscribe", "success": False, "symbol": "X/Y"}
    frames.take({**refused, "error": "Currency pair not supported"})
    assert frames.refused == ["X/Y Currency pair not supported"]


def test_many_symbols_are_subscribed_to_in_parts() -> None:
    asked = kraken.subscriptions([f"C{n}/USD" for n in range(250)])
    parts = [len(one["params"]["symbol"]) for one in asked]
    assert parts == [100, 100, 50] * 2
    assert {one["params"]["channel"] for one in asked} == {"ticker", "ohlc"}


def test_pauses_grow_up_to_a_bound_and_begin_again() -> None:
    backoff = pacing.Backoff()
    pauses = [backoff.next_ms() for _ in range(30)]
    assert 250 <= pauses[0] <= 500
    assert all(30_000 <= pause <= 60_000 for pause in pauses[8:])
    backoff.reset()
    assert backoff.next_ms() <= 500


def test_time_runs_at_its_pace_but_no_timer_is_shorter_than_a_wire() -> None:
    clock = ByHand()
    fast = pacing.Timing(SimpleNamespace(settings={"pace": 600}, clock=clock))
    assert fast.wall_s(60_000) == pytest.approx(0.1)
    assert fast.wall_s(1_000) == pacing.SHORTEST_S
    assert fast.stale_after_ms == 600_000
    real = pacing.Timing(SimpleNamespace(settings={"stale_after": 7_000}, clock=clock))
    assert (real.stale_after_ms, real.silent_after_ms) == (7_000, 7_000)


def test_the_first_part_that_ends_takes_the_others_with_it() -> None:
    ended: list[str] = []

    async def waits() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")
        return "never"

    async def breaks() -> str:
        await asyncio.sleep(0)
        raise ValueError("broken")

    async def run() -> None:
        with pytest.raises(ValueError, match="broken"):
            await pacing.first_end(waits(), breaks())
        assert ended == ["cancelled"]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
