"""Which journal a live run writes: one for each exchange, gone on with each time."""

from __future__ import annotations

import re
from pathlib import Path

from quorate.errors import WorkspaceError
from quorate.face.workspace import Workspace, open_workspace

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
