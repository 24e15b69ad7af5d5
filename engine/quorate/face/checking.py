"""Check a rulebook with its overlays and plugins, and say what was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quorate.errors import RulebookError
from quorate.face.workspace import Workspace
from quorate.host.host import Host, Plugin
from quorate.rulebook.cross import GUARDS, formulas
from quorate.rulebook.diagnostics import Problem, Severity
from quorate.rulebook.params import Param
from quorate.rulebook.printing import render
from quorate.rulebook.rulebook import (
    Rulebook,
    Sources,
    gather_sources,
    read_rulebook,
)

SECTIONS = (
    "votes",
    "entry",
    "checks",
    "orders",
    "errors",
    "exits",
    "tuning",
    "switches",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found: problems of all files, plugins that do not load, facts.

    ``overlays`` are the folders below the rules that were laid on, each on its own.
    """

    rulebook: Rulebook | None
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    overlays: tuple[str, ...]
    refused: tuple[Plugin, ...]

    @property
    def errors(self) -> int:
        """How many problems refuse the rulebook, and plugins that do not load."""
        errors = [one for one in self.problems if one.severity is Severity.ERROR]
        return len(errors) + len(self.refused)

    @property
    def warnings(self) -> int:
        """How many problems do not refuse it."""
        return len(self.problems) + len(self.refused) - self.errors


def check(
    workspace: Workspace,
    host: Host,
    paths: Sequence[Path],
    settings: Sequence[tuple[str, str]],
) -> Checked:
    """Check the rules in ``paths`` together, or the workspace's when there are none.

    Folders of overlays below a rules folder are checked too, each laid on alone.

    Raises:
        RulebookError: there is nothing to check, or a file cannot be read.
    """
    places = paths or (workspace.rules,)
    sources = _gather(workspace, places, workspace.overlays, settings)
    reading = read_rulebook(sources, host.facts, host.functions, voters=host.voters())
    problems = set(reading.problems)
    laid = []
    for folder in _overlay_folders(places, workspace.overlays):
        overlays = (*workspace.overlays, folder)
        more = _gather(workspace, places, overlays, settings)
        problems |= set(read_rulebook(more, host.facts, host.functions).problems)
        laid.append(_files_of(more)[len(_files_of(sources)) :])
    return Checked(
        rulebook=reading.rulebook,
        problems=tuple(sorted(problems, key=lambda one: (one.span, one.code))),
        files=_files_of(sources),
        overlays=tuple(shown for files in laid for shown in files),
        refused=tuple(one for one in host.plugins.values() if one.fault),
    )


def _gather(
    workspace: Workspace,
    places: Sequence[Path],
    overlays: Sequence[Path],
    settings: Sequence[tuple[str, str]],
) -> Sources:
    rules: dict[str, bytes] = {}
    laid: tuple[tuple[tuple[str, bytes], ...], ...] = ()
    problems: list[Problem] = []
    for place in places:
        found, wrong = gather_sources(place, overlays, relative_to=workspace.root)
        rules |= dict(found.rules)
        laid = found.overlays
        problems += wrong
    if problems:
        shown = "\n".join(render(one) for one in dict.fromkeys(problems))
        raise RulebookError(f"the check could not run\n{shown}")
    return Sources(rules=tuple(rules.items()), overlays=laid, settings=tuple(settings))


def _files_of(sources: Sources) -> tuple[str, ...]:
    files = [shown for shown, _ in sources.rules]
    return (*files, *(shown for overlay in sources.overlays for shown, _ in overlay))


def _overlay_folders(
    places: Sequence[Path], overlays: Sequence[Path]
) -> Iterator[Path]:
    known = {overlay.resolve() for overlay in overlays}
    for place in places:
        folders = place.iterdir() if place.is_dir() else ()
        for folder in sorted(one for one in folders if one.is_dir()):
            if folder.resolve() not in known and any(folder.glob("*.y*ml")):
                yield folder


def facts_of(checked: Checked, rulebook: Rulebook) -> dict[str, Any]:
    """Return what a sound rulebook holds, JSON-ready."""
    used = used_names(rulebook)
    params = rulebook.params.by_name
    return {
        "hash": rulebook.digest,
        "files": list(checked.files),
        "overlays": list(checked.overlays),
        "rules": rulebook.counts(),
        "names": {
            "used": sorted(used & rulebook.facts.keys()),
            "known": len(rulebook.facts),
        },
        "params": {
            "count": len(params),
            "overridden": [one for param in params.values() for one in _changes(param)],
        },
        "guards": {
            guard: [
                {"rule": rule.id, "side": str(rule.side or "both")}
                for rule in rulebook.checks
                if rule.guards == guard
            ]
            for guard in GUARDS
        },
    }


def used_names(rulebook: Rulebook) -> set[str]:
    """Return every name that a rule mentions."""
    return {
        name
        for section in SECTIONS
        for rule in getattr(rulebook, section)
        for formula in formulas(rule)
        for name in formula.expression.names
    }


def _changes(param: Param) -> Iterator[dict[str, str]]:
    """Yield the settings of a param beyond its declaration."""
    for setting in (*param.settings[1:], *(one for _, one in param.by_symbol)):
        yield {
            "name": param.name,
            "value": param.write(setting.value),
            "by": setting.by,
            "origin": str(setting.origin),
        }
