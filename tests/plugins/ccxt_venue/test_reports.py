"""Orders, trades, balances and market rules, read exactly or not at all."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Liquidity, NoAnswer, Side

orders = import_module("venue_orders")
reports, rules = orders.part("reports"), orders.part("rules")
adapter_for = orders.part("adapters").adapter_for
KRAKEN, CAREFUL = adapter_for("kraken", {}), adapter_for("gate", {})


def order(**changes: Any) -> dict[str, Any]:
    info = {"vol": "1.50000000", "vol_exec": "0.50000000", "cl_ord_id": "1a2b3c4d-1"}
    told = {"id": "O1", "status": "open", "symbol": "BTC/USD", "side": "buy"}
    return {**told, "info": {**info, **changes.pop("info", {})}, **changes}


def trade(**changes: Any) -> dict[str, Any]:
    info = {"price": "50000.10000", "vol": "0.50000000", "fee": "0.10000"}
    told = {"id": "T1", "order": "O1", "timestamp": 7, "symbol": "BTC/USD"}
    fee = {"cost": 0.1, "currency": "USD"}
    told |= {"side": "buy", "takerOrMaker": "maker", "fee": fee}
    return {**told, "info": {**info, **changes.pop("info", {})}, **changes}


@pytest.mark.parametrize(
    ("status", "filled", "reason"),
    [
        ("open", "0.5", ""),
        ("canceling", "0.5", ""),
        ("closed", "1.5", "filled"),
        ("closed", "0.5", "cancelled"),
        ("canceled", "0.5", "cancelled"),
        ("canceled", "0", "cancelled"),
        ("rejected", "0", "cancelled"),
        ("expired", "0.5", "expired"),
    ],
)
def test_an_order_is_open_or_over_for_a_reason(
    status: str, filled: str, reason: str
) -> None:
    told = order(status=status, info={"vol_exec": filled})
    report = reports.order_report(told, KRAKEN, 9)
    assert (report.open, report.reason) == (not reason, reason)
    assert (report.at_ms, report.client_id, report.venue_id) == (9, "1a2b3c4d-1", "O1")
    assert (report.side, report.amount) == (Side.BUY, Decimal("1.5"))
    assert report.filled == Decimal(filled)


@pytest.mark.parametrize(
    "told",
    [
        order(id=None),
        order(id=""),
        order(id=17),
        order(status=None),
        order(status="never seen"),
        order(info={"vol_exec": None}),
        order(info={"vol_exec": "much"}),
        order(info={"vol_exec": "-1"}),
        order(info={"vol_exec": "NaN"}),
        order(info={"vol": "Infinity"}),
        order(info={"vol": {}}),
        {**order(), "info": None},
    ],
)
def test_an_order_that_cannot_be_read_is_no_answer(told: Any) -> None:
    with pytest.raises(NoAnswer):
        reports.order_report(told, KRAKEN, 9)


def test_an_order_of_others_has_no_id_of_ours() -> None:
    told = order(clientOrderId="0", info={"cl_ord_id": None})
    assert reports.order_report(told, KRAKEN, 9).client_id == ""


def test_a_trade_is_read_from_the_raw_reply() -> None:
    read = reports.venue_trade(trade(), KRAKEN)
    assert (read.at_ms, read.venue_id, read.side) == (7, "O1", Side.BUY)
    fill = read.fill
    assert (fill.price, fill.amount) == (Decimal("50000.1"), Decimal("0.5"))
    assert (fill.fee, fill.fee_currency) == (Decimal("0.1"), "USD")
    assert fill.liquidity is Liquidity.MAKER
    unsaid = reports.venue_trade(trade(takerOrMaker=None), KRAKEN)
    assert unsaid.fill.liquidity is Liquidity.TAKER


@pytest.mark.parametrize(
    "told",
    [
        trade(id=None),
        trade(order=None),
        trade(side=None),
        trade(timestamp=None),
        trade(info={"price": None}),
        trade(info={"price": "0"}),
        trade(info={"vol": "0"}),
        trade(info={"vol": "-1"}),
        trade(info={"fee": None}),
        trade(fee=None),
        trade(fee={"cost": 1, "currency": None}),
    ],
)
def test_a_trade_that_cannot_be_read_is_no_answer(told: Any) -> None:
    with pytest.raises(NoAnswer):
        reports.venue_trade(told, KRAKEN)


@given(st.decimals("0.00000001", "99999999999", places=8))
def test_figures_keep_every_digit(figure: Decimal) -> None:
    text = f"{figure:f}"
    told = order(info={"vol": text, "vol_exec": text})
    report = reports.order_report(told, KRAKEN, 9)
    assert report.amount == report.filled == figure
    as_text = {**order(), "amount": text, "filled": text, "info": {}}
    assert reports.order_report(as_text, CAREFUL, 9).filled == figure


def test_an_order_that_is_over_needs_all_its_fills() -> None:
    over = reports.order_report(order(status="canceled"), KRAKEN, 9)
    half = reports.venue_trade(trade(), KRAKEN)
    other = reports.venue_trade(trade(id="T2", order="O2"), KRAKEN)
    assert reports.with_fills(over, [half, other]).fills == (half.fill,)
    for trades in ([], [other], [half, reports.venue_trade(trade(id="T3"), KRAKEN)]):
        with pytest.raises(NoAnswer, match="its trades say"):
            reports.with_fills(over, trades)


def test_an_open_order_may_have_newer_fills_than_it_says() -> None:
    resting = reports.order_report(order(), KRAKEN, 9)
    trades = [reports.venue_trade(trade(id=each), KRAKEN) for each in ("T1", "T2")]
    assert reports.with_fills(resting, trades).filled == 1
    assert reports.with_fills(resting, []).filled == Decimal("0.5")


def test_a_balance_is_what_there_is_in_all() -> None:
    assert reports.total_of({"total": "1.5", "free": "1"}, "BTC") == Decimal("1.5")
    assert reports.total_of({"free": "1", "used": "0.5"}, "BTC") == Decimal("1.5")
    odd: list[dict[str, Any]] = [{}, {"total": None, "free": "1"}, {"total": "NaN"}]
    for told in (*odd, {"total": []}):
        with pytest.raises(NoAnswer):
            reports.total_of(told, "BTC")


# Market rules


def market(**changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"symbol": "BTC/USD", "base": "BTC", "quote": "USD"}
    told["precision"] = {"amount": 1e-8, "price": 0.1}
    told["limits"] = {"amount": {"min": 0.00005}, "cost": {"min": None}}
    return {**told, "info": {}, "active": True, **changes}


FEES = (Decimal("0.0025"), Decimal("0.004"))
TICK = 4


def test_a_market_has_its_grid() -> None:
    told = rules.market_rules(market(), KRAKEN, TICK, FEES)
    assert (told.price_step, told.amount_step) == (Decimal("0.1"), Decimal("1e-8"))
    assert (told.min_amount, told.min_cost) == (Decimal("0.00005"), 0)
    assert (told.maker_fee, told.taker_fee) == FEES


def test_the_tick_size_is_the_price_step() -> None:
    coarse = market(info={"tick_size": "0.5"})
    assert rules.market_rules(coarse, KRAKEN, TICK, FEES).price_step == Decimal("0.5")


def test_precision_may_be_decimal_places() -> None:
    places = market(precision={"amount": 3, "price": 1})
    told = rules.market_rules(places, CAREFUL, 2, FEES)
    assert (told.price_step, told.amount_step) == (Decimal("0.1"), Decimal("0.001"))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "online"),
        ({"active": None}, "online"),
        ({"active": False}, "cancel_only"),
        ({"active": False, "info": {"status": "post_only"}}, "post_only"),
        ({"info": {"status": "reduce_only"}}, "reduce_only"),
    ],
)
def test_a_market_has_its_status(changes: dict[str, Any], status: str) -> None:
    assert rules.market_rules(market(**changes), KRAKEN, TICK, FEES).status == status


@pytest.mark.parametrize(
    ("changes", "mode", "fees"),
    [
        ({"precision": {"amount": 1e-8}}, TICK, FEES),
        ({"precision": None}, TICK, FEES),
        ({"precision": {"amount": 0, "price": 0.1}}, TICK, FEES),
        ({}, 3, FEES),
        ({}, TICK, (Decimal("0.25"), Decimal("0.4"))),
        ({"limits": {"amount": {"min": "x"}}}, TICK, FEES),
    ],
)
def test_a_market_that_cannot_be_read_is_no_answer(
    changes: dict[str, Any], mode: int, fees: Any
) -> None:
    with pytest.raises(NoAnswer):
        rules.market_rules(market(**changes), KRAKEN, mode, fees)
