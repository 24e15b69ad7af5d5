"""Parse with simpleeval, hold to our own node list, and evaluate as simpleeval does.

The only module that imports simpleeval. Its parser reads every expression, and
``evaluate_with_simpleeval`` is the law that compiled expressions are tested against.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from simpleeval import EvalWithCompoundTypes, SimpleEval

from quorate.rulebook.literals import Literal
from quorate.rulebook.scan_expression import scan
from quorate.rulebook.terms import Defect, Expression

MAX_NODES = 120
MAX_LEVELS = 24

_NODES: frozenset[type[ast.AST]] = frozenset(
    {ast.Expr, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.IfExp}
    | {ast.Call, ast.Name, ast.Constant, ast.Tuple}
)
_OPERATORS: frozenset[type[ast.AST]] = frozenset(
    {ast.Not, ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow}
    | {ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn}
)
# simpleeval handles these inside other nodes, so they are in none of its tables.
_BUILT_IN: frozenset[type[ast.AST]] = frozenset({ast.And, ast.Or, ast.Load})
_ALLOWED = _NODES | _OPERATORS | _BUILT_IN
_VALUES = (bool, int, float, str)
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "abs": abs}


def _demand_subset() -> None:
    """Refuse to start with a simpleeval that no longer knows what our language uses."""
    reference = EvalWithCompoundTypes()
    extra = (_NODES - set(reference.nodes)) | (_OPERATORS - set(reference.operators))
    if extra:
        names = ", ".join(sorted(node.__name__ for node in extra))
        raise ImportError(f"this simpleeval does not evaluate {names}")


_demand_subset()


def parse(text: str) -> tuple[ast.expr, dict[int, Literal]] | list[Defect]:
    """Return the tree of ``text`` and its numbers by column, or what is wrong.

    The columns of the tree count characters of ``text``; a number spans its unit.
    """
    scanned = scan(text)
    if scanned.defects:
        return scanned.defects
    lead = len(text) - len(text.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            root = SimpleEval.parse(scanned.text)
    except SyntaxError as error:
        return [_broken(error, text, lead)]
    except Exception as error:  # noqa: BLE001 - a parser that gives up has refused
        return [Defect("R303", f"not one expression: {error}", 0, len(text))]
    if not isinstance(root, ast.Expr):
        return [Defect("R305", "only an expression is allowed", 0, len(text))]
    _true_columns(root, lead, scanned.literals)
    return list(_walk_defects(root.value)) or (root.value, scanned.literals)


def _broken(error: SyntaxError, text: str, lead: int) -> Defect:
    start = min(max(lead + (error.offset or 1) - 1, 0), len(text.rstrip()))
    reason = error.msg.split(". ")[0].removeprefix("invalid syntax") or "it breaks here"
    if start >= len(text.rstrip()):
        reason = "it ends too early"
    message = f"this is not a complete expression: {reason.strip()}"
    return Defect("R303", message, start, start + 1)


def _true_columns(root: ast.AST, lead: int, literals: dict[int, Literal]) -> None:
    """Undo simpleeval's strip, and let nodes that end in a literal span its unit."""
    ends = {at + one.digits: at + len(one.text) for at, one in literals.items()}
    for node in ast.walk(root):
        if isinstance(node, ast.expr):
            end = lead + (node.end_col_offset or 0)
            node.col_offset += lead
            node.end_col_offset = ends.get(end, end)
            node.lineno = node.end_lineno = 1


_WHAT: dict[type[ast.AST], str] = {
    ast.Attribute: "an attribute (a.b) is",
    ast.Subscript: "a subscript (a[b]) is",
    ast.JoinedStr: "an f-string is",
    ast.Lambda: "lambda is",
    ast.Starred: "a starred argument is",
    ast.keyword: "a keyword argument is",
    ast.FloorDiv: "rounding division is",
    ast.UAdd: "a plus sign before a value is",
}


def _walk_defects(root: ast.expr) -> Iterator[Defect]:
    count, depth, level = 0, 0, [root]
    while level:
        depth += 1
        count += len(level)
        if count > MAX_NODES or depth > MAX_LEVELS:
            message = f"more than {MAX_NODES} parts or {MAX_LEVELS} levels"
            hint = "name parts of it with `let` or params"
            yield Defect("R306", message, *_span(root), hint)
            return
        below: list[ast.expr] = []
        for node in level:
            yield from _node_defects(node)
            below += [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)]
        level = below


def _span(node: ast.expr) -> tuple[int, int]:
    return node.col_offset, node.end_col_offset or node.col_offset


def _node_defects(node: ast.expr) -> Iterator[Defect]:
    signs = [n for n in ast.iter_child_nodes(node) if not isinstance(n, ast.expr)]
    for part in (node, *signs):
        if type(part) not in _ALLOWED:
            what = _WHAT.get(type(part), f"{type(part).__name__} is")
            yield Defect("R305", f"{what} not part of the rule language", *_span(node))
            return
    if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name):
        yield Defect("R305", "only a function's name can be called", *_span(node))
    if isinstance(node, ast.Constant) and type(node.value) not in _VALUES:
        yield Defect("R305", f"{node.value!r} is not a rule's value", *_span(node))


class _Attributes:
    """Let simpleeval look names up as attributes of a context."""

    def __init__(self, context: object) -> None:
        self._context = context

    def __getitem__(self, name: str) -> object:
        return getattr(self._context, name)


class SimpleExpression:
    """One expression evaluated by simpleeval, its tree parsed beforehand.

    ``exact`` makes number literals Decimal, otherwise they are float.
    """

    def __init__(self, expression: Expression, *, exact: bool) -> None:
        self._evaluator = EvalWithCompoundTypes(functions=_FUNCTIONS, allowed_attrs={})
        self._evaluator.nodes[ast.Constant] = _exact if exact else _inexact
        self._expression = expression

    def __call__(self, context: object) -> Any:
        """Return the value for the attributes of ``context``.

        Raises:
            Exception: Whatever the evaluation raises, ZeroDivisionError among them.
        """
        self._evaluator.names = _Attributes(context)
        expression = self._expression
        return self._evaluator.eval(expression.text, expression.tree)


def _exact(node: ast.Constant) -> Any:
    return node.value


def _inexact(node: ast.Constant) -> Any:
    value: Any = node.value
    return float(value) if isinstance(value, Decimal) else value


def evaluate_with_simpleeval(
    expression: Expression, context: object, *, exact: bool = False
) -> Any:
    """Return what simpleeval makes of ``expression``: the law for compiled code.

    Raises:
        Exception: Whatever the evaluation raises, ZeroDivisionError among them.
    """
    return SimpleExpression(expression, exact=exact)(context)
