from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from types import ModuleType

import pytest

from quorate import Fact, FaultView, Kind, Learned, OrderView, Stage

stand_in = import_module("desk_stand_in")
PLUGINS = [
    *("buy", "sell", "risk", "symbols", "execution", "portfolio"),
    *("learning", "analytics", "error_resolver", "tuner"),
]
BY_HOOKS = {"minimum_expiry"}  # read by the hook that makes the fact's lesson
NUMBERS = {
    "max_position": Decimal("0.25"),
    "deployed_below": Decimal("0.05"),
    "minimum_cap": Decimal(5),
    "execution_window": Decimal(50),
}


@pytest.fixture(scope="module")
def declared(load_plugin: Callable[[str], ModuleType]) -> list[Fact]:
    plugins = [load_plugin(name) for name in PLUGINS]
    return [fact for p in plugins if hasattr(p, "facts") for fact in p.facts()]


def test_no_name_is_declared_twice(declared: list[Fact]) -> None:
    names = [fact.name for fact in declared]
    assert len(names) == len(set(names))


def test_every_fact_has_a_name_a_rule_can_use_and_a_line_of_help(
    declared: list[Fact],
) -> None:
    for fact in declared:
        assert fact.name.isidentifier(), fact.name
        assert fact.help, fact.name
        assert "\n" not in fact.help, fact.name
        assert not fact.help.endswith("."), fact.name


def test_every_number_but_a_profit_is_bounded_below(declared: list[Fact]) -> None:
    open_ended = {
        fact.name for fact in declared if fact.kind is Kind.NUMBER and fact.low is None
    }
    assert open_ended == {"profit_today"}


def test_every_fact_declares_the_params_it_reads(declared: list[Fact]) -> None:
    for fact in declared:
        desk = stand_in.StandIn(
            params=NUMBERS,
            totals={"USD": Decimal(100)},
            prices={"BTC/USD": Decimal(100)},
        )
        lesson = Learned(
            at_ms=0,
            what="minimum",
            symbol="BTC/USD",
            value=Decimal(1),
            expires_ms=1,
            why="",
        )
        desk.lessons = {("minimum", "BTC/USD"): lesson}
        view = {
            Stage.ACCOUNT: desk,
            Stage.ORDER: OrderView(desk, stand_in.draft()),
            Stage.FAULT: FaultView(desk, stand_in.order(), "E"),
        }.get(fact.stage)
        if view is not None:
            fact.compute(view)
        assert desk.asked == set(fact.params) - BY_HOOKS, fact.name
