"""What the rules of a sound rulebook can never do, as far as drawing moments shows.

Everything here is a warning: sampling finds witnesses, it proves no absence.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.rulebook.diagnostics import Problem, Severity, Span
from quorate.rulebook.evaluating import Columns, evaluate
from quorate.rulebook.moments import moment
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Formula
from quorate.rulebook.sampling import ROWS, Range, draw, find, ranges_of
from quorate.rulebook.solving import Solver
from quorate.values.trade import Side

Flags = NDArray[np.bool_]
Find = Callable[
    [Mapping[str, Range], Sequence[tuple[ast.expr, bool]]], tuple[Columns, int] | None
]
"""Looks for a moment in which every expression is as wanted."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of one rule: the rule, the key it stands at, what it says."""

    rule: Any
    key: str
    formula: Formula

    @property
    def tree(self) -> ast.expr:
        """Its expression as a tree."""
        return self.formula.expression.tree


@dataclass(slots=True)
class Proof:
    """What was looked at and what was found."""

    problems: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def prove(rulebook: Rulebook, solver: Solver | None = None) -> Proof:
    """Look for conditions that never or always hold, and rules behind other rules.

    With a ``solver`` what drawing does not find is sought by it too: what it finds
    takes a finding back, and what it proves is said to be proved. Deterministic: the
    same rulebook gives the same findings, but for questions that take too long.
    """
    proof = _Prover(rulebook, solver).run()
    if solver is not None:
        proof.counts.update({f"solver {key}": n for key, n in solver.counts.items()})
        proof.counts["solver"] = solver.counts.total()
    return proof


def source_of(rulebook: Rulebook, place: Span) -> str:
    """Return the text of the line that ``place`` starts on."""
    for shown, data in rulebook.sources.rules:
        if shown == place.path:
            lines = data.decode("utf-8", "replace").splitlines()
            return lines[place.line - 1] if place.line <= len(lines) else ""
    return ""


def warning(
    rulebook: Rulebook,
    code: str,
    message: str,
    place: Span,
    advice: str = "",
    related: tuple[tuple[str, Span], ...] = (),
) -> Problem:
    """Return a warning with the line it points at."""
    source = source_of(rulebook, place)
    return Problem(code, message, place, advice, source, Severity.WARNING, related)


_KEYS: Mapping[str, tuple[str, ...]] = {
    "votes": ("when", "veto"),
    "entry": ("when",),
    "checks": ("when", "require", "reallocate"),
    "orders": ("when",),
    "errors": ("when",),
    "exits": ("when",),
    "tuning": ("when", "until"),
    "switches": ("when",),
}
FIRST = ("entry", "orders", "exits")
"""Sections of which the first rule that holds decides."""


class _Prover:
    def __init__(self, rulebook: Rulebook, solver: Solver | None) -> None:
        self.rulebook, self.solver = rulebook, solver
        self.find: Find = find if solver is None else solver.find
        self.proof = Proof()

    @property
    def how(self) -> str:
        """How it is known that the moment sought last is not there."""
        return (self.solver.how if self.solver else "") or _DRAWN

    def run(self) -> Proof:
        for section, keys in _KEYS.items():
            conditions = [
                Condition(rule, key, found)
                for rule in getattr(self.rulebook, section)
                for key in keys
                if (found := getattr(rule, key)) is not None
            ]
            if conditions:
                self._section(section, conditions)
        return self.proof

    def _section(self, section: str, conditions: Sequence[Condition]) -> None:
        book = self.rulebook
        expressions = [one.formula.expression for one in conditions]
        ranges = ranges_of(expressions, book.facts, book.params)
        columns = draw(ranges)
        truths = {id(one): _flags(evaluate(one.tree, columns)) for one in conditions}
        self.proof.counts["moments"] += ROWS
        self.proof.counts["conditions"] += len(conditions)
        sound = [one for one in conditions if self._can_change(one, truths, ranges)]
        if section in FIRST:
            firsts = [one for one in sound if one.key == "when"]
            self._behind(firsts, truths, ranges)
        else:
            self._alike(section, sound, truths, ranges)
        if section == "checks":
            self._excluding(sound, truths, ranges)
        if section == "tuning":
            self._to_and_fro(sound, columns, truths)

    def _can_change(
        self, one: Condition, truths: Mapping[int, Flags], ranges: Mapping[str, Range]
    ) -> bool:
        """Note a condition that never, or always, holds."""
        held = truths[id(one)]
        for word, code, missing in (("never", "R430", True), ("always", "R431", False)):
            seen = held if missing else ~held
            if not seen.any() and self.find(ranges, [(one.tree, missing)]) is None:
                message = (
                    f"`{one.key}` of `{one.rule.id}` {word} holds: `{one.formula.text}`"
                )
                self._warn(code, message, one, self.how)
                return False
        self.proof.counts["both ways"] += 1
        return True

    def _warn(
        self,
        code: str,
        message: str,
        one: Condition,
        advice: str = "",
        related: tuple[tuple[str, Span], ...] = (),
    ) -> None:
        place = one.formula.expression.place
        end = place.column + len(one.formula.text)
        span = Span(place.path, place.line, place.column, place.line, end)
        problem = warning(self.rulebook, code, message, span, advice, related)
        self.proof.problems.append(problem)

    def _behind(
        self,
        conditions: Sequence[Condition],
        truths: Mapping[int, Flags],
        ranges: Mapping[str, Range],
    ) -> None:
        """Note each rule before which an earlier one always decides."""
        before: list[Condition] = []
        doubted: list[tuple[Condition, int]] = []
        decided = np.zeros(ROWS, bool)
        for one in conditions:
            held = truths[id(one)]
            if before and not (held & ~decided).any():
                doubted.append((one, len(before)))
            if getattr(one.rule, "share", None) is None or sells_all(one.rule):
                before.append(one)
                decided |= held
        for one, hidden_by in _hiding(doubted, before, ranges, self.find):
            self._shadowed(one, hidden_by, ranges)

    def _shadowed(
        self, one: Condition, needed: list[Condition], ranges: Mapping[str, Range]
    ) -> None:
        """Note a rule that is true in no moment in which all the needed are false."""
        for other in list(needed):
            fewer = [kept for kept in needed if kept is not other]
            asked = [(one.tree, True), *((kept.tree, False) for kept in fewer)]
            if fewer and self.find(ranges, asked) is None:
                needed = fewer
        names = " or ".join(f"`{other.rule.id}`" for other in needed)
        witness = self._witness(
            [(part.tree, True) for part in (one, needed[0])], ranges
        )
        self._warn(
            "R432",
            f"`{one.rule.id}` is never reached: whenever it holds, {names} holds "
            f"before it{witness}",
            one,
            "put it first, or let its condition say what is different",
            tuple((f"`{other.rule.id}` is here", other.rule.place) for other in needed),
        )

    def _witness(
        self, wanted: Sequence[tuple[ast.expr, bool]], ranges: Mapping[str, Range]
    ) -> str:
        found = self.find(ranges, wanted)
        if found is None:
            return ""
        columns, row = found
        told = moment(self.rulebook, columns, row, [tree for tree, _ in wanted])
        return f", as at {told}"

    def _alike(
        self,
        section: str,
        conditions: Sequence[Condition],
        truths: Mapping[int, Flags],
        ranges: Mapping[str, Range],
    ) -> None:
        """Note rules that hold in exactly the same moments and do the same."""
        seen: dict[tuple[Any, ...], Condition] = {}
        for one in conditions:
            if (section, one.key) not in _SAME_DEED:
                continue
            guards = getattr(one.rule, "guards", ""), getattr(one.rule, "side", None)
            when = getattr(one.rule, "when", None)
            beside = when.text if when and one.key != "when" else ""
            held = truths[id(one)]
            # Two that were seen one way only have not been told apart.
            seen_as = (
                one.formula.text if held.all() or not held.any() else held.tobytes()
            )
            key = (one.key, guards, beside, seen_as)
            first = seen.setdefault(key, one)
            if first is not one and not self._told_apart(one, first, ranges):
                self._warn(
                    "R433",
                    f"`{one.rule.id}` says the same as `{first.rule.id}`",
                    one,
                    "delete one of the two",
                    ((f"`{first.rule.id}` is here", first.rule.place),),
                )

    def _told_apart(
        self, one: Condition, other: Condition, ranges: Mapping[str, Range]
    ) -> bool:
        """Return whether a solver finds a moment in which just one of two holds."""
        return self.solver is not None and any(
            self.find(ranges, [(one.tree, truth), (other.tree, not truth)]) is not None
            for truth in (True, False)
        )

    def _excluding(
        self,
        conditions: Sequence[Condition],
        truths: Mapping[int, Flags],
        ranges: Mapping[str, Range],
    ) -> None:
        """Note two checks that no order can pass both."""
        needed = [
            one for one in conditions if one.key == "require" and not one.rule.when
        ]
        held = np.array([truths[id(one)] for one in needed], np.float32)
        together = held @ held.T if needed else held
        for number, one in enumerate(needed):
            for at in np.flatnonzero(together[number, :number] == 0):
                other = needed[int(at)]
                sides = {one.rule.side, other.rule.side}
                if {Side.BUY, Side.SELL} <= sides:
                    continue
                asked = [(one.tree, True), (other.tree, True)]
                if self.find(ranges, asked) is None:
                    message = (
                        f"no order passes both `{other.rule.id}` and `{one.rule.id}`"
                    )
                    related = ((f"`{other.rule.id}` is here", other.rule.place),)
                    self._warn("R434", message, one, self.how, related)

    def _to_and_fro(
        self,
        conditions: Sequence[Condition],
        columns: Columns,
        truths: Mapping[int, Flags],
    ) -> None:
        """Note a tuning rule that turns and takes back at the same time."""
        whens = {id(one.rule): one for one in conditions if one.key == "when"}
        for one in conditions:
            when = whens.get(id(one.rule))
            if one.key != "until" or when is None:
                continue
            # With the params as they are set: that is the first half of the moments.
            both = (truths[id(one)] & truths[id(when)])[: ROWS // 2]
            if both.any():
                row = int(both.argmax())
                seen = moment(self.rulebook, columns, row, (one.tree, when.tree))
                message = f"`{one.rule.id}` turns and takes back at once, as at {seen}"
                self._warn(
                    "R435", message, one, "leave room between `when` and `until`"
                )


def _hiding(
    doubted: Sequence[tuple[Condition, int]],
    before: Sequence[Condition],
    ranges: Mapping[str, Range],
    find: Find,
) -> Iterator[tuple[Condition, list[Condition]]]:
    """Yield each doubted condition of which no moment is its own, with what hides it.

    A condition stands behind so many of ``before``. Takes on, one by one, those of them
    that hold in the moments found without them; all moments found in one round are
    looked at together.
    """
    rest = draw(ranges, 1)
    open_ = [(one, count, list[Condition]()) for one, count in doubted]
    for _ in range(_MOST_BEFORE):
        sought = []
        for one, count, needed in open_:
            asked = [(one.tree, True), *((other.tree, False) for other in needed)]
            found = find(ranges, asked)
            if found is not None:
                sought.append((one, count, needed, {**rest, **_row(found)}))
            elif needed:
                yield one, [other for other in before[:count] if other in needed]
        open_ = []
        held = _held(before, [whole for *_, whole in sought], ranges)
        for number, (one, count, needed, _) in enumerate(sought):
            holding = (before[int(at)] for at in np.flatnonzero(held[:count, number]))
            first = next((other for other in holding if other not in needed), None)
            if first is not None:
                open_.append((one, count, [*needed, first]))


def _held(
    conditions: Sequence[Condition],
    moments: Sequence[Columns],
    ranges: Mapping[str, Range],
) -> Flags:
    """Return which conditions (rows) hold in which moments (columns)."""
    if not moments:
        return np.zeros((len(conditions), 0), bool)
    columns = {name: np.concatenate([one[name] for one in moments]) for name in ranges}
    shape = (len(moments),)
    return np.array(
        [
            np.broadcast_to(np.asarray(evaluate(one.tree, columns), bool), shape)
            for one in conditions
        ]
    )


def _row(found: tuple[Columns, int]) -> Columns:
    """Return the moment that was found, as columns of one row."""
    columns, row = found
    return {name: column[row : row + 1] for name, column in columns.items()}


_MOST_BEFORE = 9
"""Rules that together hide another are not sought beyond so many."""

_DRAWN = "seen in none of the moments drawn within the declared ranges"
_SAME_DEED = {("votes", "veto"), ("checks", "require")}


def sells_all(rule: Any) -> bool:
    """Return whether an exit always sells the whole position."""
    tree = rule.share.expression.tree
    return isinstance(tree, ast.Constant) and bool(vars(tree)["value"] >= 1)


def _flags(value: Any) -> Flags:
    return np.broadcast_to(np.asarray(value, bool), (ROWS,))


def effective(rulebook: Rulebook) -> Iterator[tuple[str, Any]]:
    """Yield every param as an expression reads it, with the value it is set to."""
    for name, param in rulebook.params.by_name.items():
        value = param.settings[-1].value
        yield name, float(value) if isinstance(value, Decimal) else value
