"""Which journal a live run writes: one for each exchange, gone on with each time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from quorate.contract.records import Started
from quorate.errors import JournalError, WorkspaceError
from quorate.face.workspace import Workspace, open_workspace
from quorate.flow.state import State
from quorate.journal.journal import Journal

_ODD = re.compile(r"[^A-Za-z0-9_-]+")


def live_journal(workspace: Workspace) -> Path:
    """Return the journal of the workspace's exchange, which may not be there yet.

    Raises:
        WorkspaceError: quorate.yaml names no exchange.
    """
    if not workspace.exchange:
        raise WorkspaceError(
            "quorate.yaml names no exchange: add an `exchange` section with `name` "
            "and `symbols` (a commented one stands in the file that `quorate init` "
            "writes)"
        )
    name = _ODD.sub("-", str(workspace.exchange["name"]))
    return workspace.journals / f"live-{name}.sqlite"


def asked_journal(root: Path, file: Path | None) -> Path:
    """Return the live journal that a command is about: the one named, or the one.

    A workspace that cannot be read does not matter as long as it holds one journal of
    a live run: a run must be stoppable whatever its settings have become.

    Raises:
        WorkspaceError: there is none, or more than one.
    """
    if file is not None:
        if not file.is_file():
            raise WorkspaceError(f"{file}: there is no such journal; check the path")
        return file
    try:
        return live_journal(open_workspace(root))
    except WorkspaceError as error:
        found = sorted((root / "runs").glob("live-*.sqlite"))
        if len(found) == 1:
            return found[0]
        told = str(error).partition("\n")[0]
        listed = ", ".join(map(str, found)) or "there is none in runs/"
        raise WorkspaceError(
            f"{told}; name the journal with --journal FILE ({listed})"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a live journal holds: how its run began, and the state it leads to."""

    began: Started
    state: State


def read_live(path: Path) -> Kept | None:
    """Return what a journal holds, None when no run has begun in it.

    Raises:
        JournalError: it cannot be read, or is that of a run on tapes.
    """
    if not path.is_file():
        return None
    state, began = State(), None
    with Journal.open(path, read_only=True) as journal:
        for record in journal.records():
            if began is None:
                if not isinstance(record, Started):
                    raise JournalError(
                        f"{path}: does not begin with a run; name another journal"
                    )
                began = record
                _must_be_live(path, began)
            state.apply(record)
    return Kept(began=began, state=state) if began else None


def _must_be_live(path: Path, began: Started) -> None:
    if "@" in began.source:  # a tape is named with its hash, an account is not
        raise JournalError(
            f"{path}: is the journal of a run on tapes; a live run has one of its own"
        )
