"""The conditions of a decision as written, with the margin on the recorded inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from quorate.contract.decisions import Decision, Value, Verdict
from quorate.contract.vocabulary import (
    AMOUNT,
    DURATION,
    MONEY,
    PRICE,
    RATIO,
    Unit,
)
from quorate.face import text
from quorate.face.explanation import Condition
from quorate.face.kept import KeptRules
from quorate.rulebook.literals import read_quantity
from quorate.rulebook.reasons import Margin, explain, margin, write_value
from quorate.rulebook.rules import CheckRule, EntryRule, ErrorRule, Formula, VoteRule
from quorate.values.numbers import exact

_PARTS = ("when", "require", "veto")


def conditions(decision: Decision, kept: KeptRules) -> tuple[Condition, ...]:
    """Return the conditions that decided; empty when the rules cannot be read."""
    if kept.rulebook is None:
        return ()
    return tuple(_conditions(decision, kept))


def _conditions(decision: Decision, kept: KeptRules) -> Iterator[Condition]:
    rule, inputs = kept.rule(decision.rule), decision.inputs
    if decision.section == "orders":
        yield from _orders(decision, kept)
        return
    if isinstance(rule, ErrorRule):
        yield _pattern(rule, inputs)
        return
    if isinstance(rule, CheckRule) and decision.section == "exits":
        yield from _written("reallocate", rule.reallocate)
        return
    for part in _PARTS:
        formula: Formula | None = getattr(rule, part, None)
        if formula is not None:
            yield condition(part, formula, inputs, kept)
    if isinstance(rule, CheckRule) and decision.verdict is Verdict.ADJUSTED:
        yield from _written("amount", rule.amount)
    if isinstance(rule, VoteRule):
        entry = kept.rule(str(decision.effect.get("entry", "")))
        if isinstance(entry, EntryRule) and entry.when.expression.reads.keys() <= (
            inputs.keys()
        ):
            yield condition(f"when of {entry.id}", entry.when, inputs, kept)


def _written(part: str, formula: Formula | None) -> Iterator[Condition]:
    """Yield an expression whose inputs are not on record, or none."""
    if formula is not None:
        yield Condition(part=part, text=formula.text, margin="", holds=None)


def _orders(decision: Decision, kept: KeptRules) -> Iterator[Condition]:
    """Yield the conditions of the order rules that were passed by, and of the one."""
    assert kept.rulebook is not None
    for rule in kept.rulebook.orders:
        if rule.when is not None and decision.inputs:
            own = rule.id == decision.rule
            part = "when" if own else f"when of {rule.id}"
            yield condition(part, rule.when, decision.inputs, kept)
        if rule.id == decision.rule:
            return


def _pattern(rule: ErrorRule, inputs: Mapping[str, Value]) -> Condition:
    error = str(inputs.get("error", ""))
    holds = bool(rule.pattern.search(error))
    return Condition(part="match", text=rule.pattern.pattern, margin="", holds=holds)


def condition(
    part: str, formula: Formula, inputs: Mapping[str, Value], kept: KeptRules
) -> Condition:
    """Return one condition on its recorded inputs."""
    context = SimpleNamespace(**inputs)
    found = margin(formula.expression, context)
    if found is not None:
        reason = explain(formula.expression, context)
        told, holds = write_margin(found, kept), bool(reason.value)
    else:
        reason = explain(formula.expression, context)
        told, holds = reason.fault, None
    return Condition(part=part, text=formula.text, margin=told, holds=holds)


def write_margin(found: Margin, kept: KeptRules) -> str:
    """Return for example ``age 4h >= max_age 4h: passed by 0ms``, in units people read.

    Percent, durations and money read as such where names and literals tell.
    """
    outcome = "passed" if found.passed else "failed"
    if found.sign == "is" or found.distance is None:
        return str(found)
    sides = (found.left_text, found.right_text)
    percent = any(kept.in_percent(side) for side in sides)
    unit = next(filter(None, (_unit(side, kept) for side in sides)), RATIO)

    def write(value: Any) -> str:
        return write_in(unit, value, percent=percent and unit == RATIO)

    left = _side(found.left_text, write(found.left))
    right = _side(found.right_text, write(found.right))
    return f"{left} {found.sign} {right}: {outcome} by {write(found.distance)}"


def _unit(side: str, kept: KeptRules) -> Unit | None:
    """Return the unit of one side of a comparison, as far as its first name tells."""
    quantity = read_quantity(side)
    if quantity is not None:
        return quantity[1]
    return kept.unit(side)


def write_in(unit: Unit | None, value: Any, *, percent: bool) -> str:
    """Return a number in its unit; ``percent`` writes a ratio as a percentage."""
    if unit == DURATION:
        return text.duration(value)
    if unit == MONEY:
        return text.money(exact(value))
    if unit in (PRICE, AMOUNT):
        return text.price(exact(value))
    if percent:
        return f"{text.number(float(value) * 100, digits=5)}%"
    return write_value(value)


def _side(written: str, value: str) -> str:
    if written.lstrip("-.")[:1].isdigit() and not any(c in written for c in "+*/ "):
        return written
    return f"{written} {value}" if written.isidentifier() else f"{written} ({value})"


def tell(name: str, value: Value, kept: KeptRules) -> str:
    """Return a recorded value in the unit people read."""
    if value is None or value != value:  # noqa: PLR0124 - NaN alone is not itself
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, Decimal | float | int):
        return value
    unit = DURATION if name.endswith("_ms") else kept.unit(name)
    return write_in(unit, value, percent=name in kept.percents)
