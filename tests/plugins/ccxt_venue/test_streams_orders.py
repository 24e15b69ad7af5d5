"""Executions over sockets: each arrives, or a gap says that it may be missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from quorate import Gap, OrderReport

lo, orders = import_module("loopback"), import_module("venue_orders")
heard_on = import_module("streams_heard")
in_a_loop: Callable[[Any], Callable[..., None]] = lo.in_a_loop
listening = heard_on.listening


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
