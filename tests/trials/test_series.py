"""The compact notation of series."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.vocabulary import DURATION, PRICE, RATIO, Unit
from quorate.trials.series import LONGEST, read_series


@pytest.mark.parametrize(
    ("text", "unit", "values"),
    [
        ("100", PRICE, "100"),
        ("100 +1x3 -2x2", PRICE, "100 101 102 103 101 99"),
        ("100 =x2 95", PRICE, "100 100 100 95"),
        ("5x3", PRICE, "5 5 5"),
        ("100 +1%x2", PRICE, "100 101 102.01"),
        ("0.1% +0.1%x2", RATIO, "0.001 0.002 0.003"),
        ("1m +30s", DURATION, "60000 90000"),
        ("-1% -1%", RATIO, "-0.01 -0.02"),
        ("1 (+1 -2x2)x2 =", PRICE, "1 2 0 -2 -1 -3 -5 -5"),
    ],
)
def test_a_series_says_its_values(text: str, unit: Unit, values: str) -> None:
    assert read_series(text, unit) == tuple(map(Decimal, values.split()))


def test_what_is_not_known_leaves_the_last_value_to_go_on_from() -> None:
    expected = (Decimal(1), None, None, Decimal(2))
    assert read_series("1 _x2 +1", PRICE) == expected


@pytest.mark.parametrize(
    ("text", "unit", "why"),
    [
        ("", PRICE, "no values"),
        ("=x3", PRICE, "no value yet"),
        ("+1%x3", PRICE, "a value comes first"),
        ("1 two", PRICE, "'two' is no part of a series"),
        ("1%", DURATION, "is a share of nothing"),
        ("30s", RATIO, "is a duration, a ratio is needed"),
        ("1 +1x999999", PRICE, "more than 20,000 values"),
        ("1 (+1 -1)x999999", PRICE, "more than 20,000 parts"),
        ("1 (+1", PRICE, "is no part"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, unit: Unit, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_series(text, unit)


@given(st.lists(st.integers(-99, 99), min_size=1, max_size=30))
def test_changes_add_up(changes: list[int]) -> None:
    text = " ".join(["1000", *(f"{one:+d}" for one in changes)])
    values = read_series(text, PRICE)
    assert len(values) == len(changes) + 1 <= LONGEST
    assert values[-1] == 1000 + sum(changes)
