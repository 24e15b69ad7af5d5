"""Moments in which rules could be: drawn within what facts and params can be.

Drawing proves nothing, but it finds: every moment drawn is one that can occur as far
as the declared ranges say. What facts have to do with each other (a low below a high)
is not known here, so more moments are drawn than can occur, never fewer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.contract.vocabulary import Fact, Kind
from quorate.rulebook.evaluating import Columns, evaluate
from quorate.rulebook.params import Param, Params
from quorate.rulebook.terms import Expression

ROWS = 1_024
"""Moments drawn; in the first half every param has the value that it is set to."""

_SEED = 20_240_229
_MAGNITUDES = (-4, 9)
"""Powers of ten between which a number without bounds is drawn."""

_STEP, _LEAST = 1e-3, 1e-6
"""How far beside another a value is tried, as a share of it; what counts as zero."""

_STEPS = (-8, 0)
"""The same in a search: powers of ten between which the share is drawn."""

OTHER = "\0other"
"""A text that no rule mentions."""


@dataclass(slots=True)
class Range:
    """What one name can be: bounds or words, and the values worth trying.

    ``partners`` are the names that it is compared with, ``settings`` what a param is
    set to (empty for facts). ``pool`` are the numbers to pick from, worked out at the
    first draw: from then on the range stays as it is.
    """

    kind: Kind
    low: float = -np.inf
    high: float = np.inf
    words: tuple[str, ...] = ()
    anchors: set[Any] = field(default_factory=set)
    partners: set[str] = field(default_factory=set)
    settings: tuple[Any, ...] = ()
    pool: NDArray[Any] | None = field(default=None, init=False, repr=False)

    def takes(self, value: Any) -> bool:
        """Return whether a literal is of the name's own kind, a number or a text."""
        return isinstance(value, str) == (self.kind is Kind.TEXT)


def ranges_of(
    expressions: Iterable[Expression], facts: Mapping[str, Fact], params: Params
) -> dict[str, Range]:
    """Return the range of every name that ``expressions`` read."""
    ranges: dict[str, Range] = {}
    trees = []
    for expression in expressions:
        trees.append(expression.tree)
        for name, kind in expression.reads.items():
            if name not in ranges:
                ranges[name] = _range(kind, facts.get(name), params.by_name.get(name))
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                _note(node, ranges)
    return ranges


def _range(kind: Kind, fact: Fact | None, param: Param | None) -> Range:
    if param is not None:
        found = (*param.settings[-1:], *(one for _, one in param.by_symbol))
        settings = tuple(_plain(one.value) for one in found)
        numbers = [one for one in settings if isinstance(one, float)]
        low = min(numbers, default=0.0) if param.low is None else float(param.low)
        high = max(numbers, default=0.0) if param.high is None else float(param.high)
        return Range(kind, low, high, settings=settings)
    if fact is None:
        return Range(kind)
    return Range(
        kind,
        -np.inf if fact.low is None else float(fact.low),
        np.inf if fact.high is None else float(fact.high),
        fact.values,
    )


def _plain(value: object) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _note(node: ast.Compare, ranges: Mapping[str, Range]) -> None:
    """Note what the names of one comparison are compared with."""
    inside = [part for part in ast.walk(node) if not isinstance(part, ast.expr_context)]
    names = [part.id for part in inside if isinstance(part, ast.Name)]
    known = [name for name in names if name in ranges]
    values = [_plain(vars(part)["value"]) for part in inside if _is_value(part)]
    for name in known:
        found = ranges[name]
        found.partners.update(other for other in known if other != name)
        found.anchors.update(one for one in _signed(values) if found.takes(one))


def _is_value(part: ast.AST) -> bool:
    return isinstance(part, ast.Constant) and not isinstance(part.value, bool)


def _signed(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        yield value
        if isinstance(value, float):
            yield -value


def draw(ranges: Mapping[str, Range], rows: int = ROWS, seed: int = 0) -> Columns:
    """Return ``rows`` moments, the same ones for the same ranges, rows and seed."""
    random = np.random.default_rng([_SEED, seed])
    columns: dict[str, NDArray[Any]] = {}
    # Params first: what is compared with them takes their values for anchors.
    for name in sorted(ranges, key=lambda one: (not ranges[one].settings, one)):
        column = _column(ranges[name], columns, rows, random)
        if ranges[name].settings:
            settings = np.array(ranges[name].settings)
            column[: rows // 2] = settings[
                random.integers(len(settings), size=rows // 2)
            ]
        columns[name] = column
    return columns


def _column(
    found: Range,
    columns: Mapping[str, NDArray[Any]],
    rows: int,
    random: np.random.Generator,
) -> NDArray[Any]:
    if found.kind is Kind.FLAG:
        return random.integers(2, size=rows).astype(bool)
    if found.kind is Kind.TEXT:
        words = found.words or tuple(sorted(found.anchors)) or ()
        words = words if found.words else (*words, OTHER)
        return np.array(words)[random.integers(len(words), size=rows)]
    if found.pool is None:
        found.pool = _pool(found)
    pool = found.pool
    column = pool[random.integers(len(pool), size=rows)]
    spread = random.random(rows) < 0.5
    column = np.where(spread, _spread(found, rows, random), column)
    near = sorted(name for name in found.partners if name in columns)
    if near:
        partner = columns[near[int(random.integers(len(near)))]]
        if partner.dtype.kind == "f":
            beside = partner * random.choice([1.0, 1 - _STEP, 1 + _STEP], size=rows)
            column = np.where(random.random(rows) < 0.5, beside, column)
    held: NDArray[Any] = np.clip(column, found.low, found.high)
    return held


def _pool(found: Range) -> NDArray[Any]:
    numbers = {one for one in (*found.anchors, *found.settings) if _is_number(one)}
    numbers |= {bound for bound in (found.low, found.high) if np.isfinite(bound)}
    numbers |= {0.0, 1.0}
    values = sorted(numbers)
    beside = [value * (1 + step) for value in values for step in (-_STEP, _STEP)]
    steps = [value + step for value in values for step in (-1.0, 1.0)]
    pool = np.array([*values, *beside, *steps])
    held = pool[(pool >= found.low) & (pool <= found.high)]
    return held if len(held) else np.array([np.clip(0.0, found.low, found.high)])


def _is_number(value: object) -> bool:
    return isinstance(value, float) and bool(np.isfinite(value))


def _spread(found: Range, rows: int, random: np.random.Generator) -> NDArray[Any]:
    if np.isfinite(found.low) and np.isfinite(found.high):
        even: NDArray[Any] = random.uniform(found.low, found.high, rows)
        return even
    size: NDArray[Any] = 10.0 ** random.uniform(*_MAGNITUDES, rows)
    if found.low >= 0:
        return found.low + size
    signed: NDArray[Any] = size * random.choice([-1.0, 1.0], size=rows)
    return signed


def describe(columns: Columns, row: int, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of some names in one moment."""
    return {name: columns[name][row] for name in sorted(set(names))}


def find(
    ranges: Mapping[str, Range], wanted: Sequence[tuple[ast.expr, bool]]
) -> tuple[Columns, int] | None:
    """Look for a moment in which every expression is as wanted; None: none was found.

    Draws, then moves single values to where a comparison asks for them.
    """
    names = {
        node.id
        for tree, _ in wanted
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in ranges
    }
    own = {name: ranges[name] for name in names}
    for seed in range(1, _SEARCHES + 1):
        columns = dict(draw(own, _SEARCHED, seed))
        random = np.random.default_rng([_SEED, seed])
        for _ in range(_PASSES):
            for tree, truth in wanted:
                _push(tree, truth, columns, own, random)
            held = np.ones(_SEARCHED, bool)
            for tree, truth in wanted:
                held = held & (evaluate(tree, columns) == truth)
            if held.any():
                return columns, int(held.argmax())
    return None


_SEARCHES, _SEARCHED, _PASSES = 2, 128, 3


def _push(
    tree: ast.expr,
    truth: bool,
    columns: dict[str, NDArray[Any]],
    ranges: Mapping[str, Range],
    random: np.random.Generator,
) -> None:
    """Change values so that a condition is more often as wanted."""
    if isinstance(tree, ast.UnaryOp):
        _push(tree.operand, not truth, columns, ranges, random)
    elif isinstance(tree, ast.BoolOp):
        every = isinstance(tree.op, ast.And) is truth
        parts = tree.values
        for part in parts if every else [parts[int(random.integers(len(parts)))]]:
            _push(part, truth, columns, ranges, random)
    elif isinstance(tree, ast.Name):
        if not ranges[tree.id].settings:
            columns[tree.id] = np.full(_SEARCHED, truth)
    elif isinstance(tree, ast.Compare):
        _push_side(tree, truth, columns, ranges, random)


_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


def _push_side(
    tree: ast.Compare,
    truth: bool,
    columns: dict[str, NDArray[Any]],
    ranges: Mapping[str, Range],
    random: np.random.Generator,
) -> None:
    """Set the fact on one side of a comparison to where the other side asks for it."""
    kind = type(tree.ops[0])
    sides = (
        (tree.left, tree.comparators[0], kind),
        (
            tree.comparators[0],
            tree.left,
            _MIRRORED.get(kind, kind),
        ),
    )
    for one, other, operator in sides:
        if not isinstance(one, ast.Name) or ranges[one.id].settings:
            continue
        if operator in (ast.In, ast.NotIn) and one is not tree.left:
            continue
        sign = operator if truth else _NEGATED[operator]
        wrong = evaluate(tree, columns) != truth
        moved = _moved(sign, evaluate(other, columns), ranges[one.id], random)
        if moved is not None:
            columns[one.id] = np.where(wrong, moved, columns[one.id])
        return


def _moved(
    sign: type[ast.cmpop], other: Any, found: Range, random: np.random.Generator
) -> Any:
    """Return what a name must be to stand in this relation to ``other``."""
    if sign in (ast.NotEq, ast.NotIn):
        return None
    if sign is ast.In:
        return other[0]
    if found.kind is Kind.TEXT:
        return other
    at = np.asarray(other, float)
    # Some go a long way, others stay close: the room between two limits may be small.
    step = (np.abs(at) + _LEAST) * 10.0 ** random.uniform(*_STEPS, _SEARCHED)
    strict: Any = {ast.Lt: -step, ast.Gt: step}.get(sign, 0.0)
    with np.errstate(all="ignore"):  # what is beyond all bounds is moved to them
        return np.clip(at + strict, found.low, found.high)
