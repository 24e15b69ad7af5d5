"""Sockets: unmodified ccxt.pro, and frames as they are on the wire."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib import import_module
from typing import Any

import aiohttp
import ccxt.pro as ccxtpro
import pytest

InALoop = Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]
lo = import_module("loopback")
in_a_loop: InALoop = lo.in_a_loop


@asynccontextmanager
async def watching(exchange: Any) -> AsyncIterator[Any]:
    """Open ccxt.pro's Kraken with nothing but its URLs led elsewhere."""
    kraken = ccxtpro.kraken(exchange.ccxt_settings)
    try:
        yield kraken
    finally:
        await kraken.close()


class Wire:
    """A bare socket: what is sent, and every frame that came."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, token: str) -> None:
        self.socket = socket
        self.token = token
        self.frames: list[dict[str, Any]] = []

    async def ask(self, method: str, **params: Any) -> None:
        await self.socket.send_json({"method": method, "params": params, "req_id": 7})

    async def subscribe(self, channel: str, **params: Any) -> None:
        if channel in ("executions", "balances"):
            params["token"] = self.token
        await self.ask("subscribe", channel=channel, **params)

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the next frame that is wanted; all that come are kept."""
        while True:
            frame = await self.socket.receive_json(
                timeout=10, loads=lambda text: json.loads(text, parse_float=Decimal)
            )
            self.frames.append(frame)
            if wanted(frame):
                return dict(frame)

    async def next_of(self, channel: str, kind: str = "update") -> dict[str, Any]:
        return await self.until(
            lambda one: one.get("channel") == channel and one.get("type") == kind
        )

    async def reply(self, method: str) -> dict[str, Any]:
        return await self.until(lambda one: one.get("method") == method)


@asynccontextmanager
async def wired(exchange: Any, side: str = "private") -> AsyncIterator[Wire]:
    core = exchange.core
    token = core.private("GetWebSocketsToken", {}, exchange.key)["token"]
    async with aiohttp.ClientSession() as session:
        url = exchange.ccxt_urls["api"]["ws"][f"{side}V2"]
        async with session.ws_connect(url) as socket:
            yield Wire(socket, token)


def far_below(exchange: Any) -> float:
    """Return a price at which a purchase rests."""
    return float(round(exchange.core.market.price("BTC/USD") * Decimal("0.9")))


@in_a_loop
async def test_ccxt_watches_the_market() -> None:
    async with lo.loopback(pace=60) as exchange, watching(exchange) as kraken:
        ticker = await kraken.watch_ticker("BTC/USD")
        assert 0 < ticker["bid"] < ticker["ask"]
        seen: set[str] = set()
        while len(seen) < 2:
            seen |= (await kraken.watch_tickers(["BTC/USD", "ETH/USD"])).keys()
        assert seen == {"BTC/USD", "ETH/USD"}
        book = await kraken.watch_order_book("BTC/USD", 25)
        assert len(book["bids"]) == len(book["asks"]) == 25
        for _ in range(3):
            book = await kraken.watch_order_book("BTC/USD", 25)
            assert book["bids"][0][0] < book["asks"][0][0]
        opened = (await kraken.watch_ohlcv("BTC/USD", "1m"))[-1][0]
        while (await kraken.watch_ohlcv("BTC/USD", "1m"))[-1][0] <= opened:
            pass
        assert await kraken.watch_trades("BTC/USD")


@in_a_loop
async def test_ccxt_places_and_follows_orders() -> None:
    async with lo.loopback() as exchange, watching(exchange) as kraken:
        total = (await kraken.watch_balance())["BTC"]["total"]
        placed = await kraken.create_order_ws(
            "BTC/USD", "limit", "buy", 0.01, far_below(exchange),
            {"clientOrderId": "1a2b3c4d-3"},
        )  # fmt: skip
        orders = await kraken.watch_orders()
        assert orders[-1]["id"] == placed["id"]
        assert orders[-1]["info"]["cl_ord_id"] == "1a2b3c4d-3"
        # Watched before it happens: ccxt keeps no news that nobody waits for.
        cancelled = asyncio.ensure_future(kraken.watch_orders())
        await kraken.cancel_order_ws(placed["id"])
        assert (await cancelled)[-1]["status"] == "canceled"
        filled = asyncio.ensure_future(kraken.watch_my_trades())
        changed = asyncio.ensure_future(kraken.watch_balance())
        bought = await kraken.create_order_ws("BTC/USD", "market", "buy", 0.02)
        assert {one["order"] for one in await filled} == {bought["id"]}
        await changed
        held = exchange.ledger()["balances"]["BTC"]
        assert float(held) == pytest.approx(total + 0.02)
        assert kraken.balance["spot"]["BTC"]["total"] == pytest.approx(float(held))


@in_a_loop
async def test_ccxt_amends_and_cancels_all_over_a_socket() -> None:
    async with lo.loopback() as exchange, watching(exchange) as kraken:
        price = far_below(exchange)
        placed = [
            await kraken.create_order_ws("BTC/USD", "limit", "buy", 0.01, price)
            for _ in range(2)
        ]
        first = placed[0]["id"]
        await kraken.edit_order_ws(first, "BTC/USD", "limit", "buy", 0.02, price - 10)
        ledger = {one["txid"]: one for one in exchange.ledger()["orders"]}
        assert float(ledger[first]["amount"]) == 0.02
        assert float(ledger[first]["limit_price"]) == price - 10
        answer = await kraken.cancel_all_orders_ws()
        assert answer["result"]["count"] == 2
        assert {one["status"] for one in exchange.ledger()["orders"]} == {"canceled"}


@in_a_loop
async def test_words_over_a_socket_mean_the_same_as_over_rest() -> None:
    async with lo.loopback() as exchange, wired(exchange) as wire:
        low = far_below(exchange)
        now_ms = exchange.core.clock.now_ms()
        rfc3339 = lo.part("clock").rfc3339
        more: dict[str, Any]
        for number, (more, flaw) in enumerate(
            (
                ({"limit_price": low, "post_only": True}, ""),
                ({"limit_price": low, "expire_time": rfc3339(now_ms + 90_000),
                  "time_in_force": "gtd"}, ""),
                ({"limit_price": low, "time_in_force": "ioc"}, ""),
                ({"limit_price": low, "deadline": rfc3339(now_ms - 5_000)},
                 "EGeneral:Invalid arguments|EService:Deadline"),
                ({"limit_price": low + 0.01}, "EOrder:"),
                ({"limit_price": low, "colour": "red"}, "arguments:colour"),
                ({"limit_price": low, "expire_time": "soon"}, "arguments:expire_time"),
            )
        ):  # fmt: skip
            await wire.ask(
                "add_order", token=wire.token, symbol="BTC/USD", side="buy",
                order_type="limit", order_qty=0.01, order_userref=number, **more,
            )  # fmt: skip
            reply = await wire.reply("add_order")
            assert reply["success"] is not bool(flaw), reply
            if flaw:
                assert re.search(flaw, reply["error"])
        orders = exchange.ledger()["orders"]
        assert [one["status"] for one in orders] == ["open", "open", "canceled"]
        assert [one["userref"] for one in orders] == [0, 1, 2]
        market = {"symbol": "BTC/USD", "side": "buy", "order_type": "market"}
        await wire.ask("add_order", token=wire.token, cash_order_qty=100, **market)
        assert (await wire.reply("add_order"))["success"] is True
        spent = float(exchange.ledger()["orders"][-1]["cost"])
        assert spent == pytest.approx(100, rel=0.001)
        await wire.ask("cancel_order", token=wire.token)
        assert "arguments:order_id" in (await wire.reply("cancel_order"))["error"]
        await wire.ask("cancel_all_orders_after", token=wire.token, timeout=60)
        assert (await wire.reply("cancel_all_orders_after"))["success"] is True


@in_a_loop
async def test_ccxt_is_told_why_an_order_is_refused() -> None:
    async with lo.loopback() as exchange, watching(exchange) as kraken:
        with pytest.raises(ccxtpro.ExchangeError, match="Insufficient funds"):
            await kraken.create_order_ws("BTC/USD", "market", "sell", 5_000)
        with pytest.raises(ccxtpro.OrderNotFound, match="Unknown order"):
            await kraken.cancel_order_ws("OAAAAA-AAAAA-AAAAAA")


@in_a_loop
async def test_an_order_is_told_from_its_arrival_to_its_end() -> None:
    async with lo.loopback() as exchange, wired(exchange) as wire:
        await wire.subscribe("executions", ratecounter=True)
        ack = await wire.reply("subscribe")
        assert ack["success"] is True
        assert ack["req_id"] == 7
        assert ack["result"]["maxratecount"] == 180
        assert (await wire.next_of("executions", "snapshot"))["data"] == []
        await wire.ask(
            "add_order", token=wire.token, symbol="BTC/USD", side="buy",
            order_type="limit", order_qty=0.01, limit_price=far_below(exchange),
            cl_ord_id="1a2b3c4d-4", time_in_force="gtc",
        )  # fmt: skip
        reply = await wire.reply("add_order")
        assert reply["result"]["cl_ord_id"] == "1a2b3c4d-4"
        await wire.ask("cancel_order", token=wire.token, cl_ord_id=["1a2b3c4d-4"])
        await wire.reply("cancel_order")
        if not any(kind(one) == "canceled" for one in wire.frames):
            await wire.until(lambda one: kind(one) == "canceled")
        told = [one for one in wire.frames if one.get("channel") == "executions"]
        assert [kind(one) for one in told] == ["", "pending_new", "new", "canceled"]
        assert [one["sequence"] for one in told] == [1, 2, 3, 4]
        assert told[1]["data"][0]["cl_ord_id"] == "1a2b3c4d-4"
        assert 0.9 < told[1]["data"][0]["ratecount"] <= 1
        assert "symbol" not in told[2]["data"][0]


def kind(frame: dict[str, Any]) -> str:
    data = frame.get("data") if frame.get("channel") == "executions" else None
    return str(data[0]["exec_type"]) if data else ""


@in_a_loop
async def test_a_new_connection_begins_with_open_orders_and_last_trades() -> None:
    async with lo.loopback() as exchange:
        core = exchange.core
        form = {"pair": "BTC/USD", "type": "buy", "volume": "0.01"}
        limit = {**form, "ordertype": "limit", "price": str(far_below(exchange))}
        resting = core.private("AddOrder", limit, exchange.key)["txid"][0]
        market = {**form, "ordertype": "market"}
        taken = core.private("AddOrder", market, exchange.key)["txid"][0]
        async with wired(exchange) as wire:
            await wire.subscribe("executions", snap_trades=True)
            orders = await wire.next_of("executions", "snapshot")
            trades = await wire.next_of("executions", "snapshot")
            assert [one["order_id"] for one in orders["data"]] == [resting]
            assert {one["order_id"] for one in trades["data"]} == {taken}
            await wire.subscribe("balances")
            wallet = await wire.next_of("balances", "snapshot")
            held = {one["asset"]: one["balance"] for one in wallet["data"]}
            assert held["BTC"] == Decimal("1.01")


@in_a_loop
async def test_a_book_can_be_followed_by_its_checksum() -> None:
    """Apply every update to the snapshot: the checksum of what results is the told."""
    frames = lo.part("frames")
    async with lo.loopback(pace=30) as exchange, wired(exchange, "public") as wire:
        await wire.subscribe("book", symbol=["BTC/USD"], depth=10)
        data = (await wire.next_of("book", "snapshot"))["data"][0]
        sides: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
        for _ in range(10):
            for side, levels in sides.items():
                for level in data[side]:
                    levels[level["price"]] = level["qty"]
                    if not level["qty"]:
                        del levels[level["price"]]
            bids = sorted(sides["bids"].items(), reverse=True)[:10]
            asks = sorted(sides["asks"].items())[:10]
            ours = frames.Levels(tuple(bids), tuple(asks))
            assert frames.checksum(ours) == data["checksum"]
            data = (await wire.next_of("book"))["data"][0]


@in_a_loop
async def test_a_candle_is_told_closed_before_the_next_one() -> None:
    async with lo.loopback(pace=120) as exchange, wired(exchange, "public") as wire:
        await wire.subscribe("ohlc", symbol=["BTC/USD"], interval=1)
        snapshot = (await wire.next_of("ohlc", "snapshot"))["data"]
        assert len(snapshot) == 100
        rows = {one["interval_begin"]: one for one in snapshot}
        order = [snapshot[-1]["interval_begin"]]
        while len(order) < 4:
            row = (await wire.next_of("ohlc"))["data"][0]
            rows[row["interval_begin"]] = row
            if row["interval_begin"] != order[-1]:
                order.append(row["interval_begin"])
        assert order == sorted(set(order))
        whole = exchange.core.market.bars("BTC/USD", 1, 0, 10)
        closed = {bar.open_ms: bar for bar in whole}
        clock = lo.part("clock")
        told = [rows[begin] for begin in order[1:-1]]
        assert told
        for row in told:
            bar = closed[clock.from_rfc3339(row["interval_begin"])]
            assert (row["open"], row["high"], row["low"], row["close"]) == (
                bar.open, bar.high, bar.low, bar.close,
            )  # fmt: skip


@in_a_loop
async def test_a_quiet_connection_hears_a_heartbeat_and_gets_its_pong() -> None:
    async with lo.loopback() as exchange, wired(exchange) as wire:
        await wire.subscribe("balances", snapshot=False)
        await wire.until(lambda one: one.get("channel") == "heartbeat")
        await wire.socket.send_json({"method": "ping", "req_id": 3})
        assert (await wire.reply("pong"))["req_id"] == 3


@in_a_loop
async def test_what_cannot_be_subscribed_to_is_said() -> None:
    async with lo.loopback() as exchange, wired(exchange) as wire:
        for params, error in (
            ({"channel": "ticker", "symbol": ["NO/NO"]}, "pair not supported NO/NO"),
            ({"channel": "ticker"}, "must be an array"),
            ({"channel": "news"}, "name invalid"),
            ({"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 2}, "interval not"),
            ({"channel": "executions", "token": "no"}, "ESession:Invalid session"),
        ):
            await wire.ask("subscribe", **params)
            refusal = await wire.reply("subscribe")
            assert refusal["success"] is False
            assert error in refusal["error"]
        await wire.subscribe("ticker", symbol=["BTC/USD"])
        assert (await wire.reply("subscribe"))["success"] is True
        await wire.subscribe("ticker", symbol=["BTC/USD"])
        assert (await wire.reply("subscribe"))["error"] == "Already subscribed"
        await wire.ask("unsubscribe", channel="ticker", symbol=["BTC/USD"])
        assert (await wire.reply("unsubscribe"))["success"] is True
        await wire.ask("dance")
        assert (await wire.reply("dance"))["success"] is False
        await wire.socket.send_str("{nonsense")
        await wire.until(lambda one: one.get("error") == "Malformed request")


@in_a_loop
async def test_very_many_streams_take_turns_and_none_is_forgotten() -> None:
    names = [f"C{number}/USD" for number in range(130)]
    tapes = [lo.made_up(name) for name in names]
    async with (
        lo.loopback(tapes=tapes, pace=60) as exchange,
        wired(exchange, "public") as wire,
    ):
        await wire.subscribe("ticker", symbol=names, snapshot=False)
        heard: set[str] = set()
        while len(heard) < len(names):
            heard.add((await wire.next_of("ticker"))["data"][0]["symbol"])
