"""Which facts each section may mention, and how its expressions are evaluated."""

from __future__ import annotations

from collections.abc import Mapping

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
