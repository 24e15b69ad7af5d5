"""The venue on a Kraken that runs on loopback: real ccxt, real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from importlib import import_module
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from quorate import (
    Accepted,
    CancelOutcome,
    Keys,
    Liquidity,
    NoAnswer,
    Order,
    Purpose,
    Refused,
    Side,
    TimeInForce,
    Unknown,
    VenueError,
)

loopback = import_module("loopback").loopback
orders = import_module("venue_orders")
venue_stub = import_module("venue_stub")

Test = Callable[..., Coroutine[Any, Any, None]]
RICH = {"USD": Decimal(10**7), "BTC": Decimal(100), "ETH": Decimal(100)}


def in_a_loop(test: Test) -> Callable[..., None]:
    @wraps(test)
    def plain(*arguments: Any, **named: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*arguments, **named), 60))

    return plain


# What is on the wire


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, {}),
        ({"time_in_force": TimeInForce.IOC}, {"timeinforce": "IOC"}),
        ({"time_in_force": TimeInForce.FOK}, {"timeinforce": "FOK"}),
        ({"post_only": True}, {"oflags": "fciq,post"}),
        ({"side": Side.SELL, "limit_price": Decimal(10**6)}, None),
        ({"amount": Decimal("0.12345678")}, {"volume": "0.12345678"}),
    ],
)
@in_a_loop
async def test_kraken_is_told(changes: dict[str, Any], says: Any) -> None:
    intent = orders.intent(**changes)
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        now_ms = venue.clock.now_ms()
        await venue.send(replace(intent, deadline_ms=now_ms + 4_000))
        [request] = exchange.requests("AddOrder")
    told = dict(request["form"])
    assert told.pop("nonce")
    deadline = told.pop("deadline")
    assert deadline.endswith("Z")
    if says is None:
        says = {"type": "sell", "price": "1000000"}
    assert told == {
        "pair": "XXBTZUSD",
        "type": "buy",
        "ordertype": "limit",
        "volume": "0.001",
        "price": "1000.1",
        "oflags": "fciq",
        "cl_ord_id": intent.client_id,
        **says,
    }


@in_a_loop
async def test_order_after_its_deadline_is_refused_by_the_exchange() -> None:
    fault = {"at": "AddOrder", "kind": "delay_before", "value": 1_500}
    async with loopback(pace=10) as exchange, orders.on_loopback(exchange) as venue:
        exchange.faults.add([fault])
        deadline_ms = venue.clock.now_ms() + 500
        answer = await venue.send(orders.intent(deadline_ms=deadline_ms))
    assert isinstance(answer, Refused)
    assert answer.errors == ("EService:Deadline elapsed",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": Decimal("0.123456789")}, "off the step"),
        ({"limit_price": Decimal("1000.11")}, "off the step"),
        ({"symbol": "DOGE/USD", "venue_symbol": "DOGE/USD"}, "no market"),
        ({"venue_symbol": "ETH/USD"}, "no market"),
        ({"client_id": "much-too-long-to-be-taken"}, "form"),
        ({"client_id": "odd id"}, "form"),
        ({"deadline_ms": 1}, "deadline had passed"),
    ],
)
@in_a_loop
async def test_order_that_cannot_be_sent_as_intended_is_not_sent(
    changes: dict[str, Any], why: str
) -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        answer = await venue.send(orders.intent(**changes))
        assert exchange.requests("AddOrder") == []
    assert isinstance(answer, Refused)
    [error] = answer.errors
    assert error.startswith("not sent: ")
    assert why in error


@in_a_loop
async def test_nothing_is_sent_when_ccxt_would_write_another_amount() -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        venue.exchange.amount_to_precision = lambda symbol, amount: "0.002"
        answer = await venue.send(orders.intent())
        assert exchange.requests("AddOrder") == []
    assert answer.errors == ("not sent: the request would not say 0.001",)


@in_a_loop
async def test_no_connection_means_not_sent() -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        nowhere = f"http://127.0.0.1:{unused_port()}"
        venue.exchange.urls["api"]["private"] = nowhere
        answer = await venue.send(orders.intent())
        assert isinstance(answer, Refused)
        assert answer.errors[0].startswith("not sent: ")
        reply = await venue.cancel(Order(intent=orders.intent()))
        assert reply.outcome is CancelOutcome.UNKNOWN
        with pytest.raises(NoAnswer):
            await venue.balances()


@in_a_loop
async def test_no_setting_makes_ccxt_send_an_order_twice() -> None:
    options = {"maxRetriesOnFailure": 3, "AddOrder": {"maxRetriesOnFailure": 3}}
    async with loopback() as exchange:
        ccxt = {"urls": exchange.ccxt_urls, "options": options}
        async with orders.on_loopback(exchange, ccxt=ccxt) as venue:
            exchange.faults.add([{"at": "AddOrder", "kind": "http", "value": 502}])
            answer = await venue.send(orders.intent())
            assert len(exchange.requests("AddOrder")) == 1
    assert isinstance(answer, Unknown)


# The lane


@in_a_loop
async def test_exits_go_before_entries_and_entries_before_questions() -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        slow = {"at": "BalanceEx", "kind": "delay_before", "value": 300, "times": 1}
        exchange.faults.add([slow])
        leaving = {"side": Side.SELL, "limit_price": Decimal(10**6)}
        resting = Order(intent=orders.intent(), venue_id="O-NONE")
        first = asyncio.create_task(venue.balances())
        while not exchange.requests("BalanceEx"):
            await asyncio.sleep(0.01)
        await asyncio.gather(
            first,
            venue.open_orders(),
            venue.trades(0),
            venue.send(orders.intent()),
            venue.send(orders.intent(purpose=Purpose.EXIT, **leaving)),
            venue.cancel(resting),
        )
        came = [one["method"] for one in exchange.requests()]
        sides = [one["form"]["type"] for one in exchange.requests("AddOrder")]
    assert came[:4] == ["BalanceEx", "AddOrder", "CancelOrder", "AddOrder"]
    assert sides == ["sell", "buy"]


@in_a_loop
async def test_one_private_request_is_on_the_wire_at_a_time() -> None:
    async with loopback(tier="pro") as exchange:
        async with orders.on_loopback(exchange) as venue:
            jitter = {"kind": "delay_before", "value": 5, "share": 0.5}
            exchange.faults.add([{"at": "private/*", **jitter}])
            asked = [venue.send(orders.intent()) for _ in range(15)]
            asked += [venue.open_orders() for _ in range(5)]
            answers = await asyncio.gather(*asked)
        assert all(isinstance(each, Accepted) for each in answers[:15])
        refused = [one for one in exchange.requests() if "errors" in one["outcome"]]
        assert refused == []


@in_a_loop
async def test_the_exchange_never_has_to_refuse_for_the_rate() -> None:
    async with loopback(tier="starter", pace=60) as exchange:
        async with orders.on_loopback(exchange, "starter") as venue:
            await asyncio.gather(*(venue.balances() for _ in range(40)))
            await asyncio.gather(*(venue.trades(0) for _ in range(10)))
        assert len(exchange.requests()) == 50
        refused = [one for one in exchange.requests() if "errors" in one["outcome"]]
        assert refused == []


@in_a_loop
async def test_a_refusal_for_the_rate_is_waited_out() -> None:
    busy = {"at": "BalanceEx", "kind": "error", "value": "EAPI:Rate limit exceeded"}
    async with loopback(pace=100) as exchange, orders.on_loopback(exchange) as venue:
        exchange.faults.add([{**busy, "times": 1}])
        assert (await venue.balances())["BTC"] == 1
        first, second = exchange.requests("BalanceEx")
    assert second["at_ms"] - first["at_ms"] >= 900  # a point, at one a second


@in_a_loop
async def test_a_request_on_the_wire_outlives_its_caller() -> None:
    intent = orders.intent()
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        slow = {"at": "AddOrder", "kind": "reply_late", "value": 300}
        exchange.faults.add([slow])
        caller = asyncio.create_task(venue.send(intent))
        while not exchange.requests("AddOrder"):
            await asyncio.sleep(0.01)
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller
        # The next request waits for the reply: the nonce stays in order.
        report = await venue.find(intent, "")
        assert report is not None
        assert report.open
        late = [one for one in exchange.requests() if "errors" in one["outcome"]]
        assert late == []


@in_a_loop
async def test_an_order_whose_caller_left_before_its_turn_is_not_sent() -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        slow = {"at": "BalanceEx", "kind": "delay_before", "value": 300}
        exchange.faults.add([slow])
        first = asyncio.create_task(venue.balances())
        await asyncio.sleep(0.05)
        caller = asyncio.create_task(venue.send(orders.intent()))
        await asyncio.sleep(0.05)
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller
        await first
        assert await venue.open_orders() == []
        assert exchange.requests("AddOrder") == []


@in_a_loop
async def test_an_order_that_waited_past_its_deadline_is_not_sent() -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        slow = {"at": "BalanceEx", "kind": "delay_before", "value": 400}
        exchange.faults.add([slow])
        first = asyncio.create_task(venue.balances())
        await asyncio.sleep(0.05)
        deadline_ms = venue.clock.now_ms() + 100
        answer = await venue.send(orders.intent(deadline_ms=deadline_ms))
        await first
        assert exchange.requests("AddOrder") == []
    assert isinstance(answer, Refused)
    assert answer.errors == ("not sent: its deadline had passed",)


# Finding


@in_a_loop
async def test_an_order_that_was_filled_comes_with_its_real_fills() -> None:
    intent = orders.at_market(amount=Decimal("0.05"))
    async with (
        loopback(balances=RICH) as exchange,
        orders.on_loopback(exchange) as venue,
    ):
        accepted = await venue.send(intent)
        by_ours = await venue.find(intent, "")
        by_theirs = await venue.find(intent, accepted.venue_id)
        listed = await venue.trades(0)
        [traded] = exchange.ledger()["trades"]
    assert replace(by_ours, at_ms=0) == replace(by_theirs, at_ms=0)
    assert (by_ours.open, by_ours.reason) == (False, "filled")
    [fill] = by_ours.fills
    assert fill == listed[0].fill
    assert fill.amount == by_ours.filled == Decimal("0.05")
    assert (fill.fee_currency, fill.liquidity) == ("USD", Liquidity.TAKER)
    assert fill.fee == Decimal(str(traded["fee"]))


@in_a_loop
async def test_all_trades_are_read_page_by_page_each_once() -> None:
    async with (
        loopback(balances=RICH, pace=60) as exchange,
        orders.on_loopback(exchange) as venue,
    ):
        sent = [await venue.send(orders.at_market()) for _ in range(120)]
        listed = await venue.trades(0)
        later = await venue.trades(listed[60].at_ms)
    assert [each.venue_id for each in listed] == [each.venue_id for each in sent]
    assert len({each.fill.trade_id for each in listed}) == 120
    assert later == [each for each in listed if each.at_ms >= listed[60].at_ms]


@in_a_loop
async def test_no_order_under_our_id_is_said_only_when_both_lists_lack_it() -> None:
    async with (
        loopback(balances=RICH) as exchange,
        orders.on_loopback(exchange) as venue,
    ):
        await venue.send(orders.at_market())
        nobody = orders.intent()
        assert await venue.find(nobody, "") is None
        assert await venue.find(nobody, "OAAAAA-BBBBB-CCCCCC") is None
        methods = [one["method"] for one in exchange.requests()]
    assert methods[1:3] == ["OpenOrders", "ClosedOrders"]


@in_a_loop
async def test_another_order_is_never_taken_for_ours() -> None:
    async with (
        loopback(balances=RICH) as exchange,
        orders.on_loopback(exchange) as venue,
    ):
        accepted = await venue.send(orders.at_market())
        with pytest.raises(NoAnswer, match="was told of"):
            await venue.find(orders.intent(), accepted.venue_id)


@in_a_loop
async def test_open_orders_are_everybodys() -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        ours = orders.intent()
        await venue.send(ours)
        by_hand = ("BTC/USD", "limit", "buy", 0.002, 900.0)
        await venue.exchange.create_order(*by_hand)
        told = {each.client_id: each for each in await venue.open_orders()}
    assert set(told) == {ours.client_id, ""}
    assert told[""].amount == Decimal("0.002")
    assert told[ours.client_id].side is Side.BUY


@in_a_loop
async def test_balances_count_what_orders_lock() -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        await venue.send(orders.intent(limit_price=Decimal(9_000), amount=Decimal(1)))
        assert await venue.balances() == {"BTC": 1, "ETH": 10, "USD": 10_000}


# Opening


@in_a_loop
async def test_markets_have_the_grid_and_the_fees_of_the_account() -> None:
    async with (
        loopback() as exchange,
        orders.on_loopback(exchange, symbols=["XBT/USD", "ETHUSD"]) as venue,
    ):
        told = await venue.markets()
        assert venue.symbols.ours("XXBTZUSD") == "BTC/USD"
    assert list(told) == ["BTC/USD", "ETH/USD"]
    bitcoin = told["BTC/USD"]
    assert (bitcoin.price_step, bitcoin.amount_step) == (
        Decimal("0.1"),
        Decimal("1e-8"),
    )
    assert (bitcoin.min_amount, bitcoin.min_cost) == (
        Decimal("0.00005"),
        Decimal("0.5"),
    )
    assert (bitcoin.maker_fee, bitcoin.taker_fee) == (
        Decimal("0.0025"),
        Decimal("0.004"),
    )
    assert (bitcoin.venue_symbol, bitcoin.status) == ("BTC/USD", "online")


@in_a_loop
async def test_without_keys_only_public_data_is_asked() -> None:
    async with loopback() as exchange:
        async with orders.on_loopback(exchange, keys=None) as venue:
            told = await venue.markets()
            assert venue.account == ""
            with pytest.raises(NoAnswer):
                await venue.balances()
            answer = await venue.send(orders.intent())
        assert exchange.requests() == []
    assert told["BTC/USD"].taker_fee == Decimal("0.004")  # the ladder's dearest
    assert isinstance(answer, Refused)


@in_a_loop
async def test_what_cannot_be_opened_says_why() -> None:
    async with loopback() as exchange:
        urls = {"urls": exchange.ccxt_urls}
        nowhere = {"api": {"public": f"http://127.0.0.1:{unused_port()}"}}
        for name, settings, error, why in (
            ("kraken", {"ccxt": urls, "symbols": ["NO/SUCH"]}, VenueError, "NO/SUCH"),
            ("krakem", {"ccxt": urls}, VenueError, "krakem"),
            ("kraken", {"ccxt": {"apiKey": "x"}}, VenueError, "no YAML"),
            ("kraken", {"ccxt": {"urls": nowhere}}, NoAnswer, "its time"),
            ("kraken", {"ccxt": ["urls"]}, VenueError, "settings of ccxt"),
        ):
            with pytest.raises(error, match=why):
                async with orders.opened(name, **settings):
                    pass


@in_a_loop
async def test_a_broken_list_of_markets_leaves_the_old_one() -> None:
    async with loopback() as exchange, orders.on_loopback(exchange) as venue:
        exchange.faults.add([{"at": "AssetPairs", "kind": "html"}])
        with pytest.raises(NoAnswer):
            await venue.markets()
        exchange.faults.clear()
        assert isinstance(await venue.send(orders.intent()), Accepted)


@in_a_loop
async def test_the_clock_is_the_exchanges() -> None:
    async with loopback(pace=60) as exchange, orders.on_loopback(exchange) as venue:
        exchange.core.clock.shift(3_600_000)
        told_ms = await venue.clock_ms()
        assert abs(told_ms - exchange.core.clock.now_ms()) < 1_000


# Secrets


@in_a_loop
async def test_a_key_is_never_said(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("ccxt").setLevel(logging.DEBUG)
    logging.getLogger("ccxt.base.exchange").setLevel(logging.DEBUG)
    keys = Keys("canary-KEY+/=0123", "Y2FuYXJ5IHNlY3JldCBvZiBub2JvZHk=")
    said: list[str] = []
    async with loopback(key=keys.key, secret=keys.secret) as exchange:
        ccxt = {"urls": exchange.ccxt_urls, "verbose": True}
        async with orders.on_loopback(exchange, keys=keys, ccxt=ccxt) as venue:
            for kind in ("html", "garbage", "close"):
                exchange.faults.add([{"at": "private/*", "kind": kind}])
                said.append(repr(await venue.send(orders.intent())))
                for ask in (venue.balances, venue.rights):
                    with pytest.raises(NoAnswer) as caught:
                        await ask()
                    said.append(repr(caught.value))
                exchange.faults.clear()
            said += [repr(venue), venue.account, str(vars(venue)["_keys"])]
    out, err = capsys.readouterr()
    everything = "\n".join((*said, caplog.text, out, err))
    assert out == ""
    for form in orders.part("scrub").forms_of(keys):
        assert form not in everything


@in_a_loop
async def test_a_key_that_is_sent_back_is_not_passed_on() -> None:
    keys = Keys("canary-KEY+/=0123", "Y2FuYXJ5IHNlY3JldCBvZiBub2JvZHk=")
    scrub = orders.part("scrub")
    forms = scrub.forms_of(keys)
    for form in forms:
        assert form not in scrub.scrubbed(f"<html>{form}</html>", forms)
    assert "Y2FuYXJ5IHNlY3JldCBvZiBub2JvZHk%3D" in forms
    assert "canary secret of nobody" in forms
    async with (
        loopback(key=keys.key, secret=keys.secret) as exchange,
        orders.on_loopback(exchange, keys=keys) as venue,
    ):
        echo = {"kind": "error", "value": f"EAPI:No key {keys.key} {keys.secret}"}
        exchange.faults.add([{"at": "private/*", **echo}])
        answer = await venue.send(orders.intent())
        assert isinstance(answer, Unknown)
        with pytest.raises(NoAnswer) as caught:
            await venue.balances()
    told = answer.why + str(caught.value)
    assert "EAPI:No key *** ***" in told
    assert not any(form in told for form in forms)
