"""Runs on tapes whose rule files are edited meanwhile, at steps that a script names."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quorate.drivers.acceptance import accepted_rules
from quorate.drivers.reloading import Reloader
from quorate.drivers.reloads import TapeReloads
from quorate.drivers.run import TapeSetup, run_tape
from quorate.drivers.tape import TapeDriver
from quorate.face.workspace import Workspace, open_workspace
from quorate.flow.book import Book
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.journal.rows import RecordedDecision
from quorate.rulebook.rulebook import Rulebook

runs = import_module("tape_runs")

Edit = Callable[[Path], None]
"""Changes something in the folder of rules."""


@dataclass
class Edited:
    """One run and its rule files. ``swaps`` are the rulebooks taken up, by step."""

    workspace: Path
    journal: Path
    edits: Mapping[int, Edit] = field(default_factory=dict)
    swaps: dict[int, Rulebook] = field(default_factory=dict)
    accept: bool = False
    records: list[Any] = field(default_factory=list)
    decisions: list[RecordedDecision] = field(default_factory=list)
    steps: int = 0
    state: Any = None

    def run(self, tapes: Any, *, stop_after: int | None = None) -> Edited:
        """Run to the end or for some steps; go on where the journal has begun."""
        where = open_workspace(self.workspace)
        host = where.host()
        going_on = self.journal.exists()
        begin = Journal.open if going_on else Journal.create
        with begin(self.journal) as journal, pytest.MonkeyPatch.context() as patch:
            driver = self._driver(where, host, journal)
            patch.setattr("quorate.drivers.run.TapeDriver", driver)
            setup = TapeSetup(
                rulebook=self._rulebook(where, host),
                host=host,
                venue=where.venue,
                tier=where.tier,
                settings=where.settings,
                sources=("made up",),
            )
            run_tape(setup, tapes, "made up", journal, stop_after=stop_after)
            self.records = list(journal.records())
            self.decisions = list(journal.decisions())
        return self

    def _rulebook(self, where: Workspace, host: Host) -> Rulebook:
        started = getattr(self, "_started", None) or where.rulebook(host)
        self._started: Rulebook = started
        return self._started

    def _driver(self, where: Workspace, host: Host, journal: Journal) -> Any:
        run, edits = self, dict(self.edits)

        class Scripted(TapeDriver):
            reloads: TapeReloads | None = None
            count = 0

            def step(self) -> bool:
                Scripted.count += 1
                run.steps, run.state = Scripted.count, self.flow.state
                edit = edits.pop(Scripted.count, None)
                if edit is not None:
                    self.look(edit)
                elif not run.edits and Scripted.count in run.swaps:
                    rulebook = run.swaps[Scripted.count]
                    texts = rulebook.sources.as_texts()
                    journal.keep_rulebook(rulebook.digest, texts)
                    self.change_rules(Book(rulebook, host))
                return super().step()

            def look(self, edit: Edit) -> None:
                before = self.flow.bench.rulebook
                if self.reloads is None:
                    reloader = Reloader(where.gatherer(), host, before)
                    accepted = lambda: accepted_rules(run.journal)  # noqa: E731
                    self.reloads = TapeReloads(self, reloader, journal, accepted)
                edit(run.workspace / "rules")
                self.reloads.look()
                self.reloads.look()
                held = self.reloads.reloader.held
                if run.accept and held is not None:
                    self.reloads.accepted = lambda: held.digest
                    self.reloads.look()
                if self.flow.bench.rulebook is not before:
                    run.swaps[Scripted.count] = self.flow.bench.rulebook

        return Scripted


def workspace(folder: Path) -> Path:
    """Return a workspace with the default rules, whose files may be edited."""
    shutil.copytree(runs.ROOT / "rules", folder / "rules")
    for test in (folder / "rules").glob("*.test.yaml"):
        test.unlink()
    shutil.rmtree(folder / "rules" / "5m")
    shutil.copy(runs.ROOT / "quorate.yaml", folder)
    (folder / "plugins").mkdir()
    return folder


def replacing(name: str, old: str, new: str) -> Edit:
    """Return an edit that writes ``new`` for ``old`` in one file, where it stands."""

    def edit(rules: Path) -> None:
        file = rules / name
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")

    return edit


def restoring(rules: Path) -> None:
    """Write the default rules back."""
    for file in rules.iterdir():
        if file.is_file():
            file.unlink()
    for file in (runs.ROOT / "rules").glob("*.yaml"):
        if ".test." not in file.name:
            shutil.copy(file, rules)
