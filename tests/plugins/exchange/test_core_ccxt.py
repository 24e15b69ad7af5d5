"""What unmodified ccxt makes of the exchange's answers, and that it is the truth.

Only ``urls`` are overridden. Each answer is compared with the exchange's own ledger.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib import import_module
from typing import Any

import ccxt.async_support as ccxt
import pytest

hand = import_module("core_by_hand")
lo = import_module("loopback")
flat, part = hand.flat, hand.part
in_a_loop: Callable[[Callable[..., Any]], Callable[..., None]] = lo.in_a_loop

ETH = "ETH/USD"
BTC = "BTC/USD"


@asynccontextmanager
async def trading(**settings: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Open an exchange on which nothing moves, and ccxt to trade on it."""
    tapes = (flat(), flat(price=2_000.0, symbol=ETH), flat(price=0.2, symbol="ADA/USD"))
    liquidity = part("market").Liquidity(depth=Decimal("0.5"))
    given = {"tapes": tapes, "liquidity": liquidity, **settings}
    async with lo.loopback(**given) as exchange:
        kraken = ccxt.kraken(exchange.ccxt_settings)
        try:
            yield kraken, exchange
        finally:
            await kraken.close()


@in_a_loop
async def test_markets_are_read_as_they_are() -> None:
    async with trading() as (kraken, exchange):
        markets = await kraken.load_markets()
        market = markets[BTC]
        assert (market["id"], market["base"], market["quote"]) == (
            "XXBTZUSD",
            "BTC",
            "USD",
        )
        assert market["precision"]["price"] == 0.1
        assert market["precision"]["amount"] == 1e-8
        assert market["limits"]["cost"]["min"] == 0.5
        assert market["active"]
        assert {"DOGE/USD", "ETH/BTC", "BTC/EUR", "XRP/USD"} <= markets.keys()
        assert not markets["DOGE/USD"]["active"]  # there is no tape for it
        exchange.core.set_status(BTC, "post_only")
        markets = await kraken.load_markets(True)
        assert not markets[BTC]["active"]
        # The static table of ccxt is what an empty ladder leads to, and it is wrong.
        assert (market["taker"], market["maker"]) == (0.0026, 0.0016)


@in_a_loop
async def test_the_real_fee_is_asked_for() -> None:
    async with trading(volume_30d=Decimal(60_000)) as (kraken, _):
        fee = await kraken.fetch_trading_fee(BTC)
        assert (fee["maker"], fee["taker"]) == (0.0014, 0.0024)


@in_a_loop
async def test_a_limit_order_from_its_placing_to_its_end() -> None:
    async with trading() as (kraken, exchange):
        ours = {"clientOrderId": "1a2b3c4d-17"}
        placed = await kraken.create_order(BTC, "limit", "buy", 0.01, 49_000, ours)
        assert placed["symbol"] == BTC
        assert (placed["side"], placed["type"]) == ("buy", "limit")
        assert (placed["amount"], placed["price"]) == (0.01, 49_000)
        assert placed["status"] is None
        (found,) = await kraken.fetch_open_orders(BTC, params=ours)
        assert found["id"] == placed["id"]
        assert found["clientOrderId"] == "1a2b3c4d-17"
        assert (found["status"], found["filled"]) == ("open", 0)
        amended = await kraken.edit_order(
            placed["id"], BTC, "limit", "buy", 0.02, 48_000
        )
        assert amended["id"] != placed["id"]
        changed = await kraken.fetch_order(placed["id"])
        assert (changed["amount"], changed["price"]) == (0.02, 48_000)
        await kraken.cancel_order(None, BTC, ours)
        over = await kraken.fetch_order(placed["id"], BTC)
        assert (over["status"], over["filled"]) == ("canceled", 0)
        (closed,) = await kraken.fetch_closed_orders(BTC, params=ours)
        assert closed["id"] == placed["id"]
        assert await kraken.fetch_open_orders(BTC, params=ours) == []
        other = {"clientOrderId": "1a2b3c4d-18"}
        assert await kraken.fetch_closed_orders(BTC, params=other) == []
        (kept,) = exchange.ledger()["orders"]
        assert kept["cl_ord_id"] == "1a2b3c4d-17"


@in_a_loop
async def test_an_ioc_filled_in_part_is_canceled_with_a_fill() -> None:
    async with trading() as (kraken, exchange):
        order = await kraken.create_order(
            BTC, "limit", "sell", 0.8, 49_995, {"timeInForce": "IOC"}
        )
        found = await kraken.fetch_order(order["id"], BTC)
        assert (found["status"], found["filled"]) == ("canceled", 0.5)
        assert found["remaining"] == pytest.approx(0.3)
        assert found["average"] == 49_997.5
        assert (found["fee"]["cost"], found["fee"]["currency"]) == ("99.99500", "USD")
        (trade,) = await kraken.fetch_my_trades(BTC)
        (kept,) = exchange.ledger()["trades"]
        assert found["trades"][0]["id"] == trade["id"] == kept["txid"]
        assert trade["order"] == order["id"]
        assert (trade["side"], trade["takerOrMaker"]) == ("sell", "taker")
        assert (trade["price"], trade["amount"]) == (49_997.5, 0.5)
        assert Decimal(str(trade["fee"]["cost"])) == Decimal(kept["fee"])


@in_a_loop
async def test_balances_are_those_of_the_ledger() -> None:
    async with trading(balances={"ZUSD": Decimal(10_000), "XBT": Decimal(1)}) as (
        kraken,
        exchange,
    ):
        await kraken.create_order(BTC, "market", "buy", 0.05)
        await kraken.create_order(BTC, "limit", "buy", 0.01, 40_000)
        balance = await kraken.fetch_balance()
        ledger = exchange.ledger()
        for currency in ("USD", "BTC"):
            total = Decimal(ledger["balances"][currency])
            held = Decimal(ledger["held"][currency])
            assert Decimal(str(balance[currency]["total"])) == total
            assert Decimal(str(balance[currency]["used"])) == held
        assert balance["USD"]["used"] == 401.6


@in_a_loop
async def test_a_market_buy_by_its_cost() -> None:
    async with trading() as (kraken, exchange):
        order = await kraken.create_market_buy_order_with_cost(BTC, 500)
        assert order["cost"] == 500
        (kept,) = exchange.ledger()["orders"]
        assert kept["txid"] == order["id"]
        assert 499.99 < float(kept["cost"]) <= 500


@in_a_loop
async def test_pages_of_trades_follow_one_another() -> None:
    async with trading(pace=60) as (kraken, exchange):
        for _ in range(60):
            await kraken.create_order(ETH, "market", "buy", 0.005)
        first = await kraken.fetch_my_trades(ETH)
        then = await kraken.fetch_my_trades(ETH, params={"ofs": 50})
        assert (len(first), len(then)) == (50, 10)
        ids = {trade["id"] for trade in first + then}
        assert ids == {trade["txid"] for trade in exchange.ledger()["trades"]}
        orders = await kraken.fetch_closed_orders(ETH, params={"ofs": 50})
        assert len(orders) == 10


@pytest.mark.parametrize(
    ("order", "kind", "text"),
    [
        ((BTC, "limit", "buy", 9, 49_000), "InsufficientFunds", "Insufficient funds"),
        ((BTC, "limit", "buy", 0.00004, 49_000), "InvalidOrder", "volume minimum"),
        (("DOGE/USD", "limit", "buy", 100, 0.1), "OnMaintenance", "cancel_only mode"),
        (
            (BTC, "limit", "buy", 0.01, 49_000, {"deadline": "2001-01-01T00:00:00Z"}),
            "ExchangeError",
            "EService:Deadline elapsed",
        ),
        (
            (BTC, "limit", "buy", 0.01, 51_000, {"postOnly": True}),
            "ExchangeError",
            "EOrder:Post only order",
        ),
        (
            ("ADA/USD", "limit", "buy", 6.0, 0.05),
            "ExchangeError",
            "EOrder:Cost minimum not met",
        ),
    ],
)
def test_a_refusal_becomes_the_error_that_ccxt_has_for_it(
    order: tuple[Any, ...], kind: str, text: str
) -> None:
    async def refused() -> None:
        async with trading() as (kraken, exchange):
            with pytest.raises(ccxt.BaseError, match=text) as caught:
                await kraken.create_order(*(*order, None)[:5], *order[5:])
            assert type(caught.value).__name__ == kind
            assert exchange.ledger()["orders"] == []

    in_a_loop(refused)()


@in_a_loop
async def test_both_counters_refuse_over_the_wire() -> None:
    async with trading(tier="starter") as (kraken, _):
        for _ in range(60):
            await kraken.create_order(
                BTC, "limit", "buy", 0.01, 40_000, {"timeInForce": "IOC"}
            )
        order = (BTC, "market", "buy", 0.01)
        with pytest.raises(ccxt.DDoSProtection, match="EOrder:Rate limit exceeded"):
            await until_refused(kraken.create_order, *order)
        with pytest.raises(ccxt.DDoSProtection, match="EAPI:Rate limit exceeded"):
            await until_refused(kraken.fetch_balance)


async def until_refused(call: Any, *arguments: Any) -> None:
    """Call again and again: a counter goes down by one in a second."""
    for _ in range(40):
        await call(*arguments)


@in_a_loop
async def test_a_dead_man_loses_his_orders() -> None:
    async with trading(pace=60) as (kraken, exchange):
        await kraken.create_order(BTC, "limit", "buy", 0.01, 40_000)
        answer = await kraken.cancel_all_orders_after(60_000)
        assert answer["result"]["triggerTime"] > answer["result"]["currentTime"]
        exchange.core.clock.shift(61_000)
        assert await kraken.fetch_open_orders() == []
        (kept,) = exchange.ledger()["orders"]
        assert kept["status"] == "canceled"


@in_a_loop
async def test_a_key_tells_of_its_rights() -> None:
    async with trading(permissions=("query-funds", "withdraw-funds")) as (kraken, _):
        info = (await kraken.private_post_getapikeyinfo())["result"]
        assert info["permissions"] == ["query-funds", "withdraw-funds"]
        assert info["ipAllowlist"] == ["127.0.0.1"]
        with pytest.raises(ccxt.PermissionDenied):
            await kraken.create_order(BTC, "market", "buy", 0.01)
