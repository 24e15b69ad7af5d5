"""Shadow rules: what they say is on record, and nothing else is another for it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quorate import Shadowed
from quorate.contract.decisions import Verdict

runs = import_module("tape_runs")
same = import_module("test_tape_continued").same

SHADOWS = """\
entry:
  - id: eager
    mode: shadow
    when: confidence > 0.3
    then: {quote_amount: free_quote * 1%}
  - id: any-time
    mode: shadow
    when: risk_approved and open_positions < 1
    then: {quote_amount: 10}
votes:
  - {id: one-only, mode: shadow, assistant: risk, veto: open_positions >= 1}
checks:
  - {id: small, mode: shadow, side: buy, require: cost < free_quote * 15%}
  - {id: odd, mode: shadow, when: side == 'buy', then: {amount: amount * 2}}
orders:
  - {id: at-market, mode: shadow, then: {type: market}}
errors:
  - {id: any-error, mode: shadow, match: 'E', then: {retry: false}}
exits:
  - {id: early, mode: shadow, when: net_profit > 0.1%, then: {sell: 100%}}
  - {id: old, mode: shadow, when: age > 17m, then: {sell: 50%}}
  - {id: hour, mode: shadow, active: {hours: '20:40-23:00'}, when: age > 1m,
     then: {sell: 100%}}
  - {id: pressed, mode: shadow, when: rate_counter < 1 and age > 2m, then: {sell: 1%}}
tuning:
  - {id: turns, mode: shadow, when: samples >= 3, min_samples: 3,
     then: {set: {minimum_buffer: 20%}}}
switches:
  - {id: full, mode: shadow, when: open_positions >= 1, then: {mode: halted}}
"""


def run(folder: Path | None, *, seed: int = 1, **more: Any) -> Any:
    tapes = runs.made_up(seed, 1, "BTC/USD", "ETH/USD", "SOL/USD")
    if folder is None:
        return runs.run(tapes, **more)
    return runs.run(tapes, workspace=folder, **more)


@pytest.fixture(scope="module")
def shadowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = runs.workspace_with(tmp_path_factory.mktemp("shadows"), {})
    (folder / "rules" / "a-shadows.yaml").write_text(SHADOWS)
    return folder


def acted(found: Any) -> tuple[list[str], list[str]]:
    """Return everything but what shadows said, as texts; every run has its own id."""
    run_id = found.state.run
    records = [
        repr(one).replace(run_id, "run")
        for one in found.records
        if not isinstance(one, Shadowed) and type(one).__name__ != "Started"
    ]
    decisions = [
        repr(one).replace(run_id, "run")
        for one in found.decisions
        if one.verdict is not Verdict.SHADOW
    ]
    return records, decisions


@pytest.mark.parametrize("seed", [1, 3])
def test_with_shadows_a_run_is_the_same_run(seed: int, shadowed: Path) -> None:
    live, both = run(None, seed=seed), run(shadowed, seed=seed)
    for without, with_them in zip(acted(live), acted(both), strict=True):
        assert not runs.first_difference(without, with_them)
    assert live.state.balances == both.state.balances
    assert live.state.version == both.state.version


def test_walking_and_jumping_agree_on_shadows(shadowed: Path) -> None:
    same(run(shadowed), run(shadowed, walk=True))


def test_every_kind_of_shadow_has_its_say_and_watched_ones_once(shadowed: Path) -> None:
    said = [one for one in run(shadowed).decisions if one.verdict is Verdict.SHADOW]
    assert {one.section for one in said} >= {
        *("entry", "votes", "checks", "orders", "exits", "tuning", "switches")
    }
    once = [
        (one.rule, one.position_id)
        for one in said
        if one.section in ("exits", "tuning", "switches")
    ]
    assert len(once) == len(set(once))
    assert {one.rule for one in said if one.section == "exits"} == {
        *("early", "old", "hour", "pressed")
    }
    early = next(one for one in said if one.rule == "early")
    assert early.effect["would"] == "leave"
    assert float(str(early.effect["net_profit"])) > 0.001
    would = {(one.rule, one.effect["would"]) for one in said if one.section == "checks"}
    assert would == {("small", "refused"), ("odd", "adjusted")}


def test_a_run_stopped_and_continued_says_nothing_twice(
    shadowed: Path, tmp_path: Path
) -> None:
    whole = run(shadowed)
    journal = tmp_path / "often.sqlite"
    for _ in range(6):
        run(shadowed, journal=journal, stop_after=max(1, whole.steps // 8))
    same(whole, run(shadowed, journal=journal))
    assert runs.folded(whole).shadowed == whole.state.shadowed
