"""Compiled functions and columns agree with simpleeval on anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from quorate.contract.vocabulary import Function, Kind
from quorate.rulebook.compile_columns import (
    compile_columns,
    compile_columns_section,
    market_conjuncts,
)
from quorate.rulebook.compile_function import compile_value, fuse, is_known
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.expression import (
    Expression,
    Name,
    NotKnown,
    Want,
    read_expression,
)
from quorate.rulebook.parse_expression import evaluate_with_simpleeval
from quorate.rulebook.reasons import explain, margin

NUMBERS = ("a", "b", "c", "col")
FLAGS = ("p", "q")
WORDS = ("x", "y", "z")
NAMES = {
    **{name: Name(name, series=name == "col") for name in NUMBERS},
    **{name: Name(name, Kind.FLAG) for name in FLAGS},
    "s": Name("s", Kind.TEXT),
}
FUNCTIONS = {
    "ema": Function(
        name="ema",
        help="",
        series=1,
        numbers=("n",),
        defaults=(),
        compute=lambda column, _: column,
    )
}
FIELDS = (*NUMBERS, "_ema_col_9")
PLACE = Span("rules.yaml", 1, 1)
WANT_ANY = Want((Kind.NUMBER, Kind.FLAG))

LITERALS = st.sampled_from(["0", "1", "2", "0.5", "3.25", "10%", "1e-9", "1e12"])
ATOMS = st.sampled_from([*NUMBERS, "ema(col, 9)"]) | LITERALS
FLAG_ATOMS = st.sampled_from([*FLAGS, "True", "False", "s == 'x'", "s in ('x', 'y')"])


def numbers(depth: int) -> st.SearchStrategy[str]:
    if depth == 0:
        return ATOMS
    inner, flag = numbers(depth - 1), flags(depth - 1)
    return st.one_of(
        ATOMS,
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("min({}, {}, {})".format, inner, inner, inner),
        st.builds("abs({})".format, inner),
        st.builds("(-{})".format, inner),
        st.builds("{} ** {}".format, st.sampled_from(NUMBERS), st.integers(0, 4)),
        st.builds("clamp({}, {}, {})".format, inner, inner, inner),
        st.builds("({} if {} else {})".format, inner, flag, inner),
    )


def flags(depth: int) -> st.SearchStrategy[str]:
    if depth == 0:
        return FLAG_ATOMS
    number, flag = numbers(depth - 1), flags(depth - 1)
    sign = st.sampled_from(["<", "<=", ">", ">="])
    return st.one_of(
        FLAG_ATOMS,
        st.builds("({} {} {})".format, number, sign, number),
        st.builds("({} < {} <= {})".format, number, number, number),
        st.builds("({} and {})".format, flag, flag),
        st.builds("({} or {} or {})".format, flag, flag, flag),
        st.builds("(not {})".format, flag),
        st.builds("({} if {} else {})".format, flag, flag, flag),
        st.builds("({} and a / b > {})".format, flag, number),
        st.builds("({} or {} and c / b < a)".format, flag, flag),
        st.builds("((a / b if {} else b / c) > {})".format, flag, number),
        st.sampled_from(["p == q", "p != q", "a == 0", "b != 2", "s not in ('x',)"]),
    )


EDGES = [0.0, -0.0, 1.0, 2.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324]
FLOATS = (
    st.sampled_from([0.0, 1.0, 3.0])
    | st.sampled_from(EDGES)
    | st.floats()
    | st.floats(-4, 4)
)
EXACT = st.decimals(-100, 100, places=3) | st.sampled_from(
    [Decimal(word) for word in ("0", "-0", "1", "NaN", "Infinity", "1E-30", "1E+20")]
)


def contexts(number: st.SearchStrategy[Any]) -> st.SearchStrategy[SimpleNamespace]:
    return st.builds(
        SimpleNamespace,
        s=st.sampled_from(WORDS),
        **dict.fromkeys(FIELDS, number),
        **dict.fromkeys(FLAGS, st.booleans()),
    )


def read(text: str) -> Expression:
    expression, _ = read_expression(text, NAMES, FUNCTIONS, WANT_ANY, PLACE)
    assume(expression is not None)
    assert expression is not None
    return expression


def outcome(call: Any, *given: Any, **named: Any) -> tuple[bool, Any]:
    """Return whether a call raised, and its value told so that NaN equals NaN."""
    try:
        value = call(*given, **named)
    except Exception:  # noqa: BLE001 - any fault counts
        return True, None
    return False, told(value)


def told(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    value = float(value) + 0.0  # the sign of a zero decides nothing
    return "nan" if math.isnan(value) else repr(value)


def known(expression: Expression, context: SimpleNamespace) -> bool:
    pairs = expression.reads.items()
    return all(is_known(getattr(context, name), kind) for name, kind in pairs)


def guarded(expression: Expression, context: SimpleNamespace) -> tuple[bool, Any]:
    """Return what simpleeval gives, with the guard's refusals."""
    if not known(expression, context):
        return True, None
    raised, value = outcome(evaluate_with_simpleeval, expression, context)
    if not raised and value in ("nan", "inf", "-inf"):
        return True, None
    return raised, value


def columns_of(rows: Sequence[SimpleNamespace]) -> dict[str, Any]:
    return {
        name: np.array([getattr(row, name) for row in rows]) for name in vars(rows[0])
    }


ROWS = st.lists(contexts(FLOATS), min_size=1, max_size=6)
relaxed = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@relaxed
@given(numbers(3) | flags(3), ROWS)
def test_value_and_columns_equal_simpleeval(
    text: str, rows: list[SimpleNamespace]
) -> None:
    expression = read(text)
    function = compile_value(expression, exact=False, guard=False)
    values, faults = compile_columns(expression, guard=False)(columns_of(rows))
    for index, row in enumerate(rows):
        law = outcome(evaluate_with_simpleeval, expression, row)
        assert outcome(function, row) == law
        at = index if len(values) > 1 else 0
        column = (True, None) if faults[at] else (False, told(values[at]))
        assert column == law


@relaxed
@given(numbers(3) | flags(3), ROWS)
def test_guarded_value_and_columns_refuse_what_is_not_known(
    text: str, rows: list[SimpleNamespace]
) -> None:
    expression = read(text)
    function = compile_value(expression, exact=False)
    values, faults = compile_columns(expression)(columns_of(rows))
    for index, row in enumerate(rows):
        law = guarded(expression, row)
        assert outcome(function, row) == law
        at = index if len(values) > 1 else 0
        assert ((True, None) if faults[at] else (False, told(values[at]))) == law


@relaxed
@given(st.lists(flags(2), min_size=1, max_size=5), ROWS, st.booleans())
def test_fused_section_equals_simpleeval(
    texts: list[str], rows: list[SimpleNamespace], guard: bool
) -> None:
    rules = [(str(index), read(text)) for index, text in enumerate(texts)]
    fused = fuse(rules, exact=False, guard=guard)
    section, section_faults = compile_columns_section(rules, guard=guard)(
        columns_of(rows)
    )
    for at, row in enumerate(rows):
        mask, faults = fused(row)
        raised = {index for index, _ in faults}
        for index, (_, expression) in enumerate(rules):
            law = (
                guarded(expression, row)
                if guard
                else outcome(evaluate_with_simpleeval, expression, row)
            )
            assert (index in raised) == law[0]
            assert bool(mask >> index & 1) == (law[1] == "True")
            row_at = at if len(section[index]) > 1 else 0
            assert section_faults[index][row_at] == law[0]
            assert section[index][row_at] == (law[1] == "True")


@relaxed
@given(numbers(3) | flags(3), contexts(EXACT))
def test_exact_function_equals_simpleeval(text: str, context: SimpleNamespace) -> None:
    expression = read(text)
    law = outcome(evaluate_with_simpleeval, expression, context, exact=True)
    raw = compile_value(expression, exact=True, guard=False)
    assert outcome(raw, context) == law
    if expression.kind is Kind.FLAG:
        mask, faults = fuse([("r", expression)], exact=True, guard=False)(context)
        assert (bool(faults), mask) == (law[0], int(law[1] == "True"))
    if not known(expression, context):
        with pytest.raises(NotKnown):
            compile_value(expression, exact=True)(context)


@relaxed
@given(st.builds("{} and {}".format, flags(2), flags(1)), contexts(FLOATS))
def test_market_part_holds_whenever_the_whole_does(
    text: str, context: SimpleNamespace
) -> None:
    expression = read(text)
    market = {"col", "_ema_col_9", "a", "b"}
    part = market_conjuncts(expression, market.__contains__)
    assume(part is not None)
    assert part is not None
    assert set(part.reads) <= market
    if guarded(expression, context) == (False, "True"):
        assert guarded(part, context) == (False, "True")


@relaxed
@given(flags(3), contexts(FLOATS))
def test_reasons_agree_with_the_law(text: str, context: SimpleNamespace) -> None:
    expression = read(text)
    law = guarded(expression, context)
    reason = explain(expression, context)
    found = margin(expression, context)
    assert isinstance(str(reason), str)
    if law[0]:
        assert found is None
    else:
        assert str(reason.value) == law[1]
        assert found is None or str(found.passed) == law[1]
        assert found is None or str(found)
