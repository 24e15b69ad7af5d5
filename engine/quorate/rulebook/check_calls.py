"""Check calls: min, max, abs, clamp, and the indicators of candle columns."""

from __future__ import annotations

import ast
import hashlib
import re
from typing import TYPE_CHECKING

from quorate.contract.vocabulary import RATIO, Function, Kind
from quorate.rulebook.diagnostics import did_you_mean
from quorate.rulebook.meanings import Meaning, Read, at_place, number_meaning
from quorate.rulebook.terms import Call, Expression

if TYPE_CHECKING:
    from quorate.rulebook.check_expression import Checker

ARITHMETIC = {"min": (2, 9), "max": (2, 9), "abs": (1, 1), "clamp": (3, 3)}
"""The functions of plain numbers, with the least and most arguments they take."""


def read_call(checker: Checker, node: ast.Call) -> Read:
    """Return a call spelled out, and what it means."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in ARITHMETIC:
        return _arithmetic(checker, node, name)
    function = checker.functions.get(name)
    if function is not None:
        return _indicator(checker, node, function)
    near = did_you_mean(name, [*ARITHMETIC, *checker.functions])
    hint = f"did you mean {near}?" if near else ""
    if name in checker.names:
        hint, near = f"{name} is a value; a value is not called", ""
    message = f"unknown function {name!r}"
    return node, checker.wrong(node.func, "R311", message, hint, near or "")


def _arithmetic(checker: Checker, node: ast.Call, name: str) -> Read:
    least, most = ARITHMETIC[name]
    if not least <= len(node.args) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        message = f"{name} takes {count} numbers, not {len(node.args)}"
        return node, checker.wrong(node, "R312", message)
    sides = [checker.read(argument) for argument in node.args]
    if not all([checker.number(part, meaning) for part, meaning in sides]):
        return node, Meaning(None)
    first, unit = sides[0][0], sides[0][1].unit
    for side in sides[1:]:
        before = (first, number_meaning(unit))
        unit, fits = checker.join(node, before, side, "compared")
        if not fits:
            return node, Meaning(None)
    node.args = [part for part, _ in sides]
    fixed = all(meaning.fixed for _, meaning in sides)
    if name == "clamp":
        value, low, high = node.args
        node = _function(node, "min", [_function(node, "max", [value, low]), high])
    return node, number_meaning(unit, fixed=fixed)


def _function(place: ast.expr, name: str, parts: list[ast.expr]) -> ast.Call:
    function = at_place(ast.Name(name, ast.Load()), place)
    return at_place(ast.Call(function, parts, []), place)


def _indicator(checker: Checker, node: ast.Call, function: Function) -> Read:
    least, most = function.series, function.series + len(function.numbers)
    needed = least + len(function.numbers) - len(function.defaults)
    if not needed <= len(node.args) <= most:
        form = f"{function.name}({', '.join(_parameters(function))})"
        message = f"{function.name} was given {len(node.args)} arguments"
        return node, checker.wrong(node, "R312", message, f"it is written {form}")
    columns = [_column(checker, part, function) for part in node.args[:least]]
    given = [_literal(checker, part, function) for part in node.args[least:]]
    series = [column for column in columns if column is not None]
    numbers = [number for number in given if number is not None]
    if len(series) < least or len(numbers) < len(given):
        return node, Meaning(None)
    missing = len(function.numbers) - len(numbers)
    numbers += function.defaults[len(function.defaults) - missing :] if missing else ()
    unit = function.unit
    if unit is None:
        unit = series[0].unit if series else RATIO
    hidden = _hidden_name(function.name, series, numbers)
    call = Call(
        hidden, function.name, tuple(series), tuple(numbers), unit, checker.source(node)
    )
    for column in series:
        checker.mentions |= column.names
        checker.calls.update((inner.name, inner) for inner in column.calls)
    checker.calls.setdefault(hidden, call)
    checker.reads[hidden] = Kind.NUMBER
    return at_place(ast.Name(hidden, ast.Load()), node), number_meaning(unit)


def _parameters(function: Function) -> list[str]:
    optional = len(function.numbers) - len(function.defaults)
    columns = ["close"] if function.series == 1 else ["column"] * function.series
    values = [
        name if at < optional else f"{name}={function.defaults[at - optional]:g}"
        for at, name in enumerate(function.numbers)
    ]
    return columns + values


def _column(checker: Checker, node: ast.expr, function: Function) -> Expression | None:
    inner = checker.apart()
    before = len(checker.defects)
    tree, meaning = inner.read(node)
    if meaning.kind is None or not inner.number(tree, meaning):
        return None
    for name in sorted(inner.mentions):
        if not checker.names[name].series:
            known = sorted(one.name for one in checker.names.values() if one.series)
            message = f"{function.name} needs candle columns; {name} is not one"
            hint = f"columns are {', '.join(known)}" if known else ""
            checker.wrong(node, "R313", message, hint)
    if not inner.mentions:
        message = f"{function.name} needs a candle column, as in {function.name}(close)"
        checker.wrong(node, "R313", message)
    if len(checker.defects) > before:
        return None
    return Expression(
        text=checker.text,
        tree=tree,
        kind=Kind.NUMBER,
        unit=meaning.unit or RATIO,
        names=frozenset(inner.mentions),
        calls=tuple(inner.calls.values()),
        reads=inner.reads,
        place=checker.place,
    )


def _literal(checker: Checker, node: ast.expr, function: Function) -> float | None:
    _, meaning = checker.read(node)
    if meaning.kind is None:
        return None
    if meaning.number is None:
        message = f"{function.name} needs a plain number here"
        checker.wrong(node, "R312", message)
        return None
    return float(meaning.number)


def _hidden_name(name: str, series: list[Expression], numbers: list[float]) -> str:
    """Return a name that equal calls share and no rule can write by itself."""
    words = [name]
    for column in series:
        words += re.findall(r"[a-z0-9]+", ast.unparse(column.tree))
    words += [f"{number:.15g}" for number in numbers]
    trees = [ast.unparse(column.tree) for column in series]
    if len(trees) != 1 or not trees[0].isalnum():
        # Only one plain column leaves no doubt about where the words begin and end.
        exact = "|".join([name, *trees])
        words.append(hashlib.blake2b(exact.encode(), digest_size=4).hexdigest())
    letters = "_".join(words).replace("-", "minus").replace(".", "p")
    return "_" + re.sub(r"\W", "_", letters, flags=re.ASCII)
