"""The shadow rules of a rulebook, their conditions fused section by section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quorate.flow.state import State
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import CheckRule, ErrorRule
from quorate.stages.answers import Answers, Conditions
from quorate.values.trade import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadows:
    """What is looked at beside the live rules; a section without any is empty."""

    entry: Conditions
    vetoes: Conditions
    checks: Mapping[Side, tuple[CheckRule, ...]]
    orders: Conditions
    errors: tuple[ErrorRule, ...]
    exits: Conditions
    tuning: Conditions
    switches: Conditions


def shadows_of(rulebook: Rulebook, answers: Answers) -> Shadows:
    """Return the shadow rules of a rulebook."""
    rules, ask = rulebook.shadows, answers.conditions
    return Shadows(
        entry=ask(rules["entry"], ["when"], exact=False),
        vetoes=ask(rules["votes"], ["veto"], exact=False),
        checks={
            side: tuple(one for one in rules["checks"] if one.side in (None, side))
            for side in Side
        },
        orders=ask(rules["orders"], ["when"], exact=True),
        errors=rules["errors"],
        exits=ask(rules["exits"], ["when"], exact=False),
        tuning=ask(rules["tuning"], ["when"], exact=True),
        switches=ask(rules["switches"], ["when"], exact=True),
    )


def unsaid(state: State, conditions: Conditions, about: str, since_ms: int = 0) -> bool:
    """Return whether some of the rules has not spoken about something yet."""
    known = state.shadowed
    return any(known.get((rule.id, about)) != since_ms for rule, _ in conditions.keys)
