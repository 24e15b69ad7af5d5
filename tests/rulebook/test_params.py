"""Params: units, bounds, symbols, overlays, settings, origins, and their texts."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quorate.contract.vocabulary import (
    AMOUNT,
    DURATION,
    MONEY,
    PRICE,
    RATIO,
    Kind,
    Unit,
)
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.literals import LARGEST, SMALLEST
from quorate.rulebook.params import Param, Setting, read_tuned, read_value
from quorate.rulebook.read_params import read_params
from quorate.rulebook.text import Document, parse_document

parts = import_module("rulebook_parts")
codes = parts.codes
good = parts.good
only = parts.only
read = parts.read

START = Setting(Decimal(1), Span("params.yaml"), "rules")


def document(text: str, shown: str = "params.yaml") -> Document:
    found, problems = parse_document(f"params:\n{text}".encode(), shown)
    assert found, problems
    return found


def param(text: str) -> Param:
    params, problems, _ = read_params([document(f"  it: {text}\n")], [], [])
    assert problems == []
    return params.by_name["it"]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("{value: 0.75}", Decimal("0.75"), RATIO),
        ("{value: 3}", Decimal(3), RATIO),
        ("{value: 0.5%}", Decimal("0.005"), RATIO),
        ("{value: -1%}", Decimal("-0.01"), RATIO),
        ("{value: 30s}", Decimal(30_000), DURATION),
        ("{value: 4h}", Decimal(14_400_000), DURATION),
        ("{value: 250ms}", Decimal(250), DURATION),
        ("{value: 500, unit: money}", Decimal(500), MONEY),
        ("{value: 500, unit: price}", Decimal(500), PRICE),
        ("{value: 0.1, unit: amount}", Decimal("0.1"), AMOUNT),
        ("{value: 30s, unit: duration}", Decimal(30_000), DURATION),
        ("{value: 5%, unit: ratio}", Decimal("0.05"), RATIO),
    ],
)
def test_value_has_its_unit(text: str, value: Decimal, unit: Unit) -> None:
    found = param(text)
    assert (found.settings[0].value, found.unit, found.kind) == (
        value,
        unit,
        Kind.NUMBER,
    )


def test_switch_is_a_flag() -> None:
    assert param("{value: true}").kind is Kind.FLAG
    assert param("{value: false}").settings[-1].value is False


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("{value: 0.75, max: 1}", "0.5", "0.5"),
        ("{value: 75%}", "0.5", "50%"),
        ("{value: 0.75, max: 100%}", "0.5", "50%"),
        ("{value: 1, min: 1, max: 1}", "1", "1"),
        ("{value: 100}", "100", "100"),
        ("{value: 90s}", "90000", "90s"),
        ("{value: 90s}", "3600000", "1h"),
        ("{value: 90s}", "0", "0s"),
        ("{value: 5, unit: money}", "1.50", "1.5"),
    ],
)
def test_value_is_written_as_its_file_writes_it(
    text: str, value: str, shown: str
) -> None:
    assert param(text).write(Decimal(value)) == shown


NUMBERS = st.decimals(-LARGEST, LARGEST, allow_nan=False, allow_infinity=False)


@given(NUMBERS, st.sampled_from([RATIO, MONEY, PRICE, AMOUNT, DURATION]), st.booleans())
def test_number_comes_back_from_its_text(
    value: Decimal, unit: Unit, percent: bool
) -> None:
    value = +value  # no more digits than arithmetic gives
    assume(not value or abs(value) >= SMALLEST)
    if unit != RATIO:
        percent = False
    it = Param(
        name="it",
        kind=Kind.NUMBER,
        unit=unit,
        low=None,
        high=None,
        about="",
        settings=(START,),
        percent=percent,
    )
    assert read_tuned(it.write(value)) == value


@pytest.mark.parametrize("value", [True, False])
def test_switch_comes_back_from_its_text(value: bool) -> None:
    assert read_tuned(param("{value: true}").write(value)) is value


@given(NUMBERS, NUMBERS, NUMBERS)
def test_held_value_is_the_nearest_allowed(
    low: Decimal, high: Decimal, value: Decimal
) -> None:
    low, high = min(low, high), max(low, high)
    it = Param(
        name="it",
        kind=Kind.NUMBER,
        unit=RATIO,
        low=low,
        high=high,
        about="",
        settings=(START,),
    )
    held = it.hold(value)
    assert isinstance(held, Decimal)
    assert it.refusal(held) == ""
    assert held == value or held in (low, high)
    assert (it.refusal(value) == "") == (held == value)


@pytest.mark.parametrize("raw", [None, "", "five", "5 %", "%", "5w", "1,5", [], {}])
def test_other_things_are_no_value(raw: object) -> None:
    assert read_value(raw) is None


# -- layers

BASE = """\
  target: {value: 0.5%, min: 0.1%, max: 5%, for: {'BTC/*': 0.3%, '*/USD': 0.7%}}
  pause: {value: 30s}
"""


def test_first_matching_symbol_counts() -> None:
    params, problems, _ = read_params([document(BASE)], [], [])
    assert problems == []
    target = params.by_name["target"]
    found = {
        symbol: target.setting_for(symbol)
        for symbol in ("BTC/USD", "ETH/USD", "ETH/EUR", None)
    }
    assert [str(one.value) for one in found.values()] == [
        "0.003",
        "0.007",
        "0.005",
        "0.005",
    ]
    assert [(str(one.origin), one.by) for one in found.values()] == [
        ("params.yaml:2:60", "for BTC/*"),
        ("params.yaml:2:75", "for */USD"),
        ("params.yaml:2:19", "rules"),
        ("params.yaml:2:19", "rules"),
    ]


def test_layers_go_over_each_other_in_order() -> None:
    overlays = [
        [document("  target: {value: 1%}\n  pause: {value: 40s}\n", "one.yaml")],
        [document("  target: {value: 2%, for: {'ETH/*': 3%}}\n", "two.yaml")],
    ]
    params, problems, _ = read_params([document(BASE)], overlays, [("pause", "1m")])
    assert problems == []
    target, pause = params.by_name["target"], params.by_name["pause"]
    told = {
        symbol: target.setting_for(symbol).by
        for symbol in ("BTC/USD", "ETH/USD", "XRP/EUR")
    }
    assert told == {
        "BTC/USD": "for BTC/*",
        "ETH/USD": "for ETH/*",
        "XRP/EUR": "overlay",
    }
    assert [str(one.value) for one in target.settings] == ["0.005", "0.01", "0.02"]
    assert [one.origin.path for one in target.settings] == [
        "params.yaml",
        "one.yaml",
        "two.yaml",
    ]
    assert [one.by for one in pause.settings] == ["rules", "overlay", "--set"]
    assert pause.setting_for("BTC/USD").value == 60_000


def test_command_line_goes_over_every_symbol() -> None:
    settings = [("target", "1%"), ("target", "4%")]
    params, problems, _ = read_params([document(BASE)], [], settings)
    assert problems == []
    assert params.effective("BTC/USD", {})["target"] == Decimal("0.04")


def test_tuned_value_goes_over_all() -> None:
    params, _, _ = read_params([document(BASE)], [], [("target", "1%")])
    tuned = {"target": Decimal("0.02")}
    assert params.effective("BTC/USD", tuned) == {
        "target": Decimal("0.02"),
        "pause": Decimal(30_000),
    }
    assert params.effective("BTC/USD", {})["target"] == Decimal("0.01")


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("max_age", "1h", ""),
        ("max_age", "60", "R403"),
        ("max_age", "50%", "R403"),
        ("max_age", "true", "R403"),
        ("max_age", "1 h", "R403"),
        ("max_age", "", "R403"),
        ("max_age", "8d", "R403"),
        ("profit_target", "0.01", ""),
        ("profit_target", "1%", ""),
        ("profit_target", "-1%", "R403"),
        ("profit_target", "nan", "R403"),
        ("profit_target", "1e999999999", "R403"),
        ("profit_target", "0.010 ", "R403"),
        ("use_ioc", "true", ""),
        ("use_ioc", "1", "R403"),
        ("use_ioc", "yes", "R403"),
        ("no_such", "1", "R402"),
        ("", "", "R402"),
    ],
)
def test_setting_is_held_to_its_param(name: str, text: str, code: str) -> None:
    assert codes(read(settings=((name, text),))) == ([code] if code else [])


def test_effective_values_are_those_of_the_rules_beside_an_overlay() -> None:
    overlay = {"o.yaml": "params:\n  max_age: {value: 1h, for: {'BTC/*': 2h}}\n"}
    plain, laid = good(read()).params, good(read(overlays=[overlay])).params
    before, after = plain.effective("BTC/USD", {}), laid.effective("BTC/USD", {})
    assert {name for name in before if before[name] != after[name]} == {"max_age"}
    assert after["max_age"] == 7_200_000


def test_value_of_one_symbol_is_held_to_the_bounds_too() -> None:
    overlay = {"o.yaml": "params:\n  max_age: {value: 1h, for: {'BTC/*': 8d}}\n"}
    problem = only(read(overlays=[overlay]))
    assert (str(problem.span), problem.code) == ("o.yaml:2:39", "R403")
