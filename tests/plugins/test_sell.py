from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import PositionView

stand_in = import_module("desk_stand_in")

# Bought 1 at 100, paid a fee of 0.4 %.
VIEW = PositionView(
    price=102.0,
    at_ms=90_000,
    peak_price=104.0,
    opened_ms=30_000,
    entry_price=100.0,
    unit_cost=100.4,
    held=1.0,
    maker_fee=0.0025,
    taker_fee=0.004,
)


@pytest.fixture(scope="module")
def sell(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("sell")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("net_profit", 102 * 0.996 / 100.4 - 1),
        ("gross_profit", 0.02),
        ("peak_profit", 104 * 0.996 / 100.4 - 1),
        ("giveback", 2 * 0.996 / 100.4),
        ("age", 60_000),
        ("break_even", 100.4 / 0.9975),
        ("entry_price", 100.0),
        ("peak_price", 104.0),
        ("last_price", 102.0),
        ("held", 1.0),
    ],
)
def test_position_facts(sell: ModuleType, name: Any, expected: Any) -> None:
    assert stand_in.answer(sell, name, VIEW) == pytest.approx(expected)


def test_a_sale_at_the_price_paid_loses_both_fees(sell: ModuleType) -> None:
    view = replace(VIEW, price=VIEW.entry_price)
    assert stand_in.answer(sell, "gross_profit", view) == 0
    assert stand_in.answer(sell, "net_profit", view) == pytest.approx(
        -0.00797, abs=1e-5
    )


def test_a_resting_sale_at_break_even_pays_back_what_was_paid(sell: ModuleType) -> None:
    proceeds = stand_in.answer(sell, "break_even", VIEW) * (1 - VIEW.maker_fee)
    assert proceeds == pytest.approx(VIEW.unit_cost)


prices = st.floats(1e-6, 1e6)


@given(
    st.lists(st.tuples(prices, prices), min_size=1, max_size=20),
    prices,
    prices,
    st.floats(0, 0.05),
)
def test_floats_and_arrays_give_the_same_bits(
    load_plugin: Callable[[str], ModuleType], rows: Any, entry: Any, cost: Any, fee: Any
) -> None:
    moments = [
        replace(
            VIEW,
            price=price,
            peak_price=max(price, other),
            at_ms=30_000 + n,
            entry_price=entry,
            unit_cost=cost,
            taker_fee=fee,
        )
        for n, (price, other) in enumerate(rows)
    ]
    stretch = replace(
        moments[0],
        price=np.array([m.price for m in moments]),
        peak_price=np.array([m.peak_price for m in moments]),
        at_ms=np.array([m.at_ms for m in moments]),
    )
    for fact in load_plugin("sell").facts():
        together = np.broadcast_to(fact.compute(stretch), len(moments))
        assert together.tolist() == [fact.compute(moment) for moment in moments]
