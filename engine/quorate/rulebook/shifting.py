"""How one expression differs in meaning from another: when it holds, what it gives.

Params are put in as the values they are set to, so a changed value shows where it
matters. Moments are drawn, and sought: a difference comes with a witness, which is
evaluated as the engine would; that there is none is found, not proved.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import numpy as np

from quorate.rulebook.compile_function import compile_value
from quorate.rulebook.evaluating import Columns, evaluate
from quorate.rulebook.moments import moment, names_in
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Formula
from quorate.rulebook.sampling import Range, draw, find, ranges_of
from quorate.rulebook.solving import Solver
from quorate.rulebook.terms import Expression, NotKnown
from quorate.values.numbers import exact as exactly

MOMENTS = 4_096
"""How many moments two expressions are compared in."""


class Shift(StrEnum):
    """What became of a condition (it holds more often, or less) or of a number.

    SAME: it differs in no moment that was drawn. OTHER: both ways.
    """

    SAME = "same"
    LOOSER = "looser"
    TIGHTER = "tighter"
    HIGHER = "higher"
    LOWER = "lower"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Witness:
    """One moment in which old and new differ: its facts, and what each gives then."""

    at: str
    values: Mapping[str, Any]
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Shifted:
    """What became of an expression; a witness for each way in which it differs.

    ``shift`` is None where one side has none, so that nothing can be compared.
    """

    shift: Shift | None
    witnesses: tuple[Witness, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """An expression of one rulebook with its params' values put in.

    ``formula`` None stands for a condition that is not there: it always holds.
    """

    rulebook: Rulebook
    formula: Formula | None
    symbol: str | None = None

    @property
    def expression(self) -> Expression | None:
        """The expression with values instead of params; None for none."""
        if self.formula is None:
            return None
        found = self.formula.expression
        params = self.rulebook.params.by_name
        values = {
            name: params[name].setting_for(self.symbol).value
            for name in found.reads
            if name in params
        }
        tree = _Filling(values).visit(deepcopy(found.tree))
        reads = {name: k for name, k in found.reads.items() if name not in values}
        return replace(found, tree=tree, reads=reads)

    @property
    def tree(self) -> ast.expr:
        """The tree to evaluate."""
        expression = self.expression
        return ast.Constant(value=True) if expression is None else expression.tree

    def value(self, facts: Mapping[str, Any]) -> Any:
        """Return what the engine would get for these facts.

        Raises:
            NotKnown, ArithmeticError: it would get nothing.
        """
        expression = self.expression
        if expression is None or self.formula is None:
            return True
        exact = self.formula.exact
        context = {
            name: exactly(value) if exact and isinstance(value, float) else value
            for name, value in facts.items()
        }
        return compile_value(expression, exact=exact)(SimpleNamespace(**context))


class _Filling(ast.NodeTransformer):
    """Puts values in the place of names."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._values:
            return node
        return ast.copy_location(ast.Constant(value=self._values[node.id]), node)


def same_text(old: Side, new: Side) -> bool:
    """Return whether both are written alike and their params have the same values."""
    return ast.dump(old.tree) == ast.dump(new.tree)


def shift_of(old: Side, new: Side, solver: Solver | None = None) -> Shifted:
    """Return how the condition ``new`` differs from ``old``.

    A ``solver`` is asked where drawing has found no difference.
    """
    ranges, columns = _drawn(old, new)
    trees = old.tree, new.tree
    found = []
    for wanted in ((False, True), (True, False)):
        witness = _differs(trees, wanted, columns, (old, new))
        if witness is None:
            seek = find if solver is None else solver.find
            sought = seek(ranges, list(zip(trees, wanted, strict=True)))
            if sought is not None:
                witness = _witness(*sought, (old, new), wanted)
        found.append(witness)
    looser, tighter = found
    if looser and tighter:
        return Shifted(Shift.OTHER, (looser, tighter))
    if looser:
        return Shifted(Shift.LOOSER, (looser,))
    return Shifted(Shift.TIGHTER, (tighter,)) if tighter else Shifted(Shift.SAME)


def change_of(old: Side, new: Side) -> Shifted:
    """Return how the number, or text, that ``new`` gives differs from ``old``'s."""
    _, columns = _drawn(old, new)
    before, after = (
        np.broadcast_to(np.asarray(evaluate(side.tree, columns)), MOMENTS)
        for side in (old, new)
    )
    if before.dtype.kind not in "fiub" or after.dtype.kind not in "fiub":
        return Shifted(Shift.OTHER)
    with np.errstate(all="ignore"):
        close = np.isclose(before.astype(float), after.astype(float), rtol=1e-9, atol=0)
        up, down = (after > before) & ~close, (after < before) & ~close
    ways = [
        (shift, int(held.argmax()))
        for shift, held in ((Shift.HIGHER, up), (Shift.LOWER, down))
        if held.any()
    ]
    if not ways:
        return Shifted(Shift.SAME)
    found = tuple(_valued(columns, row, (old, new)) for _, row in ways)
    return Shifted(ways[0][0] if len(ways) == 1 else Shift.OTHER, found)


def can_hold(side: Side, facts: Mapping[str, bool]) -> bool:
    """Return whether a condition was found to hold while flags are as given."""
    ranges, _ = _drawn(side, side)
    wanted: list[tuple[ast.expr, bool]] = [(side.tree, True)]
    wanted += [
        (ast.Name(id=name), truth) for name, truth in facts.items() if name in ranges
    ]
    return find(ranges, wanted) is not None


def meet(old: Side, new: Side) -> Witness | None:
    """Return a moment in which both conditions hold, None when none was found."""
    ranges, _ = _drawn(old, new)
    found = find(ranges, [(old.tree, True), (new.tree, True)])
    return None if found is None else _witness(*found, (old, new), (True, True))


def _drawn(old: Side, new: Side) -> tuple[dict[str, Range], Columns]:
    expressions = [
        found for side in (old, new) if (found := side.expression) is not None
    ]
    ranges = ranges_of(expressions, new.rulebook.facts, new.rulebook.params)
    return ranges, draw(ranges, MOMENTS)


def _differs(
    trees: Sequence[ast.expr],
    wanted: Sequence[bool],
    columns: Columns,
    sides: tuple[Side, Side],
) -> Witness | None:
    held = np.ones(MOMENTS, bool)
    for tree, truth in zip(trees, wanted, strict=True):
        held = held & (evaluate(tree, columns) == truth)
    for row in np.flatnonzero(held)[:_TRIED]:
        witness = _witness(columns, int(row), sides, wanted)
        if witness is not None:
            return witness
    return None


_TRIED = 8
"""Witnesses that are evaluated exactly before the next way to find one is taken."""


def _witness(
    columns: Columns, row: int, sides: tuple[Side, Side], wanted: Sequence[bool]
) -> Witness | None:
    """Return a moment as a witness if the engine's own evaluation agrees."""
    try:
        witness = _valued(columns, row, sides)
    except (ArithmeticError, NotKnown):
        return None
    agreed = (bool(witness.old), bool(witness.new)) == tuple(wanted)
    return witness if agreed else None


def _valued(columns: Columns, row: int, sides: tuple[Side, Side]) -> Witness:
    trees = [side.tree for side in sides]
    facts = _facts(columns, row, trees)
    at = moment(sides[1].rulebook, columns, row, trees)
    return Witness(at, facts, sides[0].value(facts), sides[1].value(facts))


def _facts(columns: Columns, row: int, trees: Iterable[ast.expr]) -> dict[str, Any]:
    return {name: columns[name][row].item() for name in names_in(trees, columns)}
