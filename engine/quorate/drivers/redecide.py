"""Decide recorded decisions again, each on the inputs it was recorded with.

A rule of the edited rulebook is looked at on the facts of the record. A param has its
edited value; where its value was not edited it has the recorded one, so that tuning
counts. This is exact for what was decided, and says nothing of moments at which the
recorded rules had nothing to decide, nor of what would have followed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from quorate.contract.decisions import Decision, Value, Verdict
from quorate.contract.vocabulary import Moves
from quorate.journal.rows import RecordedDecision
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import CheckRule, Formula, TuningRule, VoteRule
from quorate.rulebook.terms import NotKnown
from quorate.stages.answers import as_exact, as_float

NO_RULE = "a plugin or the engine decided, not a rule"
NOT_GIVEN = "the recorded inputs do not give what was decided"
NOT_KNOWN_THEN = "an input was not known then"
NOT_KEPT = "the rules that decided are not to be had any more"
_NO_ANSWERS = (NO_RULE, NOT_GIVEN, NOT_KNOWN_THEN, NOT_KEPT)

_SAYS = {
    Verdict.FIRED: True,
    Verdict.PASSED: True,
    Verdict.ADJUSTED: True,
    Verdict.REFUSED: False,
    Verdict.DELAYED: False,
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "checks": ("passes", "refuses"),
    "votes": ("keeps it out", "lets it in"),
}
_OTHER_WORDS = ("fires", "does not fire")
_CHOSEN = ("orders", "errors")
"""The sections whose first rule that holds is taken."""


class NotRecordedError(Exception):
    """A rule mentions a name that was not recorded with a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAnswer:
    """A recorded decision that the edited rules would have taken otherwise."""

    decision: Decision
    now: str


@dataclass(slots=True)
class RuleAnswers:
    """How often a rule decided, and how often it would have: the same, otherwise."""

    recorded: int = 0
    same: int = 0
    other: int = 0


@dataclass(slots=True)
class Redecided:
    """What came of deciding again on recorded inputs.

    ``undecided`` counts, by reason, the decisions that could not be looked at.
    ``listed`` are the first that differ, ``total`` is how many there are.
    """

    rules: dict[tuple[str, str], RuleAnswers] = field(default_factory=dict)
    listed: list[OtherAnswer] = field(default_factory=list)
    undecided: Counter[str] = field(default_factory=Counter)
    total: int = 0


def redecide(
    recorded: Iterable[RecordedDecision],
    rules_then: Callable[[str], Rulebook | None],
    rules_now: Rulebook,
    *,
    most: int | None = None,
) -> Redecided:
    """Decide each recorded decision again under ``rules_now``.

    ``rules_then`` gives a rulebook by its hash, None when it is not to be had.
    ``most`` is how many differing decisions are listed, None for all.
    """
    found = Redecided()
    for row in recorded:
        decision = row.decision
        counts = found.rules.setdefault(
            (decision.section, decision.rule), RuleAnswers()
        )
        counts.recorded += 1
        before = rules_then(row.rulebook)
        try:
            now = _answer(decision, before, rules_now) if before else NOT_KEPT
        except NotRecordedError as error:
            found.undecided[str(error)] += 1
            continue
        if now is None:
            counts.same += 1
        elif now in _NO_ANSWERS:
            found.undecided[now] += 1
        else:
            counts.other += 1
            found.total += 1
            if most is None or len(found.listed) < most:
                found.listed.append(OtherAnswer(decision=decision, now=now))
    return found


def _answer(decision: Decision, before: Rulebook, now: Rulebook) -> str | None:
    """Return what the rules say now, None for the same, or why it is not known."""
    if decision.section in _CHOSEN:
        return _chosen_again(decision, before, now)
    then = _rule(before, decision)
    if then is None:
        return NO_RULE
    if decision.verdict is Verdict.NOT_KNOWN:
        return NOT_KNOWN_THEN
    said = _SAYS.get(decision.verdict)
    if decision.verdict is Verdict.DECLINED:
        said = isinstance(then, VoteRule)
    if said is None or _says(then, decision, before, before) is not said:
        return NOT_GIVEN
    rule = _rule(now, decision)
    if rule is None:
        return "there is no such rule"
    says = _says(rule, decision, before, now)
    if says is said:
        return None
    if says is None:
        return "is not known"
    section = "votes" if isinstance(rule, VoteRule) else decision.section
    yes, no = _WORDS.get(section, _OTHER_WORDS)
    return yes if says else no


def _rule(rulebook: Rulebook, decision: Decision) -> Any:
    """Return the rule that took a decision; a veto is recorded with the entry."""
    sections = (
        ("entry", "votes") if decision.section == "entry" else (decision.section,)
    )
    for section in sections:
        for rule in getattr(rulebook, section, ()):
            if rule.id == decision.rule and _of_kind(rule):
                return rule
    return None


def _of_kind(rule: Any) -> bool:
    return not isinstance(rule, VoteRule) or rule.veto is not None


def _says(
    rule: Any, decision: Decision, before: Rulebook, now: Rulebook
) -> bool | None:
    """Return whether a rule holds, or a check passes; None when that is not known."""

    def value(formula: Formula | None) -> Any:
        return _value(formula, decision, before, now)

    try:
        if isinstance(rule, VoteRule):
            return bool(value(rule.veto))
        if isinstance(rule, CheckRule):
            applies = value(rule.when)
            if decision.verdict is Verdict.ADJUSTED:
                return bool(applies) and rule.amount is not None
            return not applies or bool(value(rule.require))
        if isinstance(rule, TuningRule):
            samples = decision.inputs.get("samples") or 0
            return bool(value(rule.when)) and float(samples) >= rule.min_samples
        return bool(value(rule.when))
    except (NotKnown, ArithmeticError):
        return None


def _value(
    formula: Formula | None, decision: Decision, before: Rulebook, now: Rulebook
) -> Any:
    """Return a formula's value on the recorded inputs; what there is none of holds.

    Raises:
        NotRecordedError: it mentions a name that was not recorded.
        NotKnown: an input was not known then.
        ArithmeticError: a division by zero.
    """
    if formula is None:
        return True
    convert = as_exact if formula.exact else as_float
    context = SimpleNamespace()
    for name in formula.expression.reads:
        setattr(context, name, convert(_input(name, decision, before, now)))
    return formula.evaluate(context)


def _input(name: str, decision: Decision, before: Rulebook, now: Rulebook) -> Value:
    param, symbol = now.params.by_name.get(name), decision.symbol
    if param is None:
        return _fact(name, decision, now)
    value = param.setting_for(symbol).value
    old = before.params.by_name.get(name)
    edited = old is None or old.setting_for(symbol).value != value
    return value if edited else decision.inputs.get(name, value)


def _fact(name: str, decision: Decision, now: Rulebook) -> Value:
    """Return a fact as it was recorded; one of time follows from the moment."""
    if name in decision.inputs:
        return decision.inputs[name]
    fact = now.facts.get(name)
    if fact is not None and fact.moves is Moves.TIME:
        value: Value = fact.compute(SimpleNamespace(now_ms=decision.at_ms))
        return value
    raise NotRecordedError(f"{name} was not recorded with it")


def _chosen_again(decision: Decision, before: Rulebook, now: Rulebook) -> str | None:
    """Return which rule is taken now, None for the same one, or why it is not known."""
    if decision.section == "orders" and decision.verdict is not Verdict.FIRED:
        return NO_RULE
    if _chosen(decision, before, before) != decision.rule:
        return NOT_GIVEN
    chosen = _chosen(decision, before, now)
    if chosen == decision.rule:
        return None
    return f"{chosen} is taken" if chosen else "no rule is taken"


def _chosen(decision: Decision, before: Rulebook, now: Rulebook) -> str:
    """Return the first rule of a section that holds, "" for none."""
    for rule in getattr(now, decision.section):
        pattern = getattr(rule, "pattern", None)
        if pattern and not pattern.search(str(decision.inputs.get("error", ""))):
            continue
        if _says(rule, decision, before, now):
            return str(rule.id)
    return ""
