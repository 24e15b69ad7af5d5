from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Accepted, Closed, OrderStatus, Purpose, Refused, Started

stand_in = import_module("desk_stand_in")
D = Decimal
DAY = 86_400_000
TEN_YEARS = 3650 * DAY


@pytest.fixture(scope="module")
def risk(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("risk")


def desk(**changes: Any) -> Any:
    plain = {
        "totals": {"USD": D(800), "EUR": D(50)},
        "prices": {"BTC/USD": D(100), "ETH/USD": D(10), "ETH/EUR": D(9)},
        "params": {"max_position": D("0.25")},
    }
    return stand_in.StandIn(**(plain | changes))


def started(usd: str = "1000", at_ms: int = 0) -> Started:
    return Started(
        at_ms=at_ms,
        run="r",
        venue="paper",
        rulebook="",
        source="",
        markets=tuple(stand_in.MARKETS.values()),
        balances=(("USD", D(usd)),),
    )


def closed(profit: int, at_ms: int = 0, symbol: str = "BTC/USD") -> Closed:
    return Closed(at_ms=at_ms, trade=stand_in.trade(profit, at_ms, symbol))


HELD = [
    stand_in.position(id="1"),
    stand_in.position("ETH/EUR", id="2"),
]
ENTERING = {"a": stand_in.order(amount=D(1), limit_price=D(90), filled=D(0))}


@pytest.mark.parametrize(
    ("held", "orders", "expected"),
    [
        ([], {}, {"equity": 800, "exposure": 0, "position_limit": 200}),
        (HELD, {}, {"equity": 1000, "exposure": D("0.2"), "position_limit": 50}),
        (HELD, ENTERING, {"equity": 1000, "exposure": D("0.29"), "position_limit": 0}),
        (
            [],
            {"a": stand_in.order(symbol="ETH/USD", amount=D(8), limit_price=D(10))},
            {"equity": 800, "exposure": D("0.1"), "position_limit": 200},
        ),
        # What is over, or sells, or is in another currency, risks nothing more.
        (
            [],
            {
                "a": stand_in.order(status=OrderStatus.DONE),
                "b": stand_in.order("b", purpose=Purpose.EXIT),
                "c": stand_in.order("c", symbol="ETH/EUR"),
            },
            {"equity": 800, "exposure": 0, "position_limit": 200},
        ),
    ],
)
def test_what_is_at_stake(
    risk: ModuleType, held: Any, orders: Any, expected: Any
) -> None:
    there = desk(held=held, orders=orders)
    assert {name: stand_in.answer(risk, name, there) for name in expected} == expected


@pytest.mark.parametrize("name", ["equity", "exposure", "position_limit"])
def test_nothing_is_known_while_a_price_is_missing(risk: ModuleType, name: Any) -> None:
    there = desk(held=HELD, prices={})
    assert stand_in.answer(risk, name, there) is None


def test_without_equity_there_is_no_exposure(risk: ModuleType) -> None:
    assert stand_in.answer(risk, "exposure", desk(totals={})) is None


@pytest.mark.parametrize(
    ("held", "orders", "everywhere", "here"),
    [
        ([], {}, 0, 0),
        (HELD, {}, 2, 1),
        ([], ENTERING, 1, 1),
        (HELD, {"a": stand_in.order(symbol="ETH/USD")}, 3, 1),
        # An entry that has filled in part is the position it opened.
        (HELD, {"a": stand_in.order(filled=D(1))}, 2, 1),
        (HELD, {"a": stand_in.order(position_id="1")}, 2, 1),
        ([], {"a": stand_in.order(status=OrderStatus.UNKNOWN)}, 1, 1),
        ([], {"a": stand_in.order(status=OrderStatus.REFUSED)}, 0, 0),
    ],
)
def test_positions_count_from_the_moment_they_are_wanted(
    risk: ModuleType, held: Any, orders: Any, everywhere: Any, here: Any
) -> None:
    there = desk(held=held, orders=orders)
    assert stand_in.answer(risk, "open_positions", there) == everywhere
    assert stand_in.answer(risk, "positions_here", there) == here


@pytest.mark.parametrize("approved", [True, False, None])
def test_risk_is_approved_when_no_veto_holds(risk: ModuleType, approved: Any) -> None:
    there = desk(approved=approved)
    assert stand_in.answer(risk, "risk_approved", there) is approved


NEVER = {
    "since_exit": TEN_YEARS,
    "since_loss": TEN_YEARS,
    "since_any_loss": TEN_YEARS,
    "losses_in_row": 0,
    "profit_today": 0,
    "refusals_in_row": 0,
}


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], NEVER | {"drawdown": None}),
        ([started()], NEVER | {"drawdown": 0}),
        ([started(), closed(-100)], {"drawdown": D("0.1"), "losses_in_row": 1}),
        ([started(), closed(250), closed(-125)], {"drawdown": D("0.1")}),
        ([started(), closed(-100), closed(100)], {"drawdown": 0, "losses_in_row": 0}),
        ([started(), closed(-2000)], {"drawdown": 1}),
        # A run that goes on keeps its first balance.
        ([started(), closed(-100), started("900")], {"drawdown": D("0.1")}),
        ([closed(-1), closed(-1, symbol="ETH/USD")], {"losses_in_row": 2}),
        ([closed(-1), closed(0)], {"losses_in_row": 0}),
    ],
)
def test_losses_are_folded(risk: ModuleType, records: Any, expected: Any) -> None:
    there = desk()
    there.remembers(risk, *records)
    assert {name: stand_in.answer(risk, name, there) for name in expected} == expected


def test_time_since_counts_for_the_symbol(risk: ModuleType) -> None:
    there = desk(now_ms=1000)
    there.remembers(risk, closed(-1, 100), closed(1, 400), closed(-1, 700, "ETH/USD"))
    since = ("since_exit", "since_loss", "since_any_loss")
    assert [stand_in.answer(risk, n, there) for n in since] == [600, 900, 300]
    there.symbol = "ETH/EUR"
    assert stand_in.answer(risk, "since_exit", there) == TEN_YEARS
    assert stand_in.answer(risk, "since_any_loss", there) == 300


@pytest.mark.parametrize(
    ("now_ms", "symbol", "expected"),
    [
        (DAY + 1, "BTC/USD", -2),
        (2 * DAY - 1, "ETH/USD", -2),
        (2 * DAY, "BTC/USD", 0),
        (DAY + 1, "ETH/EUR", 9),
    ],
)
def test_profit_today_ends_with_the_day(
    risk: ModuleType, now_ms: Any, symbol: str, expected: Any
) -> None:
    there = desk(now_ms=now_ms, symbol=symbol)
    trades = [(5, DAY - 1, "BTC/USD"), (-3, DAY, "BTC/USD"), (1, DAY, "ETH/USD")]
    there.remembers(risk, *(closed(*t) for t in trades), closed(9, DAY, "ETH/EUR"))
    assert stand_in.answer(risk, "profit_today", there) == expected


def test_refusals_count_until_the_venue_accepts(risk: ModuleType) -> None:
    refused = Refused(at_ms=0, client_id="a", errors=("EOrder:Insufficient funds",))
    there = desk(now_ms=500)
    assert stand_in.answer(risk, "since_refusal", there) == TEN_YEARS
    there.remembers(risk, refused, refused)
    assert stand_in.answer(risk, "since_refusal", there) == 500
    assert stand_in.answer(risk, "refusals_in_row", there) == 2
    there.remembers(risk, Accepted(at_ms=0, client_id="a", venue_id="v"), refused)
    assert stand_in.answer(risk, "refusals_in_row", there) == 1


@given(st.lists(st.integers(-300, 300), max_size=12))
def test_drawdown_equals_the_slow_way(
    load_plugin: Callable[[str], ModuleType], profits: Any
) -> None:
    risk, there = load_plugin("risk"), desk()
    there.remembers(risk, started(), *(closed(profit) for profit in profits))
    balances = [1000 + sum(profits[:n]) for n in range(len(profits) + 1)]
    slow = D(max(balances) - balances[-1]) / max(balances)
    assert stand_in.answer(risk, "drawdown", there) == min(1, slow)
