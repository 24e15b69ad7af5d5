"""Streams over sockets: whatever fails, each candle once and no execution hidden."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest

from quorate import Bar, Gap, Keys, NoAnswer, OrderReport, Tick

lo, orders = import_module("loopback"), import_module("venue_orders")
in_a_loop: Callable[[Any], Callable[..., None]] = lo.in_a_loop

PACE = 120
SYMBOLS = ["BTC/USD", "ETH/USD"]
SPANS = {"stale_after": 120_000}
MINUTE = 60_000


@dataclass(slots=True)
class Heard:
    """An exchange on loopback, a venue that listens to it, and all that it told."""

    exchange: Any
    venue: Any
    news: list[Any] = field(default_factory=list)

    def of(self, kind: type, symbol: str = "") -> list[Any]:
        found: list[Any] = [one for one in self.news if isinstance(one, kind)]
        return [one for one in found if not symbol or one.symbol == symbol]

    def gaps(self, stream: str) -> list[bool]:
        return [one.over for one in self.of(Gap) if one.stream == stream]

    async def until(self, happened: Callable[[], object], what: str = "") -> None:
        for _ in range(600):
            if happened():
                return
            await asyncio.sleep(0.05)
        told = [one for one in self.news if not isinstance(one, Tick)]
        raise AssertionError(f"{what} did not happen: {told[-10:]}")

    def check_bars(self, symbol: str) -> None:
        """Every candle once, in order, none left out, and as the exchange has it."""
        bars = self.of(Bar, symbol)
        opened = [bar.open_ms for bar in bars]
        assert opened == list(range(opened[0], opened[-1] + MINUTE, MINUTE))
        market = self.exchange.core.market
        names = ("open", "high", "low", "close", "volume")
        truth = {bar.open_ms: bar for bar in market.bars(symbol, 1, opened[0] - 1)}
        for bar in bars:
            mine = [getattr(bar, name) for name in names]
            assert mine == [float(getattr(truth[bar.open_ms], name)) for name in names]

    def buy(self, **more: Any) -> Any:
        form = {"pair": "BTC/USD", "type": "buy", "ordertype": "market"}
        form |= {"volume": "0.001", **more}
        placed = self.exchange.core.private("AddOrder", form, self.exchange.key)
        return placed["txid"][0]

    def fills_told(self) -> set[str]:
        reports = self.of(OrderReport)
        return {fill.trade_id for report in reports for fill in report.fills}


@asynccontextmanager
async def listening(
    *parts: str, pace: float = PACE, keys: Keys | None = None, **settings: Any
) -> AsyncIterator[Heard]:
    """Run some of a venue's streams; at the end none of their tasks is left."""
    async with lo.loopback(pace=pace) as exchange:
        known = asyncio.all_tasks()
        more = {} if keys is None else {"keys": keys}
        given = {**SPANS, "symbols": SYMBOLS, **settings, **more}
        async with orders.on_loopback(exchange, **given) as venue:
            heard = Heard(exchange, venue)
            tasks = [
                asyncio.create_task(getattr(venue, part)(heard.news.append))
                for part in parts
            ]
            try:
                yield heard
                assert not any(task.done() for task in tasks), "a stream has ended"
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(one) for one in ended] == [asyncio.CancelledError] * len(parts)
        await heard.until(lambda: not _ours(asyncio.all_tasks() - known), "an end")


def _ours(tasks: set[asyncio.Task[Any]]) -> list[str]:
    """Return the tasks that are not those of the server."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in tasks]
    server = ("RequestHandler.", "Socket.", "Calls.", "TCPSite", "WebSocketResponse")
    return [name for name in names if not name.startswith(server)]


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
async def test_an_order_is_followed_from_its_id_to_its_end() -> None:
    async with listening("follow", pace=1) as heard:
        await heard.until(lambda: heard.gaps("orders") == [True])
        intent = orders.at_market(made_ms=heard.venue.clock.now_ms())
        accepted = await heard.venue.send(intent)
        await heard.until(lambda: heard.of(OrderReport) and not heard.news[-1].open)
        last = heard.news[-1]
        found = await heard.venue.find(intent, accepted.venue_id)
        assert (last.client_id, last.venue_id) == (intent.client_id, accepted.venue_id)
        # To the last digit what REST says of it.
        assert (last.fills, last.filled, last.reason) == (
            found.fills,
            found.filled,
            "filled",
        )
        assert last.symbol == "BTC/USD"


EXECUTION_FAULTS: list[dict[str, Any]] = [
    {"kind": "ws_drop", "share": 0.5},
    {"kind": "ws_duplicate", "share": 0.5},
    {"kind": "ws_reorder", "share": 0.5},
    {"kind": "close", "share": 0.2, "times": 3},
    {"kind": "ws_silence", "value": 600_000, "times": 1},
]


@pytest.mark.parametrize("fault", EXECUTION_FAULTS)
def test_every_execution_arrives_or_a_gap_says_that_it_may_be_missing(
    fault: dict[str, Any],
) -> None:
    @in_a_loop
    async def run() -> None:
        async with listening("follow") as heard:
            await heard.until(lambda: heard.gaps("orders") == [True])
            heard.exchange.faults.add([{"at": "ws:executions", **fault}])
            for _ in range(12):
                heard.buy()
                await asyncio.sleep(0.1)
            heard.exchange.faults.clear()
            trades = {one["txid"] for one in heard.exchange.ledger()["trades"]}
            assert len(trades) >= 12
            told = len(heard.gaps("orders"))

            def certain() -> bool:
                if trades <= heard.fills_told():
                    return True
                # The next frame shows that those before it are missing.
                heard.buy()
                return len(heard.gaps("orders")) > told and heard.gaps("orders")[-1]

            if fault["kind"] in ("ws_duplicate", "ws_reorder"):
                await heard.until(lambda: trades <= heard.fills_told(), "all fills")
                assert heard.gaps("orders") == [True]
            elif fault["kind"] == "close":
                await heard.until(lambda: heard.gaps("orders")[-1], "the end of a gap")
                assert False in heard.gaps("orders")
            else:
                await heard.until(certain, "fills or a gap")
            known = {one["txid"] for one in heard.exchange.ledger()["trades"]}
            assert heard.fills_told() <= known
            reports = heard.of(OrderReport)
            for report in reports:
                ids = [fill.trade_id for fill in report.fills]
                assert len(ids) == len(set(ids))

    run()


@in_a_loop
async def test_open_orders_are_told_when_a_connection_is_made() -> None:
    async with listening("follow") as heard:
        await heard.until(lambda: heard.gaps("orders") == [True])
        price = str(round(float(heard.exchange.core.market.price("BTC/USD")) * 0.7))
        resting = {"ordertype": "limit", "price": price, "cl_ord_id": "1a2b3c4d-9"}
        txid = heard.buy(**resting)
        await heard.until(lambda: heard.of(OrderReport))
        for socket in list(heard.exchange.exchange.streams.sockets):
            socket.close()
        await heard.until(lambda: heard.gaps("orders") == [True, False, True])
        again = heard.news.index(heard.of(Gap)[1])
        await heard.until(lambda: len(heard.news) > again + 2, "a snapshot")
        last = heard.of(OrderReport)[-1]
        assert heard.news.index(last, again)
        assert (last.venue_id, last.client_id) == (txid, "1a2b3c4d-9")
        assert last.open


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
    return [name for name in _ours(asyncio.all_tasks()) if "Client" in name]


@in_a_loop
async def test_each_connection_has_a_token_of_its_own() -> None:
    async with listening("follow") as heard:
        await heard.until(lambda: heard.gaps("orders") == [True])
        heard.exchange.faults.add(
            [{"at": "GetWebSocketsToken", "kind": "http", "value": 500, "times": 2}]
        )
        for socket in list(heard.exchange.exchange.streams.sockets):
            socket.close()
        await heard.until(lambda: heard.gaps("orders")[-1] and len(heard.news) > 1)
        asked = heard.exchange.requests("GetWebSocketsToken")
        assert len(asked) == 4


@in_a_loop
async def test_a_key_that_is_refused_is_a_gap_with_the_reason() -> None:
    async with listening("follow", pace=1, keys=orders.KEYS) as heard:
        await heard.until(lambda: heard.gaps("orders") == [False])
        assert "EAPI:Invalid key" in heard.of(Gap)[0].why
        await asyncio.sleep(1)
        assert len(heard.exchange.requests("GetWebSocketsToken")) <= 1


@in_a_loop
async def test_trades_that_ccxt_tells_of_are_hints_with_exact_fills() -> None:
    order_stream = orders.part("order_stream")
    chosen = order_stream.stream_for
    order_stream.stream_for = lambda venue: order_stream.unified_stream
    try:
        async with listening("follow") as heard:
            await heard.until(lambda: heard.gaps("orders") == [True])
            heard.buy()
            await heard.until(heard.fills_told)
            trades = {one["txid"] for one in heard.exchange.ledger()["trades"]}
            assert heard.fills_told() == trades
            for socket in list(heard.exchange.exchange.streams.sockets):
                socket.close()
            await heard.until(lambda: heard.gaps("orders")[-2:] == [False, True])
    finally:
        order_stream.stream_for = chosen
