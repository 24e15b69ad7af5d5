"""Names that rules mention and a plugin would supply that is left out, or is faulty."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from quorate.host.declared import declared_names
from quorate.host.find import BUNDLED, find_plugins
from quorate.host.host import Host, open_host
from quorate.rulebook.diagnostics import Problem

_UNKNOWN = re.compile(r"unknown (?:name|function) '(\w+)'")


def told_of_absent(
    problems: Iterable[Problem], folder: Path | None, host: Host
) -> Iterator[Problem]:
    """Yield problems, those of names that an absent plugin supplies saying so.

    ``folder`` is the workspace's plugins. Plugins are looked at only when some name is
    not known.
    """
    absent: Mapping[str, str] | None = None
    for problem in problems:
        unknown = _UNKNOWN.fullmatch(problem.message)
        if unknown is None:
            yield problem
            continue
        if absent is None:
            absent = absent_names(folder, host)
        plugin = absent.get(unknown[1])
        yield _told(problem, unknown[1], plugin, host) if plugin else problem


def _told(problem: Problem, name: str, plugin: str, host: Host) -> Problem:
    faulty = plugin in host.plugins
    why = "cannot be used" if faulty else "is left out"
    advice = "mend it" if faulty else "load it"
    return replace(
        problem,
        code="R314",
        message=f"`{name}` is supplied by plugin `{plugin}`, which {why}",
        help=f"{advice}, or leave out what mentions `{name}`",
        edit=None,
    )


def absent_names(folder: Path | None, host: Host) -> dict[str, str]:
    """Return what plugins that were found but are not active declare, by name.

    Bundled ones are asked; of the others no code runs, and only the names that stand
    in their text are seen.
    """
    names: dict[str, str] = {}
    shipped: Host | None = None
    for found in find_plugins(folder):
        known = host.plugins.get(found.name)
        if known is not None and known.active:
            continue
        if found.source == BUNDLED:
            shipped = shipped or open_host(None, installed=False)
            for name, owner in shipped.owners.items():
                if owner == found.name:
                    names.setdefault(name, owner)
        if found.content is not None:
            for name in declared_names(found.content):
                names.setdefault(name, found.name)
    return names
