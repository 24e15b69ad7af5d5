"""Tests of rules ask the engine's own stages, and tell what they would need."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.trials.trial_parts import (
    ask,
    book,
    default,
    default_tests,
    differences,
    host,
    with_change,
)

from quorate.trials.reading import read_tests
from quorate.trials.run import run_tests

ROOT = Path(__file__).parents[2]


def test_the_tests_of_the_default_rules_pass() -> None:
    found = default_tests()
    assert found.problems == ()
    results = list(run_tests(found.tests, default(), host()))
    assert [one.name for one in results if not one.passed] == []
    assert len(results) > 200


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("entry.yaml", "confidence > min", "confidence >= min"),
        ("entry.yaml", " and risk_approved", ""),
        ("checks.yaml", "cost <= free_quote", "cost < free_quote"),
        ("errors.yaml", "wait: 15s", "wait: 150s"),
        ("errors.yaml", "EGeneral:Too many requests", "EGeneral:Too much"),
        ("exits.yaml", "-stop_loss", "-stop_loss * 2"),
        ("params.yaml", "max_exposure: {value: 80%", "max_exposure: {value: 81%"),
        ("votes.yaml", "ema(close, 9)", "ema(close, 10)"),
        ("switches.yaml", "mode: halted", "mode: reduce_only"),
    ],
)
def test_a_changed_rule_fails_a_test(name: str, old: str, new: str) -> None:
    changed = with_change(name, old, new)
    results = run_tests(default_tests().tests, changed, host())
    assert any(not one.passed for one in results)


def test_what_is_not_given_is_named() -> None:
    result = ask("entry", "{confidence: 0.9}", "{fires: quorum}")
    assert result.missing == ("risk_approved",)
    assert not result.passed


def test_what_follows_from_what_is_given_need_not_be() -> None:
    given = (
        "{side: buy, amount: 2, limit_price: 100, market: {taker_fee: 1%}, "
        "learned_minimum: 1, rate_counter: 0, order_cost: 1, rate_threshold: 9, "
        "deployment: funds_available, free_quote: 202, confidence: 0.5, "
        "weakest_profit: -1%, weakest_confidence: 0.5}"
    )
    assert ask("checks", given, "{finding: pass}").passed
    poorer = given.replace("202", "201.99")
    assert differences(ask("checks", poorer, "{finding: pass}")) == {
        "finding": "refuse"
    }
    feeless = given.replace("market: {taker_fee: 1%}, ", "")
    assert ask("checks", feeless, "{finding: pass}").missing == ("cost",)


def test_an_adjusted_amount_needs_the_grid() -> None:
    given = "{side: buy, amount: 1, learned_minimum: 2, rate_counter: 0, order_cost: 1}"
    result = ask("checks", given, "{finding: pass}")
    assert "amount_step" in result.missing


def test_not_known_is_not_the_same_as_false() -> None:
    result = ask("entry", "{confidence: 0.9, risk_approved: null}", "{fires: none}")
    assert result.passed
    assert result.found["unknown"] == ("quorum",)


def test_a_given_param_holds_for_its_case_only() -> None:
    text = """\
tests:
  - name: x
    section: entry
    given: {confidence: 0.8, risk_approved: true, position_limit: 1, free_quote: 1}
    cases:
      given: [min_confidence]
      expect: [fires]
      rows: [[0.9, none], [0.7, quorum]]
  - name: another
    section: entry
    given: {confidence: 0.8, risk_approved: true, position_limit: 1, free_quote: 1}
    expect: {fires: quorum}
"""
    results = list(run_tests(book(text).tests, default(), host()))
    assert [one.passed for one in results] == [True, True, True]


def test_steps_are_looked_at_until_something_happens() -> None:
    steps = '    steps: {every: 30s, price: "100 +1x5 -3x5"}\n'
    given = "{entry_price: 100, market: {maker_fee: 0%, taker_fee: 0%}}"
    result = ask("exits", given, "{fires: stop}", more=steps)
    assert differences(result) == {"fires": "micro-profit"}
    assert result.found["step"] == 2
    assert result.found["after"] == 30_000
    only_sold = given.replace("}}", "}, sold: [micro-profit]}")
    late = ask("exits", only_sold, "{fires: trailing, after: 3m}", more=steps)
    assert late.passed


def test_a_param_that_rises_in_small_steps_is_compared_exactly() -> None:
    given = "{confidence: 0.9, risk_approved: true, position_limit: 9, free_quote: 0.3}"
    result = ask("entry", given, "{quote_amount: 0.06}")
    assert result.passed
    assert result.found["quote_amount"] == Decimal("0.06")
    off = ask("entry", given, "{quote_amount: 0.0600000001}")
    assert not off.passed


def test_no_plugin_is_blamed_for_what_a_test_leaves_out() -> None:
    before = {name: one.faults for name, one in host().plugins.items()}
    for _ in range(5):
        ask("vetoes", "{}", "{vetoed: []}")
    assert before == {name: one.faults for name, one in host().plugins.items()}


SHADOW = """
  - {id: early, mode: shadow, when: net_profit > 0.2%, then: {sell: 40%}}
"""


@pytest.mark.parametrize(
    ("awake", "fires"), [("", "none"), ("awake: early, ", "early")]
)
def test_a_shadow_acts_in_a_test_that_wakes_it_alone(awake: str, fires: str) -> None:
    rules = (ROOT / "rules" / "exits.yaml").read_text()
    changed = with_change("exits.yaml", rules, rules + SHADOW)
    given = "{net_profit: 0.21%, peak_profit: 0.21%, giveback: 0%, age: 1m}"
    text = f"""
tests:
  - {{name: early, section: exits, {awake}given: {given}, expect: {{fires: {fires}}}}}
"""
    found = read_tests([("early.test.yaml", text.encode())], changed)
    assert found.problems == ()
    [result] = run_tests(found.tests, changed, host())
    assert result.passed, result.differences


def test_only_a_shadow_can_be_woken() -> None:
    text = "tests: [{name: a, section: entry, awake: quorum, expect: {fires: none}}]"
    found = read_tests([("a.test.yaml", text.encode())], default())
    [problem] = found.problems
    assert (problem.code, problem.message) == (
        "T501",
        "there is no shadow rule `quorum`",
    )
