"""Tuning: which params the rules turn, held inside their bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from quorate.contract.decisions import Value
from quorate.rulebook.params import Param, ParamValue
from quorate.rulebook.rules import TuningRule
from quorate.stages.answers import Answers, Conditions, MarketDesk, Moment

SAMPLES = "samples"
"""The fact that says how many executions have been measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """One param that a rule turns; ``back`` returns it to what its file says."""

    rule: TuningRule
    param: Param
    old: ParamValue
    new: ParamValue
    back: bool
    inputs: Mapping[str, Value]


def tune(
    answers: Answers,
    conditions: Conditions,
    desk: MarketDesk,
    *,
    standing: frozenset[str],
    last_ms: Mapping[str, int],
) -> Iterator[Turned]:
    """Yield what is to be turned now.

    ``standing`` names the rules whose turn still stands, ``last_ms`` says when each
    rule last turned a param, there or back. A rule needs its samples, keeps its
    distance from its last turn, and is taken back when its ``until`` holds.
    """
    moment = Moment(desk)
    names = [*conditions.reads, SAMPLES]
    context = answers.context(names, moment, exact=True)
    mask, _ = conditions.evaluate(context)
    held = {
        (rule.id, part)
        for bit, (rule, part) in enumerate(conditions.keys)
        if mask >> bit & 1
    }
    samples = getattr(context, SAMPLES) or 0
    for rule, part in conditions.keys:
        if part != "when" or samples < rule.min_samples:
            continue
        inputs = answers.inputs(rule.when, context) | {SAMPLES: samples}
        if rule.id in standing and (rule.id, "until") in held:
            yield from _back(answers, rule, desk, inputs)
        elif (rule.id, "when") in held and _due(
            answers, rule, moment, last_ms.get(rule.id)
        ):
            yield from _turn(answers, rule, moment, inputs)


def _due(
    answers: Answers,
    rule: TuningRule,
    moment: Moment,
    last_ms: int | None,
) -> bool:
    if last_ms is None or rule.at_most_every is None:
        return True
    try:
        apart_ms = int(answers.value(rule.at_most_every, moment))
    except Exception:  # noqa: BLE001 - what is not known turns nothing
        return False
    return moment.desk.now_ms - last_ms >= apart_ms


def _turn(
    answers: Answers, rule: TuningRule, moment: Moment, inputs: Mapping[str, Value]
) -> Iterator[Turned]:
    for name, formula in rule.settings:
        param = answers.rulebook.params.by_name[name]
        old = moment.desk.param(name)
        try:
            new = param.hold(answers.value(formula, moment))
        except Exception:  # noqa: BLE001 - what is not known turns nothing
            continue
        if new != old:
            yield Turned(
                rule=rule, param=param, old=old, new=new, back=False, inputs=inputs
            )


def _back(
    answers: Answers, rule: TuningRule, desk: MarketDesk, inputs: Mapping[str, Value]
) -> Iterator[Turned]:
    for name, _ in rule.settings:
        param = answers.rulebook.params.by_name[name]
        new = param.setting_for(None).value
        yield Turned(
            rule=rule,
            param=param,
            old=desk.param(name),
            new=new,
            back=True,
            inputs=inputs,
        )
