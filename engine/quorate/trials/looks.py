"""What became of one case, and every formula that had a say in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from quorate.rulebook.rules import Formula
from quorate.stages.answers import Moment
from quorate.trials.stand import NotGiven, Stand


@dataclass(frozen=True, slots=True)
class Look:
    """One formula of a rule, and the values it was looked at with.

    Only what the section really came to: behind the first rule that holds nothing is
    looked at.
    """

    rule: Any
    part: str
    formula: Formula
    context: object


@dataclass(slots=True)
class Outcome:
    """What a section did: found values by name, looks in order, what was missing."""

    found: dict[str, Any] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    missing: tuple[str, ...] = ()

    def look(
        self,
        stand: Stand,
        rule: Any,
        part: str,
        formula: Formula | None,
        moment: Moment,
    ) -> None:
        """Note that a formula was looked at; None is no formula."""
        if formula is None:
            return
        missing = dict(stand.missing)
        names = formula.expression.reads
        context = stand.answers.context(names, moment, exact=formula.exact)
        stand.missing = missing  # what is only shown need not be given
        self.note(rule, part, formula, context)

    def note(self, rule: Any, part: str, formula: Formula, context: object) -> None:
        """Note that a formula was looked at in a context."""
        self.looks.append(Look(rule, part, formula, context))


def value(stand: Stand, formula: Formula | None, moment: Moment) -> Any:
    """Return a formula's value, None when it cannot be worked out.

    Raises:
        NotGiven: the test leaves out what it needs.
    """
    if formula is None:
        return None
    try:
        return stand.answers.value(formula, moment)
    except NotGiven:
        raise
    except Exception:  # noqa: BLE001 - the engine takes it for not known
        return None


def text(word: str) -> str:
    """Return a word of a rule, ``none`` for the empty one."""
    return word or "none"


def held(mask: int, keys: Any) -> list[Any]:
    """Return the rules whose bit is set."""
    return [rule for bit, (rule, _) in enumerate(keys) if mask >> bit & 1]
