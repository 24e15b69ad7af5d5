"""What the tests have seen of each rule, and of each atomic condition.

An atomic condition (an atom) is a comparison or a flag: what ``and``, ``or``, ``not``
and ``if`` join. It is covered when it was seen true and seen false, and when both times
it decided: had it been the other way, the whole expression would have given something
else (MC/DC, the measure of DO-178C, in its masking form).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from quorate.contract.vocabulary import Kind
from quorate.rulebook.compile_function import compile_value
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Alias, Formula
from quorate.rulebook.terms import Expression
from quorate.trials.looks import Look
from quorate.trials.run import Result

RULED = (
    *("votes", "entry", "checks", "orders", "errors"),
    *("exits", "tuning", "switches", "symbols"),
)
"""The sections whose rules are counted."""

ASKED = (*RULED[:1], "vetoes", *RULED[1:])
"""The sections that are counted, as tests name them."""

CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "votes": ("when", "score"),
    "vetoes": ("veto",),
    "entry": ("when",),
    "checks": ("when", "require", "reallocate"),
    "orders": ("when",),
    "errors": ("when",),
    "exits": ("when",),
    "tuning": ("when", "until"),
    "switches": ("when",),
}
"""The parts of rules whose atoms are counted, besides those of values."""


@dataclass(slots=True)
class Atom:
    """One atomic condition, and how the tests have seen it."""

    rule: str
    part: str
    text: str
    place: Span
    seen: set[bool] = field(default_factory=set)
    decided: set[bool] = field(default_factory=set)

    @property
    def covered(self) -> bool:
        """Whether it was seen both ways, deciding each time."""
        return len(self.decided) == 2

    @property
    def lacks(self) -> str:
        """Return what has not been seen of it, in a few words."""
        words = []
        for way, word in ((True, "true"), (False, "false")):
            if way not in self.seen:
                words.append(f"never {word}")
            elif way not in self.decided:
                words.append(f"never decides when {word}")
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """One rule, and whether a test has seen it act."""

    section: str
    rule: str
    place: Span
    fired: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the tests have seen of a rulebook."""

    rules: tuple[RuleSeen, ...]
    atoms: tuple[Atom, ...]

    @property
    def rules_share(self) -> Decimal:
        """The share of the rules that were seen to act."""
        return _share(sum(one.fired for one in self.rules), len(self.rules))

    @property
    def atoms_share(self) -> Decimal:
        """The share of the atoms that are covered."""
        return _share(sum(one.covered for one in self.atoms), len(self.atoms))


def _share(part: int, whole: int) -> Decimal:
    return Decimal(part) / whole if whole else Decimal(1)


def sections_of(results: Iterable[Result], *, whole: bool) -> tuple[str, ...]:
    """Return the sections that were asked, or all when ``whole``."""
    asked = {one.test.section for one in results}
    return tuple(name for name in ASKED if whole or name in asked)


def measure(
    rulebook: Rulebook, results: Iterable[Result], sections: Sequence[str]
) -> Coverage:
    """Return what ``results`` have seen of some sections; failed cases count too."""
    gauges: dict[tuple[str, str], list[_Gauge]] = {}
    for section in sections:
        for rule in rules_of(rulebook, section):
            for part, formula in parts(section, rule):
                gauges[rule.id, part] = list(_gauges(rule, part, formula))
    fired: set[str] = set()
    for result in results:
        fired |= {*acted(result), *_meant(rulebook, result)}
        for look in result.looks:
            for gauge in gauges.get((look.rule.id, look.part), ()):
                gauge.see(look)
    atoms = [gauge.atom for under in gauges.values() for gauge in under]
    return Coverage(
        rules=tuple(
            RuleSeen(section, name, place, name in fired)
            for section in sections
            for name, place in _named(rulebook, section)
        ),
        atoms=tuple(sorted(atoms, key=lambda one: one.place)),
    )


def rules_of(rulebook: Rulebook, section: str) -> Iterator[Any]:
    """Yield the rules of a section; vetoes and scored votes are two."""
    if section not in ("votes", "vetoes"):
        yield from getattr(rulebook, section)
        return
    for rule in rulebook.votes:
        if (rule.score if section == "votes" else rule.veto) is not None:
            yield rule


def _named(rulebook: Rulebook, section: str) -> Iterator[tuple[str, Span]]:
    for rule in rules_of(rulebook, section):
        yield _name(rule), rule.place


def _name(rule: Any) -> str:
    return rule.match if isinstance(rule, Alias) else str(rule.id)


def parts(section: str, rule: Any) -> Iterator[tuple[str, Formula]]:
    """Yield the formulas of a rule whose atoms are counted."""
    for part in CONDITIONS.get(section, ()):
        formula = getattr(rule, part)
        if formula is not None:
            yield part, formula


def acted(result: Result) -> Iterator[str]:
    """Yield the rules that had an effect in a result."""
    found, expected = result.found, result.case.expected
    for key in ("fires", "by", "adjusted", "passed", "vetoed", "back"):
        value = found.get(key, ())
        yield from value if isinstance(value, tuple) else (value,)
    for key, value in found.items():
        kind, _, rule = key.partition(".")
        if kind in ("scores", "rests") and value is not None and key in expected:
            yield rule
    if found.get("score") is not None:
        yield str(result.case.given.get("vote"))


def _meant(rulebook: Rulebook, result: Result) -> Iterator[str]:
    """Yield the aliases that a tested spelling falls under."""
    if result.test.section == "symbols":
        spelling = str(result.case.given.get("symbol"))
        for alias in rulebook.symbols:
            if fnmatchcase(spelling, alias.match):
                yield _name(alias)


@dataclass(slots=True)
class _Gauge:
    """One atom, with what tells how it was seen: itself, and the whole either way."""

    atom: Atom
    own: Formula
    whole: Mapping[bool, Formula]

    def see(self, look: Look) -> None:
        """Note how the atom stood in a look; what is not known is not seen."""
        try:
            value = bool(self.own.evaluate(look.context))
        except Exception:  # noqa: BLE001 - not known
            return
        self.atom.seen.add(value)
        outcomes = []
        for way in (True, False):
            try:
                outcomes.append(self.whole[way].evaluate(look.context))
            except Exception:  # noqa: BLE001 - that it cannot be told is an outcome too
                outcomes.append(None)
        if outcomes[0] != outcomes[1]:
            self.atom.decided.add(value)


def _gauges(rule: Any, part: str, formula: Formula) -> Iterator[_Gauge]:
    expression = formula.expression
    for node in atoms_of(expression.tree, flag=expression.kind is Kind.FLAG):
        place = expression.place
        start = place.column + node.col_offset
        end = place.column + (node.end_col_offset or node.col_offset)
        atom = Atom(
            rule=rule.id,
            part=part,
            text=expression.source(node),
            place=Span(place.path, place.line, start, place.line, end),
        )
        own = _formula(replace(expression, tree=node, kind=Kind.FLAG), formula.exact)
        yield _Gauge(
            atom,
            own,
            {
                way: _formula(_with(expression, node, way), formula.exact)
                for way in (True, False)
            },
        )


def atoms_of(node: ast.expr, *, flag: bool = True) -> Iterator[ast.expr]:
    """Yield the comparisons and flags that a tree joins.

    ``flag`` says that the tree is a condition, so that a name in it is a flag.
    """
    if isinstance(node, ast.Compare) or (flag and isinstance(node, ast.Name)):
        yield node
        return
    for child, is_flag in _below(node, flag):
        yield from atoms_of(child, flag=is_flag)


def _below(node: ast.expr, flag: bool) -> Iterator[tuple[ast.expr, bool]]:
    """Yield the parts of a node, and whether each is a condition."""
    match node:
        case ast.BoolOp(values=conditions):
            yield from ((one, True) for one in conditions)
        case ast.UnaryOp(op=operator, operand=operand):
            yield operand, isinstance(operator, ast.Not)
        case ast.IfExp(test=test, body=body, orelse=other):
            yield from ((test, True), (body, flag), (other, flag))
        case ast.BinOp(left=left, right=right):
            yield from ((left, False), (right, False))
        case ast.Call(args=arguments):
            yield from ((one, False) for one in arguments)


def _with(expression: Expression, atom: ast.expr, way: bool) -> Expression:
    """Return the expression with one atom settled."""
    memo: dict[int, Any] = {id(atom): ast.copy_location(ast.Constant(way), atom)}
    return replace(expression, tree=deepcopy(expression.tree, memo))


def _formula(expression: Expression, exact: bool) -> Formula:
    return Formula(expression, exact, compile_value(expression, exact=exact))
