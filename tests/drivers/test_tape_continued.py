"""A run that was stopped anywhere goes on to the same end; skipping changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quorate import Declined, Intended, ModeSet

runs = import_module("tape_runs")
THREE = ("BTC/USD", "ETH/USD", "SOL/USD")


def same(one: Any, other: Any) -> None:
    """Assert that two runs left the same journal and came to the same state."""
    difference = runs.first_difference(one.records, other.records)
    assert not difference, f"records differ {difference}"
    # As text, for a vote that abstains is NaN, and no NaN equals another.
    texts = [[repr(decision) for decision in run.decisions] for run in (one, other)]
    difference = runs.first_difference(*texts)
    assert not difference, f"decisions differ {difference}"
    assert one.state == other.state


@pytest.mark.parametrize(
    ("symbols", "days", "commit_every", "points"),
    [
        (("BTC/USD",), 1, 1, 60),
        (THREE, 1, 1, 30),
        (THREE, 1, 7, 8),
    ],
)
def test_a_run_stopped_anywhere_goes_on_to_the_same_end(
    symbols: tuple[str, ...],
    days: float,
    commit_every: int,
    points: int,
    tmp_path: Path,
) -> None:
    tapes = runs.made_up(3, days, *symbols)
    whole = runs.run(tapes)
    assert sum(type(r).__name__ == "Closed" for r in whole.records) >= 5
    steps = sorted({1 + whole.steps * point // points for point in range(points)})
    assert len(steps) == points
    for stop_after in steps:
        journal = tmp_path / f"{stop_after}.sqlite"
        runs.run(
            tapes, journal=journal, commit_every=commit_every, stop_after=stop_after
        )
        continued = runs.run(tapes, journal=journal, commit_every=commit_every)
        same(whole, continued)
        journal.unlink()


def test_a_run_stopped_again_and_again_comes_to_the_same_end(tmp_path: Path) -> None:
    tapes = runs.made_up(5, 1, "BTC/USD", "ETH/USD")
    whole = runs.run(tapes)
    journal = tmp_path / "often.sqlite"
    for _ in range(12):
        runs.run(tapes, journal=journal, stop_after=whole.steps // 14)
    same(whole, runs.run(tapes, journal=journal))


KILLED = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
sys.path[:0] = sys.argv[1].split(os.pathsep)
runs = import_module("tape_runs")
from quorate.journal.journal import Journal
left = int(sys.argv[3])
write = Journal.write
def dying(self, *given, **named):
    global left
    write(self, *given, **named)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
Journal.write = dying
tapes = runs.made_up(3, 1, "BTC/USD", "ETH/USD", "SOL/USD")
runs.run(tapes, journal=Path(sys.argv[2]), commit_every=5)
"""


@pytest.mark.parametrize("units", [4, 63, 140, 201])
def test_a_killed_run_goes_on_to_the_same_end(units: int, tmp_path: Path) -> None:
    journal = tmp_path / "killed.sqlite"
    here = os.pathsep.join([str(runs.ROOT / "engine"), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, here, str(journal), str(units)], check=False
    )
    assert done.returncode == -signal.SIGKILL
    tapes = runs.made_up(3, 1, *THREE)
    same(runs.run(tapes), runs.run(tapes, journal=journal, commit_every=5))


@pytest.mark.parametrize("seed", range(6))
def test_walking_every_candle_and_jumping_leave_the_same_journal(seed: int) -> None:
    tapes = runs.made_up(seed, *((0.4, *THREE) if seed % 2 else (1.5, "BTC/USD")))
    same(runs.run(tapes), runs.run(tapes, walk=True))


SWITCHES = {
    "a loss": ("drawdown >= 0.1%", "reduce_only"),
    "positions": ("open_positions >= 1", "halted"),
    "exposure": ("exposure > 20.1%", "reduce_only"),
    "silence": ("since_exit > 50m and since_exit < 1d", "halted"),
}


@pytest.mark.parametrize("what", SWITCHES)
@pytest.mark.parametrize("seed", [1, 2])
def test_walking_and_jumping_agree_on_kill_switches(
    what: str, seed: int, tmp_path: Path
) -> None:
    when, mode = SWITCHES[what]
    workspace = runs.workspace_with(tmp_path, {})
    rule = f"switches:\n  - {{id: last, when: {when}, then: {{mode: {mode}}}}}\n"
    (workspace / "rules" / "switches.yaml").write_text(rule)
    settings = {"stop_loss": "0.5%"} if what == "a loss" else {}
    tapes = runs.made_up(seed, 1, *THREE)
    given = {"workspace": workspace, "settings": settings}
    jumped = runs.run(tapes, **given)
    same(jumped, runs.run(tapes, **given, walk=True))
    fired = [r for r in jumped.records if isinstance(r, ModeSet)]
    assert [str(r.mode) for r in fired] == [mode]
    later = [r for r in jumped.records if r.at_ms > fired[0].at_ms]
    sent = [r.intent for r in later if isinstance(r, Intended)]
    assert all(intent.side == "sell" for intent in sent)
    assert mode == "reduce_only" or not sent
    assert {d.by for d in later if isinstance(d, Declined)} >= {mode}


def test_a_run_twice_leaves_the_same_journal() -> None:
    tapes = runs.made_up(9, 1, *THREE)
    same(runs.run(tapes), runs.run(tapes))


ODD_FACTS = """
from quorate import Fact, Stage, hookimpl

def clumsy(view):
    return 1.0 if view.price > view.entry_price else 0.0  # no arrays here

def raises(view):
    raise RuntimeError("broken")

@hookimpl
def facts():
    return [
        Fact(name="mystery", stage=Stage.ACCOUNT, help="h", compute=lambda desk: None),
        Fact(name="clumsy", stage=Stage.POSITION, help="h", compute=clumsy),
        Fact(name="raises", stage=Stage.POSITION, help="h", compute=raises),
    ]
"""


@pytest.mark.parametrize(
    ("condition", "reported"),
    [
        ("mystery > 1", True),
        ("raises > 1", True),
        ("clumsy > 0.5 and net_profit > 0.2%", False),
    ],
)
def test_an_exit_that_is_not_known_is_reported_the_same_way(
    condition: str, reported: bool, tmp_path: Path
) -> None:
    workspace = runs.workspace_with(tmp_path, {"x": ODD_FACTS})
    rule = f"exits:\n  - {{id: odd, when: {condition}, then: {{sell: 100%}}}}\n"
    (workspace / "rules" / "a.yaml").write_text(rule)
    tapes = runs.made_up(11, 1, "BTC/USD")
    jumped = runs.run(tapes, workspace=workspace)
    if "raises" not in condition:  # a crash is counted each time it is asked
        same(jumped, runs.run(tapes, workspace=workspace, walk=True))
    told = [d for d in jumped.decisions if d.verdict == "not_known"]
    positions = {r.trade.position_id for r in jumped.records if hasattr(r, "trade")}
    assert positions
    if reported:
        assert {d.position_id for d in told} >= positions
        assert len(told) == len({d.position_id for d in told})
    else:
        assert "odd" in {r.rule for r in jumped.records if hasattr(r, "share")}


WINDOWED = {
    "entries of some hours": (
        "entry",
        "  - {id: day, active: {days: [mon, wed], hours: '09:00-21:25'}, when: "
        "confidence > 0.5 and risk_approved, then: {quote_amount: free_quote * 10%}}\n"
        "  - {id: night, active: {hours: '21:30-02:00'}, when: "
        "confidence > 0.7 and risk_approved, then: {quote_amount: free_quote * 20%}}\n",
    ),
    "a veto of an hour": (
        "votes",
        "  - {id: lunch, assistant: risk, active: {hours: '20:29-21:27'}, "
        "veto: exposure < 1}\n",
    ),
    "an exit of a time": (
        "exits",
        "  - {id: evening, active: {hours: '20:33-20:34'}, when: net_profit > -1, "
        "then: {sell: 100%}}\n"
        "  - {id: flat, active: {from: '2025-03-03T09:00Z', hours: '21:25-21:50'}, "
        "when: net_profit > -0.1%, then: {sell: 50%}}\n",
    ),
    "a switch of a day": (
        "switches",
        "  - {id: monday, active: {until: '2025-03-03T21:40Z', hours: '20:00-24:00'}, "
        "when: open_positions >= 1, then: {mode: reduce_only}}\n",
    ),
}


@pytest.mark.parametrize("what", WINDOWED)
def test_walking_and_jumping_agree_on_windows(what: str, tmp_path: Path) -> None:
    section, rules = WINDOWED[what]
    workspace = runs.workspace_with(tmp_path, {})
    file = workspace / "rules" / f"{section}.yaml"
    if section == "entry":
        file.write_text(f"{section}:\n{rules}")
    else:
        (workspace / "rules" / "a.yaml").write_text(f"{section}:\n{rules}")
    tapes = runs.made_up(1, 1, *THREE[:2])
    jumped = runs.run(tapes, workspace=workspace)
    same(jumped, runs.run(tapes, workspace=workspace, walk=True))
    names = {line.split(",")[0].split()[-1] for line in rules.splitlines()}
    assert names & {one.rule for one in jumped.decisions}
