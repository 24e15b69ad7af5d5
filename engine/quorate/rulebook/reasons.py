"""Say why a condition holds or does not: every part's value, and the margin."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import DURATION, RATIO, Kind
from quorate.rulebook.compile_function import is_known
from quorate.rulebook.literals import SUFFIXES, read_quantity
from quorate.rulebook.terms import Expression, NotKnown

_COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.In: ("in", lambda left, right: left in right),
    ast.NotIn: ("not in", lambda left, right: left not in right),
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_OPPOSITES = {"==": "!=", "<": ">=", ">": "<=", "in": "not in"}
_OPPOSITES |= {other: one for one, other in _OPPOSITES.items()}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "abs": abs}


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of an expression with its value, and the parts it is made of.

    ``evaluated`` is False for what a short circuit passed by; ``fault`` says why a
    part that was reached has no value, and is empty otherwise.
    """

    text: str
    value: Any = None
    evaluated: bool = True
    fault: str = ""
    parts: tuple[Reason, ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield the tree as indented lines, a part and its value on each."""
        told = write_value(self.value)
        if not self.evaluated:
            told = "not evaluated"
        elif self.fault:
            told = f"fault: {self.fault}"
        if told != self.text:
            yield f"{'  ' * depth}{self.text} = {told}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def __str__(self) -> str:
        """Return the indented lines."""
        return "\n".join(self.lines())


@dataclass(frozen=True, slots=True)
class Margin:
    """The comparison that decided a condition, and by how much.

    ``distance`` is in the unit of the values and never negative; None for texts and
    flags. A flag that decided by itself has the sign ``is``.
    """

    left_text: str
    left: Any
    sign: str
    right_text: str
    right: Any
    passed: bool
    distance: float | Decimal | None = None

    @property
    def text(self) -> str:
        """Return the comparison as the rule has it."""
        return f"{self.left_text} {self.sign} {self.right_text}"

    def __str__(self) -> str:
        """Return for example ``confidence 0.71 > 0.75: failed by 0.04``."""
        outcome = "passed" if self.passed else "failed"
        if self.sign == "is":
            return f"{self.left_text} is {self.left}: {outcome}"
        write = _writer(self.left_text, self.right_text)
        sides = f"{_side(self.left_text, self.left, write)} {self.sign} "
        sides += _side(self.right_text, self.right, write)
        if self.distance is None:
            return f"{sides}: {outcome}"
        return f"{sides}: {outcome} by {write(self.distance)}"


def explain(
    expression: Expression, context: object, *, exact: bool | None = None
) -> Reason:
    """Return every part of ``expression`` with its value in ``context``; never raises.

    ``exact`` makes number literals Decimal; None takes what the context holds.
    """
    return _Explainer(expression, context, exact).explain(expression.tree)


def margin(
    expression: Expression, context: object, *, exact: bool | None = None
) -> Margin | None:
    """Return the comparison that decided the condition ``expression``.

    Of an ``and`` that fails, the term that failed; of one that holds, the term nearest
    to failing, relative to the size of what it compares; for ``or`` the reverse. None
    when the condition could not be evaluated, or is a literal.
    """
    explainer = _Explainer(expression, context, exact)
    try:
        if explainer.first_unknown() is not None:
            return None
        return explainer.margin(expression.tree)
    except Exception:  # noqa: BLE001 - what cannot be evaluated has no margin
        return None


class _Explainer:
    """Evaluate a tree part by part, the slow way."""

    def __init__(
        self, expression: Expression, context: object, exact: bool | None
    ) -> None:
        self._expression = expression
        self._context = context
        held = (getattr(context, name, None) for name in expression.reads)
        found = any(isinstance(value, Decimal) for value in held)
        self._exact = found if exact is None else exact

    def first_unknown(self) -> str | None:
        """Return the first mentioned name that has no usable value."""
        for name, kind in self._expression.reads.items():
            if not is_known(getattr(self._context, name, None), kind):
                return name
        return None

    def explain(self, node: ast.expr) -> Reason:
        """Return the reason of one part."""
        text = self._expression.source(node)
        parts, value, fault = tuple(self._parts(node)), None, ""
        broken = next((part.fault for part in parts if part.fault), "")
        if broken:
            return Reason(text, fault=broken, parts=parts)
        try:
            value = self.value(node)
        except Exception as error:  # noqa: BLE001 - a fault is part of the answer
            fault = str(error) or type(error).__name__
        return Reason(text, value, fault=fault, parts=parts)

    def _parts(self, node: ast.expr) -> Iterator[Reason]:
        if isinstance(node, ast.BoolOp):
            yield from self._short_circuit(node)
        elif isinstance(node, ast.IfExp):
            test = self.explain(node.test)
            yield test
            for branch, taken in ((node.body, True), (node.orelse, False)):
                reached = not test.fault and bool(test.value) is taken
                yield self.explain(branch) if reached else self._passed_by(branch)
        elif isinstance(node, ast.Call):
            yield from (self.explain(part) for part in node.args)
        else:
            children = [
                child
                for child in ast.iter_child_nodes(node)
                if isinstance(child, ast.expr) and not isinstance(child, ast.Tuple)
            ]
            # A power is one part several times; it is told once.
            distinct = {id(child): child for child in children}
            yield from (self.explain(child) for child in distinct.values())

    def _short_circuit(self, node: ast.BoolOp) -> Iterator[Reason]:
        decided = False
        for value in node.values:
            if decided:
                yield self._passed_by(value)
                continue
            part = self.explain(value)
            decided = bool(part.fault) or part.value is isinstance(node.op, ast.Or)
            yield part

    def _passed_by(self, node: ast.expr) -> Reason:
        return Reason(self._expression.source(node), evaluated=False)

    def value(self, node: ast.expr) -> Any:
        """Return the value of one part.

        Raises:
            Exception: Whatever the evaluation raises, NotKnown among them.
        """
        match node:
            case ast.Name():
                found = getattr(self._context, node.id, None)
                if not is_known(found, self._expression.reads[node.id]):
                    raise NotKnown(self._expression.source(node))
                kind = self._expression.reads[node.id]
                return bool(found) if kind is Kind.FLAG else found
            case ast.Constant():
                held: Any = node.value
                inexact = isinstance(held, Decimal) and not self._exact
                return float(held) if inexact else held
            case ast.Tuple():
                return tuple(self.value(part) for part in node.elts)
            case ast.BoolOp(op=ast.And()):
                return all(self.value(part) for part in node.values)
            case ast.BoolOp():
                return any(self.value(part) for part in node.values)
            case ast.UnaryOp(op=ast.Not()):
                return not self.value(node.operand)
            case ast.UnaryOp():
                return -self.value(node.operand)
            case ast.IfExp():
                taken = node.body if self.value(node.test) else node.orelse
                return self.value(taken)
        return self._operation(node)

    def _operation(self, node: ast.expr) -> Any:
        if isinstance(node, ast.BinOp):
            combine = _ARITHMETIC[type(node.op)]
            return combine(self.value(node.left), self.value(node.right))
        if isinstance(node, ast.Compare):
            compare = _COMPARISONS[type(node.ops[0])][1]
            return compare(self.value(node.left), self.value(node.comparators[0]))
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id](*(self.value(part) for part in node.args))

    def margin(self, node: ast.expr, positive: bool = True) -> Margin | None:
        """Return what decided ``node``; under a ``not``, ``positive`` is False."""
        match node:
            case ast.UnaryOp(op=ast.Not()):
                return self.margin(node.operand, not positive)
            case ast.IfExp():
                taken = node.body if self.value(node.test) else node.orelse
                return self.margin(taken, positive)
            case ast.BoolOp():
                return self._deciding(node, positive)
            case ast.Compare():
                return self._compared(node, positive)
            case ast.Name():
                held = bool(self.value(node))
                text = self._expression.source(node)
                return Margin(
                    text, held, "is", str(positive), positive, held is positive
                )
        return None

    def _deciding(self, node: ast.BoolOp, positive: bool) -> Margin | None:
        stops_at = isinstance(node.op, ast.Or)
        reached = []
        for part in node.values:
            found = self.margin(part, positive)
            if bool(self.value(part)) is stops_at:
                return found
            reached.append(found)
        known = [found for found in reached if found is not None]
        return min(known, key=_tightness, default=None)

    def _compared(self, node: ast.Compare, positive: bool) -> Margin:
        right_node = node.comparators[0]
        left, right = self.value(node.left), self.value(right_node)
        sign, compare = _COMPARISONS[type(node.ops[0])]
        passed = bool(compare(left, right))
        numbers = not isinstance(left, str | bool)
        source = self._expression.source
        return Margin(
            source(node.left),
            left,
            sign if positive else _OPPOSITES[sign],
            source(right_node),
            right,
            passed is positive,
            abs(left - right) if numbers else None,
        )


def _tightness(found: Margin) -> float:
    if found.distance is None:
        return math.inf
    size = max(abs(float(found.left)), abs(float(found.right)))
    return float(found.distance) / size if size else 0.0


def _side(text: str, value: Any, write: Callable[[Any], str]) -> str:
    literal = text[:1].isdigit() or text[:1] in "-.'\"("
    if literal and (isinstance(value, str | tuple) or _is_number(text)):
        return text
    if text.isidentifier():
        return f"{text} {write(value)}"
    return f"{text} ({write(value)})"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return read_quantity(text) is not None
    return True


def _writer(*texts: str) -> Callable[[Any], str]:
    """Return how to write values next to these texts: in the unit of a literal."""
    for text in texts:
        quantity = read_quantity(text)
        if quantity is not None and quantity[1] in (RATIO, DURATION):
            suffix = text.lstrip("-.0123456789eE+")
            scale = float(SUFFIXES[suffix][0])
            return lambda value: f"{write_value(float(value) / scale)}{suffix}"
    return write_value


def write_value(value: Any) -> str:
    """Return a value with few digits: floats to six, Decimals without their zeros."""
    if isinstance(value, bool | str) or value is None:
        return repr(value) if isinstance(value, str) else str(value)
    if isinstance(value, Decimal):
        value = round(value, 12) if value.is_finite() else value
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, float | int):
        rounded = float(value)
        plain = 1e-6 <= abs(rounded) < 1e15 or not rounded
        if not plain or not math.isfinite(rounded):
            return f"{rounded:.6g}"
        digits = max(0, 5 - math.floor(math.log10(abs(rounded)))) if rounded else 0
        text = f"{rounded:.{digits}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
    return str(value)
