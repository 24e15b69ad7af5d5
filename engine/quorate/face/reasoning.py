"""A condition as a tree: every part's value, margin and origin, and what flips it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import RATIO, Kind
from quorate.face.conditions import tell, write_in
from quorate.face.kept import KeptRules
from quorate.rulebook.flipping import Change, Flips, find_flips
from quorate.rulebook.params import Param
from quorate.rulebook.reasons import Reason, explain, write_value
from quorate.rulebook.rules import Formula
from quorate.rulebook.sections import names_for
from quorate.rulebook.terms import Expression, Name
from quorate.stages.answers import as_exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One part of a condition.

    ``value`` is as the engine has it and ``told`` as people read it; ``margin`` is the
    distance of a comparison's sides, ``origin`` where a number or fact comes from.
    """

    text: str
    value: Any
    told: str
    evaluated: bool
    fault: str = ""
    margin: str = ""
    origin: str = ""
    parts: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """One formula of a rule on given values; ``holds`` is None if they cannot tell.

    ``flips`` are the nearest changes with which it comes out the other way, and
    ``changes`` the same in words.
    """

    part: str
    text: str
    holds: bool | None
    tree: Branch
    flips: Flips | None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reasoner:
    """Tells conditions of one section: in which units, and from where values come.

    ``origins`` says of a name that is no param where its value is from.
    """

    kept: KeptRules
    section: str
    symbol: str
    origins: Callable[[str], str]

    def reason(self, part: str, formula: Formula, context: object) -> Reasoning:
        """Return a formula with its tree and what would flip it."""
        expression = formula.expression
        reason = explain(expression, context, exact=formula.exact)
        inputs = {name: getattr(context, name, None) for name in expression.reads}
        flips = None
        if expression.kind is Kind.FLAG and not reason.fault:
            names = list(self.names(expression))
            flips = find_flips(formula, inputs, names)
        holds = None if flips is None else flips.holds
        tree = self._branch(reason, expression)
        return Reasoning(
            part=part,
            text=formula.text,
            holds=holds,
            tree=tree,
            flips=flips,
            changes=() if flips is None else tuple(self._flip_lines(flips)),
        )

    def names(self, expression: Expression) -> Iterator[Name]:
        """Yield what an expression reads; params with the bounds of their tuning."""
        rulebook = self.kept.rulebook
        assert rulebook is not None
        known = names_for(self.section, rulebook.facts, rulebook.params)
        calls = {call.name: call for call in expression.calls}
        for name, kind in expression.reads.items():
            param = rulebook.params.by_name.get(name)
            if param is not None:
                yield replace(known[name], low=param.low, high=param.high)
            elif name in calls:
                yield Name(name, kind, calls[name].unit)
            else:
                yield known.get(name, Name(name, kind))

    def _branch(self, reason: Reason, expression: Expression) -> Branch:
        parts = tuple(self._branch(part, expression) for part in reason.parts)
        return Branch(
            text=reason.text,
            value=reason.value,
            told=self._told(reason),
            evaluated=reason.evaluated,
            fault=reason.fault,
            margin=self._margin(reason),
            origin=self._origin(reason, expression) if reason.evaluated else "",
            parts=parts,
        )

    def _told(self, reason: Reason) -> str:
        if not reason.evaluated:
            return "not evaluated"
        if reason.fault:
            return f"cannot be told: {reason.fault}"
        if reason.text.isidentifier():
            return self.tell(reason.text, reason.value)
        if isinstance(reason.value, bool):
            return "yes" if reason.value else "no"
        if isinstance(reason.value, float | Decimal):
            return self._in_unit_of(reason, reason.value)
        return write_value(reason.value)

    def tell(self, name: str, value: Any) -> str:
        """Return the value of a name in the unit people read."""
        rulebook = self.kept.rulebook
        param = rulebook.params.by_name.get(name) if rulebook else None
        if param is not None and value is not None:
            return param.write(_tidy(value))
        return tell(name, value, self.kept)

    def _margin(self, reason: Reason) -> str:
        """Return by how much a comparison of numbers holds or does not."""
        values = [part.value for part in reason.parts]
        numbers = len(values) == 2 and all(
            isinstance(one, float | int | Decimal) and not isinstance(one, bool)
            for one in values
        )
        if reason.fault or not numbers or not isinstance(reason.value, bool):
            return ""
        distance = abs(_tidy(values[0]) - _tidy(values[1]))
        how = "passed" if reason.value else "failed"
        if not distance:
            return f"{how}, just at the limit"
        return f"{how} by {self._in_unit_of(reason, distance)}"

    def _in_unit_of(self, reason: Reason, value: Any) -> str:
        """Return a number in the unit of the first name or literal that tells one."""
        leaves = [one for one in _leaves(reason) if not one[:1].isdigit()]
        if not isinstance(reason.value, bool):
            percent = all(self.kept.in_percent(one) for one in leaves)
            return write_in(RATIO, value, percent=percent and bool(leaves))
        unit = next(filter(None, map(self.kept.unit, leaves)), RATIO)
        percent = self.kept.in_percent(reason.text) and unit == RATIO
        return write_in(unit, value, percent=percent)

    def _origin(self, reason: Reason, expression: Expression) -> str:
        rulebook = self.kept.rulebook
        assert rulebook is not None
        if reason.parts:
            return ""
        param = rulebook.params.by_name.get(reason.text)
        said = self.origins(reason.text)
        if param is not None and not said:
            return param_origin(param, self.symbol)
        return said if reason.text.isidentifier() else _written(reason.text, expression)

    def _flip_lines(self, flips: Flips) -> Iterator[str]:
        """Yield what would flip a condition, in a line each."""
        yield from map(self._changed, flips.singles)
        for name in flips.fixed:
            yield f"no change of {name} alone"
        if flips.pair:
            yield f"both {' and '.join(map(self._changed, flips.pair))}"
        elif not flips.singles:
            yield "no change of two of them was found either"

    def _changed(self, change: Change) -> str:
        old, new = (self.tell(change.name, one) for one in (change.old, change.new))
        return f"{change.name} {old} -> {new}"


def param_origin(param: Param, symbol: str) -> str:
    """Return by what and where a param has its value, and what it had without."""
    held = param.setting_for(symbol)
    told = f"{held.by}, {held.origin}"
    for one in param.settings:
        if one is not held:
            told += f"; instead of {param.write(one.value)} ({one.by}, {one.origin})"
    return told


def _written(text: str, expression: Expression) -> str:
    """Return where a literal stands in its rule."""
    for node in ast.walk(expression.tree):
        if isinstance(node, ast.Constant) and expression.source(node) == text:
            place = expression.place
            column = place.column + node.col_offset
            return f"written at {place.path}:{place.line}:{column}"
    return ""


def _leaves(reason: Reason) -> Iterator[str]:
    if not reason.parts:
        yield reason.text
    for part in reason.parts:
        yield from _leaves(part)


def _tidy(value: Any) -> Any:
    """Return a number without the digits that only a float has."""
    return Decimal(f"{value:.12g}") if isinstance(value, float) else as_exact(value)
