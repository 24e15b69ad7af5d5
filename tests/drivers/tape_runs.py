"""Run tapes into journals, and keep the drivers that did it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from quorate import Candles, Record
from quorate.contract.decisions import Decision
from quorate.drivers.demo_tape import Temper, generate
from quorate.drivers.run import TapeSetup, run_tape
from quorate.drivers.tape import TapeDriver
from quorate.face.workspace import Workspace, open_workspace
from quorate.flow.book import Book
from quorate.flow.state import State
from quorate.flow.turn import Bench, remember
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import Rulebook

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parents[3] / "shared" / "data"
START_MS = 1_740_960_000_000
LIVELY = Temper(volatility=0.0016, drift=0.0002)


@lru_cache(maxsize=32)
def made_up(seed: int, days: float, *symbols: str) -> tuple[Candles, ...]:
    """Return synthetic tapes that trade often enough to be worth a test."""
    prices = {"BTC/USD": 40_000.0, "ETH/USD": 2_500.0, "SOL/USD": 90.0}
    count = int(days * 1440)
    return tuple(
        generate(symbol, START_MS, count, seed, prices[symbol], own=0.5, temper=LIVELY)
        for symbol in symbols
    )


@dataclass(frozen=True)
class Run:
    """What one run left: its journal's content and where the flow ended."""

    records: list[Record]
    decisions: list[Decision]
    state: State
    driver: TapeDriver
    steps: int


@lru_cache(maxsize=1)
def _own_host() -> Host:
    return open_workspace(ROOT).host()


def host_of(where: Workspace) -> Host:
    """Return the workspace's plugins; the project's own never fail and are kept."""
    if where.root != ROOT:
        return where.host()
    assert not any(plugin.faults for plugin in _own_host().plugins.values())
    return _own_host()


_read: dict[object, Rulebook] = {}


def rulebook_of(where: Workspace, host: Host, settings: Any) -> Rulebook:
    """Return the workspace's rulebook; that of the project itself is read once."""
    if where.root != ROOT:
        return where.rulebook(host, settings)
    key = (where.overlays, settings)
    if key not in _read:
        _read[key] = where.rulebook(host, settings)
    return _read[key]


class Watched(TapeDriver):
    """A driver that can be looked at afterwards."""

    last: TapeDriver
    steps = 0

    def prepare(self) -> None:
        Watched.last, Watched.steps = self, 0
        super().prepare()

    def step(self) -> bool:
        Watched.steps += 1
        return super().step()


def run(
    tapes: Sequence[Candles],
    *,
    journal: Path | None = None,
    workspace: Path = ROOT,
    overlays: Sequence[Path] = (),
    settings: Mapping[str, str] | None = None,
    paper: Mapping[str, Any] | None = None,
    commit_every: int = 1,
    stop_after: int | None = None,
    walk: bool = False,
) -> Run:
    """Run tapes to the end, or some steps; go on where ``journal`` has begun."""
    where = open_workspace(workspace).with_overlays(overlays)
    host = host_of(where)
    setup = TapeSetup(
        rulebook=rulebook_of(where, host, tuple((settings or {}).items())),
        host=host,
        venue=where.venue,
        tier=where.tier,
        settings={**where.settings, **(paper or {})},
        sources=("made up",),
    )
    going_on = journal is not None and journal.exists()
    kept = (
        Journal.open(journal, commit_every=commit_every)
        if going_on and journal
        else Journal.create(journal, commit_every=commit_every)
    )
    with kept, pytest.MonkeyPatch.context() as patch:
        patch.setattr("quorate.drivers.run.TapeDriver", Watched)
        run_tape(setup, tapes, "made up", kept, walk=walk, stop_after=stop_after)
        return Run(
            records=list(kept.records()),
            decisions=[row.decision for row in kept.decisions()],
            state=Watched.last.flow.state,
            driver=Watched.last,
            steps=Watched.steps,
        )


def workspace_with(folder: Path, plugins: Mapping[str, str]) -> Path:
    """Return a workspace as shipped, with plugins dropped in."""
    shutil.copytree(ROOT / "rules", folder / "rules")
    shutil.copy(ROOT / "quorate.yaml", folder / "quorate.yaml")
    (folder / "plugins").mkdir()
    for name, code in plugins.items():
        (folder / "plugins" / f"{name}.py").write_text(code)
    return folder


def first_difference(one: Sequence[Any], other: Sequence[Any]) -> str:
    """Return where two lists part, "" when they are equal."""
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return f"at {number}:\n  {left}\n  {right}"
    if len(one) != len(other):
        longer = one if len(one) > len(other) else other
        return f"{len(one)} and {len(other)}, then {longer[min(len(one), len(other))]}"
    return ""


def folded(run: Run) -> State:
    """Return the state that a run's records alone make."""
    bench = Bench(
        Book(run.driver.rulebook, run.driver.host), run.driver.host, run.driver.view
    )
    for record in run.records:
        bench.state.apply(record)
        remember(bench, record)
    return bench.state
