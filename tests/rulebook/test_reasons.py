"""Why a condition held or did not: the tree of values, and the margin."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from quorate.contract.vocabulary import DURATION, PRICE, Kind
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.expression import Expression, Name, Want, read_expression
from quorate.rulebook.reasons import Margin, explain, margin, write_value

NAMES = {
    name.name: name
    for name in (
        Name("confidence"),
        Name("min_confidence"),
        Name("net_profit"),
        Name("samples"),
        Name("price", unit=PRICE),
        Name("entry_price", unit=PRICE),
        Name("age", unit=DURATION),
        Name("deployment", Kind.TEXT),
        Name("approved", Kind.FLAG),
        Name("halted", Kind.FLAG),
    )
}
CONTEXT = SimpleNamespace(
    confidence=0.71,
    min_confidence=0.75,
    net_profit=0.004,
    samples=0.0,
    price=100.0,
    entry_price=99.0,
    age=32_000.0,
    deployment="funds_deployed",
    approved=True,
    halted=False,
)


def read(text: str) -> Expression:
    place = Span("rules.yaml", 1, 1)
    expression, problems = read_expression(text, NAMES, {}, Want.flag(), place)
    assert expression is not None, problems
    return expression


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "confidence > min_confidence",
            "confidence 0.71 > min_confidence 0.75: failed by 0.04",
        ),
        ("confidence > 0.75 and approved", "confidence 0.71 > 0.75: failed by 0.04"),
        ("net_profit >= 0.5%", "net_profit 0.4% >= 0.5%: failed by 0.1%"),
        ("net_profit > -1%", "net_profit 0.4% > -1%: passed by 1.4%"),
        ("age < 30s", "age 32s < 30s: failed by 2s"),
        ("not (age > 30s)", "age 32s <= 30s: failed by 2s"),
        ("not halted", "halted is False: passed"),
        ("not approved", "approved is True: failed"),
        ("approved and price > entry_price and age > 1s", "price 100 > entry_price 99"),
        ("price > entry_price or halted", "price 100 > entry_price 99: passed by 1"),
        ("confidence > 0.9 or confidence > 0.8", "confidence 0.71 > 0.8: failed"),
        ("not (confidence > 0.6 and approved)", "confidence 0.71 <= 0.6: failed"),
        ("1 < samples < 3", "1 < samples 0: failed by 1"),
        (
            "(price - entry_price) / entry_price > 1.5%",
            "(price - entry_price) / entry_price (1.0101%) > 1.5%: failed by 0.489899%",
        ),
        (
            "deployment != 'funds_deployed'",
            "deployment 'funds_deployed' != 'funds_deployed': failed",
        ),
        (
            "deployment in ('funds_free', 'x')",
            "deployment 'funds_deployed' in ('funds_free', 'x'): failed",
        ),
        ("price > 1 if approved else halted", "price 100 > 1: passed by 99"),
    ],
)
def test_margin_tells_the_deciding_comparison(text: str, told: str) -> None:
    assert str(margin(read(text), CONTEXT)).startswith(told)


def test_margin_is_exact_for_decimals() -> None:
    context = SimpleNamespace(confidence=Decimal("0.71"))
    found = margin(read("confidence > 0.75"), context)
    assert found is not None
    assert found.distance == Decimal("0.04")
    assert str(found) == "confidence 0.71 > 0.75: failed by 0.04"


@pytest.mark.parametrize("text", ["price / samples > entry_price", "True"])
def test_there_is_no_margin_without_a_comparison_that_decided(text: str) -> None:
    assert margin(read(text), CONTEXT) is None


def test_there_is_no_margin_when_a_value_is_not_known() -> None:
    context = SimpleNamespace(confidence=0.9, approved=None)
    assert margin(read("confidence > 0.75 or approved"), context) is None


def test_reason_is_a_tree_with_what_was_passed_by() -> None:
    reason = explain(read("confidence > 0.75 and not halted"), CONTEXT)
    assert reason.value is False
    compared, skipped = reason.parts
    assert [part.text for part in compared.parts] == ["confidence", "0.75"]
    assert not skipped.evaluated
    assert str(reason).splitlines() == [
        "confidence > 0.75 and not halted = False",
        "  confidence > 0.75 = False",
        "    confidence = 0.71",
        "  not halted = not evaluated",
    ]


def test_reason_tells_a_fault_where_it_arose() -> None:
    reason = explain(read("approved and price / samples > price"), CONTEXT)
    assert "division by zero" in reason.fault
    assert reason.parts[0].value is True
    missing = explain(read("confidence > 0.5"), SimpleNamespace(confidence=None))
    assert missing.fault == "confidence is not known"


def test_reason_tells_a_power_once_and_the_branch_taken() -> None:
    reason = explain(
        read("price ** 2 > entry_price * price if approved else halted"), CONTEXT
    )
    assert str(reason).count("price ** 2 = 10000") == 1
    assert [part.evaluated for part in reason.parts] == [True, True, False]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (100.0, "100"),
        (1234567.0, "1234567"),
        (0.0000001, "1e-07"),
        (0.0, "0"),
        (float("inf"), "inf"),
        (Decimal("1.500"), "1.5"),
        (Decimal(1) / Decimal(3), "0.333333333333"),
        (Decimal("1E+3"), "1000"),
        (True, "True"),
        ("a", "'a'"),
        (None, "None"),
    ],
)
def test_values_are_written_with_few_digits(value: object, text: str) -> None:
    assert write_value(value) == text


def test_margin_is_a_plain_value() -> None:
    found = margin(read("price > 50"), CONTEXT)
    assert found == Margin("price", 100.0, ">", "50", 50.0, True, 50.0)
    assert found is not None
    assert found.text == "price > 50"
