"""Compile checked expressions to NumPy code over whole columns.

The same answer for every row as the compiled function gives for that row alone, faults
included. Rows are taken in chunks that stay in the processor's cache.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.contract.vocabulary import Kind
from quorate.rulebook import column_operations
from quorate.rulebook.terms import Call, Expression
from quorate.rulebook.write_columns import (
    OPERATIONS,
    Cell,
    ColumnWriter,
    with_releases,
)

Flags = NDArray[np.bool_]
Columns = Mapping[str, Any]
"""Arrays of equal length, or single values that hold for every row, by name."""

ColumnFunction = Callable[[Columns], tuple[NDArray[Any], Flags]]
"""Gives an expression's values and its faults, one for each row."""

CHUNK = 8_192

_DTYPES: dict[Kind, Any] = {Kind.NUMBER: np.float64, Kind.FLAG: np.bool_}
_BLANKS: dict[Kind, Any] = {Kind.NUMBER: np.nan, Kind.FLAG: False, Kind.TEXT: ""}


class ColumnCode:
    """The expressions of one rulebook as column functions, each compiled once.

    They are told apart by identity: to compare them would cost more than it saves.
    """

    def __init__(self) -> None:
        self._compiled: dict[int, tuple[Expression, ColumnFunction]] = {}
        self._parts: dict[
            tuple[int, frozenset[str]], tuple[Expression, Expression | None]
        ] = {}

    def of(self, expression: Expression) -> ColumnFunction:
        """Return an expression's column function."""
        known = self._compiled.get(id(expression))
        if known is None:  # the expression is kept, so no other gets its id
            known = expression, compile_columns(expression)
            self._compiled[id(expression)] = known
        return known[1]

    def market_part(
        self, expression: Expression, is_market: Callable[[str], bool]
    ) -> Expression | None:
        """Return what :func:`market_conjuncts` does, the same for the same names."""
        names = frozenset(filter(is_market, expression.reads))
        known = self._parts.get((id(expression), names))
        if known is None:
            known = expression, market_conjuncts(expression, names.__contains__)
            self._parts[id(expression), names] = known
        return known[1]


def compile_columns(expression: Expression, *, guard: bool = True) -> ColumnFunction:
    """Compile one expression to a function of columns, giving values and faults.

    A fault marks the rows where the compiled function would raise: a division by zero
    that is reached and, with ``guard``, a mentioned value or a resulting number that is
    missing, NaN or infinite. Values at faults are NaN, False or ''; the sign of a zero
    may differ. When no column is
    an array, there is one row.
    """
    kernel = _Kernel([expression], guard=guard)

    def values(columns: Columns) -> tuple[NDArray[Any], Flags]:
        found, faults = kernel.run(columns)
        return found[0], faults[0]

    return values


def compile_columns_section(
    rules: Sequence[tuple[str, Expression]], *, guard: bool = True
) -> Callable[[Columns], tuple[list[Flags], list[Flags]]]:
    """Compile the conditions of a section, ``(rule id, condition)``, to one pass.

    The function gives, rule by rule, the rows where it is true and those where it
    faults. What several rules share is computed once.
    """
    kernel = _Kernel([expression for _, expression in rules], guard=guard)
    return kernel.run


def market_conjuncts(
    expression: Expression, is_market: Callable[[str], bool]
) -> Expression | None:
    """Return the ``and`` terms of a condition that the market alone decides.

    ``is_market`` says of each name whether it is known from candles or never changes
    (columns of candles, indicator calls by their hidden name, params). Whenever the
    whole is true, the result is true; None when no term qualifies. Its ``text``
    remains that of the whole.
    """
    terms = [term for term in _terms(expression.tree) if _only(term, is_market)]
    if not terms:
        return None
    tree = terms[0]
    if len(terms) > 1:
        tree = ast.copy_location(ast.BoolOp(ast.And(), terms), expression.tree)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    reads = {name: kind for name, kind in expression.reads.items() if name in used}
    calls = _calls_for(expression, used)
    plain = {name for name in reads if not any(c.name == name for c in calls)}
    inner = (column.names for call in calls for column in call.series)
    return Expression(
        text=expression.text,
        tree=tree,
        kind=Kind.FLAG,
        unit=expression.unit,
        names=frozenset(plain).union(*inner),
        calls=tuple(calls),
        reads=reads,
        place=expression.place,
    )


def _calls_for(expression: Expression, used: set[str]) -> list[Call]:
    """Return the calls that are used, and those that they take their columns from."""
    needed, kept = set(used), []
    for call in reversed(expression.calls):
        if call.name in needed:
            kept.append(call)
            needed |= {inner for column in call.series for inner in column.reads}
    return kept[::-1]


def _terms(tree: ast.expr) -> list[ast.expr]:
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return [term for value in tree.values for term in _terms(value)]
    return [tree]


def _only(term: ast.expr, is_market: Callable[[str], bool]) -> bool:
    functions = {id(n.func) for n in ast.walk(term) if isinstance(n, ast.Call)}
    names = [
        node.id
        for node in ast.walk(term)
        if isinstance(node, ast.Name) and id(node) not in functions
    ]
    return bool(names) and all(is_market(name) for name in names)


class _Kernel:
    """Several expressions compiled to one function of a chunk of rows."""

    def __init__(self, expressions: Sequence[Expression], *, guard: bool) -> None:
        self._guard = guard
        self._kinds = [expression.kind for expression in expressions]
        self._reads: dict[str, Kind] = {}
        for expression in expressions:
            self._reads.update(expression.reads)
        writer = ColumnWriter(guard=guard)
        results = []
        for expression in expressions:
            cell = writer.write(expression.tree)
            fault = self._guarded(writer, expression, cell) if guard else cell.fault
            results.append((cell.value, fault))
        self._function = self._compile(writer, results)

    @staticmethod
    def _guarded(
        writer: ColumnWriter, expression: Expression, cell: Cell
    ) -> str | None:
        lost = [
            writer.named(f"lost(n_{name})") if kind is Kind.NUMBER else f"g_{name}"
            for name, kind in expression.reads.items()
        ]
        if expression.kind is Kind.NUMBER:
            lost.append(writer.named(f"lost({cell.value})"))
        return writer.either(cell.fault, *lost)

    def _compile(
        self, writer: ColumnWriter, results: Sequence[tuple[str, str | None]]
    ) -> Callable[..., list[tuple[Any, Any]]]:
        names = [f"n_{name}" for name in self._reads]
        missing = [f"g_{name}" for name in self._reads]
        answers = [f"q_answer({value}, {fault})" for value, fault in results]
        code = [f"def q_chunk(q_answer, {', '.join([*names, *missing])}):"]
        code += with_releases(writer.lines, answers)
        scope: dict[str, Any] = {
            **{name: getattr(column_operations, name) for name in OPERATIONS},
            **writer.constants,
            "__builtins__": {},
        }
        exec(compile("\n".join(code), "<columns>", "exec"), scope)
        function: Callable[..., Any] = scope["q_chunk"]
        return function

    def run(self, columns: Columns) -> tuple[list[NDArray[Any]], list[Flags]]:
        """Return the values and the faults of every expression, row by row."""
        inputs = {name: self._input(columns, name) for name in self._reads}
        missing = [np.True_ if inputs[name] is None else None for name in inputs]
        given = [
            _BLANKS[kind] if inputs[name] is None else inputs[name]
            for name, kind in self._reads.items()
        ]
        given = [np.float64(one) if isinstance(one, float) else one for one in given]
        given = [np.bool_(one) if isinstance(one, bool) else one for one in given]
        lengths = {len(one) for one in given if _is_column(one)}
        if len(lengths) > 1:
            raise ValueError(f"columns must be equally long, were {sorted(lengths)}")
        rows = lengths.pop() if lengths else 1
        # One block for all flags: large pages make it much quicker to fill.
        block = iter(np.empty((self._kinds.count(Kind.FLAG), rows), np.bool_))
        values = [
            next(block) if kind is Kind.FLAG else _blank(kind, rows)
            for kind in self._kinds
        ]
        faults = list(np.zeros((len(self._kinds), rows), np.bool_))
        with np.errstate(all="ignore"):
            for start in range(0, rows, CHUNK):
                part = slice(start, start + CHUNK)
                chunk = [one[part] if _is_column(one) else one for one in given]
                self._chunk(part, chunk + missing, values, faults)
        return values, faults

    def _chunk(
        self,
        part: slice,
        given: list[Any],
        values: list[NDArray[Any]],
        faults: list[Flags],
    ) -> None:
        index = 0

        def answer(value: Any, fault: Any) -> None:
            nonlocal index
            values[index][part] = value
            if fault is not None:
                faults[index][part] = fault
                values[index][part][faults[index][part]] = _BLANKS[self._kinds[index]]
            index += 1

        self._function(answer, *given)

    def _input(self, columns: Columns, name: str) -> Any:
        value = columns.get(name) if self._guard else columns[name]
        kind = self._reads[name]
        if value is None or isinstance(value, str):
            return value
        if np.ndim(value) == 0:
            return _DTYPES[kind](value) if kind in _DTYPES else str(value)
        return np.asarray(value, dtype=_DTYPES.get(kind))


def _is_column(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1


def _blank(kind: Kind, rows: int) -> NDArray[Any]:
    if kind is Kind.TEXT:
        return np.full(rows, "", dtype=object)
    return np.empty(rows, _DTYPES[kind])
