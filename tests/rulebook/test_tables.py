"""Decision tables: rows that are rules like any other, at the places of their cells."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.tables import condition

parts = import_module("rulebook_parts")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("-", None),
        ("> 70", "x > 70"),
        ("<=high_water", "x <= high_water"),
        ("!= 'IOC'", "x != 'IOC'"),
        ("70..100", "x >= 70 and x < 100"),
        ("..5%", "x < 5%"),
        ("1h ..", "x >= 1h"),
        ("..", None),
        (True, "x"),
        (False, "not x"),
        (5, "x == 5"),
        (Decimal("0.5"), "x == 0.5"),
        ("funds_deployed", "x == 'funds_deployed'"),
        ("0.5%", "x == 0.5%"),
    ],
)
def test_a_cell_is_a_condition(cell: Any, text: str | None) -> None:
    assert condition("x", cell) == text


def test_a_column_may_be_an_expression() -> None:
    assert condition("close / entry", "> 2") == "(close / entry) > 2"


TABLE = """\
orders:
  - id: how
    tags: [sending]
    table:
      also: {max_attempts: 2}
      when: [rate_counter, deployment == 'funds_deployed']
      then: [type, time_in_force, limit_price]
      rows:
        - ['> rate_high_water', '-', limit, IOC, close]
        - ['50 .. 60', true, market, '-', '-']
        - ['-', '-', limit, GTC, close]
"""


def book(text: str, name: str = "orders.yaml") -> Rulebook:
    reading = parts.read({name: text})
    assert reading.rulebook is not None, reading.problems
    rulebook: Rulebook = reading.rulebook
    return rulebook


def test_each_row_is_a_rule_at_its_place() -> None:
    first, second, last = book(TABLE).orders
    assert [rule.id for rule in (first, second, last)] == ["how-1", "how-2", "how-3"]
    assert [rule.place.line for rule in (first, second, last)] == [9, 10, 11]
    assert {rule.table for rule in (first, second, last)} == {"how"}
    assert {rule.tags for rule in (first, second, last)} == {("sending",)}
    assert first.when is not None
    assert first.when.text == "rate_counter > rate_high_water"
    assert last.when is None
    assert [rule.how.type for rule in (first, second, last)] == [
        *("limit", "market", "limit")
    ]
    assert first.how.time_in_force == "IOC"
    assert all(rule.how.max_attempts for rule in (first, second, last))


WRITTEN = """\
orders:
  - id: how-1
    when: rate_counter > rate_high_water
    then: {type: limit, time_in_force: IOC, limit_price: close}
  - id: how-2
    when: rate_counter >= 50 and rate_counter < 60 and (deployment == 'funds_deployed')
    then: {type: market}
  - id: how-3
    then: {type: limit, time_in_force: GTC, limit_price: close}
"""
TABLED, BY_HAND = book(TABLE).orders, book(WRITTEN).orders


@given(
    counter=st.integers(0, 100),
    water=st.integers(10, 100),
    deployment=st.sampled_from(["funds_deployed", "funds_available"]),
)
def test_a_table_decides_as_the_rules_written_out(
    counter: int, water: int, deployment: str
) -> None:
    context = SimpleNamespace(
        rate_counter=Decimal(counter),
        rate_high_water=Decimal(water),
        deployment=deployment,
    )
    found = [
        next(rule.id for rule in rules if not rule.when or rule.when.evaluate(context))
        for rules in (TABLED, BY_HAND)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("section", "rest", "columns", "row", "ids"),
    [
        ("entry", "", "[confidence], then: [quote_amount]", "['> 0.9', 10]", "entry"),
        ("exits", "", "[net_profit, age], then: [sell]", "['> 5%', '-', 100%]", ""),
        ("errors", "", "[match, attempt], then: [retry]", "['EFoo', '> 1', false]", ""),
        ("checks", "side: buy,", "[cost], then: [amount]", "['> 9', amount / 2]", ""),
        (
            "tuning",
            "min_samples: 5,",
            "[avg_slippage], then: [set.minimum_buffer]",
            "['> 1%', 20%]",
            "",
        ),
    ],
)
def test_tables_stand_in_every_section_of_conditions(
    section: str, rest: str, columns: str, row: str, ids: str
) -> None:
    table = f"{{when: {columns}, rows: [{row}]}}"
    text = f"{section}:\n  - {{id: a-more, {rest} table: {table}}}\n"
    rules = getattr(book(text, "a.yaml"), section)
    assert rules[0].id == "a-more-1", ids
    assert rules[0].when is not None


REFUSED = {
    "a row too short": ("['> 5']", "R445", "a row has 2 cells (age, sell), this one 1"),
    "a row of nothing": ("['-', 100%]", "R445", "asks for something in one column"),
    "an unknown name": ("['> agee', 100%]", "R310", "agee"),
    "a wrong unit": ("['> 5%', 100%]", "R321", ""),
    "a row that says nothing": ("['> 5h', '-']", "S202", "`sell` is missing"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_told_at_its_row(what: str) -> None:
    row, code, message = REFUSED[what]
    text = (
        "exits:\n  - id: more\n    table:\n      when: [age]\n      then: [sell]\n"
        f"      rows:\n        - {row}\n"
    )
    text = (
        text
        if what != "a row that says nothing"
        else text.replace("    table:\n", "    table:\n      also: {type: market}\n")
    )
    [problem] = parts.read({"a.yaml": text}).errors
    assert problem.code == code
    assert message in problem.message
    assert problem.source.strip().startswith("- [")


@pytest.mark.parametrize("beside", ["when: age > 1h", "then: {sell: 5%}"])
def test_what_stands_beside_a_table_is_refused(beside: str) -> None:
    text = (
        f"exits:\n  - id: more\n    {beside}\n"
        "    table: {when: [age], then: [sell], rows: [['> 5h', 100%]]}\n"
    )
    [problem] = parts.read({"a.yaml": text}).errors
    assert (problem.code, problem.span.line) == ("R445", 3)


def test_a_table_is_rendered_as_it_was_written_and_read_again() -> None:
    rendered = import_module("quorate.rulebook.rendering").rendered
    again = parts.read({"all.yaml": rendered(book(TABLE))}, alone=True)
    assert again.rulebook is not None, again.problems
    assert [rule.id for rule in again.rulebook.orders] == ["how-1", "how-2", "how-3"]


def warned(rows: str) -> list[tuple[str, str]]:
    text = (
        "orders:\n  - id: how\n    table:\n      also: {limit_price: close}\n"
        f"      when: [rate_counter]\n      then: [type]\n      rows: {rows}\n"
    )
    found = parts.all_problems(parts.read({"orders.yaml": text}))
    return [(one.code, one.message) for one in found if one.code in ("R446", "R447")]


def test_gaps_and_overlaps_are_told_with_a_moment() -> None:
    [(code, message)] = warned("[['> 90', limit], ['..80', limit]]")
    assert code == "R446"
    counter = float(message.rpartition("rate_counter ")[2])
    assert 80 <= counter <= 90
    assert warned("[['>= 90', limit], ['..90', limit]]") == []
    assert warned("[['> 90', limit], ['-', limit]]") == []
