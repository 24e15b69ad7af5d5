from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Ended, Fill, Filled, Liquidity, Purpose, Refused, Side

stand_in = import_module("desk_stand_in")
D = Decimal
NAMES = ("avg_slippage", "success_rate", "fill_rate", "samples")


@pytest.fixture(scope="module")
def analytics(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("analytics")


def desk(*orders: Any, window: int = 50, **changes: Any) -> Any:
    return stand_in.StandIn(
        params={"execution_window": D(window)},
        orders={order.intent.client_id: order for order in orders},
        **changes,
    )


def done(client_id: str, filled: Any, price: Any, **changes: Any) -> Any:
    cost = D(filled) * D(price)
    return stand_in.order(client_id, filled=D(filled), cost_quote=cost, **changes)


def ended(client_id: str) -> Ended:
    return Ended(at_ms=0, client_id=client_id, reason="cancelled")


def refused(client_id: str) -> Refused:
    return Refused(
        at_ms=0, client_id=client_id, errors=("EOrder:Order minimum not met",)
    )


def measured(analytics: ModuleType, there: Any) -> list[Any]:
    return [stand_in.answer(analytics, name, there) for name in NAMES]


def test_nothing_measured_is_not_known(analytics: ModuleType) -> None:
    assert measured(analytics, desk()) == [None, None, None, 0]


@pytest.mark.parametrize(
    ("order", "slippage", "filled"),
    [
        (done("a", 2, 101), D("0.01"), 1),
        (done("a", 2, 99), D("-0.01"), 1),
        (done("a", 1, 99, side=Side.SELL), D("0.01"), D("0.5")),
        (done("a", 2, 101, side=Side.SELL), D("-0.01"), 1),
        (stand_in.order("a"), None, 0),
        (done("a", 2, 105, side=Side.SELL, purpose=Purpose.TAKE_PROFIT), None, None),
    ],
)
def test_slippage_is_positive_when_it_costs_us(
    analytics: ModuleType, order: Any, slippage: Any, filled: Any
) -> None:
    there = desk(order)
    there.remembers(analytics, ended("a"))
    assert measured(analytics, there) == [slippage, 1, filled, 1]


def test_a_refused_order_counts_against_success_alone(analytics: ModuleType) -> None:
    there = desk(done("a", 2, 101), stand_in.order("b"))
    there.remembers(analytics, ended("a"), refused("b"), ended("nobody's"))
    assert measured(analytics, there) == [D("0.01"), D("0.5"), 1, 2]


def test_only_the_last_executions_count(analytics: ModuleType) -> None:
    there = desk(done("a", 2, 101), stand_in.order("b"), window=3)
    there.remembers(analytics, *[refused("b")] * 5, *[ended("a")] * 2)
    assert stand_in.answer(analytics, "success_rate", there) == D(2) / 3
    assert len(there.recall("analytics")["executions"]) == 3


def filled(client_id: str, fee: Any, currency: str) -> Filled:
    fill = Fill(
        trade_id="t",
        price=D(100),
        amount=D(1),
        fee=D(fee),
        fee_currency=currency,
        liquidity=Liquidity.TAKER,
    )
    return Filled(at_ms=0, client_id=client_id, fill=fill)


def test_fees_are_summed_in_the_quote_currency(analytics: ModuleType) -> None:
    there = desk(stand_in.order("a"), stand_in.order("b", symbol="ETH/EUR"))
    there.remembers(
        analytics,
        filled("a", "0.4", "USD"),
        filled("a", "0.001", "BTC"),
        filled("a", "5", "KFEE"),
        filled("b", "7", "EUR"),
        filled("nobody's", "9", "USD"),
    )
    assert stand_in.answer(analytics, "fees_paid", there) == D("0.5")
    there.symbol = "ETH/EUR"
    assert stand_in.answer(analytics, "fees_paid", there) == 7


def test_no_fill_has_cost_no_fee(analytics: ModuleType) -> None:
    assert stand_in.answer(analytics, "fees_paid", desk()) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(50, 150)), max_size=30))
def test_means_equal_the_slow_way(
    load_plugin: Callable[[str], ModuleType], runs: Any
) -> None:
    analytics = load_plugin("analytics")
    orders = [done(str(n), 2, price) for n, (_, price) in enumerate(runs)]
    there = desk(*orders, window=7)
    for n, (accepted, _) in enumerate(runs):
        there.remembers(analytics, (ended if accepted else refused)(str(n)))
    last = runs[-7:]
    rate = stand_in.answer(analytics, "success_rate", there)
    assert rate == (D(sum(ok for ok, _ in last)) / len(last) if last else None)
    slips = [D(price) / 100 - 1 for ok, price in last]
    slip = stand_in.answer(analytics, "avg_slippage", there)
    assert slip == (sum(slips) / len(slips) if slips else None)


@pytest.mark.parametrize(
    "changes",
    [
        {"errors": ("not sent: its deadline had passed",)},
        {"end_reason": "not_placed"},
    ],
)
def test_what_the_venue_never_had_is_no_execution(
    analytics: ModuleType, changes: dict[str, Any]
) -> None:
    order = stand_in.order("a", **changes)
    there, memory = desk(order), dict[str, Any]()
    analytics.remember(memory, refused("a"), there)
    analytics.remember(memory, ended("a"), there)
    assert memory.get("executions", []) == []
