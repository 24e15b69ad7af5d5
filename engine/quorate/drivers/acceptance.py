"""Which rules that permit more a person has accepted: a file by the journal.

It names one rulebook by its hash. Others are not accepted by it, whatever they are.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from quorate.drivers.control import replace_file

_MOST_BYTES = 4_096
_HASH = re.compile(r"[0-9a-f]{6,64}")


def acceptance_path(journal: Path) -> Path:
    """Return the file in which a journal's run finds which rules were accepted."""
    return journal.with_name(f"{journal.name}-rules-accepted")


def accept_rules(journal: Path, rulebook: str, at_ms: int) -> None:
    """Accept the rulebook with a hash, durably.

    Raises:
        WorkspaceError: it cannot be written; nothing was accepted.
    """
    text = json.dumps({"rulebook": rulebook, "at_ms": at_ms})
    replace_file(acceptance_path(journal), text)


def accepted_rules(journal: Path) -> str:
    """Return the hash of the rules that were accepted last.

    "" for none, and for a file that cannot be read or understood: nothing is accepted
    by mistake.
    """
    path = acceptance_path(journal)
    try:
        if not path.is_file():
            return ""  # a pipe would never end
        with path.open("rb") as file:
            said = json.loads(file.read(_MOST_BYTES))["rulebook"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return said if isinstance(said, str) and _HASH.fullmatch(said) else ""
