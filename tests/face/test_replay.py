"""A recorded run decided again: nothing changes under its own rules."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from quorate.contract.decisions import Verdict
from quorate.contract.records import RulesChanged
from quorate.drivers.changes import Kind
from quorate.errors import QuorateError
from quorate.face.replay import ReplayWish, replay
from quorate.face.workspace import Workspace, open_workspace
from quorate.journal.journal import Journal

runs = import_module("recorded_runs")
ROOT: Path = runs.ROOT
MONTH = ROOT.parent / "shared" / "data" / "BTC_USD-1m-2022-01.csv.gz"


@pytest.fixture(scope="module")
def file(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a run that is over, beside its tapes."""
    folder = tmp_path_factory.mktemp("over")
    runs.write_tapes(folder)
    made: Path = runs.run_into(folder / "over.sqlite", workspace)
    return made


def test_the_recorded_rules_change_nothing(workspace: Workspace, file: Path) -> None:
    found = runs.again(workspace, file, recorded=True)
    assert not found.differs
    assert not found.notes
    assert not found.effect.decisions.other_inputs
    assert sum(one.before for one in found.effect.decisions.rules.values()) > 100
    assert found.rulebooks == (found.rulebook,)


def test_the_rules_of_now_are_the_edited_ones(workspace: Workspace, file: Path) -> None:
    assert not runs.again(workspace, file).differs


def test_the_demo_tapes_are_decided_the_same(tmp_path: Path) -> None:
    file = tmp_path / "demo.sqlite"
    assert runs.quorate("run", "-q", "--journal", str(file)).exit_code == 0
    told = runs.quorate("replay", "--recorded", "--json", str(file))
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["synthetic"]
    assert not found["differs"]
    assert not found["notes"]
    assert found["money"][0]["before"] == found["money"][0]["after"]


@pytest.mark.skipif(not MONTH.exists(), reason="the recorded month is not here")
def test_the_real_month_is_decided_the_same(tmp_path: Path) -> None:
    file = tmp_path / "month.sqlite"
    tape = ["--volume-in", "quote", str(MONTH)]
    assert runs.quorate("backtest", "-q", "--journal", str(file), *tape).exit_code == 0
    told = runs.quorate(
        "replay", "--recorded", "--json", "--tape", str(MONTH), str(file)
    )
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert not found["differs"]
    assert not found["decisions"]["other_inputs"]
    assert sum(one["before"] for one in found["rules"]) > 2000
    assert found["money"][0]["before"]["trades"] == 148


def test_another_exit_changes_exits_first(workspace: Workspace, file: Path) -> None:
    found = runs.again(workspace, file, settings=(("profit_target", "1.5%"),))
    assert found.differs
    changes = found.effect.decisions
    first = changes.listed[0]
    assert first.first
    assert first.decision.section == "exits"
    first_ms = first.decision.at_ms
    assert first_ms == min(one.decision.at_ms for one in changes.first.values())
    entries = [one for one in changes.listed if one.decision.section == "entry"]
    assert entries
    assert all(one.decision.at_ms > first_ms for one in entries)
    assert "micro-profit" in {
        change.before.exit_rule for change in found.effect.trades if change.before
    }


def test_an_order_at_another_price_is_a_difference(
    workspace: Workspace, file: Path
) -> None:
    """No rule decides otherwise when an entry reaches further for its price."""
    found = runs.again(workspace, file, settings=(("entry_reach", "1%"),))
    assert found.differs
    first = found.effect.orders[0]
    assert first.kind is Kind.CHANGED
    assert first.before.limit_price < first.after.limit_price
    told = runs.quorate("replay", "--set", "entry_reach=1%", str(file))
    assert told.exit_code == 1
    assert "Orders sent otherwise" in told.output


def test_what_trades_add_is_what_profit_gains(workspace: Workspace, file: Path) -> None:
    found = runs.again(workspace, file, settings=(("profit_target", "1.5%"),))
    (money,) = found.effect.money
    assert money.profit == sum(one.profit for one in found.effect.kinds)
    more = {Kind.NEW: 1, Kind.GONE: -1}
    assert money.after.trades - money.before.trades == sum(
        more.get(one.kind, 0) * one.trades for one in found.effect.kinds
    )


def test_a_stricter_check_refuses_every_entry(
    workspace: Workspace, file: Path, tmp_path: Path
) -> None:
    rules = runs.edited(
        tmp_path / "rules",
        ("checks.yaml", "cost <= free_quote", "cost <= free_quote * 1%"),
    )
    found = runs.again(workspace, file, rules=rules)
    changes = found.effect.decisions
    first = changes.listed[0]
    assert (first.kind, first.decision.rule) == (Kind.CHANGED, "portfolio")
    assert first.before is not None
    assert first.after is not None
    assert first.before.verdict is Verdict.PASSED
    assert first.after.verdict is not Verdict.PASSED
    (money,) = found.effect.money
    assert money.before.trades > 0
    assert money.after.trades == 0
    assert {one.kind for one in found.effect.trades} == {Kind.GONE}
    assert money.profit == -money.before.profit


def test_a_rule_of_another_name_is_gone_and_new(
    workspace: Workspace, file: Path, tmp_path: Path
) -> None:
    rules = runs.edited(
        tmp_path / "rules", ("exits.yaml", "id: stop", "id: halting-loss")
    )
    rules_of = runs.again(workspace, file, rules=rules).effect.decisions.rules
    old, new = rules_of["exits", "stop"], rules_of["exits", "halting-loss"]
    assert (old.before, old.after) == (new.after, new.before)
    assert old.differing[Kind.GONE] == new.differing[Kind.NEW] == old.before > 0


def test_rules_with_errors_are_refused_with_their_problems(
    file: Path, tmp_path: Path
) -> None:
    rules = runs.edited(
        tmp_path / "rules", ("exits.yaml", ">= profit_target", ">= profit_targt")
    )
    told = runs.quorate("replay", "--rules", str(rules), str(file))
    assert told.exit_code == 2
    assert "R310" in told.output
    assert "exits.yaml:" in told.output


def test_a_tape_that_is_gone_is_asked_for(
    workspace: Workspace, file: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone.sqlite"
    shutil.copy(file, alone)
    with pytest.raises(QuorateError, match="say where with --tape PATH"):
        runs.again(workspace, alone)
    tapes = runs.tapes_of(file)
    assert not runs.again(workspace, alone, sources=tuple(tapes)).differs
    with pytest.raises(QuorateError, match="not the tapes of this run"):
        runs.again(workspace, alone, sources=(tapes[1], tapes[0]))


def test_a_run_that_was_stopped_is_compared_as_far_as_it_came(
    workspace: Workspace, file: Path
) -> None:
    for steps in (0, 1, 2, 150):
        part = runs.run_into(file.parent / f"part-{steps}.sqlite", workspace, steps)
        same = runs.again(workspace, part)
        assert not same.differs
        assert any("where the journal ends" in note for note in same.notes)
        assert not any("do not give this journal" in note for note in same.notes)
    other = runs.again(workspace, part, settings=(("profit_target", "1.5%"),))
    assert other.differs
    assert all(
        one.decision.at_ms < same.until_ms for one in other.effect.decisions.listed
    )


def test_the_account_is_the_recorded_one(file: Path, tmp_path: Path) -> None:
    """Balances and fees come from the journal, not from the quorate.yaml of now."""
    shutil.copy(ROOT / "quorate.yaml", tmp_path)
    config = tmp_path / "quorate.yaml"
    text = config.read_text().replace("USD: 10000", "USD: 77").replace("0.40%", "0.1%")
    config.write_text(text.replace("min_amount: 0.00005", "min_amount: 5"))
    found = runs.again(open_workspace(tmp_path), file)
    assert not found.differs
    assert not found.notes


def test_what_is_not_recorded_is_told(file: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "quorate.yaml", tmp_path)
    config = tmp_path / "quorate.yaml"
    config.write_text(config.read_text().replace("slippage: 0.02%", "slippage: 0.2%"))
    other = open_workspace(tmp_path)
    found = runs.again(other, file)
    assert not found.differs  # two runs of now, under the same rules
    assert any("do not give this journal" in note for note in found.notes)
    assert runs.again(other, file, recorded=True).differs


def test_another_tier_is_told(file: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "quorate.yaml", tmp_path)
    config = tmp_path / "quorate.yaml"
    config.write_text(config.read_text().replace("tier: intermediate", "tier: pro"))
    notes = runs.again(open_workspace(tmp_path), file).notes
    assert any("limits of now are not the recorded" in note for note in notes)


def test_settings_of_the_recorded_run_that_are_left_out_are_told(
    file: Path,
) -> None:
    part = file.parent / "set.sqlite"
    tapes = runs.tapes_of(file)
    words = ["--set", "profit_target=1%", "--journal", str(part)]
    assert runs.quorate("backtest", "-q", *words, *tapes).exit_code == 0
    told = runs.quorate("replay", str(part))
    assert told.exit_code == 1, told.output
    assert "--set profit_target=1%, this one is not" in told.output
    same = runs.quorate("replay", "--set", "profit_target=1%", str(part))
    assert same.exit_code == 0, same.output
    assert "nothing changes" in same.output


def test_a_run_whose_rules_changed_is_compared_as_it_was_recorded(
    workspace: Workspace, file: Path
) -> None:
    changed = file.parent / "changed.sqlite"
    shutil.copy(file, changed)
    with Journal.open(changed) as journal:
        cursor = journal.cursor()
        at_ms = int(cursor.partition(":")[0])
        record = RulesChanged(at_ms=at_ms, rulebook="0123456789ab")
        journal.write([record], [], cursor=cursor, rulebook="0123456789ab")
    found = runs.again(workspace, changed)
    assert len(found.rulebooks) == 2
    assert not found.differs
    assert any("changed on the way" in note for note in found.notes)
    with pytest.raises(QuorateError, match="no one rulebook gives it again"):
        runs.again(workspace, changed, recorded=True)


def test_a_journal_without_a_run_is_refused(
    workspace: Workspace, tmp_path: Path
) -> None:
    Journal.create(tmp_path / "empty.sqlite").close()
    with pytest.raises(QuorateError, match="no run has begun"):
        runs.again(workspace, tmp_path / "empty.sqlite")


def test_recorded_goes_with_no_other_rules(file: Path) -> None:
    told = runs.quorate("replay", "--recorded", "--set", "profit_target=1%", str(file))
    assert told.exit_code == 2
    assert "--recorded takes the rules of the journal" in told.output


def test_the_page_and_the_json_say_the_same(file: Path) -> None:
    words = ["replay", "--set", "profit_target=1.5%", str(file)]
    page, told = runs.quorate(*words), runs.quorate(*words, "--json")
    assert page.exit_code == told.exit_code == 1
    found = json.loads(told.stdout)
    for title in ("Decisions by rule", "Decisions that differ", "Trades that differ"):
        assert title in page.output
    assert len(found["decisions"]["listed"]) == found["decisions"]["differing"]
    assert f"of {found['decisions']['differing']:,}" in page.output
    (money,) = found["money"]
    assert f"{money['after']['profit']:,.2f}" in page.output
    everything = runs.quorate(*words, "--all").output
    assert everything.count("checks.yaml:") > page.output.count("checks.yaml:")


def test_both_runs_are_shown_as_one(workspace: Workspace, file: Path) -> None:
    shown: list[tuple[int, int, int]] = []
    wish = ReplayWish(journal=file)
    replay(workspace, wish, lambda *told: shown.append(told))
    ends = {(begin_ms, end_ms) for _, begin_ms, end_ms in shown}
    ((begin_ms, end_ms),) = ends
    moments = [now_ms for now_ms, _, _ in shown]
    assert moments == sorted(moments)
    assert begin_ms <= moments[0] <= (begin_ms + end_ms) / 2 < moments[-1] <= end_ms
