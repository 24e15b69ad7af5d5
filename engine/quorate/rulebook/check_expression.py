"""Check the kinds, units and ranges of a parsed expression, and spell it out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from decimal import Decimal

from quorate.contract.vocabulary import DURATION, RATIO, Function, Kind, Unit
from quorate.rulebook.check_calls import ARITHMETIC, read_call
from quorate.rulebook.diagnostics import Span, did_you_mean
from quorate.rulebook.literals import Literal
from quorate.rulebook.meanings import (
    FLAG,
    KIND_WORDS,
    WRONG,
    Meaning,
    Read,
    at_place,
    beyond,
    condition_hint,
    exact_constant,
    inexact_equality,
    meant_text,
    number_meaning,
    text_mismatch,
    unit_words,
    unlisted,
)
from quorate.rulebook.terms import Call, Defect, Name, Want

_RISING = (ast.Lt, ast.LtE)
_FALLING = (ast.Gt, ast.GtE)
_EQUAL = (ast.Eq, ast.NotEq)
_AMONG = (ast.In, ast.NotIn)
MAX_EXPONENT = 4


class Checker:
    """Read a tree bottom-up: what it means, what it mentions, what is wrong with it.

    ``read`` returns the tree spelled out (see ``Expression``) with its meaning, and
    fills ``reads``, ``mentions``, ``calls`` and ``defects``.
    """

    def __init__(
        self,
        text: str,
        names: Mapping[str, Name],
        functions: Mapping[str, Function],
        literals: Mapping[int, Literal],
        place: Span,
    ) -> None:
        self.text = text
        self.names = names
        self.functions = functions
        self.literals = literals
        self.reads: dict[str, Kind] = {}
        self.mentions: set[str] = set()
        self.calls: dict[str, Call] = {}
        self.defects: list[Defect] = []
        self.place = place
        self._readers: dict[type[ast.expr], Callable[..., Read]] = {
            ast.BoolOp: self._all_or_any,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.Compare: self._compare,
            ast.IfExp: self._choice,
            ast.Call: lambda node: read_call(self, node),
            ast.Name: self._name,
            ast.Constant: self._constant,
        }

    def read(self, node: ast.expr) -> Read:
        """Return ``node`` spelled out, and what it means."""
        reader = self._readers.get(type(node))
        if reader is None:
            hint = "a list of texts stands after `in`, as in x in ('a', 'b')"
            return node, self.wrong(node, "R305", "a list is not a value", hint)
        return reader(node)

    def wrong(
        self,
        node: ast.expr,
        code: str,
        message: str,
        hint: str = "",
        instead: str = "",
        at: ast.expr | None = None,
    ) -> Meaning:
        """Note a defect at ``node`` and return the meaning of a wrong part.

        ``instead`` is what was most likely meant, in place of ``node`` or of ``at``.
        """
        end = node.end_col_offset or node.col_offset + 1
        edited = (at.col_offset, at.end_col_offset or 0) if at is not None else None
        self.defects.append(
            Defect(code, message, node.col_offset, end, hint, instead, edited)
        )
        return WRONG

    def source(self, node: ast.expr) -> str:
        """Return the text that ``node`` was read from."""
        return self.text[node.col_offset : node.end_col_offset]

    def apart(self) -> Checker:
        """Return a checker of the same text that keeps its own reads and calls."""
        other = Checker(
            self.text, self.names, self.functions, self.literals, self.place
        )
        other.defects = self.defects
        return other

    def wanted(self, node: ast.expr, meaning: Meaning, want: Want) -> Unit:
        """Hold the whole expression to what is wanted; return its unit."""
        if meaning.kind is None:
            return RATIO
        if meaning.kind not in want.kinds:
            needed = " or ".join(KIND_WORDS[kind] for kind in want.kinds)
            message = f"this gives {KIND_WORDS[meaning.kind]}, {needed} is needed here"
            hint = condition_hint(self.source(node), meaning, want)
            self.wrong(node, "R327", message, hint)
        elif meaning.kind is Kind.TEXT:
            self._wanted_text(node, meaning, want.values)
        elif meaning.kind is Kind.NUMBER and want.unit is not None:
            if meaning.unit not in (None, want.unit):
                message = (
                    f"this gives {unit_words(meaning.unit)}, "
                    f"{unit_words(want.unit)} is needed here"
                )
                self.wrong(node, "R328", message)
            return want.unit
        return meaning.unit if meaning.unit is not None else RATIO

    def _bare_duration(self, node: ast.expr) -> None:
        number = self.source(node)
        told = f"`{number}` is a duration without a unit"
        self.wrong(
            node, "R321", told, f"write {number}s for seconds, {number}m, {number}h"
        )

    def _wanted_text(
        self, node: ast.expr, meaning: Meaning, values: tuple[str, ...]
    ) -> None:
        literal = meaning.literal
        possible = (literal,) if isinstance(literal, str) else meaning.values
        for word in possible if values else ():
            if word not in values:
                self.wrong(node, "R329", *unlisted(word, values, "the result"))

    def number(self, node: ast.expr, meaning: Meaning) -> bool:
        """Note a defect unless ``meaning`` is a number; return whether it is."""
        return self._is(node, meaning, Kind.NUMBER)

    def _is(self, node: ast.expr, meaning: Meaning, kind: Kind) -> bool:
        if meaning.kind is kind:
            return True
        if meaning.kind is not None:
            had, needed = KIND_WORDS[meaning.kind], KIND_WORDS[kind]
            message = f"`{self.source(node)}` is {had}; {needed} is needed here"
            hint = ""
            if kind is Kind.FLAG and meaning.kind is Kind.NUMBER:
                hint = f"compare it, as in {self.source(node)} > 0"
            self.wrong(node, "R320", message, hint)
        return False

    def _all_or_any(self, node: ast.BoolOp) -> Read:
        parts = [self.read(value) for value in node.values]
        good = [self._is(part, meaning, Kind.FLAG) for part, meaning in parts]
        node.values = [part for part, _ in parts]
        fixed = all(meaning.fixed for _, meaning in parts)
        return node, Meaning(Kind.FLAG, fixed=fixed) if all(good) else WRONG

    def _unary(self, node: ast.UnaryOp) -> Read:
        node.operand, meaning = self.read(node.operand)
        if isinstance(node.op, ast.Not):
            good = self._is(node.operand, meaning, Kind.FLAG)
            return node, Meaning(Kind.FLAG, fixed=meaning.fixed) if good else WRONG
        if not self.number(node.operand, meaning):
            return node, WRONG
        number = meaning.number
        if number is not None:
            literal = exact_constant(-number, node)
            return literal, number_meaning(meaning.unit, fixed=True, literal=-number)
        return node, number_meaning(meaning.unit, fixed=meaning.fixed)

    def _binary(self, node: ast.BinOp) -> Read:
        if isinstance(node.op, ast.Pow):
            return self._power(node)
        node.left, left = self.read(node.left)
        node.right, right = self.read(node.right)
        good = [self.number(node.left, left), self.number(node.right, right)]
        if not all(good):
            return node, WRONG
        fixed = left.fixed and right.fixed
        if isinstance(node.op, ast.Add | ast.Sub):
            verb = "added" if isinstance(node.op, ast.Add) else "subtracted"
            unit, fits = self.join(node, (node.left, left), (node.right, right), verb)
            return node, number_meaning(unit, fixed=fixed) if fits else WRONG
        power = 1 if isinstance(node.op, ast.Mult) else -1
        if power < 0 and right.number == 0:
            return node, self.wrong(node.right, "R330", "this divides by zero")
        if left.unit is None and right.unit is None:
            return node, number_meaning(None, fixed=fixed)
        unit = (left.unit or RATIO).times(right.unit or RATIO, power)
        return node, number_meaning(unit, fixed=fixed)

    def _power(self, node: ast.BinOp) -> Read:
        """Spell ``x ** 3`` out as ``x * x * x``, which rounds the same everywhere."""
        literal = self.literals.get(node.right.col_offset)
        plain = isinstance(node.right, ast.Constant) and literal and not literal.unit
        exponent = literal.value if literal and plain else Decimal(-1)
        if exponent not in range(MAX_EXPONENT + 1):
            hint = f"write a whole number from 0 to {MAX_EXPONENT} after **"
            told = "the exponent is not a small whole number"
            return node, self.wrong(node.right, "R309", told, hint)
        if any(isinstance(part, ast.Pow) for part in ast.walk(node.left)):
            return node, self.wrong(node, "R309", "this is a power of a power")
        base, meaning = self.read(node.left)
        if not self.number(base, meaning):
            return node, WRONG
        if exponent == 0:
            one = exact_constant(Decimal(1), node)
            return one, number_meaning(None, fixed=True, literal=Decimal(1))
        product, unit = base, meaning.unit
        for _ in range(int(exponent) - 1):
            product = at_place(ast.BinOp(product, ast.Mult(), base), node)
            unit = unit and unit.times(meaning.unit or RATIO)
        return product, number_meaning(unit, fixed=meaning.fixed)

    def join(
        self, whole: ast.expr, one: Read, other: Read, verb: str
    ) -> tuple[Unit | None, bool]:
        """Return the common unit of two numbers, and whether there is one."""
        (left, a), (right, b) = one, other
        for (plain, p), (_, q) in ((one, other), (other, one)):
            if q.unit == DURATION and p.unit is None and p.number:
                self._bare_duration(plain)
                return None, False
        if a.unit is None or b.unit is None or a.unit == b.unit:
            return (b.unit if a.unit is None else a.unit), True
        message = (
            f"`{self.source(left)}` is {unit_words(a.unit)}, "
            f"`{self.source(right)}` is {unit_words(b.unit)}: "
            f"they cannot be {verb}"
        )
        self.wrong(whole, "R321", message)
        return None, False

    def _compare(self, node: ast.Compare) -> Read:
        """Spell ``a < b < c`` out as ``a < b and b < c``."""
        if len(node.ops) > 1 and not _one_direction(node.ops):
            hint = "join two comparisons with `and`"
            told = "this chain of comparisons mixes directions"
            return node, self.wrong(node, "R325", told, hint)
        if isinstance(node.ops[0], _AMONG):
            return self._among(node)
        sides = [self.read(side) for side in (node.left, *node.comparators)]
        links: list[ast.expr] = []
        meanings: list[Meaning] = []
        for (left, a), operator, (right, b) in zip(
            sides[:-1], node.ops, sides[1:], strict=True
        ):
            link = at_place(ast.Compare(left, [operator], [right]), node)
            if len(node.ops) > 1:
                link.col_offset, link.end_col_offset = left.col_offset, _end(right)
            links.append(link)
            meanings.append(self._pair(link, (left, a), operator, (right, b)))
        if len(links) == 1:
            return links[0], meanings[0]
        good = all(meaning.kind is not None for meaning in meanings)
        return at_place(ast.BoolOp(ast.And(), links), node), FLAG if good else WRONG

    def _pair(
        self, node: ast.expr, one: Read, operator: ast.cmpop, other: Read
    ) -> Meaning:
        (left, a), (right, b) = one, other
        if a.kind is None or b.kind is None:
            return WRONG
        if a.kind is not b.kind:
            message = (
                f"`{self.source(left)}` is {KIND_WORDS[a.kind]}, "
                f"`{self.source(right)}` is {KIND_WORDS[b.kind]}: "
                "they cannot be compared"
            )
            return self.wrong(node, "R320", message)
        if (a.fixed and b.fixed) or ast.dump(left) == ast.dump(right):
            told = "this comparison always gives the same answer"
            return self.wrong(node, "R326", told)
        if a.kind is Kind.NUMBER:
            return self._numbers(node, one, operator, other)
        if not isinstance(operator, _EQUAL):
            told = f"{KIND_WORDS[a.kind]} has no order"
            return self.wrong(node, "R320", told, "compare it with == or !=")
        for message, hint in text_mismatch(a, b):
            literal = left if isinstance(a.literal, str) else right
            instead = meant_text(hint)
            return self.wrong(node, "R323", message, hint, instead, literal)
        return FLAG

    def _numbers(
        self, node: ast.expr, one: Read, operator: ast.cmpop, other: Read
    ) -> Meaning:
        if not self.join(node, one, other, "compared")[1]:
            return WRONG
        for (_, a), (right, b) in ((one, other), (other, one)):
            if a.name is None or b.number is None:
                continue
            told = beyond(a.name, b.number)
            if told is not None:
                message, _, hint = told.partition("; ")
                beyond_it = f"{self.source(right)} is out of reach: {message}"
                return self.wrong(right, "R322", beyond_it, hint, meant_text(hint))
        if isinstance(operator, _EQUAL) and inexact_equality(one[1], other[1]):
            message = "numbers with fractions are never safely equal"
            return self.wrong(node, "R324", message, "compare with <= or >=")
        return FLAG

    def _among(self, node: ast.Compare) -> Read:
        """Read ``text in ('a', 'b')``."""
        node.left, left = self.read(node.left)
        right = node.comparators[0]
        words = [getattr(one, "value", None) for one in getattr(right, "elts", ())]
        if not words or not all(isinstance(word, str) for word in words):
            hint = "write ('a', 'b'), or ('a',) for one"
            told = "after `in` stands a list of texts in round brackets"
            return node, self.wrong(right, "R320", told, hint)
        if not self._is(node.left, left, Kind.TEXT):
            return node, WRONG
        if left.fixed:
            told = "this comparison always gives the same answer"
            return node, self.wrong(node, "R326", told)
        for word, part in zip(words, getattr(right, "elts", ()), strict=True):
            if left.values and word not in left.values:
                owner = self.source(node.left)
                told, hint = unlisted(str(word), left.values, owner)
                self.wrong(part, "R323", told, hint, meant_text(hint))
        return node, FLAG

    def _choice(self, node: ast.IfExp) -> Read:
        node.test, test = self.read(node.test)
        node.body, body = self.read(node.body)
        node.orelse, orelse = self.read(node.orelse)
        good = self._is(node.test, test, Kind.FLAG)
        if not good or body.kind is None or orelse.kind is None:
            return node, WRONG
        fixed = test.fixed and body.fixed and orelse.fixed
        if body.kind is Kind.NUMBER and orelse.kind is Kind.NUMBER:
            sides = (node.body, body), (node.orelse, orelse)
            unit, fits = self.join(node, *sides, "two outcomes of one choice")
            return node, number_meaning(unit, fixed=fixed) if fits else WRONG
        if not self._is(node.orelse, orelse, body.kind):
            return node, WRONG
        values = _possible(body) + _possible(orelse)
        known = all(_possible(side) for side in (body, orelse))
        return node, Meaning(body.kind, values=values if known else (), fixed=fixed)

    def _name(self, node: ast.Name) -> Read:
        known = self.names.get(node.id)
        if known is None:
            return node, self._unknown(node)
        self.reads[node.id] = known.kind
        self.mentions.add(node.id)
        unit = known.unit if known.kind is Kind.NUMBER else RATIO
        return node, Meaning(known.kind, unit, known.values, known)

    def _unknown(self, node: ast.Name) -> Meaning:
        if node.id in self.functions or node.id in ARITHMETIC:
            message = f"{node.id} is a function, not a value"
            return self.wrong(node, "R310", message, f"call it, as in {node.id}(...)")
        near = did_you_mean(node.id, self.names)
        hint = f"did you mean {near}?" if near else ""
        told = f"unknown name {node.id!r}"
        return self.wrong(node, "R310", told, hint, near or "")

    def _constant(self, node: ast.Constant) -> Read:
        if isinstance(node.value, bool):
            return node, Meaning(Kind.FLAG, literal=node.value, fixed=True)
        if isinstance(node.value, str):
            return node, Meaning(Kind.TEXT, literal=node.value, fixed=True)
        literal = self.literals[node.col_offset]
        exact = exact_constant(literal.value, node)
        return exact, number_meaning(literal.unit, fixed=True, literal=literal.value)


def _end(node: ast.expr) -> int:
    return node.end_col_offset or node.col_offset


def _possible(meaning: Meaning) -> tuple[str, ...]:
    literal = meaning.literal
    return (literal,) if isinstance(literal, str) else meaning.values


def _one_direction(operators: list[ast.cmpop]) -> bool:
    return all(isinstance(one, _RISING) for one in operators) or all(
        isinstance(one, _FALLING) for one in operators
    )
