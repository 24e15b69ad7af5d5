"""What an expression may mention, what is wanted of it, and what a checked one is."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from quorate.contract.vocabulary import RATIO, Kind, Unit
from quorate.rulebook.diagnostics import Span

CODES = {
    "R300": "the expression is empty",
    "R301": "the expression is longer than 400 characters",
    "R302": "a character is not printable ASCII",
    "R303": "the text is not one complete expression",
    "R304": "an operator or word of another language (&&, =, =>, true, ...)",
    "R305": "the construct is not part of the rule language",
    "R306": "too many parts, levels or nested brackets",
    "R307": "a malformed number, an unknown unit, or a number out of bounds",
    "R308": "% is percent, right after its number; there is no modulo",
    "R309": "a power needs a literal whole exponent from 0 to 4",
    "R310": "unknown name",
    "R311": "unknown function",
    "R312": "wrong arguments of a function",
    "R313": "an indicator needs candle columns",
    "R314": "a fact or function of a plugin that is left out or cannot be used",
    "R320": "a value of one kind where another kind is needed",
    "R321": "the units of two values disagree",
    "R322": "a number lies beyond the declared range of what it is compared with",
    "R323": "a text is not one of the declared values",
    "R324": "fractional numbers compared with == or !=",
    "R325": "a chain of comparisons that does not run in one direction",
    "R326": "the comparison always gives the same answer",
    "R327": "the result is of the wrong kind",
    "R328": "the result is of the wrong unit",
    "R329": "the resulting text is not one of the allowed values",
    "R330": "division by zero",
}
"""Every code of the expression language, one line each. Codes never change meaning."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing wrong in an expression: a code of ``CODES`` and where in the text.

    ``start`` and ``end`` count characters of the expression from 0, the end exclusive.
    ``instead`` is what was most likely meant in their place; ``edited`` says in which
    place when that is another.
    """

    code: str
    message: str
    start: int
    end: int
    help: str = ""
    instead: str = ""
    edited: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """A fact, param or let that an expression may mention.

    ``low`` and ``high`` bound a number (None: unbounded), ``values`` lists what a text
    may be (empty: anything). ``series`` marks a column of candles: indicators take it,
    and mentioned on its own it means its current value.
    """

    name: str
    kind: Kind = Kind.NUMBER
    unit: Unit = RATIO
    low: Decimal | None = None
    high: Decimal | None = None
    values: tuple[str, ...] = ()
    series: bool = False


@dataclass(frozen=True, slots=True)
class Want:
    """What an expression must give: one of ``kinds``; see the makers below.

    ``unit`` binds numbers (None: any unit) and ``values`` texts (empty: any text).
    """

    kinds: tuple[Kind, ...]
    unit: Unit | None = None
    values: tuple[str, ...] = ()

    @classmethod
    def flag(cls) -> Want:
        """Return the want of a condition."""
        return cls((Kind.FLAG,))

    @classmethod
    def number(cls, unit: Unit | None = None) -> Want:
        """Return the want of a number of ``unit``; None means of any unit."""
        return cls((Kind.NUMBER,), unit)

    @classmethod
    def text(cls, values: tuple[str, ...] = ()) -> Want:
        """Return the want of a text, one of ``values`` when there are any."""
        return cls((Kind.TEXT,), values=values)

    @classmethod
    def score(cls) -> Want:
        """Return the want of a vote: a number without unit, or a flag."""
        return cls((Kind.NUMBER, Kind.FLAG), RATIO)


@dataclass(frozen=True, slots=True)
class Call:
    """One indicator call, which compiled code reads as the column ``name``.

    ``name`` is stable, for example ``_ema_close_9`` for ``ema(close, 9)``; equal calls
    have equal names. ``series`` are the column arguments, ``numbers`` the literal ones
    with the defaults filled in.
    """

    name: str
    function: str
    series: tuple[Expression, ...]
    numbers: tuple[float, ...]
    unit: Unit
    text: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression, ready to compile.

    ``tree`` holds only names, literals (numbers as Decimal), ``and or not``, single
    comparisons, ``+ - * /``, minus, ``a if c else b``, ``min``, ``max``, ``abs``:
    powers, chains and ``clamp`` are spelled out, indicator calls are names. Its
    ``col_offset`` count characters of ``text``. ``names`` are the vocabulary names
    mentioned anywhere, indicator arguments included. ``calls`` lists the indicator
    calls, inner ones first. ``reads`` are the names compiled code asks its context
    for, with their kinds: ``names`` outside of calls, and the names of calls.
    ``place`` is where the first character of ``text`` stands.
    """

    text: str
    tree: ast.expr = field(compare=False)
    kind: Kind
    unit: Unit
    names: frozenset[str]
    calls: tuple[Call, ...]
    reads: Mapping[str, Kind] = field(compare=False)
    place: Span

    def source(self, node: ast.expr) -> str:
        """Return the text that ``node`` of the tree was read from."""
        return self.text[node.col_offset : node.end_col_offset]


class NotKnown(Exception):  # noqa: N818 - what it says, not what went wrong
    """A value that a rule mentions is missing, None, NaN or infinite.

    ``name`` is the fact's name, or the expression's text when its result is not finite.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not known")
        self.name = name
