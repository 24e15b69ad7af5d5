"""Every indicator: causal, as long as its columns, NaN until it is warm."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.plugin_files import load_plugin

from quorate.contract.vocabulary import AMOUNT, RATIO, Function

ROWS = 500
Column = NDArray[np.float64]


PLUGIN_MODULE = load_plugin("indicators")
FUNCTIONS: dict[str, Function] = {
    one.name: one for one in PLUGIN_MODULE.talib_functions()
}
EVERY = pytest.mark.parametrize("name", FUNCTIONS)


def market(rows: int = ROWS, seed: int = 5) -> dict[str, Column]:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    opened = np.concatenate(([100.0], close[:-1]))
    return {
        "open": opened,
        "high": np.maximum(opened, close) * (1 + rng.random(rows) * 0.005),
        "low": np.minimum(opened, close) * (1 - rng.random(rows) * 0.005),
        "close": close,
        "volume": rng.random(rows) * 10,
    }


MARKET = market()
# TA-Lib's order, by the number of columns; where it differs the name says it.
BY_COUNT = {
    1: ["close"],
    2: ["high", "low"],
    3: ["high", "low", "close"],
    4: ["open", "high", "low", "close"],
}
OTHERS = {
    "open close": ("imi", "qstick"),
    "close volume": ("obv", "nvi", "pvi", "pvt", "efi", "vwma"),
    "high low close volume": ("mfi", "ad", "adosc", "cmf"),
    "volume": ("pvo", "rvol"),
    "high low volume": ("marketfi",),
}
TAKES = {name: words.split() for words, names in OTHERS.items() for name in names}


def columns(function: Function, rows: int = ROWS) -> list[Column]:
    names = TAKES.get(function.name) or BY_COUNT[function.series]
    assert len(names) == function.series
    return [MARKET[name][:rows] for name in names]


def computed(name: str, *arguments: object) -> Column:
    result: Column = FUNCTIONS[name].compute(*arguments)
    return result


@EVERY
def test_later_rows_do_not_change_earlier_ones(name: str) -> None:
    function = FUNCTIONS[name]
    whole = function.compute(*columns(function), *function.defaults)
    assert len(whole) == ROWS
    for rows in (1, 7, 50, 251, 252, 400):
        part = function.compute(*columns(function, rows), *function.defaults)
        np.testing.assert_array_equal(part, whole[:rows])


@EVERY
def test_it_is_nan_until_warm_and_known_from_then_on(name: str) -> None:
    function = FUNCTIONS[name]
    whole = function.compute(*columns(function), *function.defaults)
    known = ~np.isnan(whole)
    first = int(np.argmax(known))
    assert known.any()
    assert known[first:].all()


@EVERY
@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_few_rows_are_no_error(name: str, rows: int) -> None:
    function = FUNCTIONS[name]
    result = function.compute(*columns(function, rows), *function.defaults)
    assert len(result) == rows
    assert result.dtype == np.float64


@EVERY
def test_rows_that_are_not_known_yet_only_delay_the_warm_up(name: str) -> None:
    function = FUNCTIONS[name]
    later = [np.concatenate((np.full(9, np.nan), c)) for c in columns(function)]
    result = function.compute(*later, *function.defaults)
    whole = function.compute(*columns(function), *function.defaults)
    assert np.isnan(result[:9]).all()
    np.testing.assert_array_equal(result[9:], whole)


@EVERY
def test_it_has_help_and_a_default_for_every_number(name: str) -> None:
    function = FUNCTIONS[name]
    assert function.help
    assert len(function.numbers) == len(function.defaults)


def test_after_a_hole_it_warms_up_again() -> None:
    close = MARKET["close"].copy()
    close[100] = np.nan
    result = computed("sma", close, 10.0)
    assert np.isnan(result[100:110]).all()
    np.testing.assert_allclose(result[110], close[101:111].mean())
    assert not np.isnan(result[110:]).any()


def test_the_hook_offers_what_the_plain_function_lists() -> None:
    assert [one.name for one in PLUGIN_MODULE.functions()] == list(FUNCTIONS)


def test_a_moving_average_is_the_mean_of_its_rows() -> None:
    result = computed("sma", MARKET["close"], 5.0)
    expected = [MARKET["close"][row - 4 : row + 1].mean() for row in range(4, ROWS)]
    assert np.isnan(result[:4]).all()
    np.testing.assert_allclose(result[4:], expected)


def test_an_indicator_of_an_indicator_is_known_once_both_are_warm() -> None:
    inner = computed("rsi", MARKET["close"], 14.0)
    outer = computed("ema", inner, 9.0)
    assert np.flatnonzero(~np.isnan(outer))[0] == 14 + 9 - 1


def test_every_output_has_its_own_name() -> None:
    for name in (
        *("macd", "macd_signal", "macd_hist", "stoch_k", "stoch_d"),
        *("bbands_upper", "bbands_middle", "bbands_lower", "aroon_up", "aroon_down"),
        *("highest", "lowest"),
    ):
        assert name in FUNCTIONS
    line, signal, hist = (
        computed(name, MARKET["close"], 12.0, 26.0, 9.0)
        for name in ("macd", "macd_signal", "macd_hist")
    )
    np.testing.assert_allclose(hist, line - signal)


def test_what_rules_have_themselves_or_cannot_use_is_left_out() -> None:
    unwanted = {"min", "max", "abs", "clamp", "add", "floor", "mavp", "maxindex"}
    assert not unwanted & set(FUNCTIONS)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(("ema", None), ("bbands_upper", None), ("atr", None), ("mom", None)),
        *(("stddev", None), ("macd_hist", None), ("highest", None)),
        *(("rsi", RATIO), ("adx", RATIO), ("natr", RATIO), ("stoch_k", RATIO)),
        *(("supertrend", None), ("supertrend_trend", RATIO), ("obv", AMOUNT)),
    ],
)
def test_the_unit_fits_the_indicator(name: str, unit: object) -> None:
    if name not in FUNCTIONS:
        pytest.skip(f"this TA-Lib has no {name}")
    assert FUNCTIONS[name].unit == unit


@pytest.mark.parametrize(
    ("name", "number", "message"),
    [
        ("ema", 0.0, "timeperiod 0"),
        ("ema", -1.0, "timeperiod -1"),
        ("ema", 1e6, "timeperiod 1e\\+06"),
        ("ema", 1e12, "timeperiod 1e\\+12"),
        ("rsi", 14.5, "timeperiod must be whole, was 14.5"),
    ],
)
def test_a_number_that_ta_lib_does_not_take_is_refused_at_any_length(
    name: str, number: float, message: str
) -> None:
    for rows in (0, 3, ROWS):
        with pytest.raises(ValueError, match=message):
            computed(name, MARKET["close"][:rows], number)


def test_a_period_longer_than_the_tape_stays_unknown() -> None:
    assert np.isnan(computed("ema", MARKET["close"], 5000.0)).all()


def test_a_division_by_nothing_is_not_known() -> None:
    result = computed("rvol", np.zeros(60), 20.0) if "rvol" in FUNCTIONS else None
    if result is None:
        pytest.skip("this TA-Lib has no rvol")
    assert np.isnan(result).all()


def test_percent_points_are_told_in_the_help() -> None:
    assert FUNCTIONS["roc"].help.endswith("(1 is 1%)")
