"""The nearest change that flips a condition: of one name alone, or of two.

Every change that is returned was tried on the condition as it was compiled. Numbers
move on a grid a little finer than they and what they meet are written with.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from quorate.contract.vocabulary import DURATION, RATIO, Kind
from quorate.rulebook.compile_function import compile_value
from quorate.rulebook.literals import LARGEST
from quorate.rulebook.rules import Formula
from quorate.rulebook.terms import Expression, Name

FINER = 2
"""How many digits more than those written a change may have, unless all is whole."""
FINEST = -8
"""The power of ten below which the grid of a number is not refined."""
MOST_PAIRS = 2_000
"""How many pairs of changes are tried at most."""

_SECOND_MS, _MINUTE_MS = 1_000, 60_000

Decide = Callable[[Mapping[str, Any]], bool | None]


@dataclass(frozen=True, slots=True)
class Change:
    """Another value of one name."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Flips:
    """What flips a condition: a change for each name that can alone, else two.

    ``fixed`` are the names of which no change alone flips it. ``pair`` is empty when
    one name can alone, and when no two were found.
    """

    holds: bool
    singles: tuple[Change, ...]
    fixed: tuple[str, ...]
    pair: tuple[Change, ...] = ()


def find_flips(
    formula: Formula, inputs: Mapping[str, Any], names: Sequence[Name]
) -> Flips | None:
    """Return what flips ``formula`` on ``inputs``; None when it cannot be evaluated.

    ``names`` are those that may change, with their ranges.
    """
    condition = _Condition.of(formula.expression, formula.exact)
    holds = condition.decide(inputs)
    if holds is None:
        return None
    found = {name.name: condition.nearest(inputs, name) for name in names}
    singles = tuple(one for one in found.values() if one is not None)
    fixed = tuple(name for name, one in found.items() if one is None)
    pair = () if singles else condition.pair(inputs, names)
    return Flips(holds, singles, fixed, pair)


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition, or a part of one, with the function it is compiled to."""

    expression: Expression
    exact: bool
    evaluate: Callable[[object], Any]

    @classmethod
    def of(cls, expression: Expression, exact: bool) -> _Condition:
        return cls(expression, exact, compile_value(expression, exact=exact))

    def part(self, tree: ast.expr, kind: Kind) -> _Condition:
        """Return a part of this condition as one of its own."""
        return _Condition.of(replace(self.expression, tree=tree, kind=kind), self.exact)

    def value(self, inputs: Mapping[str, Any]) -> Any:
        """Return the value, None when it has none."""
        convert = _as_exact if self.exact else _as_float
        held = {name: convert(value) for name, value in inputs.items()}
        try:
            return self.evaluate(SimpleNamespace(**held))
        except Exception:  # noqa: BLE001 - what cannot be evaluated does not flip
            return None

    def decide(self, inputs: Mapping[str, Any]) -> bool | None:
        value = self.value(inputs)
        return None if value is None else bool(value)

    def nearest(self, inputs: Mapping[str, Any], name: Name) -> Change | None:
        """Return the smallest change of one name that flips this condition."""
        old, holds = inputs.get(name.name), self.decide(inputs)
        if old is None or holds is None:
            return None

        def flips(value: Any) -> bool:
            return self.decide({**inputs, name.name: value}) is (not holds)

        new: Any
        if name.kind is Kind.NUMBER:
            new = self._nearest_number(inputs, name, flips)
        else:
            words = name.values or tuple(self._words())
            others = (not old,) if name.kind is Kind.FLAG else words
            new = next((one for one in others if one != old and flips(one)), None)
        return None if new is None else Change(name.name, old, new)

    def _nearest_number(
        self, inputs: Mapping[str, Any], name: Name, flips: Callable[[Any], bool]
    ) -> Decimal | None:
        old = _as_exact(inputs[name.name])
        step = self._step(inputs, name)
        roots = list(self._roots(inputs, name.name, old, step))
        found = [
            new
            for sign in (1, -1)
            if (new := _walk(_Path(old, step, sign, name), roots, flips)) is not None
        ]
        return min(found, key=lambda new: (abs(new - old), new), default=None)

    def _step(self, inputs: Mapping[str, Any], name: Name) -> Decimal:
        """Return the grid of the name and of the numbers it is compared with."""
        met = [inputs[name.name]]
        for compare in self._compares(name.name):
            for node in ast.walk(compare):
                if isinstance(node, ast.Constant):
                    met.append(node.value)
                elif isinstance(node, ast.Name):
                    met.append(inputs.get(node.id))
        numbers = [_as_exact(one) for one in met if _is_number(one)]
        if name.unit == DURATION:
            whole = (_MINUTE_MS, _SECOND_MS)
            even = (one for one in whole if not any(n % one for n in numbers))
            return Decimal(next(even, 1))
        finest = min([0, *map(_exponent, numbers)])
        unit_range = name.high is not None and abs(name.high) <= 1
        if finest or name.unit != RATIO or unit_range:
            finest -= FINER  # counts stay whole
        return Decimal(1).scaleb(max(finest, FINEST))

    def _compares(self, name: str) -> Iterator[ast.Compare]:
        for node in ast.walk(self.expression.tree):
            if isinstance(node, ast.Compare) and name in _names(node):
                yield node

    def _words(self) -> Iterator[str]:
        for node in ast.walk(self.expression.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value

    def _roots(
        self, inputs: Mapping[str, Any], name: str, old: Decimal, step: Decimal
    ) -> Iterator[Decimal]:
        """Yield where both sides of a comparison are equal, were they straight lines.

        Other curves are found by walking; these make narrow windows of lines exact.
        """
        for compare in self._compares(name):
            if isinstance(compare.ops[0], ast.In | ast.NotIn):
                continue
            sides = ast.BinOp(compare.left, ast.Sub(), compare.comparators[0])
            gap = self.part(ast.copy_location(sides, compare), Kind.NUMBER)
            for other in (old + step, old - step, old * 2 + 1):
                here = _as_exact(gap.value(inputs))
                there = _as_exact(gap.value({**inputs, name: other}))
                if _is_number(here) and _is_number(there) and here != there:
                    yield old - here * (other - old) / (there - here)

    def pair(
        self, inputs: Mapping[str, Any], names: Sequence[Name]
    ) -> tuple[Change, ...]:
        """Return the smallest two changes that flip this condition together."""
        holds = self.decide(inputs)
        changes = dict.fromkeys(
            change
            for atom in self._atoms(self.expression.tree)
            for name in names
            if (change := atom.nearest(inputs, name)) is not None
        )
        pairs = [
            pair
            for pair in itertools.combinations(changes, 2)
            if pair[0].name != pair[1].name
        ]
        for pair in sorted(pairs, key=lambda two: sum(map(_size, two)))[:MOST_PAIRS]:
            moved = {**inputs} | {one.name: one.new for one in pair}
            if self.decide(moved) is (not holds):
                return pair
        return ()

    def _atoms(self, node: ast.expr) -> Iterator[_Condition]:
        """Yield the comparisons and flags that a condition is made of."""
        if isinstance(node, ast.Compare | ast.Name):
            yield self.part(node, Kind.FLAG)
        elif isinstance(node, ast.BoolOp | ast.IfExp | ast.UnaryOp):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    yield from self._atoms(child)


@dataclass(frozen=True, slots=True)
class _Path:
    """The grid in one direction from a value, inside the range of its name."""

    old: Decimal
    step: Decimal
    sign: int
    name: Name

    def at(self, count: int) -> Decimal:
        """Return the value after so many steps; a range ends where it ends."""
        start = self.old // self.step
        if self.sign < 0 and start * self.step < self.old:
            start += 1
        elif self.sign > 0 and start * self.step > self.old:
            start -= 1
        value = (start + self.sign * count) * self.step
        low, high = self.name.low, self.name.high
        if low is not None:
            value = max(value, low)
        return value if high is None else min(value, high)

    def count(self, value: Decimal) -> int:
        """Return about how many steps away a value is."""
        return int((value - self.old) * self.sign / self.step)


def _walk(
    path: _Path, roots: Sequence[Decimal], flips: Callable[[Any], bool]
) -> Decimal | None:
    """Return the first value on the way that flips, as far as it is found.

    It looks ever further away and around the roots, then halves the last stretch.
    """
    farthest = max(path.count(path.sign * LARGEST), 1)
    counts = {1 << power for power in range(farthest.bit_length())}
    for root in roots:
        near = path.count(root)
        counts |= {near + move for move in range(-1, 3)}
    before = 0
    for count in sorted(one for one in counts if 0 < one <= farthest):
        if flips(path.at(count)):
            while count - before > 1:
                middle = (before + count) // 2
                if flips(path.at(middle)):
                    count = middle  # noqa: PLW2901 - the stretch is halved
                else:
                    before = middle
            return path.at(count)
        before = count
    return None


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return number and Decimal(value).is_finite()


def _as_exact(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return Decimal(value) if is_whole else value


def _as_float(value: Any) -> Any:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole or isinstance(value, Decimal) else value


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _size(change: Change) -> Decimal:
    """Return how large a change is beside the values; flags and texts change by 1."""
    if not _is_number(change.old):
        return Decimal(1)
    old, new = _as_exact(change.old), _as_exact(change.new)
    return Decimal(abs(new - old) / max(abs(old), abs(new)))
