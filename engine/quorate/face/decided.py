"""One recorded decision, by its number: its conditions as trees, what flips them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from quorate.contract.records import Tuned
from quorate.errors import QuorateError
from quorate.face import text
from quorate.face.given import CONDITIONS, RuleOnFacts
from quorate.face.kept import Keeper
from quorate.face.reasoning import Reasoner, Reasoning
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.journal.rows import RecordedDecision
from quorate.rulebook.rules import VoteRule
from quorate.rulebook.sections import POLICIES

_NUMBERED = re.compile(r"d(\d+)")


def number_of(subject: str) -> int | None:
    """Return the number of a decision such as ``d12``, None for anything else."""
    found = _NUMBERED.fullmatch(subject.strip())
    return int(found[1]) if found else None


def explain_decision(journal: Journal, number: int, host: Host) -> RuleOnFacts:
    """Explain the decision with a number on the inputs that were recorded.

    Raises:
        QuorateError: the journal has no such decision, or its rules cannot be read.
    """
    recorded = _find(journal, number)
    decision = recorded.decision
    kept = Keeper(journal, host).rules(decision.rulebook or recorded.rulebook)
    rule = kept.rule(decision.rule)
    if rule is None:
        why = kept.why or f"no rule {decision.rule!r} is in the rules it kept"
        raise QuorateError(f"d{number} cannot be explained: {why}")
    vetoes = isinstance(rule, VoteRule) and rule.veto is not None
    section = "vetoes" if vetoes else decision.section
    tuned = _tuned(journal, decision.at_ms)
    reasoner = Reasoner(
        kept,
        section,
        decision.symbol,
        lambda name: tuned.get(name) or _recorded(name, kept.rulebook),
    )
    verdict = decision.verdict.replace("_", " ")
    answer = f"d{number}: {section} {decision.rule}: {verdict}"
    return RuleOnFacts(
        rule=decision.rule,
        section=section,
        place=decision.place,
        policy=str(POLICIES[decision.section]),
        answer=f"{answer}, {decision.symbol} at {text.moment(decision.at_ms)}",
        beside=("the inputs of the other rules at that moment are not on record",),
        reasonings=tuple(_reasonings(rule, recorded, reasoner)),
        given=decision.inputs,
        found=decision.effect,
    )


def _find(journal: Journal, number: int) -> RecordedDecision:
    last = 0
    for one in journal.decisions():
        if one.seq == number:
            return one
        last = one.seq
    raise QuorateError(
        f"there is no decision d{number} in this journal; the last one is d{last}"
    )


def _tuned(journal: Journal, at_ms: int) -> dict[str, str]:
    """Return the params that stood tuned at a moment, and by what."""
    standing: dict[str, str] = {}
    for record in journal.records():
        if isinstance(record, Tuned) and record.at_ms < at_ms:
            when = text.moment(record.at_ms)
            said = f"tuned by {record.rule} at {when}, from {record.old}"
            standing[record.param] = "" if record.back else said
    return standing


def _recorded(name: str, rulebook: Any) -> str:
    return "" if name in rulebook.params.by_name else "recorded"


def _reasonings(
    rule: Any, recorded: RecordedDecision, reasoner: Reasoner
) -> Iterator[Reasoning]:
    """Yield the conditions of the rule whose inputs were recorded."""
    context = SimpleNamespace(**recorded.decision.inputs)
    for part in CONDITIONS:
        formula = getattr(rule, part, None)
        read = set(formula.expression.reads) if formula is not None else set()
        if formula is not None and read <= set(vars(context)):
            yield reasoner.reason(part, formula, context)
