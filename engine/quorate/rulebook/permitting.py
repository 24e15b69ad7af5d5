"""Which rules refuse or stop something, and which changes of them permit more."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from quorate.rulebook.cross import formulas
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.sections import APPROVAL
from quorate.rulebook.shifting import Shift, Side, can_hold
from quorate.values.mode import Mode


class Permits(StrEnum):
    """What a change does to what is refused or stopped.

    MORE: something is permitted that was not. MAYBE: that cannot be told.
    """

    MORE = "more"
    LESS = "less"
    MAYBE = "maybe"


def refuses(section: str, rule: Any) -> bool:
    """Return whether a rule refuses or stops something."""
    vetoes = section == "votes" and rule.veto is not None
    requires = section == "checks" and rule.require is not None
    return vetoes or requires or section == "switches"


_REFUSES_WHEN_TRUE = {("votes", "veto"), ("switches", "when")}


def permits_by_shift(
    section: str, old: Any, new: Any, key: str, shift: Shift | None
) -> Permits | None:
    """Return what a changed condition of a rule that refuses does."""
    if not (refuses(section, old) or refuses(section, new)):
        # What adjusts an order before it is held against the requirements.
        adjusts = section == "checks" and key in ("when", "amount")
        return Permits.MAYBE if adjusts else None
    if section == "checks" and key == "require":
        more = Shift.LOOSER
    elif key == "when" or (section, key) in _REFUSES_WHEN_TRUE:
        more = Shift.TIGHTER
    elif key.startswith("lets."):
        return Permits.MAYBE
    else:
        return None
    if shift is None or shift is Shift.OTHER:
        return Permits.MORE if shift else Permits.MAYBE
    return Permits.MORE if shift is more else Permits.LESS


def permits_by_word(section: str, old: Any, new: Any, key: str) -> Permits | None:
    """Return what another word of a rule does: its side, mode or timeframes."""
    if section == "checks" and key == "side" and refuses("checks", old):
        return Permits.LESS if new.side is None else Permits.MORE
    if section == "switches" and key == "mode":
        stricter: Mode = new.mode
        return Permits.LESS if stricter.stricter_than(old.mode) else Permits.MORE
    if key == "timeframes" and old.veto is not None:
        return Permits.MAYBE
    return None


def asks_approval(rulebook: Rulebook, rule: Any) -> bool:
    """Return whether an entry was never found to hold without risk's approval."""
    return not can_hold(Side(rulebook, rule.when), {APPROVAL: False})


def permits_by_param(rulebook: Rulebook, param: str, key: str) -> Permits | None:
    """Return what another setting of a param may do where no condition shows it.

    A fact of a rule that refuses may read the param by itself, and tuning may turn it
    to anything within its bounds.
    """
    direct, through = _read_by_refusals(rulebook)
    if key in ("min", "max"):
        turned = param in _turned(rulebook.tuning)
        return Permits.MAYBE if turned and param in direct | through else None
    return Permits.MAYBE if param in through else None


def permits_by_tuning(rulebook: Rulebook, section: str, rule: Any) -> Permits | None:
    """Return whether a tuning rule may turn what rules that refuse depend on."""
    if section != "tuning" or rule is None:
        return None
    direct, through = _read_by_refusals(rulebook)
    turned = _turned([rule])
    return Permits.MAYBE if turned & (direct | through) else None


def _turned(rules: Iterable[Any]) -> set[str]:
    return {name for rule in rules for name, _ in rule.settings}


def _read_by_refusals(rulebook: Rulebook) -> tuple[set[str], set[str]]:
    """Return the names that refusing rules mention, and the params of their facts."""
    direct = {
        name
        for section in ("votes", "checks", "switches")
        for rule in getattr(rulebook, section)
        if refuses(section, rule)
        for formula in formulas(rule)
        for name in formula.expression.names
    }
    facts = [rulebook.facts[name] for name in direct if name in rulebook.facts]
    return direct, {param for fact in facts for param in fact.params}
