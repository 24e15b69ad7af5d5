from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quorate import OrderView, Side

stand_in = import_module("desk_stand_in")
D = Decimal


@pytest.fixture(scope="module")
def execution(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("execution")


def coordinate(plugin: ModuleType, changes: Any, **market: Any) -> Any:
    desk = stand_in.StandIn(markets={"BTC/USD": stand_in.market(**market)})
    return plugin.coordinate(stand_in.draft(**changes), desk)


@pytest.mark.parametrize(
    ("side", "asked", "settled"),
    [
        (Side.BUY, "100.19", "100.1"),
        (Side.BUY, "100.1", "100.1"),
        (Side.SELL, "100.11", "100.2"),
        (Side.SELL, "100.2", "100.2"),
        (Side.SELL, "0.01", "0.1"),
    ],
)
def test_a_price_is_rounded_toward_safety(
    execution: ModuleType, side: Any, asked: Any, settled: Any
) -> None:
    changes = {"side": side, "amount": D(1), "limit_price": D(asked)}
    assert coordinate(execution, changes).limit_price == D(settled)


def test_an_entry_buys_what_its_money_buys_fee_included(execution: ModuleType) -> None:
    settled = coordinate(execution, {"quote_amount": D(1000)})
    assert settled.amount == D("9.960")
    assert settled.amount * 100 * D("1.004") <= 1000


def test_a_market_entry_is_reckoned_at_the_reference_price(
    execution: ModuleType,
) -> None:
    changes = {"limit_price": None, "type": "market", "reference_price": D(50)}
    settled = coordinate(execution, changes, taker_fee=D(0))
    assert settled.limit_price is None
    assert settled.amount == 20


def test_an_amount_a_rule_has_settled_is_only_rounded_down(
    execution: ModuleType,
) -> None:
    changes = {"amount": D("1.2349"), "quote_amount": D(10), "attempt": 2}
    assert coordinate(execution, changes).amount == D("1.234")


def test_the_order_goes_to_the_venues_own_symbol(execution: ModuleType) -> None:
    settled = coordinate(execution, {}, venue_symbol="XBT/USD")
    assert settled.venue_symbol == "XBT/USD"
    assert settled.symbol == "BTC/USD"


@pytest.mark.parametrize(
    "changes",
    [
        {"quote_amount": D(0)},
        {"quote_amount": D("0.05")},
        {"side": Side.SELL, "amount": D("0.0009"), "quote_amount": D(0)},
        {"limit_price": D("0.09")},
    ],
)
def test_nothing_sensible_left_is_no_order(execution: ModuleType, changes: Any) -> None:
    assert coordinate(execution, changes) is None


money = st.decimals(D("0.01"), D(100_000), places=2)
price = st.decimals(D("0.00001"), D(100_000), places=5)
step = st.sampled_from([D("1e-8"), D("0.001"), D("0.25"), D(1)])


@given(money, price, step, step, st.sampled_from([D(0), D("0.0026"), D("0.004")]))
def test_an_entry_never_costs_more_than_its_money(
    load_plugin: Callable[[str], ModuleType],
    spend: Any,
    limit: Any,
    price_step: Any,
    amount_step: Any,
    fee: Any,
) -> None:
    changes = {"quote_amount": spend, "limit_price": limit}
    grid = {"price_step": price_step, "amount_step": amount_step, "taker_fee": fee}
    settled = coordinate(load_plugin("execution"), changes, **grid)
    assume(settled is not None)
    assert settled.amount > 0
    assert settled.amount % amount_step == 0
    assert settled.limit_price % price_step == 0
    assert settled.limit_price <= limit
    assert settled.amount * settled.limit_price * (1 + fee) <= spend


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"amount": D(2)},
            {
                "amount": 2,
                "cost": D("200.8"),
                "limit_price": 100,
                "side": "buy",
                "purpose": "entry",
                "attempt": 1,
                "order_type": "limit",
            },
        ),
        (
            {
                "amount": D(2),
                "side": Side.SELL,
                "purpose": "take_profit",
                "type": "market",
                "limit_price": None,
                "attempt": 3,
            },
            {
                "amount": 2,
                "cost": 198,
                "limit_price": 99,
                "side": "sell",
                "purpose": "take_profit",
                "attempt": 3,
                "order_type": "market",
            },
        ),
    ],
)
def test_order_facts(execution: ModuleType, changes: Any, expected: Any) -> None:
    view = OrderView(stand_in.StandIn(), stand_in.draft(**changes))
    facts = stand_in.facts_of(execution)
    assert {name: fact.compute(view) for name, fact in facts.items()} == expected
