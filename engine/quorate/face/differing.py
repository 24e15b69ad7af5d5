"""Say how two rulebooks differ, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quorate.face import text
from quorate.rulebook.changes import Change, Comparison, What
from quorate.rulebook.permitting import Permits
from quorate.rulebook.shifting import MOMENTS, Shift, Witness
from quorate.rulebook.solving import Solver

_WORDS: Mapping[Shift | None, str] = {
    Shift.LOOSER: "looser: holds where it did not",
    Shift.TIGHTER: "tighter: no longer holds where it did",
    Shift.HIGHER: "higher",
    Shift.LOWER: "lower",
    Shift.OTHER: "different, both ways",
    None: "",
}
_PERMITS: Mapping[Permits, str] = {
    Permits.MORE: "permits what was refused before",
    Permits.MAYBE: "may permit what was refused before",
    Permits.LESS: "refuses more than before",
}


def lines(found: Comparison, solver: Solver | None = None) -> Iterator[str]:
    """Yield what changed, section by section, and the sum of it.

    ``solver`` is the one that was asked, None when moments were only drawn.
    """
    section = ""
    for change in found.changes:
        if change.section != section:
            section = change.section
            yield section
        yield from _change(change)
    if found.rewritten:
        names = ", ".join(found.rewritten)
        known = solver is not None and not solver.counts["unknown"]
        sure = "proved to be the same" if known else f"the same in {MOMENTS:,} moments"
        yield f"rewritten, {sure}: {names}"
    yield _sum(found)


def _sum(found: Comparison) -> str:
    if not found.changes:
        return f"no difference in meaning: {found.old} and {found.new}"
    told = text.plural(len(found.changes), "difference")
    loosened = len({one.id for one in found.loosened})
    more = f", {text.plural(loosened, 'rule')} permitting more" if loosened else ""
    return f"{told} from {found.old} to {found.new}{more}"


def _change(change: Change) -> Iterator[str]:
    place = change.new_place or change.old_place
    where = f"  {place.path}:{place.line}" if place else ""
    symbols = f" for {change.symbols}" if change.symbols else ""
    key = f" {change.key}{symbols}" if change.key else ""
    yield f"  {change.id}{key}: {_what(change)}{where}"
    if change.what is What.CHANGED and change.section != "params":
        if change.old == change.new:
            yield f"      {change.new}"  # a param that it reads is another
        else:
            yield f"    - {change.old or 'none'}"
            yield f"    + {change.new or 'none'}"
    for witness in change.witnesses:
        yield f"    {_witness(change, witness)}"
    if change.permits is not None:
        yield f"    {_PERMITS[change.permits]}"
    if change.section == "params" and change.readers:
        yield f"    read by {', '.join(change.readers)}"


def _what(change: Change) -> str:
    if change.section == "params":
        return f"{change.old or 'not set'} -> {change.new or 'not set'}"
    if change.what is What.MOVED:
        passed = ", ".join(change.readers)
        matters = "" if change.witnesses else "; no moment was drawn in which both hold"
        return f"moved from {change.old} to {change.new}, past {passed}{matters}"
    if change.what is What.CHANGED:
        return _WORDS[change.shift] or "changed"
    if change.section == "symbols":
        return f"{change.what}, means {change.old or change.new}"
    return str(change.what)


def _witness(change: Change, witness: Witness) -> str:
    at = f"at {witness.at}" if witness.at else "always"
    if change.what is What.MOVED:
        return f"{at} both hold"
    return f"{at}: was {_value(witness.old)}, is {_value(witness.new)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else text.number(value, digits=8)


def as_dict(found: Comparison) -> dict[str, Any]:
    """Return the comparison, JSON-ready."""
    return {
        "old": found.old,
        "new": found.new,
        "equal": not found.changes,
        "changes": [_as_dict(one) for one in found.changes],
        "rewritten": list(found.rewritten),
        "loosened": [f"{one.section}.{one.id}" for one in found.loosened],
        "moments_drawn": MOMENTS,
    }


def _as_dict(change: Change) -> dict[str, Any]:
    return {
        "section": change.section,
        "id": change.id,
        "what": change.what,
        "key": change.key or None,
        "symbols": change.symbols or None,
        "old": change.old,
        "new": change.new,
        "old_place": str(change.old_place) if change.old_place else None,
        "new_place": str(change.new_place) if change.new_place else None,
        "shift": change.shift,
        "permits": change.permits,
        "witnesses": [
            {"facts": dict(one.values), "old": one.old, "new": one.new}
            for one in change.witnesses
        ],
        "readers" if change.section == "params" else "passed": list(change.readers),
    }
