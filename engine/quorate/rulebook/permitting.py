"""Which rules refuse or stop something, and which changes of them permit more."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

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
