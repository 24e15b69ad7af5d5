"""A live run decided again: on its recorded inputs, and on its recorded candles."""

from __future__ import annotations

import json
import shutil
import signal
from importlib import import_module
from pathlib import Path

import pytest

from quorate.contract.live import Bar
from quorate.contract.records import RulesChanged
from quorate.drivers.run import TapeSetup, load_tapes, run_tape
from quorate.errors import QuorateError
from quorate.face.workspace import Workspace
from quorate.journal.journal import Journal
from quorate.values.market import Candles

loopback = import_module("loopback")
live_runs = import_module("live_runs")
runs = import_module("recorded_runs")
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def live_file(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal as a live run keeps it: an account for a source, and its candles."""
    kept: Path = tmp_path_factory.mktemp("live") / "live.sqlite"
    runs.write_tapes(kept.parent)
    host = workspace.host()
    setup = TapeSetup(
        rulebook=workspace.rulebook(host),
        host=host,
        venue=workspace.venue,
        tier=workspace.tier,
        settings=workspace.settings,
        sources=(),
        from_ms=runs.BEGIN_MS + DAY_MS,
    )
    tapes, _ = load_tapes(runs.tapes_of(kept))
    with Journal.create(kept) as journal:
        run_tape(setup, tapes, "someplace:0123", journal)
        bars = [bar for candles in tapes for bar in bars_of(candles)]
        cursor, digest = journal.cursor(), setup.rulebook.digest
        journal.write([], [], cursor=cursor, rulebook=digest, candles=bars)
    return kept


def bars_of(candles: Candles) -> list[Bar]:
    """Return the candles that a feed tells: none in which nothing was traded."""
    return [
        Bar(
            symbol=candles.symbol,
            open_ms=int(candles.time_ms[row]),
            open=float(candles.open[row]),
            high=float(candles.high[row]),
            low=float(candles.low[row]),
            close=float(candles.close[row]),
            volume=float(candles.volume[row]),
        )
        for row in range(len(candles))
        if not candles.stale[row]
    ]


def test_a_live_run_is_decided_again_decision_by_decision(
    workspace: Workspace, live_file: Path
) -> None:
    found = runs.again(workspace, live_file)
    assert found.live
    assert not found.differs
    assert found.redecided is not None
    assert not found.redecided.undecided
    same = sum(one.same for one in found.redecided.rules.values())
    assert same == sum(one.recorded for one in found.redecided.rules.values()) > 50


def test_the_candles_before_a_live_run_are_only_looked_back_on(
    workspace: Workspace, live_file: Path
) -> None:
    """Run again on its candles, the stand-in for a live run makes the very same."""
    found = runs.again(workspace, live_file)
    with Journal.open(live_file, read_only=True) as journal:
        started = next(journal.records())
        decisions = [row.decision.at_ms for row in journal.decisions()]
    assert started.at_ms == found.from_ms == min(decisions) // DAY_MS * DAY_MS
    counts = found.effect.decisions.rules.values()
    assert sum(one.before for one in counts) == len(decisions)
    (told,) = [note for note in found.notes if "at the exchange" in note]
    made = told.partition("made ")[2]
    real, again_made = made.split("; run again they make ")
    assert real == again_made


def test_an_edited_check_shows_in_both_parts_of_a_live_replay(
    workspace: Workspace, live_file: Path, tmp_path: Path
) -> None:
    rules = runs.edited(
        tmp_path / "rules",
        ("checks.yaml", "cost <= free_quote", "cost <= free_quote * 1%"),
    )
    told = runs.quorate("replay", "--rules", str(rules), str(live_file))
    assert told.exit_code == 1, told.output
    assert "decided again on its recorded inputs" in told.output
    assert "refuses" in told.output
    assert "trades gone" in told.output
    found = json.loads(
        runs.quorate("replay", "--json", "--rules", str(rules), str(live_file)).stdout
    )
    other = {one["rule"]: one["other"] for one in found["redecided"]["rules"]}
    assert other["portfolio"] > 0
    assert not any(many for rule, many in other.items() if rule != "portfolio")
    assert found["redecided"]["other"] == len(found["redecided"]["listed"])


def test_a_live_journal_without_candles_is_refused(
    workspace: Workspace, live_file: Path
) -> None:
    bare = live_file.parent / "bare.sqlite"
    with Journal.open(live_file, read_only=True) as journal:
        started = next(journal.records())
    with Journal.create(bare) as journal:
        journal.write([started], [], cursor="1", rulebook="0123456789ab")
    with pytest.raises(QuorateError, match="no candle closed in it"):
        runs.again(workspace, bare, recorded=False)
    with pytest.raises(QuorateError, match="leave --tape out"):
        runs.again(workspace, live_file, sources=("x.csv",))


def test_a_live_run_whose_rules_changed_is_run_again_under_the_last(
    workspace: Workspace, live_file: Path
) -> None:
    changed = live_file.parent / "changed.sqlite"
    shutil.copy(live_file, changed)
    last = workspace.rulebook(workspace.host(), (("min_confidence", "0.9"),))
    with Journal.open(changed) as journal:
        cursor, at_ms = journal.cursor(), next(journal.records()).at_ms
        journal.keep_rulebook(last.digest, last.sources.as_texts())
        record = RulesChanged(at_ms=at_ms, rulebook=last.digest)
        journal.write([record], [], cursor=cursor, rulebook=last.digest)
    found = runs.again(workspace, changed, recorded=True)
    assert found.rulebooks[-1] == found.rulebook == last.digest
    assert not found.effect.differs
    assert any("changed on the way" in note for note in found.notes)
    assert found.redecided.rules["entry", "quorum"].other > 0


def test_a_live_run_over_the_wire_is_decided_again(tmp_path: Path) -> None:
    with loopback.exchange_process("--pace", 120, "--balance", "USD=10000") as exchange:
        root = live_runs.make(tmp_path / "w", exchange)
        with live_runs.live(root) as run:
            run.wait_for("take_profit): open")
            run.wait_for("declined")
            run.signal(signal.SIGINT)
            assert run.end() == 0, run.told
    told = live_runs.quorate(root, "replay", "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["live"]
    assert not found["redecided"]["undecided"]
    assert sum(one["same"] for one in found["redecided"]["rules"]) > 3
    assert found["until_ms"] > found["from_ms"]
    told = live_runs.quorate(root, "replay", "--set", "min_confidence=0.95", "--json")
    assert told.returncode in (0, 1), told.stderr
