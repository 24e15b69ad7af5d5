"""A workspace: a folder with quorate.yaml, rules/ and plugins/."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from quorate.bundle import bundled
from quorate.drivers.keys import hide_keys
from quorate.errors import RulebookError, WorkspaceError
from quorate.face.exchange_section import exchange_problems, resolve_exchange
from quorate.host.accepted import read_accepted
from quorate.host.host import Host, open_host
from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.literals import read_quantity, resolved
from quorate.rulebook.printing import render
from quorate.rulebook.rulebook import (
    Reading,
    Rulebook,
    Sources,
    gather_sources,
    read_rulebook,
)
from quorate.rulebook.shape import check_shape
from quorate.rulebook.text import read_document

FILE = "quorate.yaml"
SHIPPED = Path(__file__).parent / "template" / FILE
"""What a folder without a quorate.yaml trades with: the same as `quorate init` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where things are, and what the venue is told. Quantities are resolved:

    ratios are Decimals and durations milliseconds. ``exchange`` is where real orders
    go, empty when quorate.yaml does not say.
    """

    root: Path
    rules: Path
    overlays: tuple[Path, ...] = ()
    plugins: Path
    without: tuple[str, ...] = ()
    journals: Path
    venue: str = "paper"
    tier: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    exchange: Mapping[str, Any] = field(default_factory=dict)

    def with_overlays(self, overlays: Sequence[Path]) -> Workspace:
        """Return the workspace with further overlays laid on."""
        return replace(self, overlays=(*self.overlays, *overlays))

    def leaving_out(self, plugins: Sequence[str]) -> Workspace:
        """Return the workspace without some more plugins."""
        return replace(self, without=(*self.without, *plugins))

    def host(self, *, live: bool = False) -> Host:
        """Load the plugins; for ``live`` trading only those that were accepted."""
        accepted = read_accepted(self.root) if live else None
        return open_host(
            self.plugins, without=self.without, live=live, accepted=accepted
        )

    def gatherer(
        self, settings: Sequence[tuple[str, str]] = ()
    ) -> Callable[[], tuple[Sources, list[Problem]]]:
        """Return what reads the rule files as they are when it is called."""
        return lambda: gather_sources(
            self.rules, self.overlays, settings, relative_to=self.root
        )

    def read(self, host: Host, settings: Sequence[tuple[str, str]] = ()) -> Reading:
        """Read and check the rulebook."""
        sources, problems = self.gatherer(settings)()
        if problems:
            return Reading(None, tuple(problems))
        return read_rulebook(sources, host.facts, host.functions, voters=host.voters())

    def rulebook(
        self, host: Host, settings: Sequence[tuple[str, str]] = ()
    ) -> Rulebook:
        """Return the rulebook.

        Raises:
            RulebookError: it has errors; the message shows all of them.
        """
        reading = self.read(host, settings)
        if reading.rulebook is None:
            shown = "\n".join(render(problem) for problem in reading.errors)
            count = len(reading.errors)
            noun = "problem" if count == 1 else "problems"
            raise RulebookError(f"{shown}\n{count} {noun}; nothing was started")
        return reading.rulebook


def open_workspace(root: Path) -> Workspace:
    """Return the workspace in a folder; what it does not say is as shipped.

    Raises:
        WorkspaceError: there is no such folder, or quorate.yaml cannot be used.
    """
    if not root.is_dir():
        raise WorkspaceError(f"{root}: there is no such folder")
    file = root / FILE
    said = _read(file if file.exists() else SHIPPED)
    rules = root / str(said.get("rules", "rules"))
    plugins = root / str(said.get("plugins", "plugins"))
    venue = str(said.get("venue", "paper"))
    return Workspace(
        root=root,
        rules=rules if rules.exists() else bundled("rules"),
        overlays=tuple(root / str(one) for one in said.get("overlays", ())),
        plugins=plugins,
        without=tuple(said.get("without", ())),
        journals=root / str(said.get("journals", "runs")),
        venue=venue,
        tier=str(said.get("tier", "")),
        settings={"tier": said.get("tier", ""), **resolved(said.get(venue, {}))},
        exchange=resolve_exchange(said.get("exchange", {}), str(said.get("tier", ""))),
    )


def _read(file: Path) -> Mapping[str, Any]:
    document, problems = read_document(file, file.name)
    if document is not None:
        problems = [*problems, *check_shape(document, "workspace")]
        if isinstance(document.value.get("paper", {}), dict):
            problems.extend(_unread_quantities(document.value, file.name))
        problems.extend(exchange_problems(document))
    if document is None or problems:
        problems.sort(key=lambda problem: problem.span)
        shown = "\n".join(render(problem) for problem in problems)
        raise WorkspaceError(hide_keys(shown))
    value: Mapping[str, Any] = document.value
    return value


def _unread_quantities(value: Mapping[str, Any], name: str) -> list[Problem]:
    found = []
    paper = value.get("paper", {})
    fees = paper.get("fees", {})
    listed = {key: paper.get(key) for key in ("spread", "slippage", "participation")}
    listed |= {key: fees.get(key) for key in ("maker", "taker")}
    listed["latency"] = paper.get("latency")
    for key, raw in listed.items():
        if isinstance(raw, str) and read_quantity(raw) is None:
            message = f"`{key}` must be a quantity such as 0.1% or 250ms, was {raw!r}"
            found.append(Problem("S203", message, Span(name)))
    return found
