"""What each section is: the facts it may mention, and which of its rules count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from quorate.contract.vocabulary import Fact, Stage
from quorate.rulebook.params import Params
from quorate.rulebook.terms import Name

_CANDLES = frozenset({Stage.MARKET})
_QUORUM = _CANDLES | {Stage.QUORUM}
_ACCOUNT = _QUORUM | {Stage.ACCOUNT}

STAGES: Mapping[str, frozenset[Stage]] = {
    "votes": _CANDLES,
    "vetoes": _ACCOUNT,
    "entry": _ACCOUNT,
    "checks": _ACCOUNT | {Stage.ORDER},
    "orders": _ACCOUNT,
    "errors": _ACCOUNT | {Stage.ORDER, Stage.FAULT},
    "exits": _ACCOUNT | {Stage.POSITION},
    "tuning": frozenset({Stage.ACCOUNT}),
    "switches": frozenset({Stage.ACCOUNT}),
}
"""The stages whose facts a section may mention. Vetoes are the votes of risk."""


class Hit(StrEnum):
    """Which of a section's rules that hold count."""

    FIRST = "first"
    ALL = "all"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class Policy:
    """A section's hit policy, and why it has that one."""

    hit: Hit
    why: str

    def __str__(self) -> str:
        """Return the sentence that ends the description of the section's schema."""
        return f"Hit policy {self.hit}: {self.why}."


POLICIES: Mapping[str, Policy] = {
    "votes": Policy(
        Hit.SCORE,
        "scores are weighed together into one confidence, and any veto that holds "
        "keeps entries out",
    ),
    "entry": Policy(Hit.FIRST, "one candle proposes one trade"),
    "checks": Policy(
        Hit.ALL, "every change is made, in order, then every requirement must hold"
    ),
    "orders": Policy(Hit.FIRST, "an order is sent in one way"),
    "errors": Policy(Hit.FIRST, "a refusal is resolved in one way"),
    "exits": Policy(Hit.FIRST, "a position leaves for one reason at a time"),
    "tuning": Policy(Hit.ALL, "each rule turns params of its own"),
    "switches": Policy(Hit.ALL, "the strictest mode that was set stands"),
    "symbols": Policy(Hit.FIRST, "a spelling means one symbol"),
}
"""Which rules count, section by section; the schemas say it in the same words."""

APPROVAL = "risk_approved"
"""The fact that no veto holds; a veto that mentions it would ask for itself."""


def names_for(
    section: str, facts: Mapping[str, Fact], params: Params
) -> dict[str, Name]:
    """Return every name an expression of ``section`` may mention."""
    allowed = STAGES[section]
    names = {
        fact.name: Name(
            fact.name,
            fact.kind,
            fact.unit,
            fact.low,
            fact.high,
            fact.values,
            series=fact.stage is Stage.MARKET,
        )
        for fact in facts.values()
        if fact.stage in allowed and not (section == "vetoes" and fact.name == APPROVAL)
    }
    for param in params.by_name.values():
        names[param.name] = Name(param.name, param.kind, param.unit)
    return names
