from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from quorate import (
    Accepted,
    CancelRefused,
    Fact,
    Refused,
    Started,
    Unknown,
)

rate_desk = import_module("rate_desk")
Desk: Any = rate_desk.Desk
T0 = rate_desk.T0


@pytest.fixture
def plugin(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("rate_limit")


@pytest.fixture
def desk(plugin: ModuleType) -> Desk:
    return Desk(plugin, plugin.rate_limits("intermediate"))


@pytest.mark.parametrize(
    ("tier", "order_limit", "order_decay", "rest_limit", "rest_decay"),
    [
        ("starter", "60", "1", "15", "0.33"),
        ("intermediate", "125", "2.34", "20", "0.5"),
        ("pro", "180", "3.75", "20", "1"),
    ],
)
def test_a_tier_has_its_limits(
    plugin: ModuleType,
    tier: str,
    order_limit: str,
    order_decay: str,
    rest_limit: str,
    rest_decay: str,
) -> None:
    limits = plugin.rate_limits(tier)
    assert limits.order_limit == Decimal(order_limit)
    assert limits.order_decay == Decimal(order_decay)
    assert limits.rest_limit == Decimal(rest_limit)
    assert limits.rest_decay == Decimal(rest_decay)
    assert limits.add_cost == 1


def test_an_unknown_tier_has_no_limits(plugin: ModuleType) -> None:
    assert plugin.rate_limits("platinum") is None


@pytest.mark.parametrize(
    ("age_ms", "cost"),
    [
        (0, 8),
        (4_999, 8),
        (5_000, 6),
        (10_000, 5),
        (15_000, 4),
        (45_000, 2),
        (90_000, 1),
        (299_999, 1),
        (300_000, 0),
    ],
)
def test_a_cancel_costs_by_the_age_of_the_order(
    desk: Desk, age_ms: int, cost: int
) -> None:
    desk.send("a", T0).accept("a", T0)
    desk.now_ms = T0 + age_ms
    before = desk.fact("rate_counter")
    desk.ask_cancel("a", T0 + age_ms).end("a", T0 + age_ms)
    assert desk.fact("rate_counter") - before == cost


def test_an_order_counts_once_whatever_follows(desk: Desk) -> None:
    desk.send("a", T0)
    assert desk.fact("rate_counter") == 1
    desk.accept("a", T0)
    assert desk.fact("rate_counter") == 1
    desk.remember(Accepted(at_ms=T0, client_id="a", venue_id="again"))
    assert desk.fact("rate_counter") == 1


def test_a_refused_order_counts_too(desk: Desk) -> None:
    desk.send("a", T0)
    desk.remember(Refused(at_ms=T0, client_id="a", errors=("EOrder:Cost minimum",)))
    assert desk.fact("rate_counter") == 1


def test_the_venues_own_cancel_of_a_remainder_costs_nothing(desk: Desk) -> None:
    desk.send("ioc", T0).accept("ioc", T0).end("ioc", T0)
    assert desk.fact("rate_counter") == 1


def test_what_is_on_its_way_does_not_decay(desk: Desk) -> None:
    desk.send("a", T0)
    desk.now_ms = T0 + 60_000
    assert desk.fact("rate_counter") == 1
    desk.accept("a", T0 + 60_000)
    desk.now_ms += 100
    assert desk.fact("rate_counter") == 1 - Decimal("0.234")


def test_a_cancel_of_an_order_that_is_over_costs_nothing(desk: Desk) -> None:
    desk.send("a", T0).accept("a", T0).end("a", T0)
    desk.ask_cancel("a", T0).ask_cancel("stranger", T0)
    assert desk.fact("rate_counter") == 1


def test_a_refused_cancel_has_been_counted(desk: Desk) -> None:
    desk.send("a", T0).accept("a", T0).ask_cancel("a", T0)
    errors = ("EOrder:Unknown order",)
    desk.remember(CancelRefused(at_ms=T0, client_id="a", errors=errors))
    assert desk.fact("rate_counter") == 9


def test_an_order_pulled_before_its_answer_costs_as_the_youngest(desk: Desk) -> None:
    desk.send("a", T0).ask_cancel("a", T0 + 20_000)
    assert desk.fact("rate_counter") == 9


def test_every_symbol_has_its_own_counter(desk: Desk) -> None:
    desk.send("a", T0).accept("a", T0)
    desk.send("b", T0, "ETH/USD")
    assert desk.fact("rate_counter") == 1
    desk.symbol = "ETH/USD"
    assert desk.fact("rate_counter") == 1
    desk.symbol = "SOL/USD"
    assert desk.fact("rate_counter") == 0


def start(at_ms: int) -> Started:
    return Started(
        at_ms=at_ms,
        run="r",
        venue="paper",
        rulebook="h",
        source="tape",
        markets=(),
        balances=(),
    )


def test_queries_of_the_start_and_for_evidence_count_for_the_key(desk: Desk) -> None:
    assert desk.fact("rest_counter") == 0
    desk.remember(start(T0))
    assert desk.fact("rest_counter") == 3
    desk.send("a", T0).remember(Unknown(at_ms=T0, client_id="a", why="timeout"))
    assert desk.fact("rest_counter") == 5
    assert desk.fact("rate_counter") == 1
    desk.now_ms += 1_000
    assert desk.fact("rest_counter") == Decimal("4.5")
    assert desk.fact("rest_max") == 20


def test_another_tier_decays_its_own_way_from_the_next_start(
    desk: Desk, plugin: ModuleType
) -> None:
    desk.remember(start(T0)).send("a", T0).accept("a", T0).ask_cancel("a", T0)
    desk.end("a", T0)
    desk.limits = plugin.rate_limits("pro")
    desk.remember(start(T0 + 1_000))
    assert desk.fact("rate_counter") == 9 - Decimal("2.34")
    desk.now_ms += 1_000
    assert desk.fact("rate_counter") == 9 - Decimal("2.34") - Decimal("3.75")


@pytest.mark.parametrize(
    ("purpose", "threshold"), [("entry", 100), ("exit", 125), ("take_profit", 125)]
)
def test_exits_may_use_what_entries_must_leave(
    desk: Desk, purpose: str, threshold: int
) -> None:
    assert desk.fact("rate_threshold", purpose) == threshold
    assert desk.fact("order_cost", purpose) == 1
    assert desk.fact("rate_max") == 125


def load(desk: Desk, orders: int) -> None:
    for number in range(orders):
        desk.send(f"o{number}", T0).accept(f"o{number}", T0)


@pytest.mark.parametrize(
    ("orders", "purpose", "wait_ms"),
    [
        (0, "entry", 0),
        (99, "entry", 0),
        (100, "entry", 428),  # 1 point / 2.34 a second = 427.35 ms
        (100, "exit", 0),
        (125, "exit", 428),
        (125, "entry", 11_112),
    ],
)
def test_the_wait_is_until_one_more_order_fits(
    desk: Desk, orders: int, purpose: str, wait_ms: int
) -> None:
    load(desk, orders)
    assert desk.fact("rate_wait", purpose) == wait_ms
    desk.now_ms += wait_ms
    room = desk.fact("rate_threshold", purpose) - desk.fact("rate_counter")
    assert room >= 1
    if wait_ms:
        desk.now_ms -= 1
        room = desk.fact("rate_threshold", purpose) - desk.fact("rate_counter")
        assert room < 1


def test_an_order_that_never_fits_has_no_wait(desk: Desk) -> None:
    desk.exit_reserve = Decimal(1)
    assert desk.fact("rate_wait", "entry") is None
    assert desk.fact("rate_wait", "exit") == 0


def test_a_reserve_that_is_not_a_number_leaves_entries_unknown(desk: Desk) -> None:
    desk.exit_reserve = "much"
    assert desk.fact("rate_threshold", "entry") is None
    assert desk.fact("rate_wait", "entry") is None


def test_without_limits_nothing_is_known(plugin: ModuleType) -> None:
    desk = Desk(plugin, None).send("a", T0).accept("a", T0)
    assert desk.memory == {}
    for name in ("rate_counter", "rate_max", "rest_counter", "rest_max"):
        assert desk.fact(name) is None
    for name in ("order_cost", "rate_threshold", "rate_wait"):
        assert desk.fact(name, "entry") is None


def test_every_fact_says_when_it_is_not_known(plugin: ModuleType) -> None:
    facts: list[Fact] = plugin.facts()
    assert all("not known" in fact.help for fact in facts)
    reserved = {fact.name for fact in facts if "exit_reserve" in fact.params}
    assert reserved == {"rate_threshold", "rate_wait"}
