"""Which rules a run is under, which wait to be accepted, and which were refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quorate.contract.records import RulesChanged, RulesHeld, RulesRefused, Started
from quorate.drivers.acceptance import accepted_rules
from quorate.errors import JournalError
from quorate.face import text
from quorate.journal.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesStatus:
    """What a journal says of its rules, and whether a run is alive.

    ``held`` are edited rules that wait, ``refused`` edited rules that have errors; None
    when what was edited last is neither. ``accepted`` is the hash accepted last.
    """

    journal: Path
    active: str
    since_ms: int
    changes: int
    held: RulesHeld | None
    refused: RulesRefused | None
    accepted: str
    alive: bool


def rules_status(journal: Path) -> RulesStatus:
    """Return what a journal says of its rules.

    Raises:
        JournalError: it cannot be read, or no run has begun in it.
    """
    active, since_ms, changes = "", 0, 0
    last: RulesHeld | RulesRefused | None = None
    with Journal.open(journal, read_only=True) as kept:
        for record in kept.records():
            if isinstance(record, Started | RulesChanged):
                active, since_ms, last = record.rulebook, record.at_ms, None
                changes += isinstance(record, RulesChanged)
            elif isinstance(record, RulesHeld | RulesRefused):
                last = record
    if not active:
        raise JournalError(f"{journal}: no run has begun in it")
    return RulesStatus(
        journal=journal,
        active=active,
        since_ms=since_ms,
        changes=changes,
        held=last if isinstance(last, RulesHeld) else None,
        refused=last if isinstance(last, RulesRefused) else None,
        accepted=accepted_rules(journal),
        alive=Journal.is_written(journal),
    )


def lines(status: RulesStatus) -> Iterator[str]:
    """Yield the status for people."""
    changed = f", changed {text.plural(status.changes, 'time')}"
    yield f"active    {status.active} since {text.moment(status.since_ms)}{changed}"
    if status.held is not None:
        word = "accepted" if status.accepted == status.held.rulebook else "held"
        yield f"{word:<9} {status.held.rulebook}, for it permits more:"
        yield from (f"  {line}" for line in status.held.loosened)
        if word == "held":
            yield "accept it with: quorate rules accept"
    if status.refused is not None:
        named = status.refused.rulebook or "the files"
        yield f"refused   {named}, at {text.moment(status.refused.at_ms)}:"
        for problem in status.refused.problems:
            yield from (f"  {line}" for line in problem.splitlines())
    alive = "a run is alive" if status.alive else "no run is alive"
    yield f"journal   {status.journal}: {alive}"


def as_dict(status: RulesStatus) -> dict[str, Any]:
    """Return the status, JSON-ready."""
    held, refused = status.held, status.refused
    return {
        "journal": str(status.journal),
        "alive": status.alive,
        "active": status.active,
        "since_ms": status.since_ms,
        "changes": status.changes,
        "held": held and {"rulebook": held.rulebook, "loosened": list(held.loosened)},
        "refused": refused
        and {"rulebook": refused.rulebook, "problems": list(refused.problems)},
        "accepted": status.accepted or None,
    }
