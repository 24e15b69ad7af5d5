from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Ballot, Candles

stand_in = import_module("desk_stand_in")
NAN = float("nan")


@pytest.fixture(scope="module")
def buy(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("buy")


def candles(stale: list[bool]) -> Candles:
    rows = len(stale)
    price = np.arange(1.0, rows + 1)
    return Candles(
        symbol="BTC/USD",
        timeframe_ms=60_000,
        time_ms=np.arange(rows, dtype=np.int64) * 60_000,
        open=price,
        high=price + 2,
        low=price - 0.5,
        close=price + 1,
        volume=price * 10,
        stale=np.array(stale, dtype=np.bool_),
    )


def ballots(*votes: tuple[float, list[float]]) -> list[Ballot]:
    return [
        Ballot(voter=f"v{n}", assistant="buy", weight=weight, scores=np.array(scores))
        for n, (weight, scores) in enumerate(votes)
    ]


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_a_candle_fact_is_its_column(buy: ModuleType, name: Any) -> None:
    tape = candles([False, False])
    assert stand_in.answer(buy, name, tape) is getattr(tape, name)


@pytest.mark.parametrize(
    ("stale", "minutes"),
    [
        ([], []),
        ([False, False], [0, 0]),
        ([False, True, True, False, True], [0, 1, 2, 0, 1]),
        ([True, True, False], [1, 2, 0]),
    ],
)
def test_data_age_counts_the_stretch_without_a_trade(
    buy: ModuleType, stale: Any, minutes: Any
) -> None:
    age = stand_in.answer(buy, "data_age", candles(stale))
    assert age.dtype == np.float64
    assert age.tolist() == [m * 60_000 for m in minutes]


@given(st.lists(st.booleans(), min_size=1), st.data())
def test_data_age_of_a_row_does_not_depend_on_later_rows(
    load_plugin: Callable[[str], ModuleType], stale: Any, data: st.DataObject
) -> None:
    age = load_plugin("buy").data_age
    cut = data.draw(st.integers(1, len(stale)))
    whole, part = age(candles(stale)), age(candles(stale[:cut]))
    assert whole[:cut].tolist() == part.tolist()


@pytest.mark.parametrize(
    ("votes", "expected", "cast"),
    [
        ([(3, [1.0]), (1, [0.0])], 0.75, 2),
        ([(3, [1.0]), (1, [NAN])], 1.0, 1),
        ([(1, [1.0]), (2, [-1.0])], 0.0, 2),
        ([(1, [NAN]), (2, [NAN])], NAN, 0),
        ([(0, [1.0])], NAN, 1),
    ],
)
def test_confidence_is_the_weighted_mean_of_those_who_vote(
    buy: ModuleType, votes: Any, expected: Any, cast: Any
) -> None:
    said = ballots(*votes)
    confidence = stand_in.answer(buy, "confidence", said)
    assert confidence.tolist() == pytest.approx([expected], nan_ok=True)
    assert stand_in.answer(buy, "votes_cast", said).tolist() == [cast]


def test_without_any_voter_there_is_no_row(buy: ModuleType) -> None:
    assert len(stand_in.answer(buy, "confidence", [])) == 0
    assert len(stand_in.answer(buy, "votes_cast", [])) == 0


def slow_confidence(votes: list[tuple[float, list[float]]], row: int) -> float:
    given = [(w, s[row]) for w, s in votes if not math.isnan(s[row])]
    weight = sum(w for w, _ in given)
    if not weight:
        return NAN
    return min(1.0, max(0.0, sum(w * s for w, s in given) / weight))


@st.composite
def elections(draw: st.DrawFn) -> Any:
    rows = draw(st.integers(1, 6))
    score = st.one_of(st.just(NAN), st.floats(-1, 1))
    scores = st.lists(score, min_size=rows, max_size=rows)
    votes = st.tuples(st.sampled_from([0.5, 1.0, 3.0, 7.25]), scores)
    return draw(st.lists(votes, min_size=1, max_size=6))


@given(elections())
def test_confidence_is_in_range_and_equals_the_slow_way(
    load_plugin: Callable[[str], ModuleType], votes: Any
) -> None:
    fast = load_plugin("buy").confidence(ballots(*votes))
    for row, value in enumerate(fast):
        assert math.isnan(value) or 0 <= value <= 1
        slow = slow_confidence(votes, row)
        assert value == pytest.approx(slow, nan_ok=True, abs=1e-12)
