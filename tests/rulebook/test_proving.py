"""What drawing moments finds: witnesses that are true, and nothing that is not so."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from quorate.rulebook.economy import economy, known_errors
from quorate.rulebook.evaluating import evaluate
from quorate.rulebook.proving import prove
from quorate.rulebook.sampling import ROWS, Range, draw, find, ranges_of
from quorate.rulebook.terms import Expression, NotKnown

parts = import_module("rulebook_parts")
FEES = parts.FEES

ALWAYS = "  - {{id: {0}, when: '{1}', then: {{sell: 100%}}}}\n"


def exits(*whens: str, share: str = "100%") -> str:
    lines = (ALWAYS.format(f"more-{n}", when) for n, when in enumerate(whens))
    return "exits:\n" + "".join(lines).replace("100%", share)


def found(content: str, **more: Any) -> list[tuple[str, int]]:
    """Return code and line of everything found in an extra file."""
    reading = parts.read({"extra.yaml": content}, **more)
    assert reading.rulebook is not None, reading.problems
    return [
        (one.code, one.span.line)
        for one in sorted(parts.all_problems(reading), key=lambda one: one.span)
        if one.span.path == "extra.yaml"
    ]


def formulas() -> list[Any]:
    book = parts.read().rulebook
    rules = [*book.votes, *book.exits, *book.orders, *book.switches, *book.checks]
    keys = ("when", "veto", "require", "score", "rest")
    return [
        found for rule in rules for key in keys if (found := getattr(rule, key, None))
    ]


@pytest.mark.parametrize("formula", formulas(), ids=lambda one: one.text[:40])
def test_values_are_those_of_the_compiled_expression(formula: Any) -> None:
    book = parts.read().rulebook
    expression: Expression = formula.expression
    ranges = ranges_of([expression], book.facts, book.params)
    columns = draw(ranges, 64)
    values = np.broadcast_to(evaluate(expression.tree, columns), (64,))
    from quorate.rulebook.compile_function import compile_value

    compiled = compile_value(expression, exact=False)
    compared = 0
    for row in range(64):
        moment = SimpleNamespace(**{name: columns[name][row] for name in columns})
        try:
            expected = compiled(moment)
        except (NotKnown, ArithmeticError):
            continue
        compared += 1
        assert values[row] == pytest.approx(expected)
    assert compared > 32


def test_moments_stay_within_what_is_declared_and_reach_its_ends() -> None:
    book = parts.read().rulebook
    expressions = [one.expression for one in formulas()]
    ranges = ranges_of(expressions, book.facts, book.params)
    columns = draw(ranges)
    for name, one in ranges.items():
        if one.words:
            assert set(columns[name]) == set(one.words)
        elif columns[name].dtype.kind == "f":
            assert one.low <= columns[name].min() <= columns[name].max() <= one.high
    assert columns["drawdown"].min() == 0
    assert columns["drawdown"].max() == 1
    as_set = columns["max_age"][: ROWS // 2]
    assert set(as_set) == {4 * 3_600_000.0}
    assert len(set(columns["max_age"])) > 100


def test_the_same_rules_give_the_same_moments() -> None:
    book = parts.read().rulebook
    ranges = ranges_of([one.expression for one in formulas()], book.facts, book.params)
    first, second = draw(ranges), draw(ranges)
    assert all((first[name] == second[name]).all() for name in ranges)
    assert prove(book).problems == prove(book).problems == []


def test_a_moment_found_is_as_wanted() -> None:
    book = parts.read(
        {"extra.yaml": exits("losses_in_row == 7 and fill_rate > 99.9% and age < 5s")}
    ).rulebook
    tree = book.exits[-1].when.expression.tree
    ranges = ranges_of([book.exits[-1].when.expression], book.facts, book.params)
    seen = find(ranges, [(tree, True)])
    assert seen is not None
    columns, row = seen
    assert columns["losses_in_row"][row] == 7
    assert columns["fill_rate"][row] > 0.999
    assert columns["age"][row] < 5_000
    narrowed = {**ranges, "age": replace(ranges["age"], low=6_000.0)}
    assert find(narrowed, [(tree, True)]) is None


@pytest.mark.parametrize(
    "when",
    [
        "losses_in_row > 5 and losses_in_row < 3",
        "not (drawdown > 30% or drawdown <= 30%)",
        "success_rate >= 99% and success_rate * 2 < 1",
        "age < 1m and age > max_age",
        'deployment == "funds_deployed" and deployment == "funds_available"',
        "min(drawdown, success_rate) > drawdown + 1%",
        "abs(drawdown) < 0",
    ],
)
def test_what_never_holds_is_found(when: str) -> None:
    assert found(exits(when)) == [("R430", 2)]


@pytest.mark.parametrize(
    "when",
    [
        "losses_in_row > 5 and losses_in_row < 7",
        "losses_in_row == 7 and samples == 3 and since_loss < 5s and drawdown > 99%",
        "close > break_even * 1.0001 and close < break_even * 1.0002",
        "free_quote + locked_quote > 3 * equity and equity > position_limit",
        "rate_counter + 1 > rate_max and rate_max > 179 and rate_max < 181",
        'deployment != "funds_deployed" and weakest_position == "p7"',
    ],
)
def test_what_can_hold_is_left_alone(when: str) -> None:
    assert found(exits(when)) == []


@pytest.mark.parametrize(
    "when", ["losses_in_row >= 0", "drawdown <= 1", "use_ioc or not use_ioc"]
)
def test_what_always_holds_is_found(when: str) -> None:
    assert found(exits(when)) == [("R431", 2)]


def test_a_rule_behind_two_others_names_both() -> None:
    content = exits(
        "drawdown < 60%", "losses_in_row > 2", "drawdown >= 60%", "age > 2d"
    )
    reading = parts.read({"extra.yaml": content})
    [problem] = prove(reading.rulebook).problems
    assert (problem.code, problem.span.line) == ("R432", 5)
    assert "`more-0` or `more-2` holds before it, as at " in problem.message
    assert [what for what, _ in problem.related] == [
        "`more-0` is here",
        "`more-2` is here",
    ]


def test_an_exit_that_sells_a_part_hides_none() -> None:
    content = exits("losses_in_row > 2", share="50%")
    also = content + ALWAYS.format("other", "losses_in_row > 3")
    assert found(also) == []


def test_a_dead_rule_is_one_problem() -> None:
    dead = "losses_in_row > 5 and losses_in_row < 3"
    assert found(exits(dead, dead)) == [("R430", 2), ("R430", 3)]


def test_gross_profit_is_held_against_the_fees() -> None:
    assert found(exits("gross_profit > 0.64%", share="50%")) == [("R436", 2)]
    assert found(exits("gross_profit > 0.65%", share="50%")) == []
    assert found(exits("net_profit > 0.1%", share="50%")) == []
    reading = parts.read({"extra.yaml": exits("gross_profit > 0.1%", share="50%")})
    assert [one.code for one in economy(reading.rulebook, FEES)] == ["R436"]
    assert economy(reading.rulebook, None) == []


def test_a_pattern_near_a_known_error_says_which() -> None:
    content = (
        "errors:\n  - {id: more, match: 'EOrder:Tick sise', then: {retry: false}}\n"
    )
    reading = parts.read({"extra.yaml": content})
    [problem] = economy(reading.rulebook, None)
    assert problem.code == "R441"
    assert 'did you mean "EOrder:Tick size check failed"?' in problem.help


def test_every_default_pattern_finds_a_known_error() -> None:
    for rule in parts.read().rulebook.errors:
        assert any(rule.pattern.search(known) for known in known_errors()), rule.id


def test_a_range_without_bounds_is_drawn_from_small_to_large() -> None:
    from quorate.contract.vocabulary import Kind

    values = np.abs(draw({"x": Range(Kind.NUMBER)})["x"])
    assert values.max() > 1e6
    assert 0 < values[values > 0].min() < 1e-2


def bands(count: int, section: str) -> str:
    """Return rules that each hold in a narrow band which is hardly ever drawn."""
    lines = [f"{section}:"]
    for number in range(count):
        band = f"free_quote >= {100 + number} and free_quote < {101 + number}"
        if section == "votes":
            lines.append(f"  - {{id: b-{number}, assistant: risk, veto: {band}}}")
        else:
            then = "{quote_amount: free_quote * 1%}"
            lines.append(f"  - {{id: b-{number}, when: {band}, then: {then}}}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("section", ["votes", "entry"])
def test_rules_of_narrow_bands_are_neither_alike_nor_hidden(section: str) -> None:
    assert found(bands(40, section)) == []


def test_each_of_many_rules_behind_a_wider_one_is_told_of() -> None:
    first = "entry:\n  - {id: a-wide, when: free_quote >= 90, then: {amount: 1}}\n"
    content = first + bands(20, "entry").partition("\n")[2]
    assert found(content) == [("R432", line) for line in range(3, 23)]
