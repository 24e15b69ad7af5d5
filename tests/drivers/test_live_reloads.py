"""Rules edited while real orders are out: taken up, refused, held, kept over a kill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.drivers.rehearsal import BTC, ETH, Rehearsal, Run, eager_rules, rehearsal
from tests.loopback import in_a_loop

from quorate import RulesChanged, RulesHeld, RulesRefused
from quorate.drivers import reloads
from quorate.journal.journal import Journal
from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.rulebook import Sources

runs = import_module("tape_runs")

EXITS = "  - {{id: {0}, {1}when: net_profit > 90%, then: {{sell: 100%}}}}\n"


@dataclass
class Files:
    """The rule files of a run, edited by a test."""

    sources: Sources

    def gather(self) -> tuple[Sources, list[Problem]]:
        return self.sources, []

    def write(self, name: str, old: str, new: str) -> None:
        rules = []
        for shown, data in self.sources.rules:
            text = data.decode()
            if shown.endswith(name):
                assert old in text, text
                text = text.replace(old, new)
            rules.append((shown, text.encode()))
        self.sources = replace(self.sources, rules=tuple(rules))


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloads, "LOOK_EVERY_S", 0.05)


def follow(world: Rehearsal) -> Files:
    files = Files(eager_rules(tuple(world.params.items())).sources)
    world.gather = files.gather
    return files


def exits_of(run: Run, symbol: str) -> list[str]:
    """Return the ids of what the positions of a symbol leave by."""
    bench = run.driver.flow.bench
    (position,) = run.state.held_in[symbol].values()
    return [rule.id for one in bench.exits_of(position) for rule in one.rules]


def of(kind: type, world: Rehearsal) -> list[Any]:
    return [one for one in world.records() if isinstance(one, kind)]


@in_a_loop
async def test_edits_are_taken_up_and_open_positions_keep_their_exits(
    tmp_path: Path,
) -> None:
    async with rehearsal(tmp_path, symbols=(BTC, ETH)) as world:
        files = follow(world)
        async with world.trading() as run:
            await run.until(lambda: run.holds(BTC), "protected")
            before, active = exits_of(run, BTC), run.state.rulebook
            files.write("exits.yaml", "exits:\n", f"exits:\n{EXITS.format('more', '')}")
            await run.until(lambda: run.state.rulebook != active, "changed")
            assert exits_of(run, BTC) == before
            opening = f"exits:\n{EXITS.format('for-all', 'apply: open, ')}"
            files.write("exits.yaml", "exits:\n", opening)
            changed = run.state.rulebook
            await run.until(lambda: run.state.rulebook != changed, "changed again")
            assert exits_of(run, BTC) == ["for-all", *before]
            await run.kill()
        # It is killed, and goes on with the rules that the files hold by then.
        latest = of(RulesChanged, world)[-1].rulebook
        async with world.trading(rulebook=_read(files)) as run:
            assert run.state.rulebook == latest
            assert exits_of(run, BTC) == ["for-all", *before]
            world.price(BTC, 40_000)  # below the stop it was opened with
            await run.until(lambda: not run.state.held_in[BTC], "out of it")
            await run.end()
        assert not world.differences()
        _decided_by_its_opening_rules(world, active)


def _read(files: Files) -> Any:
    from quorate.rulebook.rulebook import read_rulebook

    host = eager_host()
    reading = read_rulebook(files.sources, host.facts, host.functions)
    assert reading.rulebook is not None
    return reading.rulebook


def eager_host() -> Any:
    from quorate.host.host import open_host

    return open_host(None, installed=False)


def _decided_by_its_opening_rules(world: Rehearsal, opening: str) -> None:
    with Journal.open(world.journal, read_only=True) as journal:
        rows = [row for row in journal.decisions() if row.decision.rule == "stop"]
    assert [row.rulebook for row in rows[:1]] == [opening]


@in_a_loop
async def test_what_has_errors_is_told_and_changes_nothing(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world:
        files = follow(world)
        async with world.trading() as run:
            active, good = run.state.rulebook, files.sources
            files.write("exits.yaml", "net_profit", "net_profitt")
            await run.until(lambda: run.told("alarm"), "told")
            assert "R310" in run.told("alarm")[0]
            files.sources = good
            await run.until(run.holds, "trading on")
            assert run.state.rulebook == active
            await run.end()
        assert len(of(RulesRefused, world)) == 1
        assert not of(RulesChanged, world)


@in_a_loop
async def test_what_permits_more_waits_for_a_word(tmp_path: Path) -> None:
    async with rehearsal(tmp_path) as world:
        files = follow(world)
        async with world.trading() as run:
            active = run.state.rulebook
            files.write("checks.yaml", "<= rate_threshold", "<= rate_threshold * 2")
            await run.until(lambda: run.told("warning"), "told")
            (held,) = of(RulesHeld, world)
            assert run.state.rulebook == active
            world.accepted = "0123456789ab"
            await run.until(run.holds, "trading on")
            assert run.state.rulebook == active, "something else was accepted"
            world.accepted = held.rulebook
            await run.until(lambda: run.state.rulebook == held.rulebook, "changed")
            await run.end()
