"""Look for moments with a solver: it finds what drawing misses, and proves absence.

The only importer of z3, an optional package. Numbers are exact and real there, while
the engine's are floats or decimals: what the solver finds is evaluated again, and what
it proves of products and quotients holds of exact numbers.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

import numpy as np

from quorate.contract.vocabulary import Kind
from quorate.rulebook.evaluating import Columns, evaluate
from quorate.rulebook.sampling import OTHER, Range, find

LIMIT_MS = 500
"""How long one question may take; then nothing is known."""

Wanted = Sequence[tuple[ast.expr, bool]]


def can_solve() -> bool:
    """Return whether z3 is installed."""
    return find_spec("z3") is not None


@dataclass(slots=True)
class Solver:
    """Answers as ``sampling.find`` does, and remembers what it could not.

    ``counts`` has how many questions were answered with a moment ("found"), "proved" to
    have none, proved for exact numbers only ("exact"), and left "unknown".
    """

    limit_ms: int = LIMIT_MS
    counts: Counter[str] = field(default_factory=Counter)
    last: str = ""

    def find(
        self, ranges: Mapping[str, Range], wanted: Wanted
    ) -> tuple[Columns, int] | None:
        """Look for a moment in which every expression is as wanted.

        None: there is none, or it was not found; ``last`` says which: "proved",
        "exact" or "unknown".
        """
        drawn = find(ranges, wanted)
        if drawn is not None:
            self._note("found")
            return drawn
        status, moment = _Question(ranges, wanted, self.limit_ms).ask()
        self._note(status)
        return None if moment is None else (moment, 0)

    def _note(self, status: str) -> None:
        self.last = status
        self.counts[status] += 1

    @property
    def how(self) -> str:
        """How the last question was answered with nothing, for people."""
        return {
            "proved": "proved: no moment within the declared ranges does otherwise",
            "exact": "proved for exact numbers within the declared ranges",
        }.get(self.last, "")


class _Question:
    """One question in the words of the solver."""

    def __init__(
        self, ranges: Mapping[str, Range], wanted: Wanted, limit_ms: int
    ) -> None:
        import z3  # noqa: PLC0415 - takes a tenth of a second, and may not be there

        self.z3: Any = z3
        self.wanted, self.linear = wanted, True
        self.solver: Any = z3.Solver()
        self.solver.set("timeout", limit_ms)
        used = {
            node.id
            for tree, _ in wanted
            for node in ast.walk(tree)
            if isinstance(node, ast.Name)
        }
        self.ranges = {name: ranges[name] for name in sorted(used & ranges.keys())}
        self.words = self._all_words()
        self.names = {
            name: self._variable(name, one) for name, one in self.ranges.items()
        }

    def _all_words(self) -> list[str]:
        """Return every text that a name could be, with one that no rule mentions."""
        words = {OTHER}
        for one in self.ranges.values():
            words.update(one.words)
        for tree, _ in self.wanted:
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant):
                    value = vars(node)["value"]
                    words.update([value] if isinstance(value, str) else [])
        return sorted(words)

    def _variable(self, name: str, one: Range) -> Any:
        z3 = self.z3
        if one.kind is Kind.FLAG:
            return z3.Bool(name)
        if one.kind is Kind.TEXT:
            word = z3.Int(name)
            allowed = one.words or tuple(self.words)
            places = [word == self.words.index(text) for text in allowed]
            self.solver.add(z3.Or(*places))
            return word
        number = z3.Real(name)
        if np.isfinite(one.low):
            self.solver.add(number >= _exact(one.low))
        if np.isfinite(one.high):
            self.solver.add(number <= _exact(one.high))
        return number

    def ask(self) -> tuple[str, Columns | None]:
        """Return how it was answered, and the moment when one was found."""
        z3 = self.z3
        for tree, truth in self.wanted:
            value, defined = self._read(tree)
            self.solver.add(defined, value if truth else z3.Not(value))
        answer = self.solver.check()
        if answer == z3.unsat:
            return ("proved" if self.linear else "exact"), None
        if answer != z3.sat:
            return "unknown", None
        moment = self._moment()
        held = all(
            bool(np.all(evaluate(tree, moment) == truth)) for tree, truth in self.wanted
        )
        return ("found", moment) if held else ("unknown", None)

    def _moment(self) -> Columns:
        """Return the solver's example as columns of one row."""
        model = self.solver.model()
        columns: dict[str, Any] = {}
        for name, variable in self.names.items():
            value = model.eval(variable, model_completion=True)
            kind = self.ranges[name].kind
            if kind is Kind.FLAG:
                columns[name] = np.array([self.z3.is_true(value)])
            elif kind is Kind.TEXT:
                columns[name] = np.array([self.words[value.as_long()]])
            else:
                columns[name] = np.array([_as_float(value)])
        return columns

    def _read(self, node: ast.expr) -> tuple[Any, Any]:
        """Return the value of an expression, and when it has one.

        What a short circuit passes by need not have a value.
        """
        z3 = self.z3
        match node:
            case ast.Name():
                return self.names[node.id], z3.BoolVal(True)
            case ast.Constant():
                return self._constant(vars(node)["value"]), z3.BoolVal(True)
            case ast.BoolOp():
                return self._joined(node)
            case ast.UnaryOp():
                value, defined = self._read(node.operand)
                negated = isinstance(node.op, ast.Not)
                return (z3.Not(value) if negated else -value), defined
            case ast.IfExp():
                test, has = self._read(node.test)
                one, one_has = self._read(node.body)
                other, other_has = self._read(node.orelse)
                reached = z3.If(test, one_has, other_has)
                return z3.If(test, one, other), z3.And(has, reached)
            case ast.Compare():
                return self._compared(node)
            case ast.BinOp():
                return self._calculated(node)
        assert isinstance(node, ast.Call)
        return self._called(node)

    def _constant(self, value: Any) -> Any:
        if isinstance(value, bool):
            return self.z3.BoolVal(value)
        if isinstance(value, str):
            return self.z3.IntVal(self.words.index(value))
        return _exact(value)

    def _joined(self, node: ast.BoolOp) -> tuple[Any, Any]:
        z3 = self.z3
        every = isinstance(node.op, ast.And)
        value, defined = self._read(node.values[-1])
        for part in reversed(node.values[:-1]):
            first, has = self._read(part)
            # The rest is looked at only when the first leaves it open.
            goes_on = first if every else z3.Not(first)
            defined = z3.And(has, z3.Or(z3.Not(goes_on), defined))
            value = z3.And(first, value) if every else z3.Or(first, value)
        return value, defined

    def _compared(self, node: ast.Compare) -> tuple[Any, Any]:
        z3 = self.z3
        left, has = self._read(node.left)
        sign, right_node = type(node.ops[0]), node.comparators[0]
        if sign in (ast.In, ast.NotIn):
            assert isinstance(right_node, ast.Tuple)
            among = z3.Or(*(left == self._read(one)[0] for one in right_node.elts))
            return (among if sign is ast.In else z3.Not(among)), has
        right, right_has = self._read(right_node)
        return _COMPARISONS[sign](left, right), z3.And(has, right_has)

    def _calculated(self, node: ast.BinOp) -> tuple[Any, Any]:
        z3 = self.z3
        left, left_has = self._read(node.left)
        right, right_has = self._read(node.right)
        defined = z3.And(left_has, right_has)
        if isinstance(node.op, ast.Mult):
            self.linear &= z3.is_rational_value(left) or z3.is_rational_value(right)
            return left * right, defined
        if isinstance(node.op, ast.Div):
            self.linear &= bool(z3.is_rational_value(right))
            return left / right, z3.And(defined, right != 0)
        return (left + right if isinstance(node.op, ast.Add) else left - right), defined

    def _called(self, node: ast.Call) -> tuple[Any, Any]:
        z3 = self.z3
        assert isinstance(node.func, ast.Name)
        read = [self._read(part) for part in node.args]
        defined = z3.And(*(has for _, has in read))
        value = read[0][0]
        if node.func.id == "abs":
            return z3.If(value < 0, -value, value), defined
        for other, _ in read[1:]:
            less = other < value if node.func.id == "min" else other > value
            value = z3.If(less, other, value)
        return value, defined


_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
}


def _exact(value: Any) -> Any:
    """Return a number for the solver, exactly as it is written."""
    import z3  # noqa: PLC0415 - as above

    number = Fraction(value if isinstance(value, Decimal) else Decimal(repr(value)))
    return z3.Q(number.numerator, number.denominator)


def _as_float(value: Any) -> float:
    try:
        fraction = value.as_fraction()
    except AttributeError:  # a root of a polynomial: near enough, and looked at again
        return float(value.approx(20).as_fraction())
    return float(fraction.numerator / fraction.denominator)
