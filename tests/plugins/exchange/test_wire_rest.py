"""Unmodified ccxt over REST against the loopback exchange: calls, keys, the tap."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from importlib import import_module
from itertools import pairwise
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest

InALoop = Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]
lo = import_module("loopback")
in_a_loop: InALoop = lo.in_a_loop


@asynccontextmanager
async def client(exchange: Any, **more: Any) -> AsyncIterator[Any]:
    """Open ccxt's Kraken with nothing but its URLs led elsewhere."""
    kraken = ccxt.kraken({**exchange.ccxt_settings, **more})
    try:
        yield kraken
    finally:
        await kraken.close()


@in_a_loop
async def test_ccxt_reads_the_market() -> None:
    async with lo.loopback() as exchange, client(exchange) as kraken:
        markets = await kraken.load_markets()
        assert {"BTC/USD", "ETH/USD"} <= markets.keys()
        assert markets["BTC/USD"]["limits"]["amount"]["min"] == 0.00005
        skew_ms = kraken.milliseconds() - await kraken.fetch_time()
        assert abs(skew_ms) < 5_000
        assert (await kraken.fetch_status())["status"] == "ok"
        ticker = await kraken.fetch_ticker("BTC/USD")
        assert 0 < ticker["bid"] < ticker["ask"]
        both = await kraken.fetch_tickers(["BTC/USD", "ETH/USD"])
        assert both.keys() == {"BTC/USD", "ETH/USD"}
        candles = await kraken.fetch_ohlcv("BTC/USD", "1m")
        assert len(candles) == 720
        assert {after[0] - before[0] for before, after in pairs(candles)} == {60_000}
        assert kraken.milliseconds() - candles[-1][0] < 65_000
        book = await kraken.fetch_order_book("BTC/USD", 10)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert await kraken.fetch_trades("BTC/USD")


def pairs(rows: list[Any]) -> pairwise[tuple[Any, Any]]:
    return pairwise(rows)


@in_a_loop
async def test_an_order_is_placed_found_and_cancelled() -> None:
    async with lo.loopback() as exchange, client(exchange) as kraken:
        ticker = await kraken.fetch_ticker("BTC/USD")
        low = kraken.price_to_precision("BTC/USD", ticker["bid"] * 0.9)
        placed = await kraken.create_order(
            "BTC/USD", "limit", "buy", 0.01, low, {"clientOrderId": "1a2b3c4d-1"}
        )
        assert placed["id"]
        mine = {"clientOrderId": "1a2b3c4d-1"}
        found = await kraken.fetch_open_orders("BTC/USD", params=mine)
        assert [one["id"] for one in found] == [placed["id"]]
        balance = await kraken.fetch_balance()
        assert balance["USD"]["used"] > 0
        await kraken.cancel_order(placed["id"], "BTC/USD")
        assert await kraken.fetch_open_orders("BTC/USD") == []
        closed = await kraken.fetch_closed_orders("BTC/USD", params=mine)
        assert [(one["id"], one["status"]) for one in closed] == [
            (placed["id"], "canceled")
        ]


@in_a_loop
async def test_a_market_order_fills_and_everything_agrees() -> None:
    async with lo.loopback() as exchange, client(exchange) as kraken:
        placed = await kraken.create_order("ETH/USD", "market", "buy", 0.5)
        order = await kraken.fetch_order(placed["id"], "ETH/USD")
        assert (order["status"], order["filled"]) == ("closed", 0.5)
        trades = await kraken.fetch_my_trades("ETH/USD")
        assert sum(one["amount"] for one in trades) == 0.5
        fee = await kraken.fetch_trading_fee("ETH/USD")
        assert float(order["fee"]["cost"]) == pytest.approx(
            order["cost"] * fee["taker"]
        )
        ledger = exchange.ledger()
        assert [one["txid"] for one in ledger["orders"]] == [placed["id"]]
        told = {one["txid"] for one in ledger["trades"]}
        assert told == {one["id"] for one in trades}
        permissions = await kraken.private_post_getapikeyinfo()
        assert "withdraw" not in json.dumps(permissions).lower()


@in_a_loop
async def test_a_wrong_key_secret_or_nonce_is_refused() -> None:
    async with lo.loopback() as exchange:
        async with client(exchange, apiKey="another") as kraken:
            with pytest.raises(ccxt.AuthenticationError, match="EAPI:Invalid key"):
                await kraken.fetch_balance()
        async with client(exchange, secret="bm90aGluZw==") as kraken:
            with pytest.raises(ccxt.ExchangeError, match="EAPI:Invalid signature"):
                await kraken.fetch_balance()
        async with client(exchange) as kraken:
            await kraken.fetch_balance()
            kraken.options["lastNonce"] = 1
            kraken.incrementing_nonce = lambda: 7
            with pytest.raises(ccxt.InvalidNonce, match="EAPI:Invalid nonce"):
                await kraken.fetch_balance()


@in_a_loop
async def test_every_private_request_is_on_the_tap_without_secrets() -> None:
    async with lo.loopback() as exchange, client(exchange) as kraken:
        begin_ms = exchange.core.clock.now_ms()
        await kraken.create_order(
            "BTC/USD", "market", "sell", 0.01, None, {"clientOrderId": "1a2b3c4d-2"}
        )
        with pytest.raises(ccxt.InsufficientFunds):
            await kraken.create_order("BTC/USD", "market", "sell", 1_000)
        first, second = exchange.requests("AddOrder")
        assert begin_ms <= first["at_ms"] <= first["engine_ms"]
        assert first["form"]["cl_ord_id"] == "1a2b3c4d-2"
        assert first["outcome"]["result"]["txid"]
        assert second["outcome"] == {"errors": ["EOrder:Insufficient funds"]}
        told = json.dumps(exchange.requests())
        assert exchange.secret not in told
        assert exchange.key not in told


@in_a_loop
async def test_a_body_may_be_json() -> None:
    """Batches come as JSON, signed the same way."""
    async with lo.loopback() as exchange, client(exchange) as kraken:
        price = (await kraken.fetch_ticker("BTC/USD"))["bid"] * 0.9
        orders = [
            {"symbol": "BTC/USD", "type": "limit", "side": "buy", "amount": 0.001,
             "price": float(kraken.price_to_precision("BTC/USD", price))}
            for _ in range(2)
        ]  # fmt: skip
        with pytest.raises(ccxt.ExchangeError) as refused:
            await kraken.create_orders(orders)
        assert "Unknown method" in str(refused.value)


@in_a_loop
async def test_what_is_no_method_is_said() -> None:
    async with lo.loopback() as exchange, aiohttp.ClientSession() as session:
        async with session.get(f"{exchange.url}/0/public/Nothing") as answer:
            assert (await answer.json())["error"] == ["EGeneral:Unknown method"]
        async with session.get(f"{exchange.url}/0/public/OHLC?pair=NOPE") as answer:
            assert (await answer.json())["error"] == ["EQuery:Unknown asset pair"]


@in_a_loop
async def test_control_shows_and_changes_the_exchange() -> None:
    async with lo.loopback() as exchange, aiohttp.ClientSession() as session:
        control = f"{exchange.url}/control"
        fault = {"at": "Time", "kind": "empty"}
        async with session.post(f"{control}/faults", json=fault) as answer:
            assert [one["kind"] for one in await answer.json()] == ["empty"]
        async with session.post(f"{control}/faults", json={"at": "Time"}) as answer:
            assert answer.status == 400
            assert "there is no kind" in (await answer.json())["error"]
        async with session.get(f"{exchange.url}/0/public/Time") as answer:
            assert await answer.read() == b""
        async with session.delete(f"{control}/faults") as answer:
            assert await answer.json() == []
        jump = {"symbol": "BTC/USD", "price": "99000"}
        async with session.post(f"{control}/price", json=jump) as answer:
            assert answer.status == 200
        assert abs(exchange.core.market.price("BTC/USD") - 99_000) < 500
        wrongs: tuple[Any, ...] = ({"symbol": "NO/NO", "price": 1}, {"symbol": 1}, [])
        for wrong in wrongs:
            async with session.post(f"{control}/price", json=wrong) as answer:
                assert answer.status == 400
        async with session.get(f"{control}/ledger") as answer:
            assert (await answer.json())["orders"] == []
        async with session.get(f"{control}/clock") as answer:
            assert (await answer.json())["pace"] == 1
        async with session.get(f"{control}/requests?since=x") as answer:
            assert answer.status == 400


@in_a_loop
async def test_a_pair_that_only_takes_passive_orders_says_so() -> None:
    async with lo.loopback() as exchange, client(exchange) as kraken:
        exchange.core.set_status("BTC/USD", "post_only")
        with pytest.raises(ccxt.OnMaintenance, match="post_only mode"):
            await kraken.create_order("BTC/USD", "market", "buy", 0.01)


@in_a_loop
async def test_only_loopback_is_served() -> None:
    exchange = lo.kraken_exchange().exchange("", {"tapes": list(lo.demo())})
    with pytest.raises(import_module("quorate").VenueError, match="this machine only"):
        await exchange.start("0.0.0.0", 0)


@in_a_loop
async def test_a_port_that_is_taken_is_said() -> None:
    async with lo.loopback() as exchange:
        other = lo.kraken_exchange().exchange("", {"tapes": list(lo.demo())})
        port = int(exchange.url.rpartition(":")[2])
        with pytest.raises(import_module("quorate").VenueError, match="choose another"):
            await other.start("127.0.0.1", port)


def test_another_exchange_is_not_ours() -> None:
    assert lo.kraken_exchange().exchange("binance", {}) is None


@in_a_loop
async def test_a_defect_of_the_exchange_is_not_overlooked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with lo.loopback() as exchange, client(exchange) as kraken:
        with monkeypatch.context() as patch:
            patch.setattr(exchange.core.market, "book", None)
            with pytest.raises(ccxt.ExchangeNotAvailable, match="Internal error"):
                await kraken.fetch_order_book("BTC/USD")
        defects = exchange.exchange.calls.defects
        assert "TypeError" in defects[0]
        told = f"{exchange.url}/control/defects"
        async with aiohttp.ClientSession() as session, session.get(told) as answer:
            assert await answer.json() == defects
        defects.clear()
