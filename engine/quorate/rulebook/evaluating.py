"""The value of a checked expression for many moments at once, for checking only.

No rule acts on what this says: it neither guards nor rounds as compiled code does.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]

_OPERATIONS: Mapping[type[ast.operator] | type[ast.cmpop], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.In: np.isin,
    ast.NotIn: lambda left, right: np.isin(left, right, invert=True),
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "min": np.minimum,
    "max": np.maximum,
}


def evaluate(tree: ast.expr, columns: Columns) -> Any:
    """Return the values of an expression, one for each row, or one for all rows."""
    with np.errstate(all="ignore"):
        return _value(tree, columns)


def _value(node: ast.expr, columns: Columns) -> Any:
    match node:
        case ast.Name():
            return columns[node.id]
        case ast.Constant():
            held: Any = node.value
            return float(held) if isinstance(held, Decimal) else held
        case ast.Tuple():
            return np.array([_value(part, columns) for part in node.elts])
        case ast.BoolOp():
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return _folded(join, [_value(part, columns) for part in node.values])
        case ast.UnaryOp():
            value = _value(node.operand, columns)
            negated = isinstance(node.op, ast.Not)
            return np.logical_not(value) if negated else np.negative(value)
    return _operation(node, columns)


def _operation(node: ast.expr, columns: Columns) -> Any:
    if isinstance(node, ast.BinOp):
        combine = _OPERATIONS[type(node.op)]
        return combine(_value(node.left, columns), _value(node.right, columns))
    if isinstance(node, ast.Compare):
        compare = _OPERATIONS[type(node.ops[0])]
        return compare(_value(node.left, columns), _value(node.comparators[0], columns))
    if isinstance(node, ast.IfExp):
        parts = (node.test, node.body, node.orelse)
        return np.where(*(_value(part, columns) for part in parts))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    values = [_value(part, columns) for part in node.args]
    if node.func.id == "abs":
        return np.abs(values[0])
    return _folded(_FUNCTIONS[node.func.id], values)


def _folded(join: Callable[..., Any], values: list[Any]) -> Any:
    found = values[0]
    for value in values[1:]:
        found = join(found, value)
    return found
