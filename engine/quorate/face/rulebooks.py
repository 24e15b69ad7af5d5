"""Rulebooks by what names them: a folder, a file, or a journal that kept one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quorate.errors import JournalError, RulebookError
from quorate.face.workspace import Workspace
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.printing import render
from quorate.rulebook.rulebook import (
    Rulebook,
    Sources,
    gather_sources,
    read_rulebook,
)

JOURNAL = ".sqlite"


def named_rulebook(
    name: str,
    workspace: Workspace,
    host: Host,
    *,
    overlays: Sequence[Path] = (),
    settings: Sequence[tuple[str, str]] = (),
) -> Rulebook:
    """Return the rulebook that ``name`` stands for, read with the plugins of now.

    ``name`` is a folder of rules, one file, or a journal: the rules it began with, or
    with ``JOURNAL@HASH`` those of a hash. Overlays and settings are laid on the first
    two.

    Raises:
        RulebookError: there is none, or it has errors; the message shows all.
        JournalError: the journal cannot be read, or has no such rulebook.
    """
    file, _, digest = name.partition(f"{JOURNAL}@")
    if name.endswith(JOURNAL) or digest:
        sources = _kept(
            Path(file if file.endswith(JOURNAL) else file + JOURNAL), digest
        )
    else:
        sources, problems = gather_sources(
            Path(name), overlays, settings, relative_to=workspace.root
        )
        if problems:
            raise RulebookError("\n".join(map(render, problems)))
    reading = read_rulebook(sources, host.facts, host.functions, voters=host.voters())
    if reading.rulebook is None:
        shown = "\n".join(map(render, reading.errors))
        raise RulebookError(f"{name} cannot be used\n{shown}")
    return reading.rulebook


def _kept(file: Path, digest: str) -> Sources:
    with Journal.open(file, read_only=True) as journal:
        first = next(iter(journal.records()), None)
        named = digest or str(getattr(first, "rulebook", ""))
        if not named:
            raise JournalError(f"{file}: no run has begun in it")
        return Sources.from_texts(journal.rulebook(named))
