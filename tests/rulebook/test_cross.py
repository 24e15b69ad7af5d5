"""Checks of the rulebook as a whole that an example in a table cannot show."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module

import pytest

from quorate.rulebook.build import SECTIONS
from quorate.rulebook.cross import formulas
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Formula

parts = import_module("rulebook_parts")
codes = parts.codes
default_files = parts.default_files
read = parts.read


def book() -> Rulebook:
    rulebook: Rulebook = parts.good(read())
    return rulebook


def test_every_formula_of_a_rule_is_found() -> None:
    for section in SECTIONS.keys() - {"symbols"}:
        for rule in getattr(book(), section):
            places = [formula.expression.place for formula in formulas(rule)]
            direct = [getattr(rule, field.name) for field in fields(rule)]
            own = [value for value in direct if isinstance(value, Formula)]
            assert len(places) == len(set(places)) >= len(own)
            assert {one.expression.place for one in own} <= set(places)
    [default] = [rule for rule in book().orders if rule.id == "default"]
    assert len(list(formulas(default))) == 3
    [trend] = [rule for rule in book().votes if rule.id == "trend"]
    assert [one.text for one in formulas(trend)] == [
        "ema(close, 9)",
        "ema(close, 21)",
        "1 if fast > slow else 0",
    ]


CHECK = "  - {{id: only, guards: {guard}, {keys}require: {require}}}\n"


@pytest.mark.parametrize("guard", ["rate_limit", "portfolio"])
@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ("", 0),
        ("side: buy, ", 1),
        ("side: sell, ", 1),
        ("when: amount > learned_minimum, ", 2),
    ],
)
def test_guard_stands_for_the_orders_it_always_looks_at(
    guard: str, keys: str, missing: int
) -> None:
    lines = default_files()["checks.yaml"].splitlines(keepends=True)
    kept = [line for line in lines if f"guards: {guard}" not in line]
    check = CHECK.format(guard=guard, keys=keys, require="amount <= free_base")
    reading = read({"checks.yaml": "".join(kept) + check})
    assert codes(reading) == ["R414"] * missing


def test_guards_are_missed_where_the_checks_stand() -> None:
    text = default_files()["checks.yaml"].replace("    guards: portfolio\n", "")
    problems = read({"checks.yaml": text}).problems
    assert {str(problem.span) for problem in problems} == {"checks.yaml:4:1"}
    assert {problem.source for problem in problems} == {"checks:"}


def test_id_is_unique_across_sections_and_in_files_with_other_problems() -> None:
    text = "exits:\n  - {id: trend, when: agee > 1d, then: {sell: 100%}}\n"
    reading = read({"a.yaml": text})
    assert codes(reading) == ["R310", "R401"]
    [twice] = [one for one in reading.problems if one.code == "R401"]
    assert str(twice.span) == "votes.yaml:6:9"
    assert [(what, str(span)) for what, span in twice.related] == [
        ("first used here", "a.yaml:2:10")
    ]


def test_tuned_timeframe_is_refused_through_its_param() -> None:
    text = "tuning:\n  - id: more\n    when: samples > 5\n    min_samples: 5\n"
    text += "    then: {set: {slow_timeframe: 30m, fast_timeframe: 5m}}\n"
    assert codes(read({"x.yaml": text})) == ["R416", "R416"]


def test_params_that_memories_need_are_used() -> None:
    # No rule mentions it: what is learned from executions does.
    assert "execution_window" in book().params.by_name
    assert codes(read()) == []
