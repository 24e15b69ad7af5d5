"""One run for an account: a lock of this user on this machine, held while it trades."""

from __future__ import annotations

import os
from pathlib import Path

from quorate.errors import JournalError
from quorate.journal.store import Lease, take_lease


def lock_account(name: str, account: str) -> Lease:
    """Return the right to trade an account, for this process alone on this machine.

    Raises:
        JournalError: another run holds it, or it cannot be locked.
    """
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(home) / "quorate" / f"{name}-{account}.lock"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"{path.parent} cannot be created: {error.strerror}; the lock of the "
            "account is kept there (XDG_STATE_HOME says where else)"
        ) from None
    told = (
        f"account {account} of {name} is traded by another run; stop that run first "
        "(two that use one key get in each other's way; a run looks after its account "
        "and compares its books with the exchange's by itself)"
    )
    return take_lease(path, told)
