"""Numbers with units, as rules write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quorate.contract.vocabulary import DURATION, PRICE, RATIO, Unit
from quorate.rulebook.literals import read_literal, read_quantity, write_quantity


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0.5%", "0.005", RATIO),
        ("-1%", "-0.01", RATIO),
        ("+3%", "0.03", RATIO),
        ("100%", "1", RATIO),
        ("250ms", "250", DURATION),
        ("30s", "30000", DURATION),
        ("1.5m", "90000", DURATION),
        ("4h", "14400000", DURATION),
        ("2d", "172800000", DURATION),
        ("1e3s", "1000000", DURATION),
        (" 30s ", "30000", DURATION),
    ],
)
def test_quantity_is_read_in_ratios_and_milliseconds(
    text: str, value: str, unit: Unit
) -> None:
    assert read_quantity(text) == (Decimal(value), unit)


NONE = ["", "5", "0.5", "%", "5 %", "5x", "5mm", "5S", "1_0s", "05s", "5s5", "1h30m"]
NONE += ["1e99s", "1e-99s", "inf%", "nan%", "--5%", "5%%", "0x5s", "\u0663s", "5m\n5s"]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_quantity_is_none(text: str) -> None:
    assert read_quantity(text) is None


@pytest.mark.parametrize(
    ("number", "suffix", "reason"),
    [
        ("07", "", "starts with a zero"),
        ("5", "mm", "'mm' is not a unit"),
        ("1e16", "", "larger than"),
        ("1e-16", "", "nearer to zero"),
        ("1e99999999999999999999", "", "cannot|held|larger"),
    ],
)
def test_bad_literal_says_why(number: str, suffix: str, reason: str) -> None:
    told = read_literal(number, suffix)
    assert isinstance(told, str)
    assert any(part in told for part in reason.split("|"))


def test_literal_without_unit_has_none() -> None:
    literal = read_literal("0.75", "")
    assert not isinstance(literal, str)
    assert (literal.value, literal.unit) == (Decimal("0.75"), None)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("0.005", RATIO, "0.5%"),
        ("30000", DURATION, "30s"),
        ("86400000", DURATION, "1d"),
        ("1500", DURATION, "1500ms"),
        ("0", DURATION, "0s"),
        ("12.50", PRICE, "12.5"),
        ("100", PRICE, "100"),
    ],
)
def test_quantity_is_written_as_rules_write_it(
    value: str, unit: Unit, text: str
) -> None:
    assert write_quantity(Decimal(value), unit) == text
    if unit in (RATIO, DURATION):
        assert read_quantity(text) == (Decimal(value), unit)
