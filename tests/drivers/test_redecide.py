"""Recorded decisions, decided again on their own inputs under edited rules."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from tests.drivers.tape_runs import ROOT, made_up, run

from quorate.contract.decisions import Decision, Verdict
from quorate.drivers.redecide import (
    NO_RULE,
    NOT_GIVEN,
    NOT_KEPT,
    NOT_KNOWN_THEN,
    Redecided,
    redecide,
)
from quorate.face.workspace import open_workspace
from quorate.host.host import Host
from quorate.journal.rows import RecordedDecision
from quorate.rulebook.rulebook import Rulebook, Sources, read_rulebook

D = Decimal


@pytest.fixture(scope="module")
def host() -> Host:
    return open_workspace(ROOT).host()


@pytest.fixture(scope="module")
def rules(host: Host) -> Rulebook:
    return open_workspace(ROOT).rulebook(host)


def edited(rules: Rulebook, host: Host, *edits: tuple[str, str]) -> Rulebook:
    """Return the rulebook with texts replaced."""
    texts = rules.sources.as_texts()
    for old, new in edits:
        assert any(old in text for text in texts.values()), old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    reading = read_rulebook(Sources.from_texts(texts), host.facts, host.functions)
    assert reading.rulebook is not None, reading.errors
    return reading.rulebook


def decided(
    section: str, rule: str, verdict: Verdict, inputs: Mapping[str, Any]
) -> Decision:
    return Decision(
        at_ms=1,
        symbol="BTC/USD",
        section=section,
        rule=rule,
        place="rules/x.yaml:1",
        verdict=verdict,
        inputs=inputs,
    )


def again(decision: Decision, before: Rulebook | None, now: Rulebook) -> Redecided:
    row = RecordedDecision(seq=1, unit=1, rulebook="then", decision=decision)
    return redecide([row], lambda digest: {"then": before}[digest], now)


def now_says(decision: Decision, before: Rulebook, now: Rulebook) -> str:
    """Return the other answer, or why there is none, "" for the same."""
    found = again(decision, before, now)
    for other in found.listed:
        return other.now
    return next(iter(found.undecided), "")


ENTRY = decided(
    "entry",
    "quorum",
    Verdict.FIRED,
    {"confidence": 0.8, "min_confidence": 0.75, "risk_approved": True},
)
VETO = decided(
    "entry",
    "enough-positions-here",
    Verdict.DECLINED,
    {"positions_here": 1.0, "max_positions_here": 1.0},
)
CHECK = decided(
    "checks",
    "portfolio",
    Verdict.PASSED,
    {"deployment": "funds_available", "cost": D(2000), "free_quote": D(10000)},
)
STOP = decided(
    "exits", "stop", Verdict.FIRED, {"net_profit": -0.021, "stop_loss": 0.02}
)
ORDER = decided(
    "orders",
    "default",
    Verdict.FIRED,
    {"rate_counter": D(50), "rate_high_water": D(70), "use_ioc": False},
)
ADJUSTED = decided(
    "checks",
    "minimum",
    Verdict.ADJUSTED,
    {"amount": D("0.001"), "learned_minimum": D("0.002")},
)


@pytest.mark.parametrize(
    ("decision", "old", "new", "says"),
    [
        (ENTRY, "min_confidence: {value: 0.75", "min_confidence: {value: 0.9", "does"),
        (ENTRY, "min_confidence: {value: 0.75", "min_confidence: {value: 0.7", ""),
        (ENTRY, "confidence > min_conf", "confidence < min_conf", "does not fire"),
        (VETO, "positions_here >= max", "positions_here > max", "lets it in"),
        (VETO, "positions_here >= max", "positions_here + 0.5 > max", ""),
        (CHECK, "cost <= free_quote", "cost * 9 <= free_quote", "refuses"),
        (CHECK, "cost <= free_quote", "cost * 2 <= free_quote", ""),
        (STOP, "stop_loss: {value: 2%", "stop_loss: {value: 3%", "does not fire"),
        (STOP, "id: stop", "id: halting", "there is no such rule"),
        (ORDER, "rate_high_water: {value: 70", "rate_high_water: {value: 40", "is tak"),
        (ADJUSTED, "when: amount < learned", "when: amount > learned", "refuses"),
        (CHECK, "cost <= free_quote", "cost / (cost - 2000) < 1", "is not known"),
    ],
)
def test_what_an_edited_rule_says_on_recorded_inputs(
    rules: Rulebook, host: Host, decision: Decision, old: str, new: str, says: str
) -> None:
    said = now_says(decision, rules, edited(rules, host, (old, new)))
    assert says in said
    assert bool(says) == bool(said)


def test_a_param_that_was_not_edited_counts_as_it_was_tuned(
    rules: Rulebook, host: Host
) -> None:
    tuned = decided("exits", "stop", Verdict.FIRED, {**STOP.inputs, "stop_loss": 0.01})
    lower = decided(
        "exits", "stop", Verdict.FIRED, {"net_profit": -0.015, "stop_loss": 0.01}
    )
    other = edited(
        rules, host, ("profit_target: {value: 0.5%", "profit_target: {value: 1%")
    )
    assert now_says(tuned, rules, other) == now_says(lower, rules, other) == ""
    turned = edited(rules, host, ("stop_loss: {value: 2%", "stop_loss: {value: 2.5%"))
    assert now_says(lower, rules, turned) == "does not fire"


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (decided("entry", "halted", Verdict.DECLINED, {}), NO_RULE),
        (decided("plugins", "guard", Verdict.REFUSED, {}), NO_RULE),
        (decided("exits", "portfolio", Verdict.FIRED, {}), NO_RULE),
        (
            decided("exits", "stop", Verdict.NOT_KNOWN, {}),
            NOT_KNOWN_THEN,
        ),
        (
            decided("exits", "stop", Verdict.FIRED, {"net_profit": 1.0}),
            NOT_GIVEN,
        ),
        (
            decided("exits", "stop", Verdict.NOT_KNOWN, {"net_profit": None}),
            NOT_KNOWN_THEN,
        ),
    ],
)
def test_what_cannot_be_decided_again_is_said(
    rules: Rulebook, decision: Decision, reason: str
) -> None:
    found = again(decision, rules, rules)
    (told,) = found.undecided
    assert reason in told
    assert not found.total


def test_a_name_that_was_not_recorded_is_said(rules: Rulebook, host: Host) -> None:
    new = edited(
        rules, host, ("cost <= free_quote", "cost <= free_quote and order_cost < 9")
    )
    assert now_says(CHECK, rules, new) == "order_cost was not recorded with it"


@pytest.mark.parametrize(("day", "says"), [("thu", ""), ("fri", "does not fire")])
def test_hours_and_days_follow_from_the_moment(
    rules: Rulebook, host: Host, day: str, says: str
) -> None:
    """The decision was taken on the first of January 1970, a Thursday."""
    active = f"  - id: quorum\n    active: {{days: [{day}]}}"
    assert (
        now_says(ENTRY, rules, edited(rules, host, ("  - id: quorum", active))) == says
    )


def test_without_the_rules_of_then_nothing_is_decided(rules: Rulebook) -> None:
    assert again(ENTRY, None, rules).undecided == {NOT_KEPT: 1}


def test_a_check_that_does_not_apply_passes(rules: Rulebook, host: Host) -> None:
    inputs = {"amount": D(2), "learned_minimum": D(1)}
    passed = decided("checks", "minimum-for-exits", Verdict.PASSED, inputs)
    old = "    require: amount >= learned_minimum"
    for when, says in (("amount > 5", ""), ("amount > 1", "refuses")):
        new = edited(rules, host, (old, f"    when: {when}\n{old} * 9"))
        assert now_says(passed, rules, new) == says


def test_an_error_is_matched_again(rules: Rulebook, host: Host) -> None:
    seen = decided("errors", "", Verdict.NOT_KNOWN, {"error": "EOdd:Thing"})
    assert now_says(seen, rules, rules) == ""
    matched = next(iter(rules.errors))
    words = f"match: '{matched.pattern.pattern}'"
    new = edited(rules, host, (words, "match: 'EOdd:'"))
    assert now_says(seen, rules, new) == f"{matched.id} is taken"


def hidden_minimums() -> dict[str, Any]:
    """Return paper settings under which orders are refused until trading stops."""
    markets = open_workspace(ROOT).settings["markets"]
    return {"markets": [{**one, "hidden_min_amount": D(20)} for one in markets]}


@pytest.mark.parametrize(
    ("paper", "sections", "by_no_rule"),
    [
        (None, {"entry", "orders", "checks", "exits"}, ()),
        (hidden_minimums(), {"entry", "orders", "errors", "switches"}, ("halted",)),
    ],
)
def test_every_decision_of_a_run_is_the_same_under_its_own_rules(
    rules: Rulebook, paper: Any, sections: set[str], by_no_rule: tuple[str, ...]
) -> None:
    done = run(made_up(3, 2, "BTC/USD", "ETH/USD"), paper=paper)
    rows = [
        RecordedDecision(seq=n, unit=n, rulebook="then", decision=one)
        for n, one in enumerate(done.decisions)
    ]
    assert sections <= {one.section for one in done.decisions}
    found = redecide(rows, lambda _: rules, rules)
    left_out = sum(one.rule in by_no_rule for one in done.decisions)
    assert not found.total
    assert found.undecided == ({NO_RULE: left_out} if by_no_rule else {})
    same = sum(one.same for one in found.rules.values())
    assert same == len(rows) - left_out > 50


def test_no_more_are_listed_than_asked_for(rules: Rulebook, host: Host) -> None:
    new = edited(rules, host, ("cost <= free_quote", "cost * 9 <= free_quote"))
    row = RecordedDecision(seq=1, unit=1, rulebook="then", decision=CHECK)
    found = redecide([row] * 5, lambda _: rules, new, most=2)
    assert (found.total, len(found.listed)) == (5, 2)
    assert found.rules["checks", "portfolio"].other == 5
