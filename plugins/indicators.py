"""TA-Lib's indicators, by their own names in lower case, for rules to call.

``ema(close, 9)``, ``atr(high, low, close, 14)``, ``macd_signal(close, 12, 26, 9)``:
the columns in TA-Lib's order, then its parameters, whose defaults may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import talib
import talib.abstract

from quorate import AMOUNT, MONEY, RATIO, Floats, Function, Unit, hookimpl

# The library's own type stubs do not know all of it.
_TALIB: Any = talib

# Rules have operators for arithmetic, and min and max of numbers; an index of a row
# means nothing to a rule; a price squared fits no threshold; a sum since the first
# candle depends on where the tape begins.
LEFT_OUT = {
    *("ADD", "SUB", "MULT", "DIV", "CEIL", "FLOOR", "CUMSUM", "VWAP", "VAR"),
    *("SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN", "SINH", "COSH", "TANH", "EXP"),
    *("MAXINDEX", "MININDEX", "MINMAXINDEX", "MINMAX", "MAVP"),
}
RENAMED = {"MAX": "highest", "MIN": "lowest", "SUM": "rolling_sum"}

# What a further output is called; one that is called "" has the plain name.
OUTPUTS = {
    **{"real": "", "integer": "", "macd": "", "mama": "", "smi": "", "sine": ""},
    **{"supertrend": "", "macdsignal": "signal", "macdhist": "hist"},
    **{"smisignal": "signal", "leadsine": "lead", "upperband": "upper"},
    **{"middleband": "middle", "lowerband": "lower", "aroondown": "down"},
    **{"aroonup": "up", "bullpower": "bull", "bearpower": "bear"},
    **{"plusvi": "plus", "minusvi": "minus", "swinghigh": "high"},
    **{"swinglow": "low", "haopen": "open", "hahigh": "high", "halow": "low"},
    **{"haclose": "close", "slowk": "k", "slowd": "d", "fastk": "k", "fastd": "d"},
}

# A rule's 1% is 0.01, theirs is 1: what help must say.
PERCENT_POINTS = {"ROC", "PPO", "NATR", "TRIX", "PVO", "FOSC", "CVI", "COPPOCK"}

# In these groups a result is measured like its first column, elsewhere it is a ratio.
LIKE_COLUMN = {"Overlap Studies", "Price Transform", "Math Operators"}
UNITS: dict[str, Unit | None] = {
    **dict.fromkeys(("ADR", "ATR", "TRANGE", "STDDEV", "TSF", "PERCENTILE")),
    **dict.fromkeys(("LINEARREG", "LINEARREG_INTERCEPT", "LINEARREG_SLOPE")),
    **dict.fromkeys(("MOM", "APO", "AO", "AC", "MACD", "MACDEXT", "MACDFIX", "DPO")),
    **dict.fromkeys(("ERI", "QSTICK", "WAD", "PLUS_DM", "MINUS_DM")),
    **dict.fromkeys(("HT_PHASOR",)),
    **dict.fromkeys(("AD", "ADOSC", "OBV", "PVT"), AMOUNT),
    "EFI": MONEY,
    "MARKETFI": Unit(quote=1, base=-2),
    "SUPERTREND_TREND": RATIO,
}


@hookimpl
def functions() -> list[Function]:
    """Return every indicator that TA-Lib has, one function for each output."""
    return talib_functions()


def talib_functions() -> list[Function]:
    """Return the functions, in TA-Lib's order."""
    offered: list[Function] = []
    for group, names in _TALIB.get_function_groups().items():
        for name in names:
            if name not in LEFT_OUT:
                offered.extend(_outputs(name, group))
    return offered


def _outputs(name: str, group: str) -> list[Function]:
    """Return one function for each output of TA-Lib's function ``name``."""
    info = _TALIB.abstract.Function(name).info
    numbers: dict[str, float] = info["parameters"]
    series = sum(
        1 if isinstance(columns, str) else len(columns)
        for columns in info["input_names"].values()
    )
    made = []
    for at, output in enumerate(info["output_names"]):
        suffix = OUTPUTS.get(output, output)
        called = RENAMED.get(name, name.lower()) + (suffix and f"_{suffix}")
        made.append(
            Function(
                name=called,
                help=_help(name, info["display_name"], suffix),
                series=series,
                numbers=tuple(numbers),
                defaults=tuple(float(value) for value in numbers.values()),
                compute=partial(_compute, name, at, series),
                unit=_unit(called, name, group),
            )
        )
    return made


def _help(name: str, title: str, suffix: str) -> str:
    scale = " (1 is 1%)" if name in PERCENT_POINTS else ""
    return title + (f": {suffix}" if suffix else "") + scale


def _unit(called: str, name: str, group: str) -> Unit | None:
    default = None if group in LIKE_COLUMN else RATIO
    return UNITS.get(called.upper(), UNITS.get(name, default))


def _compute(name: str, output: int, series: int, *arguments: Any) -> Floats:
    """Return one output, NaN while it warms up and where its columns are not known.

    Raises:
        ValueError: a parameter is outside what TA-Lib takes.
    """
    columns = [np.ascontiguousarray(c, dtype=np.float64) for c in arguments[:series]]
    function, lookback = _prepared(name, arguments[series:])
    result = np.full(len(columns[0]), np.nan)
    for start, end in _known_stretches(columns):
        if end - start > lookback:
            found = function(*(column[start:end] for column in columns))
            part = found[output] if isinstance(found, tuple | list) else found
            # Some have zeros, not NaN, in the rows before their first value.
            result[start + lookback : end] = part[lookback:]
    result[np.isinf(result)] = np.nan
    return result


def _known_stretches(columns: list[Floats]) -> Iterable[tuple[int, int]]:
    """Return the stretches of rows in which every column is known.

    After a hole an indicator warms up again: TA-Lib's running sums would never
    recover from one unknown value.
    """
    if all(np.isfinite(column).all() for column in columns):
        return [(0, len(columns[0]))]
    known = np.logical_and.reduce([np.isfinite(column) for column in columns])
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False)).tolist()
    return zip(edges[::2], edges[1::2], strict=True)


@lru_cache(maxsize=500)
def _prepared(name: str, given: tuple[float, ...]) -> tuple[Callable[..., Any], int]:
    """Return the function with its parameters, and the rows it needs before a value."""
    known = _TALIB.abstract.Function(name)
    parameters = {}
    defaults = known.info["parameters"]
    for (parameter, default), value in zip(defaults.items(), given, strict=False):
        if isinstance(default, int) and not float(value).is_integer():
            raise ValueError(f"{name.lower()}: {parameter} must be whole, was {value}")
        parameters[parameter] = type(default)(value)
    known.parameters = parameters
    try:
        lookback = int(known.lookback)
    except OverflowError:
        lookback = -1
    if lookback < 0:
        said = ", ".join(f"{key} {value:g}" for key, value in parameters.items())
        raise ValueError(f"{name.lower()} cannot be computed with {said}")
    return partial(getattr(_TALIB, name), **parameters), lookback
