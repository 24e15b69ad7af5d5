"""Compiled functions: what they read, how one rule's fault stays its own."""

from __future__ import annotations

import math
import traceback
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quorate.contract.vocabulary import Kind
from quorate.rulebook.compile_function import compile_later, compile_value, fuse
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.expression import (
    Expression,
    Name,
    NotKnown,
    Want,
    read_expression,
)

NAMES = {
    name.name: name
    for name in (
        Name("confidence"),
        Name("price"),
        Name("entry_price"),
        Name("samples"),
        Name("symbol", Kind.TEXT),
        Name("risk_approved", Kind.FLAG),
        *(Name(word) for word in ("q_mask", "q_context", "n_price", "t_0", "context")),
    )
}
ANY = Want((Kind.NUMBER, Kind.FLAG, Kind.TEXT))


def read(text: str, place: Span | None = None) -> Expression:
    where = place or Span("rules.yaml", 1, 1)
    expression, problems = read_expression(text, NAMES, {}, ANY, where)
    assert expression is not None, problems
    return expression


def rules(*texts: str) -> list[tuple[str, Expression]]:
    return [(f"rule-{index}", read(text)) for index, text in enumerate(texts)]


def test_mask_has_a_bit_for_every_true_rule() -> None:
    fused = fuse(
        rules("confidence > 0.5", "price < 5", "risk_approved", "symbol == 'a'"),
        exact=False,
    )
    context = SimpleNamespace(confidence=0.6, price=7.0, risk_approved=True, symbol="a")
    assert fused(context) == (0b1101, ())


def test_empty_section_is_never_true() -> None:
    assert fuse([], exact=False)(object()) == (0, ())


def test_fault_of_one_rule_leaves_the_others_alone() -> None:
    fused = fuse(
        rules("confidence > 0.5", "price / samples > 1", "price > 1"), exact=False
    )
    context = SimpleNamespace(confidence=0.6, price=7.0, samples=0.0)
    mask, faults = fused(context)
    assert mask == 0b101
    assert [index for index, _ in faults] == [1]
    assert isinstance(faults[0][1], ZeroDivisionError)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, "missing"])
def test_value_that_is_not_known_faults_only_rules_that_mention_it(value: Any) -> None:
    fused = fuse(
        rules("confidence > 0.5", "risk_approved or price > 1", "risk_approved"),
        exact=False,
    )
    context = SimpleNamespace(confidence=0.6, price=value, risk_approved=True)
    if value == "missing":
        del context.price
    mask, faults = fused(context)
    assert mask == 0b101
    [(index, fault)] = faults
    assert index == 1
    assert isinstance(fault, NotKnown)
    assert fault.name == "price"


@pytest.mark.parametrize("name", ["risk_approved", "symbol"])
def test_flag_or_text_of_none_faults(name: str) -> None:
    fused = fuse(rules("risk_approved or symbol == 'a'", "price > 1"), exact=False)
    context = SimpleNamespace(risk_approved=True, symbol="a", price=2.0)
    setattr(context, name, None)
    mask, faults = fused(context)
    assert (mask, len(faults)) == (0b10, 1)


def test_known_numbers_whose_sum_overflows_are_known() -> None:
    fused = fuse(rules("price > 1", "entry_price > 1"), exact=False)
    assert fused(SimpleNamespace(price=1e308, entry_price=1.7e308)) == (0b11, ())


def test_names_never_meet_the_names_of_generated_code() -> None:
    texts = ["q_mask > 1", "q_context > 2", "n_price > price", "abs(t_0 * 1) > 3"]
    fused = fuse(rules(*texts, "context < 5"), exact=False)
    context = SimpleNamespace(
        q_mask=2.0, q_context=3.0, n_price=4.0, price=1.0, t_0=-9.0, context=1.0
    )
    assert fused(context) == (0b11111, ())


def test_exact_values_stay_decimal() -> None:
    value = compile_value(read("max(price * 10%, 0.3)"), exact=True)
    assert value(SimpleNamespace(price=Decimal("5.1"))) == Decimal("0.51")
    assert str(value(SimpleNamespace(price=Decimal(1)))) == "0.3"
    texts = ["price > 0.1", "price + 0.2 > 0.3"]
    context = SimpleNamespace(price=Decimal("0.1"))
    assert fuse(rules(*texts), exact=True)(context) == (0, ())


@pytest.mark.parametrize("word", ["NaN", "sNaN", "Infinity"])
def test_exact_value_that_is_not_finite_is_not_known(word: str) -> None:
    context = SimpleNamespace(price=Decimal(word), entry_price=Decimal(1))
    with pytest.raises(NotKnown):
        compile_value(read("price - entry_price"), exact=True)(context)
    mask, faults = fuse(rules("price > 1", "entry_price > 0"), exact=True)(context)
    assert (mask, [index for index, _ in faults]) == (0b10, [0])


def test_result_that_is_not_finite_is_refused() -> None:
    value = compile_value(read("price * entry_price"), exact=False)
    with pytest.raises(NotKnown, match=r"price \* entry_price"):
        value(SimpleNamespace(price=1e308, entry_price=1e308))


def test_minimum_and_maximum_keep_the_first_of_equals_and_order_nan_as_python() -> None:
    for text, function in (("min", min), ("max", max)):
        value = compile_value(
            read(f"{text}(price, entry_price)"), exact=False, guard=False
        )
        for pair in ((math.nan, 1.0), (1.0, math.nan), (0.0, -0.0), (-0.0, 0.0)):
            found = value(SimpleNamespace(price=pair[0], entry_price=pair[1]))
            assert repr(found) == repr(function(*pair))


def test_text_can_be_chosen() -> None:
    value = compile_value(read("'a' if price > 1 else 'b'"), exact=True)
    assert value(SimpleNamespace(price=Decimal(2))) == "a"


def test_traceback_shows_the_line_of_the_rule(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    text = "price / samples > 1"
    path.write_text(f"entry:\n  - id: a\n    when: {text}\n", encoding="utf-8")
    expression = read(text, Span(str(path), 3, 11))
    context = SimpleNamespace(price=1.0, samples=0.0)
    _, [(_, fault)] = fuse([("a", expression)], exact=False)(context)
    told = "".join(traceback.format_exception(fault))
    assert f'File "{path}", line 3' in told
    assert f"when: {text}" in told
    assert "~~~~~~^~~~~~~~~" in told


def test_property_that_raises_is_a_fault() -> None:
    class Broken:
        confidence = 0.9

        @property
        def price(self) -> float:
            raise RuntimeError("no price")

    mask, faults = fuse(rules("confidence > 0.5", "price > 1"), exact=False)(Broken())
    assert (mask, str(faults[0][1])) == (1, "no price")


@pytest.mark.parametrize("text", ["0.3", "5", "price * 2"])
@pytest.mark.parametrize("exact", [True, False])
def test_what_is_compiled_later_gives_the_same(text: str, exact: bool) -> None:
    expression = read(text)
    context = SimpleNamespace(price=Decimal(7) if exact else 7.0)
    now = compile_value(expression, exact=exact)(context)
    later = compile_later(expression, exact=exact)
    for _ in range(2):
        assert (later(context), type(later(context))) == (now, type(now))
