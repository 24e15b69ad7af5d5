from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Accepted, Ended, ErrorSeen, OrderView, Purpose, Refused, Side

stand_in = import_module("desk_stand_in")
D = Decimal
# The market states 0.01 and 5 dollars; at 100 dollars that is 0.05.
PARAMS = {
    "minimum_cap": D(5),
    "minimum_expiry": D(1000),
    "execution_window": D(3),
}


@pytest.fixture(scope="module")
def learning(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("learning")


def desk(*orders: Any, lesson: Any = None, **changes: Any) -> Any:
    there = stand_in.StandIn(
        params=PARAMS | changes.pop("params", {}),
        orders={order.intent.client_id: order for order in orders},
        **changes,
    )
    if lesson is not None:
        there.lessons = {("minimum", lesson.symbol): lesson}
    return there


def small(amount: Any, **changes: Any) -> Any:
    return stand_in.order(amount=D(amount), limit_price=D(100), **changes)


def seen(**changes: Any) -> ErrorSeen:
    plain: dict[str, Any] = {
        "at_ms": 7,
        "symbol": "BTC/USD",
        "client_id": "a",
        "error": "EGeneral:Invalid arguments:volume minimum not met",
        "rule": "volume-too-small",
        "learn": "minimum",
    }
    return ErrorSeen(**(plain | changes))


def test_a_refused_amount_is_the_lesson(learning: ModuleType) -> None:
    (lesson,) = learning.learn(seen(), desk(small("0.06")))
    assert (lesson.what, lesson.symbol) == ("minimum", "BTC/USD")
    assert lesson.value == D("0.06")
    assert (lesson.at_ms, lesson.expires_ms) == (7, 1007)
    assert "0.06" in lesson.why


@pytest.mark.parametrize(
    "record",
    [
        seen(learn=""),
        seen(client_id="nobody's"),
    ],
)
def test_nothing_is_learned_from_anything_else(
    learning: ModuleType, record: Any
) -> None:
    assert learning.learn(record, desk(small("0.06"))) is None


def test_a_lesson_does_not_fall_back(learning: ModuleType) -> None:
    larger = learning.minimum_lesson(small("0.2"), desk(), 0)
    again = learning.minimum_lesson(small("0.06"), desk(lesson=larger), 0)
    assert again.value == D("0.2")


@pytest.mark.parametrize(
    ("market", "cap"),
    [
        ({}, "0.25"),
        ({"min_amount": D("0.1")}, "0.5"),
        ({"min_amount": D(0), "min_cost": D(0)}, "0.005"),
    ],
)
def test_a_lesson_is_capped_at_a_multiple_of_what_the_venue_states(
    learning: ModuleType, market: Any, cap: Any
) -> None:
    there = desk(markets={"BTC/USD": stand_in.market(**market)})
    assert learning.minimum_lesson(small(9), there, 0).value == D(cap)


@pytest.mark.parametrize(
    ("price", "learned", "expected"),
    [
        (100, None, "0.05"),
        (99, None, "0.051"),
        (1000, None, "0.01"),
        (100, "0.07", "0.07"),
        (100, "0.02", "0.05"),
        (100, "3", "0.25"),
    ],
)
def test_the_minimum_is_the_largest_of_all_known(
    learning: ModuleType, price: Any, learned: Any, expected: Any
) -> None:
    lesson = None
    if learned is not None:
        generous = desk(params={"minimum_cap": D(1000)})
        lesson = learning.minimum_lesson(small(learned), generous, 0)
    view = OrderView(desk(lesson=lesson), stand_in.draft(limit_price=D(price)))
    assert stand_in.answer(learning, "learned_minimum", view) == D(expected)


def test_a_market_order_is_measured_at_the_reference_price(
    learning: ModuleType,
) -> None:
    draft = stand_in.draft(limit_price=None, reference_price=D(50), type="market")
    view = OrderView(desk(), draft)
    assert stand_in.answer(learning, "learned_minimum", view) == D("0.1")


amounts = st.decimals(D("0.001"), D(1000), places=3)
costs = st.decimals(D(0), D(50), places=2)


@given(amounts, amounts, costs, st.decimals(D(1), D(20), places=1))
def test_no_lesson_is_above_the_cap(
    load_plugin: Callable[[str], ModuleType],
    refused: Any,
    min_amount: Any,
    min_cost: Any,
    cap: Any,
) -> None:
    learning = load_plugin("learning")
    market = stand_in.market(min_amount=min_amount, min_cost=min_cost)
    there = desk(markets={"BTC/USD": market}, params={"minimum_cap": cap})
    stated = max(min_amount, learning.ceil_to(min_cost / 100, D("0.001")))
    lesson = learning.minimum_lesson(small(refused), there, 0)
    assert lesson.value <= stated * cap
    there.lessons = {("minimum", "BTC/USD"): lesson}
    view = OrderView(there, stand_in.draft(limit_price=D(100)))
    assert stated <= stand_in.answer(learning, "learned_minimum", view) <= stated * cap


def measured(learning: ModuleType, there: Any) -> list[Any]:
    names = ("symbol_slippage", "symbol_success_rate", "symbol_samples")
    return [stand_in.answer(learning, name, there) for name in names]


def ended(client_id: str = "a") -> Ended:
    return Ended(at_ms=0, client_id=client_id, reason="filled")


def test_nothing_measured_is_not_known(learning: ModuleType) -> None:
    assert measured(learning, desk()) == [None, None, 0]


def test_executions_are_measured_by_symbol(learning: ModuleType) -> None:
    there = desk(
        stand_in.order("a", filled=D(2), cost_quote=D(202)),
        stand_in.order("b", filled=D(2), cost_quote=D(204), side=Side.SELL),
        stand_in.order("c", symbol="ETH/USD"),
    )
    refused = Refused(at_ms=0, client_id="c", errors=())
    accepted = Accepted(at_ms=0, client_id="a", venue_id="")
    there.remembers(learning, accepted, ended("a"), ended("b"), refused)
    assert measured(learning, there) == [D("-0.005"), 1, 2]
    there.symbol = "ETH/USD"
    assert measured(learning, there) == [None, 0, 1]


def test_only_the_last_executions_are_kept(learning: ModuleType) -> None:
    there = desk(stand_in.order(filled=D(2), cost_quote=D(202)), stand_in.order("b"))
    there.remembers(learning, *[ended()] * 9, ended("b"), ended("nobody's"))
    assert measured(learning, there) == [D("0.01"), 1, 3]
    assert len(there.recall("learning")["BTC/USD"]) == 3


def test_a_take_profit_has_no_slippage(learning: ModuleType) -> None:
    filled = {"filled": D(2), "cost_quote": D(210)}
    there = desk(stand_in.order(purpose=Purpose.TAKE_PROFIT, side=Side.SELL, **filled))
    there.remembers(learning, ended())
    assert measured(learning, there) == [None, 1, 1]
