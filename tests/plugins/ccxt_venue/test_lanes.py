"""Turns on the wire: order, width, patience, and the budget behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from decimal import Decimal
from functools import wraps
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

lanes = import_module("venue_orders").part("lanes")
Budget, Lane, NoTurn, Urgency = lanes.Budget, lanes.Lane, lanes.NoTurn, lanes.Urgency

NOTHING = Decimal(0)
POINT = Decimal(1)


class Clock:
    """Time that a test moves by hand."""

    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def plain(*arguments: Any, **named: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*arguments, **named), 20))

    return plain


def lane(width: int = 1, limit: int = 100, clock: Any = None) -> Any:
    budget = Budget(Decimal(limit), Decimal(1), clock or Clock())
    return Lane(width, budget, 1)


async def use(one: Any, name: str, urgency: Any, done: list[str]) -> None:
    async with one.turn(urgency, NOTHING, 5):
        done.append(name)
        await asyncio.sleep(0)


@in_a_loop
async def test_the_most_urgent_goes_first_then_who_came_first() -> None:
    one, done = lane(), list[str]()
    names = {
        "ask": Urgency.ASK,
        "enter": Urgency.ENTER,
        "protect": Urgency.PROTECT,
        "protect too": Urgency.PROTECT,
        "enter too": Urgency.ENTER,
    }
    async with one.turn(Urgency.ASK, NOTHING, 5):
        waiting = [
            asyncio.create_task(use(one, name, urgency, done))
            for name, urgency in names.items()
        ]
        await asyncio.sleep(0)
        assert done == []
    await asyncio.gather(*waiting)
    assert done == ["protect", "protect too", "enter", "enter too", "ask"]


@pytest.mark.parametrize("width", [1, 3])
@in_a_loop
async def test_no_more_than_its_width_are_on_the_wire(width: int) -> None:
    one, now, most = lane(width), 0, 0

    async def work() -> None:
        nonlocal now, most
        async with one.turn(Urgency.ASK, NOTHING, 5):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert most == width


@in_a_loop
async def test_a_turn_is_given_back_when_the_work_fails() -> None:
    one = lane()
    with suppress(ValueError):
        async with one.turn(Urgency.ASK, NOTHING, 5):
            raise ValueError
    async with one.turn(Urgency.ASK, NOTHING, 1):
        pass


@in_a_loop
async def test_nothing_waits_for_ever() -> None:
    one = lane()
    async with one.turn(Urgency.ASK, NOTHING, 5):
        with pytest.raises(NoTurn, match=r"within 0\.01 s"):
            async with one.turn(Urgency.PROTECT, NOTHING, 0.01):
                pass
    async with one.turn(Urgency.ASK, NOTHING, 1):
        pass


@in_a_loop
async def test_too_many_are_turned_away_at_once() -> None:
    one, done = lane(), list[str]()
    async with one.turn(Urgency.ASK, NOTHING, 5):
        waiting = [
            asyncio.create_task(use(one, "x", Urgency.ASK, done))
            for _ in range(lanes.LONGEST_QUEUE)
        ]
        await asyncio.sleep(0)
        with pytest.raises(NoTurn, match="requests wait already"):
            async with one.turn(Urgency.PROTECT, NOTHING, 5):
                pass
    await asyncio.gather(*waiting)
    assert len(done) == lanes.LONGEST_QUEUE


@in_a_loop
async def test_one_that_leaves_the_queue_takes_no_turn() -> None:
    one, done = lane(), list[str]()
    async with one.turn(Urgency.ASK, NOTHING, 5):
        gone = asyncio.create_task(use(one, "gone", Urgency.PROTECT, done))
        stays = asyncio.create_task(use(one, "stays", Urgency.ASK, done))
        await asyncio.sleep(0)
        gone.cancel()
    with suppress(asyncio.CancelledError):
        await gone
    await stays
    assert done == ["stays"]


@in_a_loop
async def test_one_that_leaves_just_as_its_turn_comes_gives_it_back() -> None:
    one, done = lane(), list[str]()
    async with one.turn(Urgency.ASK, NOTHING, 5):
        gone = asyncio.create_task(use(one, "gone", Urgency.PROTECT, done))
        await asyncio.sleep(0)
    gone.cancel()  # it has the turn now, and has not run since
    with suppress(asyncio.CancelledError):
        await gone
    await use(one, "next", Urgency.ASK, done)
    assert done[-1] == "next"


@in_a_loop
async def test_what_costs_nothing_goes_while_questions_wait_for_the_budget() -> None:
    clock, done = Clock(), list[str]()
    one = lane(limit=1, clock=clock)
    async with one.turn(Urgency.ASK, POINT, 5):
        pass

    async def ask() -> None:
        async with one.turn(Urgency.ASK, POINT, 5):
            done.append("ask")

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    await use(one, "send", Urgency.ENTER, done)
    assert done == ["send"]
    clock.ms += 1_100
    await use(one, "another", Urgency.ENTER, done)
    await asking
    assert sorted(done) == ["another", "ask", "send"]


@in_a_loop
async def test_after_a_refusal_for_the_rate_nothing_is_left() -> None:
    clock = Clock()
    budget = Budget(Decimal(20), Decimal("0.5"), clock)
    assert budget.wait_ms(POINT) == 0
    budget.exhaust()
    assert budget.wait_ms(POINT) == 2_001
    clock.ms += 2_001
    assert budget.wait_ms(POINT) == 0
    assert budget.wait_ms(Decimal(2)) > 0


@in_a_loop
async def test_a_cost_above_the_limit_waits_for_an_empty_counter() -> None:
    clock = Clock()
    budget = Budget(Decimal(2), Decimal(1), clock)
    assert budget.wait_ms(Decimal(6)) == 0
    budget.spend(POINT)
    assert 0 < budget.wait_ms(Decimal(6)) <= 1_001


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4_000), st.integers(0, 500), st.sampled_from([0, 1, 2])
        ),
        max_size=60,
    )
)
def test_the_mirror_is_never_below_the_exchanges_counter(
    calls: list[tuple[int, int, int]],
) -> None:
    """Ask whenever the budget allows it; the exchange, which counts later, agrees."""
    clock, limit, decay = Clock(), Decimal(15), Decimal("0.33")
    budget = Budget(limit, decay, clock)
    theirs, at_ms = Decimal(0), clock.ms
    for pause_ms, way_ms, cost in calls:
        clock.ms += pause_ms
        clock.ms += budget.wait_ms(Decimal(cost))
        assert budget.wait_ms(Decimal(cost)) == 0
        budget.spend(Decimal(cost))
        clock.ms += way_ms
        theirs = max(Decimal(0), theirs - decay * (clock.ms - at_ms) / 1000)
        assert theirs + cost <= limit + Decimal("0.001")
        theirs, at_ms = theirs + cost, clock.ms
        budget.settle(Decimal(cost), way_ms)
