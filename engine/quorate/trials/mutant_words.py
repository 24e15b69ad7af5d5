"""What may stand for a value, an expression or a pattern in a mutant."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from quorate.bundle import bundled
from quorate.rulebook.literals import NUMBER, SUFFIXES
from quorate.rulebook.nodes import Path
from quorate.rulebook.terms import Expression

_QUANTITY = re.compile(rf"([+-]?{NUMBER})({'|'.join(SUFFIXES)})?")

_SIGNS: Mapping[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">"),
    ast.LtE: ("<", ">="),
    ast.Gt: (">=", "<"),
    ast.GtE: (">", "<="),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
_WRITTEN = re.compile(r"not\s+in\b|in\b|[<>=!]=|[<>]")
_OPERATORS: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
}
_CHOSEN = {"min": "max", "max": "min"}


def nudged(number: Decimal) -> Iterator[Decimal]:
    """Yield a number one unit of its last digit up, and down."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # a rule file has finite numbers only
    unit = Decimal(1).scaleb(min(0, exponent))
    yield number + unit
    yield number - unit


def quantities(text: str) -> Iterator[str]:
    """Yield a quantity such as 0.5% or 45s one unit of its last digit up, and down."""
    found = _QUANTITY.fullmatch(text)
    if found is not None:
        for number in nudged(Decimal(found[1])):
            yield f"{number:f}{found[2] or ''}"


def expressions(
    expression: Expression, known: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Yield an expression with one operator, number, text or term changed.

    ``known`` has the texts that each fact may be.
    """
    seen = {expression.text}
    for node in ast.walk(expression.tree):
        for start, end, new in _changes(expression, node, known):
            text = expression.text[:start] + new + expression.text[end:]
            if text not in seen:
                seen.add(text)
                yield text


Change = tuple[int, int, str]


def _changes(
    expression: Expression, node: ast.AST, known: Mapping[str, tuple[str, ...]]
) -> Iterator[Change]:
    match node:
        case ast.BoolOp(values=parts):
            yield from _joined(expression, parts, isinstance(node.op, ast.And))
        case ast.Compare(left=left, comparators=[right]):
            yield from _compared(expression, left, right, type(node.ops[0]))
            yield from _texts(left, right, known)
        case ast.BinOp(left=left, right=right) if type(node.op) in _OPERATORS:
            sign, other = _OPERATORS[type(node.op)]
            yield from _between(expression, left, right, re.escape(sign), other)
        case ast.Call(func=ast.Name(id=name)) if name in _CHOSEN:
            start = node.col_offset
            yield start, start + len(name), _CHOSEN[name]
        case ast.expr():
            yield from _of_one(expression, node)


def _of_one(expression: Expression, node: ast.expr) -> Iterator[Change]:
    """Yield the changes of what is a part by itself: signs, numbers, choices, calls."""
    start, end = _span(node)
    match node:
        case ast.UnaryOp(operand=operand):
            first, last = _span(operand)
            yield start, end, expression.text[first:last]
        case ast.Constant(value=Decimal()):
            for other in quantities(expression.text[start:end]):
                yield start, end, f"({other})" if other[0] == "-" else other
        case ast.IfExp(body=body, orelse=otherwise):
            for part in (body, otherwise):
                first, last = _span(part)
                yield start, end, expression.text[first:last]
        case ast.Name():
            yield from _call(expression, node)


def _joined(
    expression: Expression, parts: list[ast.expr], both: bool
) -> Iterator[Change]:
    """Yield an ``and`` or ``or`` with another word, and without each of its parts."""
    word, other = ("and", "or") if both else ("or", "and")
    for left, right in itertools.pairwise(parts):
        yield from _between(expression, left, right, rf"\b{word}\b", other)
    for at, part in enumerate(parts):
        if at:
            yield _end(expression, parts[at - 1]), _end(expression, part), ""
        else:
            yield part.col_offset, parts[1].col_offset, ""


def _compared(
    expression: Expression, left: ast.expr, right: ast.expr, sign: type[ast.cmpop]
) -> Iterator[Change]:
    for other in _SIGNS[sign]:
        yield from _between(expression, left, right, _WRITTEN.pattern, other)


def _texts(
    left: ast.expr,
    right: ast.expr,
    known: Mapping[str, tuple[str, ...]],
) -> Iterator[Change]:
    """Yield the other texts that a fact may be compared with."""
    if isinstance(left, ast.Name) and isinstance(right, ast.Constant):
        for value in known.get(left.id, ()):
            if isinstance(right.value, str) and value != right.value:
                yield (*_span(right), repr(value))


def _call(expression: Expression, node: ast.Name) -> Iterator[Change]:
    """Yield an indicator call with each of its numbers nudged."""
    start, end = _span(node)
    text = expression.text[start:end]
    if "(" not in text:
        return
    for found in re.finditer(rf"(?<=[,\s(]){NUMBER}(?=[,\s)])", text):
        for number in nudged(Decimal(found[0])):
            first = start + found.start()
            yield first, first + len(found[0]), f"{number:f}"


def _between(
    expression: Expression, left: ast.expr, right: ast.expr, sign: str, other: str
) -> Iterator[Change]:
    """Yield the change of what is written between two parts."""
    start = left.end_col_offset or left.col_offset
    found = re.search(sign, expression.text[start : right.col_offset])
    if found is not None:
        yield start + found.start(), start + found.end(), other


def _span(node: ast.expr) -> tuple[int, int]:
    return node.col_offset, node.end_col_offset or node.col_offset


def _end(expression: Expression, node: ast.expr) -> int:
    """Return where a part ends, a closing bracket around it included."""
    end = node.end_col_offset or node.col_offset
    depth = expression.text[node.col_offset : end].count("(")
    depth -= expression.text[node.col_offset : end].count(")")
    return end + (depth if depth > 0 else 0)


def patterns(pattern: str) -> Iterator[str]:
    """Yield a regular expression without each of its alternatives, bracketed or not."""
    stack, groups = [0], list[tuple[int, int]]()
    for at, character in enumerate(pattern):
        if pattern[at - 1 : at] == "\\":
            continue
        if character == "(":
            stack.append(at + 1)
        elif character == ")" and len(stack) > 1:
            groups.append((stack.pop(), at))
    groups.append((0, len(pattern)))
    for start, end in sorted(groups):
        yield from _without_one(pattern, start, end)


def _without_one(pattern: str, start: int, end: int) -> Iterator[str]:
    cuts, depth = [start - 1], 0
    for at in range(start, end):
        if pattern[at - 1 : at] == "\\":
            continue
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        if pattern[at] == "|" and not depth:
            cuts.append(at)
    cuts.append(end)
    alternatives = [
        pattern[left + 1 : right] for left, right in itertools.pairwise(cuts)
    ]
    if len(alternatives) == 1:
        return
    for one in range(len(alternatives)):
        rest = "|".join(alternatives[:one] + alternatives[one + 1 :])
        yield pattern[:start] + rest + pattern[end:]


@cache
def _schema(section: str) -> Any:
    text = (bundled("schemas") / f"{section}.schema.json").read_text("utf-8")
    return json.loads(text)


def words_of(path: Path) -> tuple[str, ...]:
    """Return the words that may stand at a path of a rule file, () for any text."""
    schema = _schema(str(path[0]))
    for step in path[1:]:
        if isinstance(step, int):
            schema = schema.get("items", {})
        else:
            other = schema.get("additionalProperties")
            inner = other if isinstance(other, dict) else {}
            schema = schema.get("properties", {}).get(step, inner)
    return tuple(schema.get("enum", ()))


def wildcards(pattern: str) -> Iterator[str]:
    """Yield a symbol pattern with another fixed part."""
    yield re.sub(r"[A-Z]+", lambda found: found[0][::-1] + "X", pattern)
