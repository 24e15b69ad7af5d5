"""Check a rulebook with its overlays and plugins, and say what was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from quorate.bundle import bundled
from quorate.errors import RulebookError
from quorate.face.absent import told_of_absent
from quorate.face.workspace import Workspace
from quorate.host.host import Host, Plugin
from quorate.rulebook.cross import GUARDS, formulas
from quorate.rulebook.diagnostics import Problem, Severity, Span
from quorate.rulebook.economy import Fees, economy
from quorate.rulebook.mending import edits_by_file, mend
from quorate.rulebook.params import Param
from quorate.rulebook.printing import render
from quorate.rulebook.proving import prove
from quorate.rulebook.rulebook import (
    Rulebook,
    Sources,
    gather_sources,
    read_rulebook,
)
from quorate.rulebook.solving import Solver
from quorate.rulebook.sources import Files
from quorate.rulebook.table_proof import table_problems

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

MOST_ROUNDS = 10
"""How often edits are made and looked at again: each may bring another to light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What is read for one check, before anything is looked at.

    ``laid`` are the same rules with one folder of overlays more on each; ``overlays``
    are the files of these folders; ``plugins`` is the workspace's folder of plugins.
    """

    base: Sources
    laid: tuple[Sources, ...]
    overlays: tuple[str, ...]
    fees: Fees | None = None
    plugins: Path | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the rulebook itself."""
        return _files_of(self.base)

    def with_content(self, contents: Mapping[str, bytes]) -> Inputs:
        """Return the inputs with other contents of some files."""
        return replace(
            self,
            base=_with_content(self.base, contents),
            laid=tuple(_with_content(one, contents) for one in self.laid),
        )

    def with_file(self, shown: str, data: bytes) -> Inputs:
        """Return the inputs with one file as ``data``, added when it is not there."""
        if self.content(shown) is not None:
            return self.with_content({shown: data})

        def added(sources: Sources) -> Sources:
            return replace(sources, rules=(*sources.rules, (shown, data)))

        return replace(self, base=added(self.base), laid=tuple(map(added, self.laid)))

    def content(self, shown: str) -> bytes | None:
        """Return what a file holds, None when it is not among them."""
        for sources in (self.base, *self.laid):
            for files in (sources.rules, *sources.overlays):
                for name, data in files:
                    if name == shown:
                        return data
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found: problems of all files, plugins that do not load, facts.

    ``overlays`` are the files below the rules that were laid on, each folder alone.
    ``proved`` counts what was looked at beyond the reading, ``hidden`` the problems
    that were not asked for.
    """

    rulebook: Rulebook | None
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    overlays: tuple[str, ...]
    refused: tuple[Plugin, ...]
    proved: Mapping[str, int] = field(default_factory=dict)
    hidden: int = 0

    @property
    def errors(self) -> int:
        """How many problems refuse the rulebook."""
        return sum(one.severity is Severity.ERROR for one in self.problems)

    @property
    def warnings(self) -> int:
        """How many problems do not refuse it."""
        return len(self.problems) - self.errors

    def only(self, wanted: Callable[[Problem], bool]) -> Checked:
        """Return the same with the ``wanted`` problems only, the others counted."""
        kept = tuple(one for one in self.problems if wanted(one))
        hidden = self.hidden + len(self.problems) - len(kept)
        return replace(self, problems=kept, hidden=hidden)


def gather(
    workspace: Workspace,
    paths: Sequence[Path],
    settings: Sequence[tuple[str, str]],
) -> Inputs:
    """Read the rules in ``paths``, or the workspace's when there are none.

    Raises:
        RulebookError: there is nothing to check, or a file cannot be read.
    """
    places = paths or (workspace.rules,)
    base = _gather(workspace, places, workspace.overlays, settings)
    laid = []
    for folder in _overlay_folders(places, workspace.overlays):
        overlays = (*workspace.overlays, folder)
        laid.append(_gather(workspace, places, overlays, settings))
    known = len(_files_of(base))
    return Inputs(
        base=base,
        laid=tuple(laid),
        overlays=tuple(shown for one in laid for shown in _files_of(one)[known:]),
        fees=_fees(workspace),
        plugins=workspace.plugins,
    )


def _fees(workspace: Workspace) -> Fees | None:
    said = workspace.settings.get("fees", {})
    if not {"maker", "taker"} <= said.keys():
        return None
    return Fees(maker=Decimal(said["maker"]), taker=Decimal(said["taker"]))


def check(inputs: Inputs, host: Host, solver: Solver | None = None) -> Checked:
    """Check the rules together, and again with each further folder of overlays.

    A ``solver`` proves what is otherwise sought by drawing moments.
    """
    facts, functions, voters = host.facts, host.functions, host.voters()
    problems: set[Problem] = set()
    proofs, readings = [], []
    for sources in (inputs.base, *inputs.laid):
        reading = read_rulebook(sources, facts, functions, voters=voters)
        readings.append(reading)
        problems |= set(told_of_absent(reading.problems, inputs.plugins, host))
        if reading.rulebook is not None:
            proofs.append(prove(reading.rulebook, solver))
            problems |= set(proofs[-1].problems)
            problems |= set(table_problems(reading.rulebook))
            problems |= set(economy(reading.rulebook, inputs.fees))
    refused = tuple(one for one in host.plugins.values() if one.fault)
    problems |= {_unloaded(plugin) for plugin in refused}
    return Checked(
        rulebook=readings[0].rulebook,
        proved=proofs[0].counts if readings[0].rulebook else {},
        problems=tuple(sorted(problems, key=lambda one: (one.span, one.code))),
        files=inputs.files,
        overlays=inputs.overlays,
        refused=refused,
    )


def mend_all(
    inputs: Inputs,
    host: Host,
    wanted: Callable[[Problem], bool],
    rounds: int,
    solver: Solver | None = None,
) -> tuple[Checked, dict[str, bytes], int]:
    """Check, and make the edits of the ``wanted`` problems in memory, ``rounds`` times.

    Returns what is found afterwards, the contents that changed, and how many edits
    were made. An edit can bring to light what a next one mends.
    """
    checked = check(inputs, host, solver).only(wanted)
    contents: dict[str, bytes] = {}
    count = 0
    for _ in range(rounds):
        changed = 0
        for shown, edits in edits_by_file(checked.problems).items():
            data, made = mend(inputs.content(shown) or b"", edits)
            changed += len(made)
            if made:
                contents[shown] = data
        if not changed:
            break
        count += changed
        inputs = inputs.with_content(contents)
        checked = check(inputs, host, solver).only(wanted)
    return checked, contents, count


def shown_name(workspace: Workspace, path: Path) -> str:
    """Return how problems name a file: from the workspace when it is in there."""
    try:
        root = workspace.root.resolve()
        return path.resolve().relative_to(root).as_posix()
    except ValueError:
        return str(path)


def write(workspace: Workspace, contents: Mapping[str, bytes]) -> None:
    """Write mended files back, each whole or not at all.

    Raises:
        RulebookError: a file is not the workspace's own, or cannot be written.
    """
    shipped = bundled("rules").resolve()
    root = workspace.root.resolve()
    for shown, data in contents.items():
        path = root / shown
        if path.is_relative_to(shipped) and not path.is_relative_to(root):
            message = "it is shipped; `quorate init` makes rules of your own"
            raise RulebookError(f"{shown} is not mended: {message}")
        beside = path.with_name(f".{path.name}.mended")
        try:
            beside.write_bytes(data)
            beside.chmod(path.stat().st_mode)
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise RulebookError(
                f"{shown} cannot be written: {error.strerror}"
            ) from error


def _unloaded(plugin: Plugin) -> Problem:
    message = f"plugin {plugin.name}: {plugin.fault}"
    return Problem("R428", message, Span(str(plugin.where)))


def _gather(
    workspace: Workspace,
    places: Sequence[Path],
    overlays: Sequence[Path],
    settings: Sequence[tuple[str, str]],
) -> Sources:
    rules: dict[str, bytes] = {}
    laid: tuple[Files, ...] = ()
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


def _with_content(sources: Sources, contents: Mapping[str, bytes]) -> Sources:
    def other(files: Files) -> Files:
        return tuple((shown, contents.get(shown, data)) for shown, data in files)

    return replace(
        sources,
        rules=other(sources.rules),
        overlays=tuple(map(other, sources.overlays)),
    )


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
        "shadows": [rule.id for rules in rulebook.shadows.values() for rule in rules],
        "names": {
            "used": sorted(used & rulebook.facts.keys()),
            "known": len(rulebook.facts),
        },
        "params": {
            "count": len(params),
            "origins": {
                name: str(param.settings[-1].origin) for name, param in params.items()
            },
            "overridden": [one for param in params.values() for one in _changes(param)],
        },
        "proved": dict(checked.proved),
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
