"""A live run among seeded faults; and bugs planted in it, each of which is found.

``QUORATE_SEEDS`` says how many seeds the faults are drawn from.
"""

from __future__ import annotations

import os
from collections import Counter
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

world_of = import_module("live_world")
audit_of = import_module("live_audit")
rules_of = import_module("live_rules")

SEEDS = int(os.environ.get("QUORATE_SEEDS", "200"))
STORM_MS = 600_000
HEALING_MS = 420_000
STEP_MS = 5_000

LIVELY = {
    "cool_down": "0s",
    "max_losses": "50",
    "max_refusals": "50",
    "max_drawdown": "90%",
    "profit_target": "0.2%",
    "stop_loss": "0.5%",
    "max_age": "2m",
    "entry_patience": "20s",
}
"""Rules that trade as often as they can."""

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
        seed=seed,
        faults=STORM,
        bugs=bugs,
        symbols=("BTC/USD", "ETH/USD"),
        rules=rules_of.own_rules(**LIVELY),
    )
    world.exchange.race = lambda placed: (
        Decimal("0.5") if world.draw("race", placed.venue_id) < 0.4 else Decimal(0)
    )
    price = 100.0
    for step in range(STORM_MS // STEP_MS):
        world.confidence = 0.9 if world.draw("votes", step // 12) < 0.7 else 0.0
        price *= 1 + (world.draw("price", step) - 0.5) * 0.008
        world.move(round(price, 1))
        if world.strikes("gap", step):
            world.interrupt(int(20_000 * world.draw("gap for", step)))
        if world.strikes("amnesia", step):
            world.exchange.lose_open(world.now_ms)
        world.rest(STEP_MS)
    world.confidence, world.healed = 0.0, True
    world.rest(HEALING_MS)
    audit_of.audit(world)
    return world


SIZE = max(1, -(-SEEDS // 8))
BATCHES = [range(first, min(SEEDS, first + SIZE)) for first in range(0, SEEDS, SIZE)]


@pytest.mark.parametrize("seeds", BATCHES, ids=lambda seeds: f"from {seeds.start}")
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


BUGS = {
    "assume_dead": "takes an order that was not answered before a restart for dead",
    "blind_resend": "sends an order again that was not answered in time",
    "early_not_found": "believes the first query that finds nothing",
    "end_early": "ends an order before all of its fills are known",
    "fail_on_timeout": "takes a timeout for a refusal",
    "ignore_gap": "asks for nothing after an interruption of the stream",
    "never_ask": "asks for no order that is in doubt",
    "no_cancel_again": "never repeats a cancel that was lost",
    "no_deadline": "trusts a deadline that the exchange does not keep",
    "no_dedupe": "books a fill that is told twice",
    "no_unit": "records a fill and what follows from it one by one",
    "send_first": "sends before the intent is durable",
    "trust_cancel": "takes a cancel for the end, whatever was filled meanwhile",
}
WITHIN = 40
"""How many seeds it may take to find a bug."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    for seed in range(WITHIN):
        try:
            weather(seed, frozenset({bug}))
        except AssertionError:
            return
    raise AssertionError(f"nobody notices an engine that {BUGS[bug]}")
