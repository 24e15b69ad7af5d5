"""Both rate counters: what calls cost, how they decay, when they say no.

The figures of orders until refusal were measured with a prototype of the documented
costs: docs.kraken.com/api/docs/guides/spot-ratelimits.
"""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module

import pytest

hand = import_module("core_by_hand")
ByHand = hand.ByHand
flat = hand.flat

FULL = ("EOrder:Rate limit exceeded",)
QUERIES_FULL = ("EAPI:Rate limit exceeded",)
MOST = 400


@pytest.mark.parametrize(
    ("tier", "orders"), [("starter", 7), ("intermediate", 14), ("pro", 20)]
)
def test_orders_pulled_at_once_until_refused(tier: str, orders: int) -> None:
    desk = ByHand(tier=tier)
    placed = 0
    while desk.refusal(**desk.form(price="40000", cl_ord_id="a")) == ():
        desk.ask("CancelOrder", cl_ord_id="a")
        placed += 1
        assert placed < MOST
    assert placed == orders
    assert desk.refusal(**desk.form(price="40000")) == FULL


@pytest.mark.parametrize(
    ("tier", "orders"), [("starter", 60), ("intermediate", 125), ("pro", 180)]
)
def test_iocs_until_refused(tier: str, orders: int) -> None:
    desk = ByHand(tier=tier)
    form = desk.form(price="40000", timeinforce="IOC")
    placed = 0
    while desk.refusal(**form) == ():
        placed += 1
        assert placed < MOST
    assert placed == orders
    assert desk.refusal(**form) == FULL


def test_the_engine_counter_decays_and_what_it_refused_did_not_count() -> None:
    desk = ByHand(tier="starter")
    form = desk.form(price="40000", timeinforce="IOC")
    while desk.refusal(**form) == ():
        assert desk.core.counter("BTC/USD") <= desk.core.threshold
    for _ in range(5):
        assert desk.refusal(**form) == FULL
    desk.wait(0.9)
    assert desk.refusal(**form) == FULL
    desk.wait(0.1)
    assert desk.refusal(**form) == ()
    desk.wait(60)
    assert desk.core.counter("BTC/USD") == 0


def test_a_refused_order_counts_but_an_unknown_pair_cannot() -> None:
    desk = ByHand()
    desk.refusal(**desk.form(price="40000", volume="0"))
    desk.refusal(**desk.form(price="40000.05"))
    desk.refusal(**desk.form(deadline="2000-01-01T00:00:00Z"))
    desk.refusal(**{**desk.form(), "pair": "XBTMOON"})
    assert desk.core.counter("BTC/USD") == 3


def test_each_pair_has_its_own_counter() -> None:
    desk = ByHand(flat(), flat(price=2_000.0, symbol="ETH/USD"))
    desk.order(price="40000")
    desk.order(price="1000", pair="XETHZUSD")
    assert desk.core.counter("BTC/USD") == 1
    assert desk.core.counter("ETH/USD") == 1


@pytest.mark.parametrize(
    ("age_seconds", "cost"),
    [(0, 8), (4.9, 8), (5, 6), (10, 5), (15, 4), (45, 2), (90, 1), (300, 0)],
)
def test_the_younger_the_order_the_dearer_its_cancel(
    age_seconds: float, cost: int
) -> None:
    desk = ByHand(tier="pro")
    txid = desk.order(price="40000")
    desk.wait(age_seconds)
    before = desk.core.counter("BTC/USD")
    desk.ask("CancelOrder", txid=txid)
    assert desk.core.counter("BTC/USD") - before == cost


@pytest.mark.parametrize(
    ("age_seconds", "cost"), [(0, 4), (5, 3), (10, 2), (15, 1), (100, 1)]
)
def test_an_amend_costs_by_age_too(age_seconds: float, cost: int) -> None:
    desk = ByHand(tier="pro")
    txid = desk.order(price="40000")
    desk.wait(age_seconds)
    before = desk.core.counter("BTC/USD")
    desk.ask("AmendOrder", txid=txid, order_qty="0.02")
    assert desk.core.counter("BTC/USD") - before == cost


def test_an_amended_order_is_as_young_as_its_amendment() -> None:
    desk = ByHand(tier="pro")
    txid = desk.order(price="40000")
    desk.wait(300)
    desk.ask("AmendOrder", txid=txid, order_qty="0.02")
    before = desk.core.counter("BTC/USD")
    desk.ask("CancelOrder", txid=txid)
    assert desk.core.counter("BTC/USD") - before == 8


def test_what_the_exchange_cancels_by_itself_costs_nothing() -> None:
    desk = ByHand()
    desk.order(price="40000", timeinforce="IOC")
    desk.order(price="40000", timeinforce="GTD", expiretm="+1")
    desk.order(price="40000")
    desk.ask("CancelAllOrdersAfter", timeout="2")
    assert desk.core.counter("BTC/USD") == 3
    desk.wait(2)
    assert desk.core.engine.open == {}
    assert desk.core.counter("BTC/USD") < 3


@pytest.mark.parametrize(
    ("tier", "limit", "decay"),
    [("starter", 15, "0.33"), ("intermediate", 20, "0.5"), ("pro", 20, "1")],
)
def test_queries_of_a_key_are_counted(tier: str, limit: int, decay: str) -> None:
    desk = ByHand(tier=tier)
    for _ in range(limit):
        desk.ask("BalanceEx")
    assert desk.refusal("BalanceEx") == QUERIES_FULL
    assert desk.refusal("OpenOrders") == QUERIES_FULL
    # Orders have a counter of their own.
    desk.ask("CancelOrder", txid=desk.order(price="40000"))
    desk.wait(float(1 / Decimal(decay)) + 0.002)
    desk.ask("BalanceEx")
    assert desk.refusal("BalanceEx") == QUERIES_FULL


def test_a_history_of_trades_counts_twice() -> None:
    desk = ByHand(tier="intermediate")
    for _ in range(10):
        desk.ask("TradesHistory")
    assert desk.refusal("BalanceEx") == QUERIES_FULL


@pytest.mark.parametrize(
    ("tier", "most"), [("starter", 60), ("intermediate", 80), ("pro", 225)]
)
def test_so_many_orders_of_a_pair_may_be_open(tier: str, most: int) -> None:
    desk = ByHand(flat(minutes=30), tier=tier)
    form = desk.form(price="10000", volume="0.0001")
    placed = 0
    while desk.refusal(**form) == ():
        desk.wait(1)
        placed += 1
        assert placed < MOST
    assert placed == most
    assert desk.refusal(**form) == ("EOrder:Orders limit exceeded",)
