"""Audit orders from the wire's side: what was durable when each came to the exchange?

The journal is read through a connection of its own, so only what is committed counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quorate.rulebook.rulebook import Rulebook

GUARDS = frozenset(("rate_limit", "portfolio"))

INTENT = "SELECT unit, seq FROM events WHERE kind = 'Intended' AND client_id = ?"
PASSED = """
    SELECT rule FROM decisions
    WHERE client_id = ? AND unit = ? AND section = 'checks' AND verdict = 'passed'
"""


def guards_of(rulebook: Rulebook) -> dict[str, str]:
    """Return what each check of a rulebook guards."""
    return {rule.id: rule.guards for rule in rulebook.checks if rule.guards}


def missing(journal: Path, client_id: str, guards: Mapping[str, str]) -> list[str]:
    """Return what an order lacked in the journal at this moment, nothing if sound.

    Its intent, and in the same unit a passed decision for each kind of guard.
    """
    uri = f"{journal.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        found = connection.execute(INTENT, (client_id,)).fetchall()
        if len(found) != 1:
            return [f"{client_id}: {len(found)} intents"]
        unit = found[0][0]
        passed = {
            guards.get(rule, "")
            for (rule,) in connection.execute(PASSED, (client_id, unit))
        }
    return [f"{client_id}: no {guard}" for guard in sorted(GUARDS - passed)]


@dataclass
class Audit:
    """Looks into the journal whenever an order comes to the exchange, before it is in.

    ``seen`` are the client ids that came, ``lacking`` what was wrong with them.
    """

    journal: Path
    guards: Mapping[str, str]
    seen: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    def attach(self, exchange: Any) -> None:
        """Stand between the wire and the exchange's engine."""
        calls = exchange.calls
        carry = calls.carry

        async def audited(name: str, seen: Any, ask: Any) -> Any:
            if name == "private/AddOrder":
                client_id = str(seen.form.get("cl_ord_id", ""))
                self.seen.append(client_id)
                self.lacking += missing(self.journal, client_id, self.guards)
            return await carry(name, seen, ask)

        calls.carry = audited
