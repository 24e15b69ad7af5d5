"""Compiled columns: whole arrays, chunks, faults, and the part the market decides."""

from __future__ import annotations

import ast
import warnings
from typing import Any

import numpy as np
import pytest

from quorate.contract.vocabulary import Function, Kind
from quorate.rulebook.compile_columns import (
    CHUNK,
    ColumnCode,
    compile_columns,
    compile_columns_section,
    market_conjuncts,
)
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.expression import Expression, Name, Want, read_expression

NAMES = {
    name.name: name
    for name in (
        Name("close", series=True),
        Name("confidence"),
        Name("floor"),
        Name("cost"),
        Name("symbol", Kind.TEXT),
        Name("approved", Kind.FLAG),
    )
}
EMA = Function(
    name="ema",
    help="",
    series=1,
    numbers=("n",),
    defaults=(),
    compute=lambda column, _: column,
)
ANY = Want((Kind.NUMBER, Kind.FLAG, Kind.TEXT))


def read(text: str) -> Expression:
    place = Span("rules.yaml", 1, 1)
    expression, problems = read_expression(text, NAMES, {"ema": EMA}, ANY, place)
    assert expression is not None, problems
    return expression


def run(text: str, guard: bool = True, **columns: Any) -> tuple[list[Any], list[Any]]:
    values, faults = compile_columns(read(text), guard=guard)(columns)
    return values.tolist(), faults.tolist()


def test_columns_and_single_values_go_together() -> None:
    values, faults = run(
        "close > floor and approved and symbol == 'a'",
        close=np.array([1.0, 3.0]),
        floor=2.0,
        approved=True,
        symbol="a",
    )
    assert (values, faults) == ([False, True], [False, False])


def test_single_values_alone_make_one_row() -> None:
    assert run("floor > 1", floor=2.0) == ([True], [False])
    assert run("floor / cost", floor=2, cost=0)[1] == [True]


def test_division_by_zero_faults_only_where_it_is_reached() -> None:
    close, floor = np.array([0.0, 0.0, 2.0]), np.array([0.0, 1.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, faults = run(
            "floor > 0.5 and 1 / close > 0.1", close=close, floor=floor
        )
        assert (values, faults) == ([False, False, True], [False, True, False])
        values, faults = run("floor < 0.5 or 1 / close > 0.1", close=close, floor=floor)
        assert (values, faults) == ([True, False, True], [False, True, False])
        values, faults = run(
            "1 / close if floor > 0.5 else 7", close=close, floor=floor
        )
        assert faults == [False, True, False]
        assert (values[0], values[2]) == (7.0, 0.5)
        assert np.isnan(values[1])


def test_guard_faults_what_is_not_finite_or_missing() -> None:
    close = np.array([1.0, np.nan, np.inf])
    assert run("close > 0 or approved", close=close, approved=True) == (
        [True, False, False],
        [False, True, True],
    )
    assert run("close > 0 or approved", close=close)[1] == [True] * 3
    assert run("close > 0 or floor > 1", close=close, floor=None)[1] == [True] * 3
    assert run("symbol == 'a'", symbol=None) == ([False], [True])
    assert run("close * close", close=np.array([1e200, 2.0]))[1] == [True, False]
    assert run("close > 0", guard=False, close=close) == (
        [True, False, True],
        [False] * 3,
    )


def test_texts_may_be_columns_and_results() -> None:
    symbol = np.array(["a", "v_1", "c"])
    assert run("symbol in ('a', 'v_1')", symbol=symbol)[0] == [True, True, False]
    assert run("symbol not in ('a', 'b')", symbol=symbol)[0] == [False, True, True]
    assert run("'up' if close > 1 else 'down'", close=np.array([2.0, 1.0]))[0] == [
        "up",
        "down",
    ]


def test_rows_beyond_one_chunk_are_the_same() -> None:
    rows = 2 * CHUNK + 17
    close = np.random.default_rng(5).normal(size=rows)
    close[CHUNK + 3] = np.nan
    close[CHUNK + 4] = 0.0
    values, faults = compile_columns(read("1 / close > 0.5"))({"close": close})
    assert np.flatnonzero(faults).tolist() == [CHUNK + 3, CHUNK + 4]
    good = ~faults
    assert np.array_equal(values[good], 1 / close[good] > 0.5)


def test_section_shares_what_rules_share() -> None:
    texts = ["(close - floor) / floor > 1%", "(close - floor) / floor > 2%", "approved"]
    section = compile_columns_section([(text, read(text)) for text in texts])
    columns = {
        "close": np.array([101.5, 103.0]),
        "floor": np.array([100.0, 0.0]),
        "approved": np.array([True, False]),
    }
    values, faults = section(columns)
    assert [one.tolist() for one in values] == [
        [True, False],
        [False, False],
        [True, False],
    ]
    assert [one.tolist() for one in faults] == [
        [False, True],
        [False, True],
        [False, False],
    ]


def test_inputs_are_never_changed() -> None:
    close = np.array([1.0, np.nan])
    values, _ = compile_columns(read("close"))({"close": close})
    values[0] = 5.0
    assert close[0] == 1.0


def test_whole_numbers_are_columns_too() -> None:
    assert run("close / 2 > floor", close=np.array([1, 4]), floor=1)[0] == [False, True]


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        run("close > floor", close=np.ones(2), floor=np.ones(3))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ema(close, 9) > close and approved", "_ema_close_9 > close"),
        ("approved and (close > 1 and cost < 2)", "close > Decimal('1')"),
        ("1 < close < cost", "Decimal('1') < close"),
        ("close > 1", "close > Decimal('1')"),
        ("close > floor and cost < 2", "close > floor"),
        ("close > 1 or approved", None),
        ("cost < 2 and approved", None),
        ("not (close > 1 and approved)", None),
    ],
)
def test_market_part_of_a_condition(text: str, part: str | None) -> None:
    market = {"close", "floor", "_ema_close_9"}
    found = market_conjuncts(read(text), market.__contains__)
    assert (found and ast.unparse(found.tree)) == part
    if found is not None:
        assert set(found.reads) <= market
        assert {call.name for call in found.calls} <= market


def test_the_code_of_a_rulebook_is_compiled_once() -> None:
    code, expression = ColumnCode(), read("close > 1")
    assert code.of(expression) is code.of(expression)
    found, _ = code.of(expression)({"close": np.array([0.5, 2.0])})
    assert found.tolist() == [False, True]


def test_the_part_depends_on_what_the_market_decides() -> None:
    code, whole = ColumnCode(), read("close > 1 and cost < 2")
    assert code.market_part(whole, {"floor"}.__contains__) is None
    part = code.market_part(whole, {"close"}.__contains__)
    assert part is not None
    assert ast.unparse(part.tree) == "close > Decimal('1')"
    assert code.market_part(whole, {"close", "floor"}.__contains__) is part
    columns = {"close": np.array([0.5, 2.0]), "cost": 3.0}
    assert code.of(part)(columns)[0].tolist() == [False, True]
    assert code.of(whole)(columns)[0].tolist() == [False, False]
