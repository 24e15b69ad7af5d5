"""The tuner: knows what the tuning rules have turned so far.

The rules themselves are in the rulebook and the engine evaluates them; what is
known here lets a rule say "not again so soon" or "not so often".
"""

from __future__ import annotations

from collections.abc import MutableMapping
from decimal import Decimal
from typing import Any

from quorate import DURATION, Desk, Fact, Moves, Stage, Tuned, hookimpl

ZERO = Decimal(0)
# Durations must be finite: ten years stand for "never".
NEVER_MS = 10 * 365 * 24 * 60 * 60 * 1000


@hookimpl
def remember(memory: MutableMapping[str, Any], record: Tuned) -> None:
    """Count what was tuned, and when last."""
    memory["tunings"] = memory.get("tunings", 0) + 1
    memory["tuned_ms"] = record.at_ms


def tunings(desk: Desk) -> int:
    """Return how often a param was turned."""
    return int(desk.recall("tuner").get("tunings", 0))


def since_tuned(desk: Desk) -> int:
    """Return how long ago a param was turned last, ten years when none was."""
    tuned_ms = desk.recall("tuner").get("tuned_ms")
    return NEVER_MS if tuned_ms is None else int(desk.now_ms - tuned_ms)


FACTS = [
    Fact(
        name="tunings",
        stage=Stage.ACCOUNT,
        low=ZERO,
        help="how often tuning rules have turned a param",
        compute=tunings,
    ),
    Fact(
        name="since_tuned",
        stage=Stage.ACCOUNT,
        unit=DURATION,
        low=ZERO,
        moves=Moves.CLOCK,
        help="time since a param was turned; ten years when none was",
        compute=since_tuned,
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of tuning."""
    return FACTS
