"""The rule language: what is read, what is refused, and where the problem points."""

from __future__ import annotations

import ast
import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.contract.vocabulary import (
    AMOUNT,
    DURATION,
    MONEY,
    PRICE,
    RATIO,
    Function,
    Kind,
    Unit,
)
from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.expression import CODES, Expression, Name, Want, read_expression

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "hostile_expressions.json"
OWN = Path(__file__).with_name("hostile_expressions.yaml")
ONE, ZERO = Decimal(1), Decimal(0)
NAMES = {
    name.name: name
    for name in (
        Name("confidence", low=ZERO, high=ONE),
        Name("spread", low=ZERO),
        Name("samples", low=ZERO),
        Name("profit_target", low=ZERO, high=Decimal("0.05")),
        Name("price", unit=PRICE),
        Name("entry_price", unit=PRICE),
        Name("amount", unit=AMOUNT),
        Name("min_order", unit=AMOUNT),
        Name("free_quote", unit=MONEY),
        Name("age", unit=DURATION),
        Name("symbol", Kind.TEXT),
        Name("deployment", Kind.TEXT, values=("funds_deployed", "funds_free")),
        Name("risk_approved", Kind.FLAG),
        Name("kill_switch", Kind.FLAG),
        Name("close", unit=PRICE, series=True),
        Name("high", unit=PRICE, series=True),
        Name("low", unit=PRICE, series=True),
    )
}


def _column(column: object, _: float) -> object:
    return column


FUNCTIONS = {
    "ema": Function(
        name="ema",
        help="",
        series=1,
        numbers=("period",),
        defaults=(),
        compute=_column,
        unit=None,
    ),
    "rsi": Function(
        name="rsi",
        help="",
        series=1,
        numbers=("period",),
        defaults=(14.0,),
        compute=_column,
    ),
}
PLACE = Span("rules.yaml", 7, 11)


def read(
    text: str, want: Want | None = None, quoted: bool = False
) -> tuple[Expression | None, list[Problem]]:
    wanted = want or Want.flag()
    return read_expression(text, NAMES, FUNCTIONS, wanted, PLACE, text, quoted)


def good(text: str, want: Want | None = None) -> Expression:
    expression, problems = read(text, want)
    assert expression is not None, [problem.concise() for problem in problems]
    assert not problems
    return expression


def bad(text: str, want: Want | None = None) -> Problem:
    expression, problems = read(text, want)
    assert expression is None
    return problems[0]


def _own_table() -> list[tuple[str, str]]:
    groups = yaml.safe_load(OWN.read_text(encoding="utf-8"))
    return [(text, code) for group in groups.values() for text, code in group]


@pytest.mark.parametrize(("text", "code"), _own_table())
def test_hostile_expression_is_refused_for_the_right_reason(
    text: str, code: str
) -> None:
    expression, problems = read(text)
    assert expression is None
    assert code in {problem.code for problem in problems}
    assert all(problem.code in CODES for problem in problems)


def test_every_code_has_an_example() -> None:
    shown = {code for _, code in _own_table()}
    elsewhere = {"R301", "R306", "R314", "R328", "R329"}
    assert shown | elsewhere == set(CODES)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not in this checkout")
def test_corpus_of_hostile_expressions_is_refused() -> None:
    accepted = []
    for entry in json.loads(CORPUS.read_text(encoding="utf-8")):
        parts = entry.get("parts", [[entry.get("expr", ""), 1]])
        text = "".join(part * times for part, times in parts)
        if read(text)[0] is not None:
            accepted.append(entry["id"])
    assert accepted == []


@pytest.mark.parametrize(
    "text",
    [
        "confidence > 0.75 and risk_approved and spread < 0.2%",
        "amount < min_order * (1 + 10%)",
        "(price - entry_price) / entry_price >= profit_target",
        "price * amount <= free_quote",
        "free_quote / price > amount",
        "deployment != 'funds_deployed'",
        'symbol in ("BTC/EUR", "ETH/EUR") or not kill_switch',
        "symbol not in ('BTC/EUR',)",
        "age >= 4h or age < 250ms",
        "0 < confidence < 1",
        "1 > spread >= profit_target > 0",
        "samples == 20",
        "risk_approved == kill_switch",
        "ema(close, 9) > ema(close, 21)",
        "rsi(close) > 70",
        "ema(high - low, 14) / close > 0.5%",
        "ema(rsi(close, 14), 9) > 50",
        "abs(price - entry_price) > clamp(price, 1, 2)",
        "min(price, entry_price, 5) > max(1, price / 2)",
        "(1 if confidence > 0.5 else -1) > spread",
        "risk_approved if confidence > 0.5 else kill_switch",
        "spread ** 2 > 1",
        "-spread < -1%",
        "close > 3",
        "True",
        "  confidence > 0.5  ",
    ],
)
def test_plausible_condition_is_read(text: str) -> None:
    assert good(text).kind is Kind.FLAG


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("free_quote * 10%", MONEY),
        ("min(free_quote, price * amount)", MONEY),
        ("free_quote / price", AMOUNT),
        ("price / entry_price", RATIO),
        ("30s", DURATION),
        ("age / 1s", RATIO),
        ("close", PRICE),
        ("ema(close, 9)", PRICE),
        ("rsi(close, 9)", RATIO),
        ("price ** 2", Unit(quote=2, base=-2)),
        ("5", RATIO),
    ],
)
def test_unit_of_a_number_is_worked_out(text: str, unit: Unit) -> None:
    expression = good(text, Want.number())
    assert (expression.kind, expression.unit) == (Kind.NUMBER, unit)


def test_plain_number_takes_the_wanted_unit() -> None:
    assert good("5", Want.number(MONEY)).unit == MONEY
    assert bad("5%", Want.number(MONEY)).code == "R328"
    assert bad("price", Want.number(MONEY)).message == (
        "this gives a price, money is needed here"
    )


def test_wants_other_than_flags() -> None:
    sides = Want.text(("buy", "sell"))
    assert good("'buy' if risk_approved else 'sell'", sides).kind is Kind.TEXT
    problem = bad("'buy' if risk_approved else 'sel'", sides)
    assert (problem.code, problem.help) == ("R329", "did you mean 'sell'?")
    assert good("1 if risk_approved else 0", Want.score()).unit == RATIO
    assert good("risk_approved", Want.score()).kind is Kind.FLAG


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("confidense > 0.5", "'confidense'", "did you mean confidence?"),
        ("emma(close, 9) > 1", "'emma'", "did you mean ema?"),
        ("confidence > 75", "lies between 0 and 1", "did you mean 75%?"),
        ("profit_target > price", "is a ratio, `price` is a price", ""),
        ("confidence => 0.5", "=>", "did you mean `>=`?"),
        ("confidence = 0.5", "=", "did you mean `==`?"),
        ("risk_approved && kill_switch", "&&", "did you mean `and`?"),
        ("risk_approved || kill_switch", "||", "did you mean `or`?"),
        ("!risk_approved", "!", "did you mean `not`?"),
        ("risk_approved == true", "true", "did you mean `True`?"),
        ("deployment == 'funds_deploied'", "never", "did you mean 'funds_deployed'?"),
        ("'confidence > 0.9'", "gives a text", "remove them"),
        ("confidence", "gives a number", "compare it"),
        ("ema(price, 9) > 1", "needs candle columns", "close, high, low"),
        ("price > 5mm", "'mm' is not a unit", "units are"),
        ("price % 2 > 1", "no modulo", "0.5%"),
    ],
)
def test_problem_says_what_and_what_to_do(text: str, message: str, hint: str) -> None:
    problem = bad(text)
    assert message in problem.message
    assert hint in problem.help


def test_span_covers_the_part_that_is_wrong() -> None:
    problem = bad("risk_approved and confidense > 75%")
    assert str(problem.span) == "rules.yaml:7:29"
    assert (problem.span.end_line, problem.span.end_column) == (7, 39)
    assert problem.source == "risk_approved and confidense > 75%"


def test_columns_stay_true_after_units_spaces_and_quotes() -> None:
    text = "  age > 30s and spread < 0.5% and prise > 1"
    _, problems = read(text, quoted=True)
    assert problems[0].span.column == PLACE.column + 1 + text.index("prise")
    expression = good("age > 30s and spread < 5%")
    assert isinstance(expression.tree, ast.BoolOp)
    sources = [expression.source(term) for term in expression.tree.values]
    assert sources == ["age > 30s", "spread < 5%"]


def test_all_problems_are_found_at_once() -> None:
    _, problems = read("confidense > 1 and prise > 2 and confidence > 75")
    assert [problem.code for problem in problems] == ["R310", "R310", "R322"]


def test_size_is_bounded() -> None:
    assert bad(" or ".join(["risk_approved"] * 30)).code == "R301"
    assert bad("+".join(["1"] * 25) + " > price").code == "R306"
    assert bad("((((((price)))))) > 1").code == "R306"
    assert bad("not " * 30 + "kill_switch").code == "R306"
    assert bad(" or ".join(["1<age"] * 41)).code == "R306"


def test_literals_are_exact_and_powers_chains_and_clamps_spelled_out() -> None:
    trees = {
        "spread > 0.1%": "spread > Decimal('0.001')",
        "spread ** 3 > -2": "spread * spread * spread > Decimal('-2')",
        "1 < price < entry_price": "Decimal('1') < price and price < entry_price",
        "clamp(spread, 0, 9) > 1": "min(max(spread, Decimal('0')), Decimal('9')) "
        "> Decimal('1')",
    }
    for text, tree in trees.items():
        assert ast.unparse(good(text).tree) == tree


def test_calls_have_stable_names_and_inner_ones_come_first() -> None:
    expression = good(
        "ema(rsi(close), 9) > ema(rsi(close, 14), 9.0) - 0.5 and age > 1s"
    )
    inner, outer = (call.name for call in expression.calls)
    assert inner == "_rsi_close_14"
    assert outer.startswith("_ema_rsi_close_14_9_")
    assert expression.calls[0].numbers == (14.0,)
    assert expression.names == {"close", "age"}
    assert list(expression.reads) == [outer, "age"]


def test_calls_on_different_columns_have_different_names() -> None:
    texts = ["high - low", "high + low", "high - low * 2", "(high - low) * 2", "high"]
    texts = [f"ema({text}, 9) > 1" for text in texts]
    names = {good(text).calls[0].name for text in texts}
    assert len(names) == len(texts)
    assert all(name.isidentifier() for name in names)


WORDS = """confidence price symbol close ema min ( ) , > < == and or not 5 0.5% 30s
'a' + - * / ** if else in True . [ = & % e _ 1e9 :"""


def test_functions_and_columns_whose_words_run_together_stay_apart() -> None:
    names = {name: Name(name, series=True) for name in ("c", "b_c")}
    functions = {
        name: Function(
            name=name, help="", series=1, numbers=(), defaults=(), compute=_column
        )
        for name in ("a", "a_b")
    }
    text = "a(b_c) > a_b(c)"
    expression, _ = read_expression(text, names, functions, Want.flag(), PLACE)
    assert expression is not None
    assert len({call.name for call in expression.calls}) == 2


TOKENS = st.sampled_from(WORDS.split())


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(TOKENS, max_size=14).map(" ".join)
    | st.lists(TOKENS, max_size=10).map("".join)
)
def test_no_text_makes_the_reader_raise(text: str) -> None:
    expression, problems = read(text)
    assert (expression is None) == bool(problems)
    for problem in problems:
        assert problem.code in CODES
        assert problem.span.column < problem.span.end_column
