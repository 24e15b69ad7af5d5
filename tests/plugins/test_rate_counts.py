from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import (
    RateCounter,
)

rate_desk = import_module("rate_desk")
Desk: Any = rate_desk.Desk
T0 = rate_desk.T0
TIERS = ("starter", "intermediate", "pro")


@pytest.fixture
def plugin(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("rate_limit")


@pytest.fixture
def desk(plugin: ModuleType) -> Desk:
    return Desk(plugin, plugin.rate_limits("intermediate"))


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
