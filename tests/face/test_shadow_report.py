"""The report of shadow rules: what they would have done, beside the live ones."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quorate import Closed
from quorate.contract.decisions import Verdict
from quorate.face.cli import cli
from quorate.face.report import measure
from quorate.journal.journal import Journal

runs = import_module("tests.drivers.tape_runs")

SHADOWS = """\
entry:
  - {id: eager, mode: shadow, when: confidence > 0.3, then: {quote_amount: 10}}
votes:
  - {id: one-only, mode: shadow, assistant: risk, veto: open_positions >= 1}
checks:
  - {id: small, mode: shadow, side: buy, require: cost < 5}
exits:
  - {id: early, mode: shadow, when: net_profit > 0.1%, then: {sell: 100%}}
switches:
  - {id: full, mode: shadow, when: open_positions >= 1, then: {mode: halted}}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = runs.workspace_with(tmp_path_factory.mktemp("shadows"), {})
    (folder / "rules" / "a-shadows.yaml").write_text(SHADOWS)
    journal = folder / "run.sqlite"
    tapes = runs.made_up(3, 1, "BTC/USD", "ETH/USD")
    return runs.run(tapes, workspace=folder, journal=journal), journal


def test_shadows_are_measured_against_what_happened(ran: tuple[Any, Path]) -> None:
    found, path = ran
    with Journal.open(path, read_only=True) as journal:
        report = measure(journal)
    told = {one.rule: one for one in report.shadows}
    assert list(told) == ["one-only", "eager", "small", "early", "full"]
    entries = sum(
        one.section == "entry" and one.verdict is Verdict.FIRED
        for one in found.decisions
    )
    assert (told["small"].times, told["small"].of) == (entries, entries)
    assert told["eager"].of == told["one-only"].of == entries
    said = {
        one.position_id: float(str(one.effect["net_profit"]))
        for one in found.decisions
        if one.rule == "early"
    }
    made = {
        one.trade.position_id: float(one.trade.profit_ratio)
        for one in found.records
        if isinstance(one, Closed)
    }
    both = said.keys() & made.keys()
    assert both
    early = told["early"]
    assert early.times == len(said)
    then = sum(said[name] for name in both) / len(both)
    realised = sum(made[name] for name in both) / len(both)
    assert float(early.then_ratio or 0) == pytest.approx(then)
    assert float(early.realised_ratio or 0) == pytest.approx(realised)
    assert told["full"].told.startswith("would have set halted, first 2025-03-03")


def test_the_page_and_the_explanation_tell_of_shadows(ran: tuple[Any, Path]) -> None:
    found, path = ran

    def run(*words: str) -> str:
        return CliRunner().invoke(cli, ["-w", str(path.parent), *words]).stdout

    assert "Shadow rules: looked at, never acting" in run("report", str(path))
    name = next(one.position_id for one in found.decisions if one.rule == "early")
    told = run("explain", name, "--journal", str(path))
    assert "shadow early of exits would have acted, and did not" in told
