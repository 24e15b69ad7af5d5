"""What can go wrong with a stream, seen from the reader's side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

import aiohttp
import ccxt.pro as ccxtpro
import pytest

InALoop = Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]
lo = import_module("loopback")
sockets = import_module("test_wire_sockets")
in_a_loop: InALoop = lo.in_a_loop
wired, watching = sockets.wired, sockets.watching


def market_order(exchange: Any) -> str:
    form = {"pair": "BTC/USD", "type": "buy", "ordertype": "market", "volume": "0.01"}
    txid: str = exchange.core.private("AddOrder", form, exchange.key)["txid"][0]
    return txid


async def executions_under(fault: dict[str, Any]) -> list[tuple[int, str]]:
    """Return (sequence, exec_type) as they come when one fill meets a fault."""
    async with lo.loopback() as exchange, wired(exchange) as wire:
        await wire.subscribe("executions", snap_orders=False)
        await wire.reply("subscribe")
        exchange.faults.add([{"at": "ws:executions", **fault}])
        market_order(exchange)
        exchange.faults.clear()
        await asyncio.sleep(fault.get("value", 0) / 1_000)
        for _ in range(2):
            await wire.ask("ping")
            await wire.reply("pong")
        return [
            (one["sequence"], sockets.kind(one))
            for one in wire.frames
            if one.get("channel") == "executions"
        ]


WHOLE = [(1, "pending_new"), (2, "new"), (3, "trade"), (4, "filled")]


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"kind": "ws_drop", "times": 1, "skip": 4}, WHOLE),
        ({"kind": "ws_drop", "times": 1, "skip": 2}, [*WHOLE[:2], WHOLE[3]]),
        (
            {"kind": "ws_duplicate", "times": 1, "skip": 2},
            [*WHOLE[:3], WHOLE[2], WHOLE[3]],
        ),
        (
            {"kind": "ws_reorder", "times": 1, "skip": 2},
            [*WHOLE[:2], WHOLE[3], WHOLE[2]],
        ),
        ({"kind": "ws_reorder", "times": 1, "skip": 3}, WHOLE),
        ({"kind": "ws_silence", "value": 300, "skip": 1}, WHOLE[:1]),
    ],
)
def test_frames_are_lost_doubled_and_turned_around(
    fault: dict[str, Any], seen: list[tuple[int, str]]
) -> None:
    assert asyncio.run(asyncio.wait_for(executions_under(fault), 30)) == seen


@in_a_loop
async def test_a_silent_connection_stays_open_and_speaks_again() -> None:
    async with lo.loopback() as exchange, wired(exchange) as wire:
        await wire.subscribe("balances")
        await wire.next_of("balances", "snapshot")
        silence = {"at": "ws:balances", "kind": "ws_silence", "value": 1_500}
        exchange.faults.add([{**silence, "times": 1}])
        market_order(exchange)
        await wire.ask("ping")
        with pytest.raises(asyncio.TimeoutError):
            await wire.socket.receive(timeout=1)
        await wire.until(lambda one: one.get("channel") == "heartbeat")
        assert not wire.socket.closed


@in_a_loop
async def test_a_closed_connection_is_a_network_error_and_can_be_opened_again() -> None:
    async with lo.loopback() as exchange, watching(exchange) as kraken:
        await kraken.watch_balance()
        exchange.faults.add([{"at": "ws:balances", "kind": "close", "times": 1}])
        market_order(exchange)
        with pytest.raises(ccxtpro.NetworkError):
            await kraken.watch_balance()
        assert (await kraken.watch_balance())["BTC"]["total"] == pytest.approx(1.01)


@in_a_loop
async def test_a_restart_loses_open_orders_and_every_connection() -> None:
    async with lo.loopback() as exchange, wired(exchange) as wire:
        core, price = exchange.core, str(sockets.far_below(exchange))
        form = {"pair": "BTC/USD", "type": "buy", "ordertype": "limit"}
        form |= {"volume": "0.01", "price": price}
        txid = core.private("AddOrder", form, exchange.key)["txid"][0]
        assert txid in core.private("OpenOrders", {}, exchange.key)["open"]
        await wire.subscribe("executions")
        await wire.next_of("executions", "snapshot")
        restart = f"{exchange.url}/control/restart"
        async with aiohttp.ClientSession() as session, session.post(restart) as answer:
            assert answer.status == 200
        closing = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        while (await wire.socket.receive(timeout=5)).type not in closing:
            pass
        assert core.private("OpenOrders", {}, exchange.key)["open"] == {}
        held = core.private("BalanceEx", {}, exchange.key)["ZUSD"]
        assert float(held["hold_trade"]) == 0


@in_a_loop
async def test_a_restart_at_a_frame_waits_for_the_matching_to_end() -> None:
    async with lo.loopback() as exchange, wired(exchange) as wire:
        await wire.subscribe("executions", snap_orders=False)
        await wire.reply("subscribe")
        # The frame tells of a fill, in the midst of matching the order.
        restart = {"at": "ws:executions", "kind": "restart", "times": 1, "skip": 2}
        exchange.faults.add([restart])
        txid = market_order(exchange)
        closing = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        while (await wire.socket.receive(timeout=5)).type not in closing:
            pass
        (order,) = exchange.ledger()["orders"]
        assert (order["txid"], order["status"]) == (txid, "closed")


@pytest.mark.parametrize(
    ("fault", "placed"),
    [
        ({"kind": "error", "value": "EService:Busy", "after": True}, 1),
        ({"kind": "error", "value": "EService:Busy"}, 0),
        ({"kind": "reply_lost"}, 1),
        ({"kind": "reply_lost", "after": False}, 0),
        ({"kind": "close"}, 1),
        ({"kind": "restart"}, 1),
    ],
)
def test_an_order_over_a_socket_is_lost_like_any_other(
    fault: dict[str, Any], placed: int
) -> None:
    async def run() -> None:
        async with lo.loopback() as exchange, watching(exchange) as kraken:
            await kraken.authenticate()
            exchange.faults.add([{"at": "ws:add_order", **fault}])
            lost = (ccxtpro.NetworkError, ccxtpro.ExchangeError, asyncio.TimeoutError)
            with pytest.raises(lost):
                await asyncio.wait_for(
                    kraken.create_order_ws("BTC/USD", "market", "buy", 0.01), 1.5
                )
            assert len(exchange.ledger()["orders"]) == placed
            assert exchange.requests("AddOrder")[0]["faults"] == [fault["kind"]]

    asyncio.run(asyncio.wait_for(run(), 30))


@in_a_loop
async def test_a_late_request_holds_up_no_other() -> None:
    async with lo.loopback() as exchange, wired(exchange) as wire:
        late = {"at": "ws:add_order", "kind": "delay_before", "value": 700}
        exchange.faults.add([late])
        await wire.ask(
            "add_order", token=wire.token, symbol="BTC/USD", side="buy",
            order_type="market", order_qty=0.01,
        )  # fmt: skip
        await wire.ask("ping")
        await wire.reply("add_order")
        methods = [one.get("method") for one in wire.frames if "method" in one]
        assert methods == ["pong", "add_order"]
