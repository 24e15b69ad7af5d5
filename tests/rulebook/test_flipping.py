"""The nearest change that flips a condition is one, and is the nearest."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.contract.vocabulary import DURATION, PRICE, Kind
from quorate.rulebook.compile_function import compile_value
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.expression import Name, Want, read_expression
from quorate.rulebook.flipping import FINER, Change, Flips, find_flips
from quorate.rulebook.rules import Formula

ZERO, ONE = Decimal(0), Decimal(1)
NAMES = {
    name.name: name
    for name in (
        Name("confidence", low=ZERO, high=ONE),
        Name("min_confidence", low=Decimal("0.6"), high=Decimal("0.9")),
        Name("profit"),
        Name("price", unit=PRICE, low=ZERO),
        Name("entry_price", unit=PRICE, low=ZERO),
        Name("age", unit=DURATION, low=ZERO),
        Name("deployment", Kind.TEXT, values=("funds_free", "funds_deployed")),
        Name("approved", Kind.FLAG),
    )
}


def formula(text: str, *, exact: bool = True) -> Formula:
    place = Span("rules.yaml", 1, 1)
    expression, problems = read_expression(text, NAMES, {}, Want.flag(), place)
    assert expression is not None, problems
    return Formula(expression, exact, compile_value(expression, exact=exact))


def flips(text: str, *, exact: Any = True, **inputs: Any) -> Flips:
    condition = formula(text, exact=exact)
    names = [NAMES[name] for name in condition.expression.reads]
    found = find_flips(condition, inputs, names)
    assert found is not None
    return found


def new(found: Flips) -> dict[str, Any]:
    return {one.name: one.new for one in found.singles}


@pytest.mark.parametrize(
    ("text", "inputs", "changes"),
    [
        ("confidence > 0.75", {"confidence": "0.71"}, {"confidence": "0.7501"}),
        ("confidence >= 75%", {"confidence": "0.71"}, {"confidence": "0.75"}),
        ("confidence < 0.75", {"confidence": "0.71"}, {"confidence": "0.75"}),
        ("age > 4h", {"age": "7200000"}, {"age": "14460000"}),
        ("age > 30s", {"age": "1000"}, {"age": "31000"}),
        (
            "confidence > min_confidence",
            {"confidence": "0.71", "min_confidence": "0.75"},
            {"confidence": "0.7501", "min_confidence": "0.7099"},
        ),
        ("abs(profit) < 2%", {"profit": "0.005"}, {"profit": "0.02"}),
        ("profit > 1% and profit < 1.2%", {"profit": "50"}, {"profit": "0.01199"}),
        ("profit > 1% and profit < 1.2%", {"profit": "-50"}, {"profit": "0.01001"}),
        (
            "price / entry_price > 1.01",
            {"price": "100", "entry_price": "100"},
            {"price": "101.0001", "entry_price": "99.0099"},
        ),
    ],
)
def test_numbers(text: str, inputs: dict[str, str], changes: dict[str, str]) -> None:
    held = {name: Decimal(value) for name, value in inputs.items()}
    wanted = {name: Decimal(value) for name, value in changes.items()}
    assert new(flips(text, **held)) == wanted
    floats = {name: float(value) for name, value in inputs.items()}
    assert new(flips(text, exact=False, **floats)) == wanted


def test_what_is_counted_stays_whole() -> None:
    assert new(flips("profit >= 8", profit=1)) == {"profit": 8}
    assert new(flips("profit > 8", profit=1)) == {"profit": 9}


def test_flags_and_texts_flip_too() -> None:
    assert new(flips("approved", approved=False)) == {"approved": True}
    found = flips("deployment == 'funds_free'", deployment="funds_deployed")
    assert new(found) == {"deployment": "funds_free"}


def test_a_range_is_never_left() -> None:
    found = flips(
        "confidence > min_confidence + 0.3",
        confidence=Decimal("0.5"),
        min_confidence=Decimal("0.9"),
    )
    assert found.singles == ()
    assert found.fixed == ("confidence", "min_confidence")
    assert {one.name for one in found.pair} == set()


def test_two_names_where_one_cannot() -> None:
    found = flips("confidence > 0.75 and approved", confidence=0.71, approved=False)
    assert found.fixed == ("confidence", "approved")
    assert found.pair == (
        Change("confidence", 0.71, Decimal("0.7501")),
        Change("approved", False, True),
    )


def test_what_is_not_known_does_not_flip() -> None:
    condition = formula("confidence > 0.75")
    names = [NAMES["confidence"]]
    assert find_flips(condition, {"confidence": None}, names) is None


ratios = st.integers(1, 999).map(lambda one: Decimal(one) / 1000)


@settings(max_examples=150)
@given(
    confidence=ratios,
    limit=ratios,
    sign=st.sampled_from(("<", "<=", ">", ">=")),
    exact=st.booleans(),
)
def test_a_change_flips_and_half_of_it_does_not(
    confidence: Decimal, limit: Decimal, sign: str, exact: bool
) -> None:
    condition = formula(f"confidence {sign} profit", exact=exact)
    kind = Decimal if exact else float
    inputs = {"confidence": kind(confidence), "profit": kind(limit)}
    names = [NAMES["confidence"], NAMES["profit"]]
    found = find_flips(condition, inputs, names)
    assert found is not None
    for one in found.singles:
        start = Decimal(str(one.old))
        digits = max(map(fraction, (confidence, limit)))
        step = Decimal(1).scaleb(-digits - FINER)
        assert holds(condition, inputs, one.name, one.new) is not found.holds
        short = one.new - step if one.new > start else one.new + step
        half = (start + one.new) / 2
        assert holds(condition, inputs, one.name, short) is found.holds
        if abs(one.new - start) >= 2 * step:
            assert holds(condition, inputs, one.name, half) is found.holds
    for name in found.fixed:
        assert name == "confidence"
        for end in (ZERO, ONE):
            assert holds(condition, inputs, name, end) is found.holds


def fraction(value: Decimal) -> int:
    """Return how many digits stand behind the point."""
    return max(len(f"{value.normalize():f}".partition(".")[2]), 0)


def holds(condition: Formula, inputs: dict[str, Any], name: str, value: Any) -> bool:
    kind = Decimal if condition.exact else float
    changed = {**inputs, name: kind(value)}
    return bool(condition.evaluate(type("Context", (), changed)()))
