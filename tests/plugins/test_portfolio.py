from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

stand_in = import_module("desk_stand_in")
D = Decimal


@pytest.fixture(scope="module")
def portfolio(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("portfolio")


def desk(**changes: Any) -> Any:
    plain = {
        "totals": {"USD": D(1000), "BTC": D(3), "EUR": D(7)},
        "locked": {"USD": D(100), "BTC": D(1)},
        "params": {"deployed_below": D("0.05")},
    }
    return stand_in.StandIn(**(plain | changes))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("free_quote", 900),
        ("locked_quote", 100),
        ("total_quote", 1000),
        ("free_base", 2),
    ],
)
def test_balances(portfolio: ModuleType, name: Any, expected: Any) -> None:
    assert stand_in.answer(portfolio, name, desk()) == expected


@pytest.mark.parametrize(
    ("free", "prices", "expected"),
    [
        # Two bitcoin at 950 and 100 dollars: five percent is exactly 100.
        ("100", {"BTC/USD": D(950)}, "funds_available"),
        ("99", {"BTC/USD": D(950)}, "funds_deployed"),
        ("100", {"BTC/USD": D(951)}, "funds_deployed"),
        ("100", {}, None),
    ],
)
def test_funds_count_as_deployed_below_a_share(
    portfolio: ModuleType, free: Any, prices: Any, expected: Any
) -> None:
    there = desk(
        totals={"USD": D(100)},
        locked={"USD": 100 - D(free)},
        prices=prices,
        held=[stand_in.position(), stand_in.position("ETH/EUR")],
    )
    assert stand_in.answer(portfolio, "deployment", there) == expected


def weakest_of(portfolio: ModuleType, there: Any) -> dict[str, Any]:
    facts = stand_in.facts_of(portfolio).values()
    return {
        fact.name.removeprefix("weakest_"): fact.compute(there)
        for fact in facts
        if fact.name.startswith("weakest_")
    }


UNKNOWN = {"position": None, "profit": None, "confidence": None, "age": None}


def test_the_weakest_position_is_that_with_the_lowest_net_profit(
    portfolio: ModuleType,
) -> None:
    there = desk(
        prices={"BTC/USD": D(110), "ETH/USD": D(105), "ETH/EUR": D(1)},
        confidences={"BTC/USD": D("0.9"), "ETH/USD": D("0.4")},
        held=[stand_in.position(s) for s in ("BTC/USD", "ETH/USD", "ETH/EUR")],
    )
    assert weakest_of(portfolio, there) == {
        "position": "position-ETH/USD",
        "profit": D(105) * D("0.996") / 100 - 1,
        "confidence": D("0.4"),
        "age": 600_000,
    }


@pytest.mark.parametrize(
    "held",
    [
        [],
        [stand_in.position(leaving="stop")],
        [stand_in.position(sold=D(2))],
        [stand_in.position("ETH/EUR")],
    ],
)
def test_without_a_position_to_give_up_nothing_is_known(
    portfolio: ModuleType, held: Any
) -> None:
    prices = {"BTC/USD": D(100), "ETH/EUR": D(100)}
    assert weakest_of(portfolio, desk(prices=prices, held=held)) == UNKNOWN


def test_a_position_without_a_price_is_not_the_weakest(portfolio: ModuleType) -> None:
    there = desk(held=[stand_in.position()])
    assert weakest_of(portfolio, there) == UNKNOWN
