"""Crash a live run at every point of it, restart it, and come to the same end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

world_of = import_module("live_world")
audit_of = import_module("live_audit")
rules_of = import_module("live_rules")

PATIENCE_MS = 1_200_000
QUIET_MS = 90_000
ZERO = Decimal(0)

Flow = Callable[[Any], None]


def reach(world: Any, goal: Callable[[], bool]) -> None:
    reached = world.run(goal, PATIENCE_MS)
    assert reached, "\n".join(world.log[-20:])


def buy(world: Any) -> None:
    """Let the votes want a position until there is one and nothing is under way."""
    world.confidence = 0.9
    reach(world, lambda: bool(world.held()) and not buying(world))
    world.confidence = 0.0
    reach(world, lambda: covered(world))


def buying(world: Any) -> bool:
    return any(one.intent.side == "buy" for one in world.open_orders())


def covered(world: Any) -> bool:
    resting = [one for one in world.open_orders() if one.intent.side == "sell"]
    return bool(sum(one.remaining for one in resting) == world.held())


def sold(world: Any) -> bool:
    return not world.held() and not world.open_orders()


def take_profit(world: Any) -> None:
    """Enter, rest the take-profit, and let it be filled."""
    buy(world)
    world.move(102)
    reach(world, lambda: sold(world))


def in_parts(world: Any) -> None:
    """Fill an entry in part until its time is over; leave at the stop, in parts."""
    world.exchange.split = lambda one: (
        Decimal("0.4") if one.matches == 1 else Decimal(one.intent.side == "sell")
    )
    buy(world)
    world.move(97)
    reach(world, lambda: sold(world))


def cancel_race(world: Any) -> None:
    """Fill more of an entry just before its cancel takes effect."""
    world.exchange.split = lambda one: Decimal(one.intent.side == "sell")
    world.exchange.race = lambda one: (
        Decimal("0.6") if one.intent.side == "buy" else ZERO
    )
    buy(world)
    world.move(102)
    reach(world, lambda: sold(world))


def exit_race(world: Any) -> None:
    """Fill a part of the take-profit just before it is cancelled for the stop."""
    buy(world)
    world.exchange.race = lambda _: (
        ZERO
        if any(one.side == "sell" for one in world.exchange.trades)
        else Decimal("0.3")
    )
    world.move(97)
    reach(world, lambda: sold(world))


def reload_rules(world: Any) -> None:
    """Change the rules while a position is open; the process starts again."""
    buy(world)
    world.rules = rules_of.own_rules(profit_target="0.6%")
    world.kill()
    reach(world, lambda: world.driver is not None)
    world.rest(5_000)
    world.move(102)
    reach(world, lambda: sold(world))


def holding(world: Any) -> None:
    """End while a position is held."""
    buy(world)


FLOWS: tuple[Flow, ...] = (
    take_profit,
    in_parts,
    cancel_race,
    exit_race,
    reload_rules,
    holding,
)


def run(flow: Flow, *crashes: int) -> Any:
    """Run a flow with crashes at some points; heal, be quiet, and audit it."""
    world = world_of.World(crashes=frozenset(crashes), split=lambda _: Decimal(1))
    flow(world)
    world.rest(QUIET_MS)
    reach(world, lambda: world.driver is not None)
    audit_of.audit(world)
    return world


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_a_crash_at_any_point_changes_nothing(flow: Flow) -> None:
    reference = run(flow)
    end = audit_of.end_state(reference)
    assert end[0] or end[2], "nothing was traded"
    for point in range(1, reference.points + 1):
        world = run(flow, point)
        assert world.crashed > reference.crashed
        assert audit_of.end_state(world) == end, f"crash at point {point}"


def several(points: int) -> Iterator[tuple[int, ...]]:
    """Yield points whose recoveries are crashed too, once and thrice."""
    for point in range(1, points + 1):
        for later in (1, 3):
            yield tuple(range(point, point + later + 1))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_a_recovery_survives_its_own_crashes(flow: Flow) -> None:
    reference = run(flow)
    end = audit_of.end_state(reference)
    for points in several(reference.points):
        assert audit_of.end_state(run(flow, *points)) == end, f"crashes at {points}"
