"""Market data over sockets: whatever fails, each candle comes once, as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from quorate import Bar, Gap, NoAnswer, Tick

lo, orders = import_module("loopback"), import_module("venue_orders")
heard_on = import_module("streams_heard")
in_a_loop: Callable[[Any], Callable[..., None]] = lo.in_a_loop
listening, Heard = heard_on.listening, heard_on.Heard
SYMBOLS, SPANS, PACE, MINUTE = (
    heard_on.SYMBOLS,
    heard_on.SPANS,
    heard_on.PACE,
    heard_on.MINUTE,
)


@in_a_loop
async def test_ticks_and_closed_candles_are_told_without_any_fault() -> None:
    async with listening("watch") as heard:
        await heard.until(lambda: len(heard.of(Bar, "ETH/USD")) >= 3)
        await heard.until(lambda: len(heard.of(Bar, "BTC/USD")) >= 3)
        for symbol in SYMBOLS:
            heard.check_bars(symbol)
            ticks = heard.of(Tick, symbol)
            assert all(0 < tick.bid < tick.ask for tick in ticks)
            moments = [tick.at_ms for tick in ticks]
            assert moments == sorted(moments)
        assert not heard.gaps("market")


FRAME_FAULTS: list[list[dict[str, Any]]] = [
    [{"at": "ws:*", "kind": "ws_duplicate", "share": 0.5}],
    [{"at": "ws:*", "kind": "ws_reorder", "share": 0.4}],
    [{"at": "ws:ohlc", "kind": "ws_drop"}],
]


@pytest.mark.parametrize("faults", FRAME_FAULTS)
def test_candles_are_exact_though_frames_are_lost_doubled_and_swapped(
    faults: list[dict[str, Any]],
) -> None:
    @in_a_loop
    async def run() -> None:
        async with listening("watch") as heard:
            heard.exchange.faults.add(faults)
            await heard.until(lambda: len(heard.of(Bar, "BTC/USD")) >= 5)
            await heard.until(lambda: len(heard.of(Bar, "ETH/USD")) >= 5)
            for symbol in SYMBOLS:
                heard.check_bars(symbol)

    run()


BREAKS: list[list[dict[str, Any]]] = [
    [{"at": "ws:ohlc", "kind": "close", "times": 1}],
    [{"at": "ws:ticker", "kind": "restart", "times": 1}],
    [{"at": "ws:ticker", "kind": "close", "times": 6}],
    # Frozen with a heartbeat: no prices any more, on a connection that lives.
    [{"at": f"ws:{one}", "kind": "ws_drop", "times": 70} for one in ("ticker", "ohlc")],
    [{"at": "ws:*", "kind": "ws_silence", "value": 3_600_000, "times": 1}],
    [
        {"at": "ws:ticker", "kind": "close", "times": 1},
        {"at": "OHLC", "kind": "http", "value": 503, "times": 4},
    ],
    [
        {"at": "ws:ticker", "kind": "close", "times": 1},
        {"at": "ws:subscribe", "kind": "error", "value": "EService:Busy", "times": 1},
    ],
]


@pytest.mark.parametrize("faults", BREAKS)
def test_an_interruption_is_told_and_what_was_missed_comes_first(
    faults: list[dict[str, Any]],
) -> None:
    @in_a_loop
    async def run() -> None:
        async with listening("watch") as heard:
            await heard.until(lambda: len(heard.of(Bar, "BTC/USD")) >= 1)
            heard.exchange.faults.add(faults)
            await heard.until(lambda: False in heard.gaps("market"), "a gap")
            await heard.until(lambda: heard.gaps("market")[-1], "its end")
            before = len(heard.news)
            assert heard.gaps("market")[0] is False
            await heard.until(
                lambda: (
                    len([one for one in heard.news[before:] if isinstance(one, Bar)])
                    >= 4
                ),
                "bars after it",
            )
            for symbol in SYMBOLS:
                heard.check_bars(symbol)

    run()


@in_a_loop
async def test_of_candles_whose_last_frame_is_lost_nothing_false_is_told() -> None:
    async with listening("watch") as heard:
        lost = {"at": "ws:ohlc", "kind": "ws_drop", "share": 0.4}
        heard.exchange.faults.add([lost])
        await heard.until(lambda: len(heard.of(Bar, "BTC/USD")) >= 6)
        bars = heard.of(Bar, "BTC/USD")
        market = heard.exchange.core.market
        rows = market.bars("BTC/USD", 1, bars[0].open_ms - 1)
        for bar, row in zip(bars, rows, strict=False):
            assert (bar.open_ms, bar.open) == (row.open_ms, float(row.open))
            # The tape moves after its last ticker too, as no market does.
            assert float(row.low) <= bar.low <= bar.high <= float(row.high)
            assert bar.volume <= float(row.volume)


@in_a_loop
async def test_candles_are_exact_while_a_feed_is_frozen() -> None:
    async with listening("watch") as heard:
        await heard.until(lambda: heard.of(Tick))
        faults = [{"at": "ws:ticker", "kind": "ws_drop"}]
        faults += [{"at": "ws:ohlc", "kind": "ws_drop"}]
        heard.exchange.faults.add(faults)
        await heard.until(lambda: False in heard.gaps("market"))
        assert "frozen" in heard.of(Gap)[0].why
        await heard.until(lambda: len(heard.of(Bar, "BTC/USD")) >= 4)
        for symbol in SYMBOLS:
            heard.check_bars(symbol)


@in_a_loop
async def test_candles_go_on_where_those_of_the_past_end() -> None:
    async with listening() as heard:
        venue, symbol = heard.venue, "BTC/USD"
        now_ms = venue.clock.now_ms()
        past = await venue.bars(symbol, now_ms - 20 * MINUTE)
        assert 18 <= len(past) <= 20
        assert past[-1].open_ms + MINUTE <= venue.clock.now_ms()
        await asyncio.sleep(1.2)  # two minutes of its time
        watching = asyncio.create_task(venue.watch(heard.news.append))
        await heard.until(lambda: len(heard.of(Bar, symbol)) >= 4)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert heard.of(Bar, symbol)[0].open_ms == past[-1].open_ms + MINUTE
        heard.news[:0] = past
        heard.check_bars(symbol)


@in_a_loop
async def test_candles_go_on_though_there_were_none_of_the_past() -> None:
    async with listening() as heard:
        venue, symbol = heard.venue, "BTC/USD"
        minute_ms = venue.clock.now_ms() // MINUTE * MINUTE
        past = await venue.bars(symbol, minute_ms)
        assert len(past) <= 1  # the minute may just have ended
        await asyncio.sleep(1.2)
        watching = asyncio.create_task(venue.watch(heard.news.append))
        await heard.until(lambda: len(heard.of(Bar, symbol)) >= 3)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert heard.of(Bar, symbol)[0].open_ms == minute_ms + len(past) * MINUTE
        heard.check_bars(symbol)


@in_a_loop
async def test_past_candles_that_cannot_be_told_are_no_answer() -> None:
    async with listening() as heard:
        heard.exchange.faults.add([{"at": "OHLC", "kind": "html"}])
        with pytest.raises(NoAnswer):
            await heard.venue.bars("BTC/USD", heard.venue.clock.now_ms() - MINUTE)


@in_a_loop
async def test_polling_needs_no_socket() -> None:
    async with listening("watch", "follow", feed="polling") as heard:
        await heard.until(lambda: len(heard.of(Bar, "BTC/USD")) >= 3)
        await heard.until(lambda: len(heard.of(Bar, "ETH/USD")) >= 3)
        await heard.until(lambda: len(heard.gaps("orders")) >= 3)
        assert all(heard.gaps("orders"))
        assert heard.of(Tick, "ETH/USD")
        assert not heard.exchange.exchange.streams.sockets
        for symbol in SYMBOLS:
            heard.check_bars(symbol)


@in_a_loop
async def test_polling_that_gets_no_answer_for_long_is_a_gap() -> None:
    async with listening("watch", feed="polling") as heard:
        await heard.until(lambda: heard.of(Tick))
        once = {"at": "Ticker", "kind": "http", "value": 502, "times": 1}
        heard.exchange.faults.add([once])
        await heard.until(lambda: heard.exchange.faults.as_list()[0]["fired"])
        before = len(heard.of(Tick))
        await heard.until(lambda: len(heard.of(Tick)) > before + 4)
        assert not heard.gaps("market")
        heard.exchange.faults.add([{"at": "Ticker", "kind": "http", "value": 502}])
        await heard.until(lambda: heard.gaps("market") == [False])
        heard.exchange.faults.clear()
        await heard.until(lambda: heard.gaps("market")[-1])


@in_a_loop
async def test_what_ccxt_makes_of_a_market_can_be_streamed_too() -> None:
    market_stream = orders.part("market_stream")
    chosen = market_stream.source_for
    market_stream.source_for = lambda venue: market_stream.unified_stream
    try:
        async with listening("watch") as heard:
            await heard.until(lambda: len(heard.of(Bar, "BTC/USD")) >= 2)
            fault = {"at": "ws:ticker", "kind": "close", "times": 1}
            heard.exchange.faults.add([fault])
            await heard.until(lambda: heard.gaps("market") == [False, True])
            await heard.until(lambda: len(heard.of(Bar, "BTC/USD")) >= 5)
            heard.check_bars("BTC/USD")
    finally:
        market_stream.source_for = chosen


@in_a_loop
async def test_a_server_that_never_answers_is_a_gap_and_leaves_nothing_behind() -> None:
    held: list[asyncio.StreamWriter] = []

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    host, port = silent.sockets[0].getsockname()[:2]
    try:
        async with lo.loopback(pace=PACE) as exchange:
            urls = exchange.ccxt_urls
            urls["api"]["ws"]["publicV2"] = f"ws://{host}:{port}/?v2"
            given = {**SPANS, "ccxt": {"urls": urls}, "symbols": SYMBOLS}
            async with orders.on_loopback(exchange, **given) as venue:
                heard = Heard(exchange, venue)
                task = asyncio.create_task(venue.watch(heard.news.append))
                await heard.until(lambda: heard.gaps("market") == [False])
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert held
            assert "nothing came" in heard.of(Gap)[0].why
            await heard.until(lambda: not _dialing(), "an end of dialing")
    finally:
        for writer in held:
            writer.close()
        silent.close()
        await silent.wait_closed()


def _dialing() -> list[str]:
    return [
        name for name in heard_on.left_over(asyncio.all_tasks()) if "Client" in name
    ]
