"""What runs over real and made-up months must show: money that adds up, and reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quorate import Closed, Declined, Filled, Intended, Leaving, Purpose
from quorate.contract.decisions import Verdict
from quorate.drivers.run import load_tapes

runs = import_module("tape_runs")
MONTH = runs.DATA / "BTC_USD-1m-2022-01.csv.gz"
FIVES = sorted(runs.DATA.glob("*-5m-2018-01.csv.gz"))
ZERO = Decimal(0)
THREE = ("BTC/USD", "ETH/USD", "SOL/USD")


@pytest.fixture(scope="module", params=["real month", "real 5m files", "made up"])
def run(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "made up":
        yield runs.run(runs.made_up(11, 3, *THREE), commit_every=2000)
        return
    files = [MONTH] if request.param == "real month" else FIVES
    if not files or not files[0].exists():
        pytest.skip("the recorded market data is not beside this checkout")
    tapes, _ = load_tapes([str(path) for path in files])
    overlays = [runs.ROOT / "rules" / "5m"] if len(files) > 1 else []
    yield runs.run(tapes, overlays=overlays, commit_every=2000)


def of(run: Any, kind: type) -> list[Any]:
    return [record for record in run.records if isinstance(record, kind)]


def test_it_trades_and_every_trade_was_bought_and_sold(run: Any) -> None:
    intents = {r.intent.client_id: r.intent for r in of(run, Intended)}
    bought: dict[str, Decimal] = defaultdict(Decimal)
    sold: dict[str, Decimal] = defaultdict(Decimal)
    for record in of(run, Filled):
        intent = intents[record.client_id]
        side = bought if intent.purpose is Purpose.ENTRY else sold
        side[intent.position_id] += record.fill.amount
    trades = [record.trade for record in of(run, Closed)]
    assert len(trades) >= 20
    for trade in trades:
        assert trade.amount == bought[trade.position_id] > 0
        assert trade.amount == sold[trade.position_id] + trade.dust
        assert trade.exit_rule in {r.id for r in run.driver.rulebook.exits} | {
            "portfolio"
        }


def test_profits_add_up_to_the_change_of_the_balances_exactly(run: Any) -> None:
    first = dict(run.records[0].balances)
    markets = run.state.markets
    expected: dict[str, Decimal] = defaultdict(Decimal, first)
    for record in of(run, Closed):
        expected[markets[record.trade.symbol].quote] += record.trade.profit_quote
        expected[markets[record.trade.symbol].base] += record.trade.dust
    for position in run.state.positions.values():
        market = markets[position.symbol]
        spent = position.cost_quote + position.entry_fee_quote
        made = position.proceeds_quote - position.exit_fee_quote
        expected[market.quote] += made - spent
        expected[market.base] += position.held
    for currency, amount in run.state.balances.items():
        assert amount == expected[currency], currency


def test_no_symbol_has_two_positions_at_once(run: Any) -> None:
    intents = {r.intent.client_id: r.intent for r in of(run, Intended)}
    open_in: dict[str, str] = {}
    for record in run.records:
        if isinstance(record, Filled):
            intent = intents[record.client_id]
            if intent.purpose is Purpose.ENTRY:
                known = open_in.setdefault(intent.symbol, intent.position_id)
                assert known == intent.position_id
        elif isinstance(record, Closed):
            del open_in[record.trade.symbol]


def test_every_order_passed_both_guards_and_no_check_refused_it(run: Any) -> None:
    guards = {check.id: check.guards for check in run.driver.rulebook.checks}
    passed: dict[str, set[str]] = defaultdict(set)
    for decision in run.decisions:
        if decision.section == "checks" and decision.client_id:
            assert decision.verdict in (Verdict.PASSED, Verdict.ADJUSTED)
            passed[decision.client_id].add(guards[decision.rule])
    intents = of(run, Intended)
    assert len(intents) >= 40
    for record in intents:
        assert passed[record.intent.client_id] >= {"rate_limit", "portfolio"}


def test_the_state_is_the_fold_of_the_journal(run: Any) -> None:
    again = runs.folded(run)
    assert again == run.state
    assert again.memories == run.state.memories


def test_another_profit_target_changes_the_exits_and_nothing_else() -> None:
    """Up to the first exit that the target moves, two runs are the same.

    The first record that differs is the first take-profit order, whose price the
    target is in; until the first position that leaves otherwise, every order to buy is
    the same, at the same moment, for the same reason. Votes and candidates, which
    depend on the market alone, are the same to the end of the tape.
    """
    tapes = runs.made_up(11, 3, "BTC/USD")
    low = runs.run(tapes, settings={"profit_target": "0.5%"})
    high = runs.run(tapes, settings={"profit_target": "0.9%"})
    assert len(of(low, Closed)) >= 5

    def signature(record: Any) -> str:
        return repr(record).replace(low.state.run, "run").replace(high.state.run, "run")

    pairs = list(zip(low.records[1:], high.records[1:], strict=False))
    first = next(n for n, (a, b) in enumerate(pairs) if signature(a) != signature(b))
    one, other = pairs[first]
    assert isinstance(one, Intended)
    assert isinstance(other, Intended)
    assert one.intent.purpose is other.intent.purpose is Purpose.TAKE_PROFIT
    assert (one.intent.limit_price or ZERO) < (other.intent.limit_price or ZERO)

    ends = [
        [(r.trade.exit_rule, r.at_ms) for r in of(each, Closed)] for each in (low, high)
    ]
    parted = next(n for n, (a, b) in enumerate(zip(*ends, strict=False)) if a != b)
    until_ms = min(end[parted][1] for end in ends)
    buys = [
        [
            (r.at_ms, r.intent.amount, r.intent.limit_price, r.confidence)
            for r in of(each, Intended)
            if r.intent.purpose is Purpose.ENTRY and r.at_ms <= until_ms
        ]
        for each in (low, high)
    ]
    assert buys[0] == buys[1] != []
    rules = [
        {d.rule for d in each.decisions if d.section == "entry"} for each in (low, high)
    ]
    assert "quorum" in rules[0] & rules[1]
    lanes = [each.driver.view.lanes["BTC/USD"] for each in (low, high)]
    columns = [lane.signals.column("confidence") for lane in lanes]
    assert np.array_equal(columns[0], columns[1], equal_nan=True)
    assert lanes[0].candidates() == lanes[1].candidates()


VOTE = """
import numpy as np
from quorate import hookimpl

@hookimpl
def vote(candles):
    return np.full(len(candles), -1.0)
"""
CHECK = """
from quorate import hookimpl

@hookimpl
def check(draft, desk):
    return "the moon is wrong" if draft.side == "buy" else None
"""
FACT = """
from quorate import Fact, Kind, Moves, Stage, hookimpl

@hookimpl
def facts():
    return [Fact(name="odd_hour", stage=Stage.ACCOUNT, kind=Kind.FLAG,
                 moves=Moves.CLOCK, help="whether the hour of the day is odd",
                 compute=lambda desk: desk.now_ms // 3_600_000 % 2 == 1)]
"""
FUNCTION = """
import numpy as np
from quorate import Function, hookimpl

def before(series, rows):
    out = np.full(len(series), np.nan)
    out[int(rows):] = series[: len(series) - int(rows)]
    return out

@hookimpl
def functions():
    return [Function(name="before", help="the value some rows ago", series=1,
                     numbers=("rows",), defaults=(1.0,), compute=before, unit=None)]
"""


@pytest.fixture(scope="module")
def plain() -> Any:
    return runs.run(runs.made_up(11, 1, "BTC/USD"))


def dropped_in(folder: Path, plugin: str, rule: str = "") -> Any:
    workspace = runs.workspace_with(folder, {"x": plugin})
    if rule:
        (workspace / "rules" / "x.yaml").write_text(rule)
    return runs.run(runs.made_up(11, 1, "BTC/USD"), workspace=workspace)


def test_a_vote_that_is_dropped_in_counts(plain: Any, tmp_path: Path) -> None:
    run = dropped_in(tmp_path, VOTE)
    assert of(plain, Intended)
    assert not of(run, Intended)  # (3 + 1 - 1) of 5 is not above 0.75


def test_a_check_that_is_dropped_in_refuses(plain: Any, tmp_path: Path) -> None:
    run = dropped_in(tmp_path, CHECK)
    assert not of(run, Intended)
    refused = [d for d in run.decisions if d.section == "plugins"]
    assert {(d.rule, d.effect["reason"]) for d in refused} == {
        ("x", "the moon is wrong")
    }
    first = next(r for r in of(plain, Intended))
    assert of(run, Declined)[0].at_ms == first.at_ms
    assert of(run, Declined)[0].by == "x"


def test_a_fact_that_is_dropped_in_can_veto(plain: Any, tmp_path: Path) -> None:
    rule = "votes:\n  - {id: odd-hour, assistant: x, veto: odd_hour}\n"
    run = dropped_in(tmp_path, FACT, rule)
    entries = [r for r in of(run, Intended) if r.intent.purpose is Purpose.ENTRY]
    hours = {r.at_ms // 3_600_000 % 2 for r in of(plain, Intended)}
    assert hours == {0, 1}
    assert entries
    assert {r.at_ms // 3_600_000 % 2 for r in entries} == {0}
    assert "odd-hour" in {r.by for r in of(run, Declined)}


def test_a_function_that_is_dropped_in_can_be_called(
    plain: Any, tmp_path: Path
) -> None:
    rule = (
        "votes:\n  - id: rising\n    assistant: x\n"
        "    score: 1 if close > before(close, 3) else -1\n    weight: 9\n"
    )
    run = dropped_in(tmp_path, FUNCTION, rule)
    close = run.driver.tapes[0].close
    rising = np.flatnonzero(close[3:] > close[:-3]) + 3
    start = int(run.driver.tapes[0].time_ms[0])
    entries = [r for r in of(run, Intended) if r.intent.purpose is Purpose.ENTRY]
    assert entries
    for record in entries:
        assert (record.at_ms - start) // 60_000 - 1 in rising
    assert [r.at_ms for r in of(run, Leaving)] != [r.at_ms for r in of(plain, Leaving)]
