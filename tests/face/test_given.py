"""A rule on given facts: the tree, the origins, what fires, what flips it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quorate.face.cli import cli

ROOT = Path(__file__).parents[2]


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(ROOT), "explain", *arguments])


def given(rule: str, *facts: str, more: tuple[str, ...] = ()) -> Result:
    return explain(rule, *(part for fact in facts for part in ("--given", fact)), *more)


def test_the_tree_has_values_margins_origins_and_what_was_not_evaluated() -> None:
    told = given("quorum", "confidence=0.71", "risk_approved=true")
    assert told.exit_code == 0, told.output
    assert "quorum does not fire" in told.output
    assert "confidence > min_confidence = no  failed by 0.04" in told.output
    assert "confidence = 0.71  given" in told.output
    assert "min_confidence = 0.75  rules, rules/params.yaml:" in told.output
    assert "risk_approved = not evaluated" in told.output
    assert "confidence 0.71 -> 0.7501" in told.output
    assert "no change of risk_approved alone" in told.output


def test_two_changes_where_one_is_not_enough() -> None:
    told = given("quorum", "confidence=0.71", "risk_approved=false")
    assert (
        "both risk_approved no -> yes and confidence 0.71 -> 0.7501" in told.output
        or "both confidence 0.71 -> 0.7501 and risk_approved no -> yes" in told.output
    )


def test_a_param_has_the_place_it_was_set_at() -> None:
    facts = ("confidence=0.71", "risk_approved=true")
    told = given("quorum", *facts, more=("--set", "min_confidence=0.7"))
    assert "quorum fires" in told.output
    assert "min_confidence = 0.7  --set" in told.output
    assert "instead of 0.75 (rules, rules/params.yaml:" in told.output
    told = given("quorum", *facts, "min_confidence=0.7")
    assert "min_confidence = 0.7  given" in told.output


def test_the_first_rule_shadows_those_behind_it() -> None:
    facts = ("net_profit=1%", "peak_profit=3%", "giveback=2%", "age=5d")
    told = given("trailing", *facts)
    assert "trailing holds, but is shadowed by micro-profit (rules/exits" in told.output
    told = given("micro-profit", *facts)
    assert "it shadows trailing (rules/exits.yaml:" in told.output
    assert "it shadows time (rules/exits.yaml:" in told.output
    assert "it shadows stop" not in told.output


def test_what_other_rules_miss_is_said() -> None:
    told = given("micro-profit", "net_profit=1%")
    assert told.exit_code == 0
    assert "cannot be told without peak_profit, giveback, age" in told.output


def test_checks_and_votes() -> None:
    told = given("momentum", "strength=45")
    assert "momentum votes 0" in told.output
    assert "strength < 70 = not evaluated" in told.output
    told = given("losing-streak", "losses_in_row=1", "since_any_loss=3h")
    assert "losing-streak does not veto" in told.output
    assert "losses_in_row 1 -> 8" in told.output


def test_facts_come_from_a_file_and_options_go_first(tmp_path: Path) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text("confidence: 0.9\nrisk_approved: true\nmarket: {taker_fee: 0.2%}\n")
    told = explain("quorum", "--given-file", str(file))
    assert "quorum fires" in told.output
    assert f"confidence = 0.9  given, {file}:1:13" in told.output
    told = given("quorum", "confidence=0.1", more=("--given-file", str(file)))
    assert "quorum does not fire" in told.output


@pytest.mark.parametrize(
    ("rule", "facts", "message"),
    [
        ("quorum", ["confidense=1"], 'did you mean "confidence"?'),
        ("quorun", ["confidence=1"], 'did you mean "quorum"?'),
        ("quorum", ["confidence=1"], "--given risk_approved=true|false"),
        ("stop", ["peak_profit=1%"], "--given net_profit=NUMBER  (ratio)"),
        ("stop", ["net_profit=7s"], "`net_profit` is a ratio, 7s is a duration"),
        ("quorum", ["confidence=7"], "`confidence` is at most 1, was 7"),
        ("quorum", ["risk_approved=yes"], "write true"),
    ],
)
def test_what_cannot_be_asked_is_said(
    rule: str, facts: list[str], message: str
) -> None:
    told = given(rule, *facts)
    assert told.exit_code == 2
    assert message in told.output
    assert "Traceback" not in told.output


def test_json_has_all_of_it() -> None:
    facts = ("confidence=0.71", "risk_approved=true")
    told = json.loads(given("quorum", *facts, more=("--json",)).output)
    assert told["rule"] == "quorum"
    (when,) = told["reasonings"]
    assert when["holds"] is False
    assert when["tree"]["parts"][1]["evaluated"] is False
    assert when["flips"]["singles"][0] == {
        "name": "confidence",
        "old": 0.71,
        "new": 0.7501,
    }
