"""Checks: adjust an order, then hold it against every requirement. Fails closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from quorate.contract.decisions import Value, Verdict
from quorate.contract.views import Draft, OrderView
from quorate.rulebook.rules import CheckRule, Formula
from quorate.stages.answers import Answers, Conditions, MarketDesk, Moment
from quorate.values.numbers import ceil_to


class Finding(StrEnum):
    """What the checks say of an order as a whole."""

    PASS = "pass"
    REFUSE = "refuse"
    WAIT = "wait"
    REALLOCATE = "reallocate"
    WRITE_OFF = "write_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One check's answer about the final order."""

    rule: CheckRule
    verdict: Verdict
    inputs: Mapping[str, Value]
    effect: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a draft. ``by`` is the check that stopped it, None when passed.

    ``wait_ms`` and ``give_up_ms`` are durations, for WAIT and REALLOCATE;
    ``give_up_ms`` None sets no limit to waiting.
    """

    finding: Finding
    draft: Draft
    rulings: tuple[Ruling, ...]
    by: CheckRule | None = None
    wait_ms: int = 0
    give_up_ms: int | None = 0


def judge(
    answers: Answers, checks: Conditions, draft: Draft, desk: MarketDesk
) -> Judgement:
    """Return what the checks of the draft's side make of it.

    Adjustments come first, in order; then every requirement is looked at on the
    adjusted order, and the first that does not hold stops it.
    """
    moment = Moment(desk, order=OrderView(desk, draft))
    context = answers.context(checks.reads, moment, exact=True)
    mask, faults = checks.evaluate(context)
    unknown = dict(faults)
    rulings: list[Ruling] = []
    for rule in checks.rules:
        if rule.amount is None:
            continue
        applies = _part(checks, rule, "when", mask, unknown)
        if applies is None:
            return _stop(answers, rule, draft, rulings, context, Verdict.NOT_KNOWN)
        if not applies:
            continue
        adjusted = _adjust(answers, rule, draft, desk)
        if adjusted is None:
            return _stop(answers, rule, draft, rulings, context, Verdict.NOT_KNOWN)
        rulings.append(
            Ruling(
                rule=rule,
                verdict=Verdict.ADJUSTED,
                inputs=_inputs(answers, rule, context),
                effect={"amount": adjusted.amount, "was": draft.amount},
            )
        )
        draft = adjusted
        moment = Moment(desk, order=OrderView(desk, draft))
        context = answers.context(checks.reads, moment, exact=True)
        mask, faults = checks.evaluate(context)
        unknown = dict(faults)
    return _require(answers, checks, draft, moment, rulings, (context, mask, unknown))


def judge_alone(answers: Answers, rule: CheckRule, moment: Moment) -> Ruling | None:
    """Return what one check says of an order by itself, None when it does not apply."""
    names = {
        name
        for part in (rule.when, rule.require)
        if part is not None
        for name in part.expression.reads
    }
    inputs = _inputs(answers, rule, answers.context(names, moment, exact=True))
    effect: dict[str, Value] = {}
    try:
        if rule.when is not None and not answers.value(rule.when, moment):
            return None
        if rule.require is not None and not answers.value(rule.require, moment):
            verdict = Verdict.REFUSED
        elif rule.amount is not None:
            verdict = Verdict.ADJUSTED
            effect = {"amount": answers.value(rule.amount, moment)}
        else:
            verdict = Verdict.PASSED
    except Exception:  # noqa: BLE001 - what is not known refuses
        verdict = Verdict.NOT_KNOWN
    return Ruling(rule=rule, verdict=verdict, inputs=inputs, effect=effect)


def _require(
    answers: Answers,
    checks: Conditions,
    draft: Draft,
    moment: Moment,
    rulings: list[Ruling],
    evaluated: tuple[Any, int, dict[int, Exception]],
) -> Judgement:
    context, mask, unknown = evaluated
    for rule in checks.rules:
        if rule.require is None:
            continue
        applies = _part(checks, rule, "when", mask, unknown)
        if applies is False:
            continue
        holds = _part(checks, rule, "require", mask, unknown)
        if applies is None or holds is None:
            return _stop(answers, rule, draft, rulings, context, Verdict.NOT_KNOWN)
        if not holds:
            return _otherwise(answers, rule, draft, rulings, (context, moment))
        inputs = _inputs(answers, rule, context)
        rulings.append(Ruling(rule=rule, verdict=Verdict.PASSED, inputs=inputs))
    return Judgement(finding=Finding.PASS, draft=draft, rulings=tuple(rulings))


def _otherwise(
    answers: Answers,
    rule: CheckRule,
    draft: Draft,
    rulings: list[Ruling],
    seen: tuple[Any, Moment],
) -> Judgement:
    """Return what the rule wants done about a requirement that does not hold."""
    context, moment = seen
    limit = rule.give_up_after
    give_up_ms = None if limit is None else _duration(answers, limit, moment)
    finding, wait_ms = Finding.REFUSE, 0
    if rule.reallocate is not None and _holds(answers, rule.reallocate, moment):
        finding = Finding.REALLOCATE
    elif rule.wait is not None:
        wait_ms = _duration(answers, rule.wait, moment)
        finding = Finding.WAIT if wait_ms > 0 else Finding.REFUSE
    elif rule.write_off:
        finding = Finding.WRITE_OFF
    verdict = Verdict.DELAYED if finding in _PATIENT else Verdict.REFUSED
    stopped = _stop(answers, rule, draft, rulings, context, verdict)
    return replace(stopped, finding=finding, wait_ms=wait_ms, give_up_ms=give_up_ms)


_PATIENT = (Finding.WAIT, Finding.REALLOCATE)


def _stop(
    answers: Answers,
    rule: CheckRule,
    draft: Draft,
    rulings: Sequence[Ruling],
    context: Any,
    verdict: Verdict,
) -> Judgement:
    ruling = Ruling(rule=rule, verdict=verdict, inputs=_inputs(answers, rule, context))
    return Judgement(
        finding=Finding.REFUSE, draft=draft, rulings=(*rulings, ruling), by=rule
    )


def _part(
    checks: Conditions,
    rule: CheckRule,
    part: str,
    mask: int,
    unknown: Mapping[int, Exception],
) -> bool | None:
    """Return a condition's value; True when the rule has none, None if not known."""
    if getattr(rule, part) is None:
        return True
    bit = checks.keys.index((rule, part))
    return None if bit in unknown else bool(mask >> bit & 1)


def _adjust(
    answers: Answers, rule: CheckRule, draft: Draft, desk: MarketDesk
) -> Draft | None:
    """Return the draft with the rule's amount, None when that is not known."""
    assert rule.amount is not None
    moment = Moment(desk, order=OrderView(desk, draft))
    try:
        amount: Decimal = answers.value(rule.amount, moment)
    except Exception:  # noqa: BLE001 - a formula that cannot be evaluated refuses
        return None
    # An adjusted amount was too small before: rounding it down could undo the rule.
    amount = ceil_to(amount, desk.market.amount_step)
    return replace(draft, amount=amount) if amount > 0 else None


def _holds(answers: Answers, formula: Formula, moment: Moment) -> bool:
    try:
        return bool(answers.value(formula, moment))
    except Exception:  # noqa: BLE001 - what is not known does not hold
        return False


def _duration(answers: Answers, formula: Formula, moment: Moment) -> int:
    """Return a duration in ms, 0 when it is not known."""
    try:
        return max(0, int(answers.value(formula, moment)))
    except Exception:  # noqa: BLE001 - what is not known is no reason to wait
        return 0


def _inputs(answers: Answers, rule: CheckRule, context: Any) -> dict[str, Value]:
    return {
        **answers.inputs(rule.when, context),
        **answers.inputs(rule.require, context),
    }
