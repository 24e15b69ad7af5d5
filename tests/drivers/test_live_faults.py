"""A live run among seeded faults; and bugs planted in it, each of which is found.

``QUORATE_SEEDS`` says how many seeds the faults are drawn from.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

world_of = import_module("live_world")
audit_of = import_module("live_audit")

SEEDS = int(os.environ.get("QUORATE_SEEDS", "200"))
BATCHES = 8
STORM_MS = 600_000
HEALING_MS = 420_000
STEP_MS = 5_000

STORM = world_of.Faults(
    request_lost=0.08,
    request_late=0.08,
    reply_lost=0.1,
    reply_late=0.08,
    frame_late=0.1,
    frame_twice=0.1,
    silent=0.2,
    gap=0.05,
    crash=0.02,
    amnesia=0.004,
)


def weather(seed: int, bugs: frozenset[str] = frozenset()) -> Any:
    """Let a world run through a storm of faults; heal it, let it rest, audit it."""
    world = world_of.World(
        seed=seed, faults=STORM, bugs=bugs, symbols=("BTC/USD", "ETH/USD")
    )
    price = 100.0
    for step in range(STORM_MS // STEP_MS):
        world.confidence = 0.9 if world.draw("votes", step // 12) < 0.7 else 0.0
        price *= 1 + (world.draw("price", step) - 0.5) * 0.008
        world.move(round(price, 1))
        if world.strikes("gap", step):
            world.interrupt(int(20_000 * world.draw("gap for", step)))
        if world.strikes("amnesia", step):
            world.exchange.lose_open()
        world.rest(STEP_MS)
    world.confidence, world.healed = 0.0, True
    world.rest(HEALING_MS)
    audit_of.audit(world)
    return world


def batches() -> Iterator[range]:
    size = -(-SEEDS // BATCHES)
    for first in range(0, SEEDS, size):
        yield range(first, min(SEEDS, first + size))


@pytest.mark.parametrize("seeds", batches(), ids=lambda seeds: f"from {seeds.start}")
def test_faults_cost_nothing_but_time(seeds: range) -> None:
    struck: Counter[str] = Counter()
    for seed in seeds:
        try:
            world = weather(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        struck += world.tally
        struck["crashes"] += world.crashed
        struck["orders"] += len(world.exchange.orders)
        struck["closed"] += len(audit_of.trades(world))
    for fault in ("request_lost", "reply_lost", "request_late", "crashes", "orders"):
        assert struck[fault], f"no {fault} in {seeds}"
