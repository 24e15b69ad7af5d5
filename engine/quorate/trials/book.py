"""A test of rules as it was written: what is given, and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import RATIO, Kind, Unit
from quorate.rulebook.diagnostics import Problem, Span

NONE = "none"
"""How a test writes that no rule does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What a given or an expected value must be.

    ``many`` is a list of texts, each one of ``values``. A ``loose`` value may have any
    kind and unit: what it belongs to says which. A ``date`` is a moment in UTC, a
    ``counted`` value the length of a list that is written.
    """

    kind: Kind = Kind.NUMBER
    unit: Unit = RATIO
    values: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    many: bool = False
    loose: bool = False
    date: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """One value of a test, read, and where it stands. None means: not known."""

    value: Any
    span: Span
    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A given world that moves on: a value of each series at every step."""

    every_ms: int
    series: Mapping[str, tuple[Decimal | None, ...]]

    def __len__(self) -> int:
        return max(map(len, self.series.values()), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """A few candles of one symbol, and what they are traded with.

    ``columns`` are open, high, low, close and volume, all but close optional; None is
    a candle without a trade. ``settings`` are params and their values as text,
    ``venue`` is laid on the paper venue's settings, quantities resolved.
    """

    symbol: str
    start_ms: int
    every_ms: int
    columns: Mapping[str, tuple[Decimal | None, ...]]
    settings: tuple[tuple[str, str], ...] = ()
    venue: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question: these facts, these answers. ``row`` counts from 1, 0: no table."""

    row: int
    place: Span
    given: Mapping[str, Any]
    expected: Mapping[str, Written]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """One test of one section, with its cases; or of the whole flow, on a tape.

    ``awake`` names the shadow rules that act in it, before the live ones.
    """

    name: str
    section: str
    place: Span
    cases: tuple[Case, ...]
    steps: Steps | None = None
    tape: Tape | None = None
    awake: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestBook:
    """The tests of all files, or what is wrong with the files."""

    __test__ = False  # pytest collects what is called Test...

    files: tuple[str, ...]
    tests: tuple[RuleTest, ...]
    tapes: tuple[RuleTest, ...] = ()
    problems: tuple[Problem, ...] = field(default=())
