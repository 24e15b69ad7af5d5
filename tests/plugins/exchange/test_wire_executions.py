"""The stream of executions says what the ledger says, whatever happens to orders."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

InALoop = Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]
lo = import_module("loopback")
sockets = import_module("test_wire_sockets")
in_a_loop: InALoop = lo.in_a_loop

ENDS = {"filled": "closed", "canceled": "canceled", "expired": "expired"}


def trade_at_random(exchange: Any, seed: int) -> None:
    """Place, cancel and fill orders while the price jumps about."""
    core, key, draw = exchange.core, exchange.key, random.Random(seed)
    refused = lo.part("refusal").KrakenError
    for number in range(60):
        price = core.market.price("BTC/USD")
        limit = round(price * Decimal(draw.uniform(0.995, 1.005)), 1)
        form = {
            "pair": "BTC/USD",
            "type": draw.choice(("buy", "sell")),
            "ordertype": draw.choice(("limit", "limit", "market")),
            "volume": f"{draw.uniform(0.0001, 0.02):.8f}",
            "cl_ord_id": f"1a2b3c4d-{number}",
        }
        if form["ordertype"] == "limit":
            form["price"] = f"{limit:f}"
            form["timeinforce"] = draw.choice(("GTC", "GTC", "IOC"))
        try:
            core.private("AddOrder", form, key)
            if draw.random() < 0.3:
                mine = {"cl_ord_id": f"1a2b3c4d-{draw.randrange(number + 1)}"}
                core.private("CancelOrder", mine, key)
        except refused:
            continue
        finally:
            jump = Decimal(draw.uniform(0.997, 1.003))
            core.force_price("BTC/USD", round(price * jump, 1))
            core.clock.shift(draw.randrange(20_000))
            core.advance()


@pytest.mark.parametrize("seed", range(5))
@in_a_loop
async def test_the_stream_folds_to_the_ledger(seed: int) -> None:
    async with lo.loopback(seed=seed) as exchange, sockets.wired(exchange) as wire:
        await wire.subscribe("executions")
        await wire.subscribe("balances")
        for _ in range(2):
            await wire.reply("subscribe")
        trade_at_random(exchange, seed)
        ledger = exchange.ledger()
        await wire.ask("ping")
        await wire.reply("pong")
    frames = [one for one in wire.frames if one.get("channel") == "executions"]
    assert [one["sequence"] for one in frames] == list(range(1, len(frames) + 1))
    told: dict[str, dict[str, Any]] = {}
    fills: dict[str, Decimal] = {}
    for event in (event for frame in frames for event in frame["data"]):
        told[event["order_id"]] = told.get(event["order_id"], {}) | event
        if event["exec_type"] == "trade":
            fills[event["exec_id"]] = event["last_qty"]
    orders = ledger["orders"]
    assert len(orders) > 20
    assert told.keys() == {one["txid"] for one in orders}
    for one in orders:
        last = told[one["txid"]]
        assert ENDS.get(last["exec_type"], "open") == one["status"]
        assert last["cum_qty"] == Decimal(one["filled"])
        assert last["cl_ord_id"] == one["cl_ord_id"]
    trades = {one["txid"]: Decimal(one["amount"]) for one in ledger["trades"]}
    assert len(trades) > 10
    assert fills == trades
    money = {
        item["asset"]: item["balance"]
        for one in wire.frames
        if one.get("channel") == "balances"
        for item in one["data"]
    }
    for currency, amount in money.items():
        assert amount == Decimal(ledger["balances"][currency])
