"""What real ccxt makes of a broken answer to an order, and what the exchange has done.

The first half is the table of what an accepted order looks like to its sender: none of
these is an answer, whatever class of exception it comes as.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest

InALoop = Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]
lo = import_module("loopback")
in_a_loop: InALoop = lo.in_a_loop
NOTHING = "an order without an id"


def error(text: str, *, after: bool = True) -> dict[str, Any]:
    return {"kind": "error", "value": text, "after": after}


def http(status: int) -> dict[str, Any]:
    return {"kind": "http", "value": status, "after": True}


ACCEPTED: list[tuple[dict[str, Any], Any]] = [
    ({"kind": "reply_lost"}, ccxt.RequestTimeout),
    ({"kind": "reply_late", "value": 1_500}, ccxt.RequestTimeout),
    ({"kind": "delay_before", "value": 1_500}, ccxt.RequestTimeout),
    ({"kind": "close"}, ccxt.ExchangeNotAvailable),
    ({"kind": "close_mid_body"}, ccxt.ExchangeError),
    ({"kind": "restart"}, ccxt.ExchangeNotAvailable),
    (http(400), ccxt.ExchangeNotAvailable),
    (http(401), ccxt.AuthenticationError),
    (http(403), ccxt.ExchangeNotAvailable),
    (http(404), ccxt.ExchangeNotAvailable),
    (http(408), ccxt.RequestTimeout),
    (http(429), ccxt.RateLimitExceeded),
    (http(500), ccxt.ExchangeNotAvailable),
    (http(502), ccxt.ExchangeNotAvailable),
    (http(503), ccxt.ExchangeNotAvailable),
    (http(504), ccxt.RequestTimeout),
    (http(520), ccxt.ExchangeNotAvailable),
    (http(522), ccxt.ExchangeNotAvailable),
    (http(523), NOTHING),
    (http(524), NOTHING),
    ({"kind": "empty"}, NOTHING),
    ({"kind": "html"}, NOTHING),
    ({"kind": "truncated"}, NOTHING),
    ({"kind": "garbage"}, NOTHING),
    ({"kind": "no_txid"}, NOTHING),
    ({"kind": "odd_descr"}, (TypeError, ValueError, IndexError)),
    (error("EService:Busy"), ccxt.ExchangeNotAvailable),
    (error("EService:Unavailable"), ccxt.ExchangeNotAvailable),
    (error("EGeneral:Internal error"), ccxt.ExchangeNotAvailable),
    (error("EService:Timeout"), ccxt.ExchangeError),
    (error("EWhat:Nobody knows"), ccxt.ExchangeError),
]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    ACCEPTED,
    ids=[f"{one['kind']} {one.get('value', '')}".strip() for one, _ in ACCEPTED],
)
@in_a_loop
async def test_an_accepted_order_looks_like_this(
    fault: dict[str, Any], outcome: Any
) -> None:
    async with lo.loopback(faults=[{"at": "AddOrder", **fault}]) as exchange:
        kraken = ccxt.kraken(exchange.ccxt_settings)
        try:
            await kraken.load_markets()
            kraken.timeout = 600
            order = kraken.create_order("BTC/USD", "market", "buy", 0.01)
            if outcome == NOTHING:
                assert (await order)["id"] is None
            else:
                with pytest.raises(outcome) as raised:
                    await order
                # Not one of a class below: what a sender sees is exactly this.
                if not isinstance(outcome, tuple):
                    assert raised.type is outcome
            await until_engine_had_it(exchange)
            assert len(exchange.ledger()["trades"]) > 0
            seen = exchange.requests("AddOrder")
            assert [one["faults"] for one in seen] == [[fault["kind"]]]
            assert seen[0]["outcome"]["result"]["txid"]
        finally:
            await kraken.close()


async def until_engine_had_it(exchange: Any) -> None:
    while exchange.requests("AddOrder")[0]["engine_ms"] is None:
        await asyncio.sleep(0.05)


REFUSED: list[tuple[str, type[Exception]]] = [
    ("EOrder:Insufficient funds", ccxt.InsufficientFunds),
    ("EOrder:Rate limit exceeded", ccxt.DDoSProtection),
    ("EAPI:Rate limit exceeded", ccxt.DDoSProtection),
    ("EAPI:Invalid nonce", ccxt.InvalidNonce),
    ("EAPI:Invalid key", ccxt.AuthenticationError),
    ("EGeneral:Permission denied", ccxt.PermissionDenied),
    ("EOrder:Order minimum not met", ccxt.InvalidOrder),
    ("EOrder:Cost minimum not met", ccxt.ExchangeError),
    ("EService:Market in cancel_only mode", ccxt.OnMaintenance),
    ("EService:Market in limit_only mode", ccxt.ExchangeError),
    ("EService:Deadline elapsed", ccxt.ExchangeError),
    ("EGeneral:Temporary lockout", ccxt.DDoSProtection),
    ("EQuery:Unknown asset pair", ccxt.ExchangeError),
]


@pytest.mark.parametrize(("text", "kind"), REFUSED)
@in_a_loop
async def test_an_error_that_is_asked_for_reaches_nobody_else(
    text: str, kind: type[Exception]
) -> None:
    fault = {"at": "AddOrder", **error(text, after=False)}
    async with lo.loopback(faults=[fault]) as exchange:
        kraken = ccxt.kraken(exchange.ccxt_settings)
        try:
            with pytest.raises(kind) as raised:
                await kraken.create_order("BTC/USD", "market", "buy", 0.01)
            assert raised.type is kind
            assert text in str(raised.value)
            assert exchange.ledger()["orders"] == []
            assert exchange.requests("AddOrder")[0]["engine_ms"] is None
        finally:
            await kraken.close()


@pytest.mark.parametrize("kind", ["reply_lost", "close", "html", "close_mid_body"])
@in_a_loop
async def test_a_request_can_be_lost_before_the_exchange(kind: str) -> None:
    fault = {"at": "AddOrder", "kind": kind, "after": False}
    async with lo.loopback(faults=[fault]) as exchange:
        kraken = ccxt.kraken({**exchange.ccxt_settings, "timeout": 500})
        try:
            await asyncio.gather(
                kraken.create_order("BTC/USD", "market", "buy", 0.01),
                return_exceptions=True,
            )
            assert exchange.requests("AddOrder")[0]["outcome"] is None
            assert exchange.ledger()["orders"] == []
        finally:
            await kraken.close()


@in_a_loop
async def test_an_order_under_way_outlives_its_sender() -> None:
    """The task is cancelled and every connection closed: the order is placed."""
    late = {"at": "AddOrder", "kind": "delay_before", "value": 500}
    async with lo.loopback(faults=[late]) as exchange:
        kraken = ccxt.kraken(exchange.ccxt_settings)
        await kraken.load_markets()
        sending = asyncio.ensure_future(
            kraken.create_order("BTC/USD", "market", "buy", 0.01)
        )
        while not exchange.requests("AddOrder"):
            await asyncio.sleep(0.01)
        sending.cancel()
        await kraken.close()
        assert exchange.ledger()["orders"] == []
        await until_engine_had_it(exchange)
        assert len(exchange.ledger()["orders"]) == 1


@in_a_loop
async def test_a_deadline_passes_while_an_order_waits_for_the_engine() -> None:
    late = {"at": "AddOrder", "kind": "delay_before", "value": 3_000}
    async with lo.loopback(faults=[late], pace=10) as exchange:
        kraken = ccxt.kraken(exchange.ccxt_settings)
        clock = lo.part("clock")
        try:
            await kraken.load_markets()
            deadline = clock.rfc3339(exchange.core.clock.now_ms() + 2_000)
            with pytest.raises(ccxt.ExchangeError, match="EService:Deadline elapsed"):
                await kraken.create_order(
                    "BTC/USD", "market", "buy", 0.01, None, {"deadline": deadline}
                )
            assert exchange.ledger()["orders"] == []
        finally:
            await kraken.close()


@in_a_loop
async def test_a_clock_can_be_set_wrong() -> None:
    skew = {"at": "Time", "kind": "clock_skew", "value": -90_000, "times": 1}
    async with lo.loopback(faults=[skew]) as exchange:
        kraken = ccxt.kraken(exchange.ccxt_settings)
        try:
            behind_ms = kraken.milliseconds() - await kraken.fetch_time()
            assert 88_000 < behind_ms < 93_000
        finally:
            await kraken.close()


@in_a_loop
async def test_faults_add_up_along_the_way() -> None:
    """Delayed before the engine, then told late, then only half told."""
    faults = [
        {"at": "AddOrder", "kind": "delay_before", "value": 200},
        {"at": "AddOrder", "kind": "reply_late", "value": 200},
        {"at": "AddOrder", "kind": "truncated"},
    ]
    async with lo.loopback(faults=faults) as exchange:
        kraken = ccxt.kraken(exchange.ccxt_settings)
        try:
            await kraken.load_markets()
            order = await kraken.create_order("BTC/USD", "market", "buy", 0.01)
            assert order["id"] is None
            seen = exchange.requests("AddOrder")[0]
            assert seen["faults"] == ["delay_before", "reply_late", "truncated"]
            assert seen["engine_ms"] - seen["at_ms"] >= 200
            assert exchange.core.clock.now_ms() - seen["engine_ms"] >= 200
        finally:
            await kraken.close()


@in_a_loop
async def test_public_calls_fail_too() -> None:
    async with lo.loopback() as exchange, aiohttp.ClientSession() as session:
        exchange.faults.add([{"at": "public/*", "kind": "http", "value": 503}])
        async with session.get(f"{exchange.url}/0/public/Time") as answer:
            assert answer.status == 503
            assert "503 Service Unavailable" in await answer.text()
