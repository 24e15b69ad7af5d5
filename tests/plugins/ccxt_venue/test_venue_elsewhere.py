"""What other exchanges than Kraken see on the wire, and what their words mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from quorate import (
    Accepted,
    CancelOutcome,
    Fill,
    Keys,
    Liquidity,
    NoAnswer,
    Order,
    Refused,
    Side,
    TimeInForce,
    Unknown,
)

orders = import_module("venue_orders")
venue_stub = import_module("venue_stub")

NOW_MS = 1_795_382_204_123
Test = Callable[..., Coroutine[Any, Any, None]]


def in_a_loop(test: Test) -> Callable[..., None]:
    @wraps(test)
    def plain(*arguments: Any, **named: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*arguments, **named), 30))

    return plain


# Binance

BTCUSDT = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
    "isSpotTradingAllowed": True,
    "permissionSets": [["SPOT"]],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "stepSize": "0.00001"},
        {"filterType": "NOTIONAL", "minNotional": "5.0"},
    ],
}
TAKEN = {"symbol": "BTCUSDT", "orderId": 28, "status": "NEW"}
ORDER = "/api/v3/order"


@asynccontextmanager
async def binance(**answers: Any) -> AsyncIterator[tuple[Any, Any]]:
    told = {
        "/api/v3/time": {"serverTime": NOW_MS},
        "/api/v3/exchangeInfo": {"symbols": [BTCUSDT]},
        f"POST {ORDER}": TAKEN,
        **answers,
    }
    async with venue_stub.stub(told) as server:
        paths = {"public": "/api/v3", "private": "/api/v3", "sapi": "/sapi/v1"}
        urls = {"api": {name: server.url + path for name, path in paths.items()}}
        ccxt = {"urls": urls}
        async with orders.opened("binance", symbols=["BTC/USDT"], ccxt=ccxt) as venue:
            yield venue, server


def usdt(intent: Any, **changes: Any) -> Any:
    return replace(intent, symbol="BTC/USDT", venue_symbol="BTC/USDT", **changes)


def form(request: Any) -> dict[str, str]:
    """Return what a Binance order says, without what differs from run to run."""
    told = {name: values[-1] for name, values in parse_qs(request.body).items()}
    return {k: v for k, v in told.items() if k not in ("timestamp", "signature")}


LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "0.001",
    "price": "1000.1",
    "timeInForce": "GTC",
    "newOrderRespType": "FULL",
    "recvWindow": "10000",
}


@pytest.mark.parametrize(
    ("changes", "says", "leaves_out"),
    [
        ({}, {}, ()),
        ({"time_in_force": TimeInForce.IOC}, {"timeInForce": "IOC"}, ()),
        ({"time_in_force": TimeInForce.FOK}, {"timeInForce": "FOK"}, ()),
        ({"post_only": True}, {"type": "LIMIT_MAKER"}, ("timeInForce",)),
        ({"side": Side.SELL}, {"side": "SELL"}, ()),
        ({"amount": Decimal("12345678.12345")}, {"quantity": "12345678.12345"}, ()),
        ({"limit_price": Decimal("0.07")}, {"price": "0.07"}, ()),
    ],
)
@in_a_loop
async def test_binance_is_told(
    changes: dict[str, Any], says: dict[str, str], leaves_out: tuple[str, ...]
) -> None:
    intent = usdt(orders.intent(), **changes)
    async with binance() as (venue, server):
        answer = await venue.send(intent)
    [request] = server.sent_to(ORDER)
    expected = {**LIMIT, **says, "newClientOrderId": intent.client_id}
    assert form(request) == {k: v for k, v in expected.items() if k not in leaves_out}
    assert answer == Accepted(at_ms=0, client_id=intent.client_id, venue_id="28")


@in_a_loop
async def test_binance_buys_an_amount_at_the_market() -> None:
    intent = usdt(orders.at_market())
    async with binance() as (venue, server):
        await venue.send(intent)
    [request] = server.sent_to(ORDER)
    assert form(request) == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "quantity": "0.001",
        "newClientOrderId": intent.client_id,
        "newOrderRespType": "FULL",
        "recvWindow": "10000",
    }


@in_a_loop
async def test_binance_is_told_a_deadline_as_a_window_from_its_own_time_on() -> None:
    async with binance() as (venue, server):
        now_ms = venue.clock.now_ms()
        await venue.send(usdt(orders.intent(), deadline_ms=now_ms + 5_000))
    [request] = server.sent_to(ORDER)
    told = dict(parse_qsl(request.body))
    until_ms = int(told["timestamp"]) + int(told["recvWindow"])
    assert 0 < int(told["recvWindow"]) <= 5_000
    assert abs(until_ms - (now_ms + 5_000)) <= 20
    assert venue.has_deadline


def refused(code: int, text: str, status: int = 400) -> web.Response:
    return web.json_response({"code": code, "msg": text}, status=status)


@pytest.mark.parametrize(
    ("code", "text", "status", "kind"),
    [
        (-2010, "Account has insufficient balance for requested action.", 400, Refused),
        (-1013, "Filter failure: NOTIONAL", 400, Refused),
        (
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
            400,
            Refused,
        ),
        (-1003, "Too much request weight used.", 429, Refused),
        (-2010, "Duplicate order sent.", 400, Unknown),
        (-1000, "An unknown error occurred.", 400, Unknown),
        (-1001, "Internal error; unable to process your request.", 503, Unknown),
        (-1006, "An unexpected response was received.", 400, Unknown),
        (-1007, "Timeout waiting for response from backend server.", 408, Unknown),
        (-1008, "Server is currently overloaded.", 503, Unknown),
        (-2010, "Account has insufficient balance.", 502, Unknown),
        (-9999, "Never seen before", 400, Unknown),
    ],
)
@in_a_loop
async def test_binance_refuses_by_the_list_only(
    code: int, text: str, status: int, kind: type
) -> None:
    intent = usdt(orders.intent())
    told = {f"POST {ORDER}": lambda _: refused(code, text, status)}
    async with binance(**told) as (venue, _):
        answer = await venue.send(intent)
    assert isinstance(answer, kind)
    if isinstance(answer, Refused):
        assert answer.errors == (f"{code} {text}",)


@in_a_loop
async def test_binance_finds_an_order_by_our_id_with_its_fills() -> None:
    intent = usdt(orders.intent(), made_ms=NOW_MS)
    order = {
        **{"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": intent.client_id},
        **{"price": "1000.10", "origQty": "0.00100000", "executedQty": "0.00100000"},
        **{"cummulativeQuoteQty": "1.00010000", "status": "FILLED", "type": "LIMIT"},
        **{"timeInForce": "GTC", "side": "BUY", "time": NOW_MS, "updateTime": NOW_MS},
    }
    trade = {
        **{"symbol": "BTCUSDT", "id": 7, "orderId": 28, "price": "1000.10000000"},
        **{"qty": "0.00100000", "quoteQty": "1.00010000", "commission": "0.00000100"},
        **{"commissionAsset": "BTC", "time": NOW_MS, "isBuyer": True, "isMaker": True},
    }
    stranger = {**trade, "id": 8, "orderId": 29}
    told = {f"GET {ORDER}": order, "/api/v3/myTrades": [trade, stranger]}
    async with binance(**told) as (venue, server):
        report = await venue.find(intent, "")
    [request] = server.sent_to(ORDER, "GET")
    assert request.query["origClientOrderId"] == intent.client_id
    assert (report.venue_id, report.reason, report.filled) == (
        "28",
        "filled",
        Decimal("0.001"),
    )
    assert report.fills == (
        Fill(
            trade_id="7",
            price=Decimal("1000.1"),
            amount=Decimal("0.001"),
            fee=Decimal("0.000001"),
            fee_currency="BTC",
            liquidity=Liquidity.MAKER,
        ),
    )


@in_a_loop
async def test_binance_has_no_order_when_it_says_so_and_only_then() -> None:
    intent = usdt(orders.intent())
    async with binance() as (venue, server):
        server.answers[f"GET {ORDER}"] = lambda _: refused(
            -2013, "Order does not exist."
        )
        assert await venue.find(intent, "") is None
        server.answers[f"GET {ORDER}"] = lambda _: refused(-1001, "Internal error")
        with pytest.raises(NoAnswer, match="-1001"):
            await venue.find(intent, "")
        server.answers[f"GET {ORDER}"] = []
        with pytest.raises(NoAnswer, match="no answer"):
            await venue.find(intent, "")


@in_a_loop
async def test_binance_cancels_by_either_id() -> None:
    intent = usdt(orders.intent())
    done = {**TAKEN, "status": "CANCELED", "origClientOrderId": intent.client_id}
    async with binance(**{f"DELETE {ORDER}": done}) as (venue, server):
        ours = await venue.cancel(Order(intent=intent))
        theirs = await venue.cancel(Order(intent=intent, venue_id="28"))
        server.answers[f"DELETE {ORDER}"] = lambda _: refused(-2011, "Unknown order.")
        gone = await venue.cancel(Order(intent=intent, venue_id="28"))
    assert ours.outcome is theirs.outcome is CancelOutcome.TAKEN
    assert (gone.outcome, gone.errors) == (
        CancelOutcome.REFUSED,
        ("-2011 Unknown order.",),
    )
    by_ours, by_theirs, _ = server.sent_to(ORDER, "DELETE")
    told = parse_qs(
        by_ours.body or "&".join(f"{k}={v}" for k, v in by_ours.query.items())
    )
    assert told["origClientOrderId"] == [intent.client_id]
    assert "orderId" in (by_theirs.body or by_theirs.query)


# Coinbase

PRODUCT = {
    **{"product_id": "BTC-USD", "price": "67060", "product_type": "SPOT"},
    **{"base_increment": "0.00000001", "quote_increment": "0.01"},
    **{"price_increment": "0.01", "base_min_size": "0.00000001", "quote_min_size": "1"},
    **{"status": "online", "cancel_only": False, "limit_only": False, "alias": ""},
    **{"post_only": False, "trading_disabled": False, "is_disabled": False},
    **{"quote_currency_id": "USD", "base_currency_id": "BTC"},
}
FEES = {"fee_tier": {"taker_fee_rate": "0.008", "maker_fee_rate": "0.006"}}
NEW = "/api/v3/brokerage/orders"
PAST = f"{NEW}/historical/batch"


def a_key() -> Keys:
    made = ec.generate_private_key(ec.SECP256R1())
    pem = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return Keys("organizations/of-tests/apiKeys/1", pem.decode())


@asynccontextmanager
async def coinbase(**answers: Any) -> AsyncIterator[tuple[Any, Any]]:
    def products(request: Any) -> Any:
        spot = request.query.get("product_type", "SPOT") == "SPOT"
        return {"products": [PRODUCT] if spot else []}

    told = {
        "/v2/time": {"data": {"iso": "2026-11-22T21:16:44Z", "epoch": NOW_MS // 1000}},
        "/v2/currencies": {"data": []},
        "/v2/currencies/crypto": {"data": []},
        "/v2/exchange-rates": {"data": {"rates": {}}},
        "/api/v3/brokerage/market/products": products,
        "/api/v3/brokerage/transaction_summary": FEES,
        f"POST {NEW}": {"success": True, "success_response": {"order_id": "uuid-1"}},
        **answers,
    }
    async with venue_stub.stub(told) as server:
        ccxt = {"urls": {"api": {"rest": server.url}}}
        async with orders.opened("coinbase", keys=a_key(), ccxt=ccxt) as venue:
            yield venue, server


@pytest.mark.parametrize(
    ("changes", "configuration"),
    [
        (
            {},
            {
                "limit_limit_gtc": {
                    "base_size": "0.001",
                    "limit_price": "1000.1",
                    "post_only": False,
                }
            },
        ),
        (
            {"post_only": True},
            {
                "limit_limit_gtc": {
                    "base_size": "0.001",
                    "limit_price": "1000.1",
                    "post_only": True,
                }
            },
        ),
        (
            {"time_in_force": TimeInForce.IOC},
            {"sor_limit_ioc": {"base_size": "0.001", "limit_price": "1000.1"}},
        ),
        (
            {"time_in_force": TimeInForce.FOK},
            {"limit_limit_fok": {"base_size": "0.001", "limit_price": "1000.1"}},
        ),
    ],
)
@in_a_loop
async def test_coinbase_is_told(
    changes: dict[str, Any], configuration: dict[str, Any]
) -> None:
    intent = orders.intent(**changes)
    async with coinbase() as (venue, server):
        answer = await venue.send(intent)
    [request] = server.sent_to(NEW)
    assert json.loads(request.body) == {
        "client_order_id": intent.client_id,
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": configuration,
    }
    assert answer == Accepted(at_ms=0, client_id=intent.client_id, venue_id="uuid-1")


@in_a_loop
async def test_coinbase_buys_for_money_and_sells_an_amount_at_the_market() -> None:
    buy = orders.at_market(amount=Decimal("0.0123"), reference_price=Decimal("67060.5"))
    sell = orders.at_market(side=Side.SELL)
    async with coinbase() as (venue, server):
        await venue.send(buy)
        await venue.send(sell)
    bought, sold = (json.loads(each.body) for each in server.sent_to(NEW))
    # 824.84415, down to the cent.
    assert bought["order_configuration"] == {
        "market_market_ioc": {"quote_size": "824.84"}
    }
    assert sold["order_configuration"] == {"market_market_ioc": {"base_size": "0.001"}}
    assert bought["client_order_id"] == buy.client_id


def failure(**reasons: str) -> dict[str, Any]:
    return {"success": False, "error_response": reasons}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failure(error="INSUFFICIENT_FUND", message="no"), Refused),
        (
            failure(
                error="UNKNOWN_FAILURE_REASON",
                preview_failure_reason="PREVIEW_INSUFFICIENT_FUND",
            ),
            Refused,
        ),
        (failure(error="UNKNOWN_FAILURE_REASON"), Unknown),
        (failure(error="INSUFFICIENT_FUND", new_order_failure_reason="ODD"), Unknown),
        ({"error": "internal_server_error"}, Unknown),
        ({"error": "unauthorized"}, Refused),
        ({"success": True, "success_response": {"order_id": ""}}, Unknown),
        ({"success": True}, Unknown),
        ({}, Unknown),
    ],
)
@in_a_loop
async def test_coinbase_refuses_by_the_list_only(
    reply: dict[str, Any], kind: type
) -> None:
    async with coinbase(**{f"POST {NEW}": reply}) as (venue, _):
        assert isinstance(await venue.send(orders.intent()), kind)


@in_a_loop
async def test_coinbase_has_no_order_only_when_all_of_them_were_seen() -> None:
    intent = orders.intent(made_ms=NOW_MS)
    order = {
        **{"order_id": "uuid-1", "product_id": "BTC-USD", "side": "BUY"},
        **{"client_order_id": intent.client_id, "status": "OPEN", "filled_size": "0"},
        **{"created_time": "2026-11-22T21:16:44Z", "total_fees": "0"},
        "order_configuration": {
            "limit_limit_gtc": {"base_size": "0.001", "limit_price": "1000.1"}
        },
    }
    other = {**order, "order_id": "uuid-2", "client_order_id": "another"}
    async with coinbase(**{PAST: {"orders": [other]}}) as (venue, server):
        assert await venue.find(intent, "") is None
        server.answers[PAST] = {"orders": [other, order]}
        report = await venue.find(intent, "")
        assert (report.venue_id, report.open) == ("uuid-1", True)
        assert report.amount == Decimal("0.001")
        server.answers[PAST] = {"orders": [other] * 100}
        with pytest.raises(NoAnswer, match="may be among others"):
            await venue.find(intent, "")
        server.answers[PAST] = {"error": "internal_server_error"}
        with pytest.raises(NoAnswer, match="internal_server_error"):
            await venue.find(intent, "")


@in_a_loop
async def test_fees_are_those_of_the_account() -> None:
    async with coinbase() as (venue, _):
        careful = venue.rules["BTC/USD"]
        told = (await venue.markets())["BTC/USD"]
    assert (careful.maker_fee, careful.taker_fee) == (
        Decimal("0.006"),
        Decimal("0.012"),
    )
    assert (told.maker_fee, told.taker_fee) == (Decimal("0.006"), Decimal("0.008"))
