from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import (
    Accepted,
    CancelAsked,
    CancelRefused,
    Draft,
    Ended,
    Fact,
    Intended,
    Intent,
    Order,
    OrderStatus,
    OrderType,
    OrderView,
    Purpose,
    RateCounter,
    RateLimits,
    Record,
    Refused,
    Side,
    Started,
    TimeInForce,
    Unknown,
)

T0 = 1_000_000
TIERS = ("starter", "intermediate", "pro")


def intent_of(client_id: str, symbol: str = "BTC/USD") -> Intent:
    return Intent(
        client_id=client_id,
        root_id=client_id,
        symbol=symbol,
        venue_symbol=symbol,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        amount=Decimal(1),
        limit_price=Decimal(100),
        reference_price=Decimal(100),
        purpose=Purpose.ENTRY,
        rule="r",
        attempt=1,
        max_attempts=3,
        cancel_after_ms=0,
        position_id="p",
        made_ms=T0,
    )


def draft_of(purpose: str) -> Draft:
    return Draft(
        symbol="BTC/USD",
        venue_symbol="BTC/USD",
        side=Side.BUY,
        purpose=purpose,
        rule="r",
        type="limit",
        time_in_force="GTC",
        post_only=False,
        quote_amount=Decimal(100),
        amount=Decimal(1),
        limit_price=Decimal(100),
        reference_price=Decimal(100),
        attempt=1,
    )


@dataclass
class Desk:
    """What the plugin reads of a desk, and the memory it is given."""

    plugin: ModuleType
    limits: RateLimits | None
    now_ms: int = T0
    symbol: str = "BTC/USD"
    exit_reserve: Decimal | bool | str = Decimal("0.2")
    memory: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)

    def param(self, name: str) -> Decimal | bool | str:
        assert name == "exit_reserve"
        return self.exit_reserve

    def order(self, client_id: str) -> Order | None:
        return self.orders.get(client_id)

    def recall(self, plugin: str) -> Mapping[str, Any]:
        assert plugin == "rate_limit"
        return self.memory

    def remember(self, *records: Record) -> Desk:
        for record in records:
            self.now_ms = max(self.now_ms, record.at_ms)
            self.plugin.remember(self.memory, record, self)
        return self

    def fact(self, name: str, purpose: str = "") -> Any:
        facts = {fact.name: fact for fact in self.plugin.facts()}
        view = OrderView(self, draft_of(purpose)) if purpose else self  # type: ignore[arg-type]
        return facts[name].compute(view)

    # The road of an order, as the journal records it.

    def send(self, client_id: str, at_ms: int, symbol: str = "BTC/USD") -> Desk:
        intent = intent_of(client_id, symbol)
        self.orders[client_id] = Order(intent=intent)
        return self.remember(Intended(at_ms=at_ms, intent=intent))

    def accept(self, client_id: str, at_ms: int) -> Desk:
        intent = self.orders[client_id].intent
        self.orders[client_id] = Order(
            intent=intent, status=OrderStatus.OPEN, accepted_ms=at_ms
        )
        return self.remember(Accepted(at_ms=at_ms, client_id=client_id, venue_id="V"))

    def ask_cancel(self, client_id: str, at_ms: int) -> Desk:
        return self.remember(CancelAsked(at_ms=at_ms, client_id=client_id, why="old"))

    def end(self, client_id: str, at_ms: int) -> Desk:
        intent = self.orders[client_id].intent
        self.orders[client_id] = Order(intent=intent, status=OrderStatus.DONE)
        ended = Ended(at_ms=at_ms, client_id=client_id, reason="cancelled")
        return self.remember(ended)


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


@pytest.mark.parametrize(("tier", "cycles"), list(zip(TIERS, (7, 14, 20), strict=True)))
def test_place_and_cancel_at_once_fits_so_many_times(
    plugin: ModuleType, tier: str, cycles: int
) -> None:
    desk = Desk(plugin, plugin.rate_limits(tier))
    placed = 0
    while desk.fact("rate_wait", "exit") == 0:
        desk.send(f"o{placed}", T0).accept(f"o{placed}", T0)
        desk.ask_cancel(f"o{placed}", T0).end(f"o{placed}", T0)
        placed += 1
    assert placed == cycles


@pytest.mark.parametrize(
    ("tier", "orders"), list(zip(TIERS, (60, 125, 180), strict=True))
)
def test_immediate_orders_at_once_fit_so_many_times(
    plugin: ModuleType, tier: str, orders: int
) -> None:
    desk = Desk(plugin, plugin.rate_limits(tier))
    placed = 0
    while desk.fact("rate_wait", "exit") == 0:
        desk.send(f"o{placed}", T0).accept(f"o{placed}", T0).end(f"o{placed}", T0)
        placed += 1
    assert placed == orders


@given(
    tier=st.sampled_from(TIERS),
    calls=st.lists(
        st.tuples(st.integers(0, 3_000), st.booleans()), min_size=1, max_size=12
    ),
)
def test_the_counter_is_that_of_a_count_by_the_millisecond(
    load_plugin: Callable[[str], ModuleType], tier: str, calls: list[tuple[int, bool]]
) -> None:
    plugin = load_plugin("rate_limit")
    desk = Desk(plugin, plugin.rate_limits(tier))
    assert desk.limits is not None
    # In units of 1e-5 points what decays in one millisecond is a whole number.
    per_ms = int(desk.limits.order_decay * 100)
    slow = 0
    for number, (pause_ms, pulled) in enumerate(calls):
        for _ in range(pause_ms):
            slow = max(0, slow - per_ms)
        at_ms, client_id = desk.now_ms + pause_ms, f"o{number}"
        desk.send(client_id, at_ms).accept(client_id, at_ms)
        slow += 100_000
        if pulled:
            desk.ask_cancel(client_id, at_ms)
            slow += 800_000
        desk.end(client_id, at_ms)
        assert desk.fact("rate_counter") * 100_000 == slow


@given(
    calls=st.lists(st.tuples(st.integers(1_000, 9_000), st.booleans()), max_size=12),
    latency_ms=st.integers(0, 400),
    looks=st.lists(st.integers(0, 999), max_size=4),
)
def test_it_is_never_below_the_counter_of_a_venue_far_away(
    load_plugin: Callable[[str], ModuleType],
    calls: list[tuple[int, bool]],
    latency_ms: int,
    looks: list[int],
) -> None:
    plugin = load_plugin("rate_limit")
    desk = Desk(plugin, plugin.rate_limits("pro"))
    assert desk.limits is not None
    venue = RateCounter(desk.limits.order_decay)
    at_ms = T0
    for number, (pause_ms, pulled) in enumerate(calls):
        at_ms += pause_ms
        client_id = f"o{number}"
        desk.send(client_id, at_ms)
        assert desk.fact("rate_counter") >= venue.read(at_ms) + 1
        venue.add(desk.limits.add_cost, at_ms + latency_ms)
        desk.accept(client_id, at_ms + latency_ms)
        if pulled:
            at_ms += latency_ms + 10
            desk.ask_cancel(client_id, at_ms)
            venue.add(desk.limits.cancel_cost(10 + latency_ms), at_ms + latency_ms)
            desk.end(client_id, at_ms + latency_ms)
        for later_ms in sorted(looks):
            desk.now_ms = max(desk.now_ms, at_ms + later_ms)
            assert desk.fact("rate_counter") >= venue.read(desk.now_ms)
