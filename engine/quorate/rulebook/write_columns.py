"""Write checked trees as straight lines of NumPy code with masks of faults."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

OPERATIONS = tuple(
    "either inside outside zeros lost same among where least most abs".split()  # noqa: SIM905
)
"""The functions of ``column_operations`` that written lines call."""

_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_LOCAL = re.compile(r"\b[ngv]_\w+")


_FINITE, _ENDLESS, _ANYTHING = range(3)


@dataclass(frozen=True, slots=True)
class Cell:
    """The variables that hold a part's values and its faults; None: it has none.

    ``reach`` says what the values can be in rows without a fault: finite, perhaps
    infinite, or anything. ``positive`` says that they are above zero.
    """

    value: str
    fault: str | None = None
    reach: int = _ANYTHING
    positive: bool = False


class ColumnWriter:
    """Write trees as straight lines of NumPy, each distinct part once.

    With ``guard`` the rows where a mentioned number is not finite will be faults
    anyway, and quicker operations may give any value there.
    """

    def __init__(self, *, guard: bool) -> None:
        self._names = _FINITE if guard else _ANYTHING
        self.lines: list[tuple[str, str]] = []
        self.constants: dict[str, object] = {}
        self._known: dict[str, str] = {}

    def named(self, code: str) -> str:
        """Return the variable that holds ``code``, written once."""
        if code not in self._known:
            self._known[code] = name = f"v_{len(self._known)}"
            self.lines.append((name, code))
        return self._known[code]

    def either(self, *faults: str | None) -> str | None:
        """Return the union of faults."""
        present = sorted({fault for fault in faults if fault is not None})
        if len(present) < 2:
            return present[0] if present else None
        return self.named(f"either({', '.join(present)})")

    def write(self, node: ast.expr) -> Cell:
        """Return where the values and faults of ``node`` will be."""
        match node:
            case ast.Name():
                return Cell(f"n_{node.id}", reach=self._names)
            case ast.Constant():
                name = self._constant(node.value)
                held: Any = node.value
                above = isinstance(held, Decimal) and held > 0
                return Cell(name, reach=_FINITE, positive=above)
            case ast.BoolOp():
                return self._all_or_any(node)
            case ast.UnaryOp():
                part = self.write(node.operand)
                sign = "~" if isinstance(node.op, ast.Not) else "-"
                return Cell(self.named(f"{sign}{part.value}"), part.fault, part.reach)
            case ast.BinOp():
                return self._binary(node)
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                return self._choice(node)
            case ast.Call():
                return self._call(node)
        raise AssertionError(f"the checker lets no {type(node).__name__} pass")

    def _constant(self, value: Any) -> str:
        held: object = np.bool_(value) if isinstance(value, bool) else value
        if isinstance(value, Decimal):
            held = np.float64(float(value))
        name = f"q_{type(held).__name__}_{len(self.constants)}"
        for known, other in self.constants.items():
            if type(other) is type(held) and repr(other) == repr(held):
                return known
        self.constants[name] = held
        return name

    def _all_or_any(self, node: ast.BoolOp) -> Cell:
        both = isinstance(node.op, ast.And)
        sign, reached = ("&", "inside") if both else ("|", "outside")
        first, *rest = (self.write(value) for value in node.values)
        value, fault = first.value, first.fault
        for part in rest:
            if part.fault is not None:
                late = self.named(f"{reached}({value}, {part.fault})")
                fault = self.either(fault, late)
            value = self.named(f"{value} {sign} {part.value}")
        return Cell(value, fault)

    def _binary(self, node: ast.BinOp) -> Cell:
        left, right = self.write(node.left), self.write(node.right)
        fault = self.either(left.fault, right.fault)
        divides = isinstance(node.op, ast.Div)
        if divides and not right.positive:
            fault = self.either(fault, self.named(f"zeros({right.value})"))
        value = self.named(f"{left.value} {_SIGNS[type(node.op)]} {right.value}")
        # Two finite numbers may overflow, but only infinite ones make a NaN.
        exact = (left.reach, right.reach) == (_FINITE, _FINITE)
        endless = exact or (divides and left.reach + right.reach == _ENDLESS)
        both = left.positive and right.positive and isinstance(node.op, ast.Add)
        return Cell(value, fault, _ENDLESS if endless else _ANYTHING, both)

    def _compare(self, node: ast.Compare) -> Cell:
        operator, other = node.ops[0], node.comparators[0]
        left = self.write(node.left)
        if isinstance(other, ast.Tuple):
            words = tuple(getattr(word, "value", "") for word in other.elts)
            found = self.named(f"among({left.value}, {self._constant(words)})")
            absent = isinstance(operator, ast.NotIn)
            return Cell(self.named(f"~{found}") if absent else found, left.fault)
        right = self.write(other)
        fault = self.either(left.fault, right.fault)
        if isinstance(operator, ast.Eq | ast.NotEq):
            same = self.named(f"same({left.value}, {right.value})")
            differs = isinstance(operator, ast.NotEq)
            return Cell(self.named(f"~{same}") if differs else same, fault)
        sign = _SIGNS[type(operator)]
        return Cell(self.named(f"{left.value} {sign} {right.value}"), fault)

    def _choice(self, node: ast.IfExp) -> Cell:
        test, body = self.write(node.test), self.write(node.body)
        other = self.write(node.orelse)
        value = self.named(f"where({test.value}, {body.value}, {other.value})")
        fault = test.fault
        if body.fault is not None:
            inside = self.named(f"inside({test.value}, {body.fault})")
            fault = self.either(fault, inside)
        if other.fault is not None:
            outside = self.named(f"outside({test.value}, {other.fault})")
            fault = self.either(fault, outside)
        positive = body.positive and other.positive
        return Cell(value, fault, max(body.reach, other.reach), positive)

    def _call(self, node: ast.Call) -> Cell:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        first, *rest = (self.write(part) for part in node.args)
        fault = self.either(first.fault, *(part.fault for part in rest))
        value = first.value
        if name == "abs":
            return Cell(self.named(f"abs({value})"), fault, first.reach)
        reach = max(part.reach for part in (first, *rest))
        for part in rest:
            value = self._better(name, value, part.value, reach)
        every = any if name == "max" and reach < _ANYTHING else all
        positive = every(part.positive for part in (first, *rest))
        return Cell(value, fault, reach, positive)

    def _better(self, name: str, left: str, right: str, reach: int) -> str:
        if reach < _ANYTHING:
            return self.named(
                f"{'least' if name == 'min' else 'most'}({left}, {right})"
            )
        # A NaN must win or lose exactly as in Python's min, unlike in np.minimum.
        sign = "<" if name == "min" else ">"
        better = self.named(f"{right} {sign} {left}")
        return self.named(f"where({better}, {right}, {left})")


def with_releases(lines: Sequence[tuple[str, str]], answers: list[str]) -> list[str]:
    """Return the lines of the body, each variable given up after its last use.

    Arrays then take the memory that is still in the cache. Each answer stands as soon
    as what it names is there.
    """
    order: list[str] = []
    position = {name: at for at, (name, _) in enumerate(lines)}
    waiting = list(answers)
    for at, (name, code) in enumerate([*lines, ("", "")]):
        while waiting and all(
            position.get(used, -1) < at for used in _LOCAL.findall(waiting[0])
        ):
            order.append(waiting.pop(0))
        if name:
            order.append(f"{name} = {code}")
    last = {used: at for at, code in enumerate(order) for used in _LOCAL.findall(code)}
    body = []
    for at, code in enumerate(order):
        body.append(f"    {code}")
        gone = [
            used
            for used in dict.fromkeys(_LOCAL.findall(code))
            if used.startswith("v_") and last[used] == at
        ]
        body += [f"    del {', '.join(gone)}"] if gone else []
    return body or ["    pass"]
