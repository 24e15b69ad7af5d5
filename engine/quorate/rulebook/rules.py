"""The kinds of rule, checked and compiled: frozen values that the stages read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quorate.rulebook.diagnostics import Span
from quorate.rulebook.terms import Expression
from quorate.values.mode import Mode
from quorate.values.trade import OrderType, Side, TimeInForce


@dataclass(frozen=True, slots=True)
class Formula:
    """One checked expression and the function it was compiled to.

    ``exact`` formulas take and give Decimals (the order path), the others floats.
    ``evaluate`` takes a context with the names of ``expression.reads`` as attributes.
    ``written`` is what stands in the file, when a window was added to that.

    Raises (when evaluated):
        NotKnown: a name is missing, None, NaN or infinite.
        ArithmeticError: a division by zero.
    """

    expression: Expression
    exact: bool
    evaluate: Callable[[object], Any]
    written: Expression | None = None

    @property
    def text(self) -> str:
        """The expression as written."""
        return self.expression.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Headed:
    """What every rule has: its id, its place, and what people say of it.

    ``tags``, ``owner`` and ``since`` (a date) change nothing about what a rule does. A
    ``shadow`` is looked at and recorded, and never acts. ``table`` names the decision
    table that the rule is a row of.
    """

    id: str
    place: Span
    tags: tuple[str, ...] = ()
    owner: str = ""
    since: str = ""
    shadow: bool = False
    table: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteRule(Headed):
    """One vote: a ``score`` with its weights, or a ``veto``; neither weighs a plugin.

    ``timeframes`` pairs a duration in ms, or the name of a duration param, with its
    weight; empty means the tape's own.
    """

    assistant: str
    weight: float
    timeframes: tuple[tuple[int | str, float], ...]
    lets: tuple[tuple[str, Formula], ...]
    when: Formula | None
    score: Formula | None
    veto: Formula | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRule(Headed):
    """When a purchase is proposed, and for how much (quote money, or base amount)."""

    when: Formula
    quote_amount: Formula | None
    amount: Formula | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRule(Headed):
    """What an order must pass. ``side`` None means both; durations are in ms."""

    side: Side | None
    guards: str
    when: Formula | None
    require: Formula | None
    amount: Formula | None
    wait: Formula | None
    reallocate: Formula | None
    give_up_after: Formula | None
    write_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How an order is sent. None means: not said by the rule."""

    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    limit_price: Formula | None
    cancel_after: Formula | None
    max_attempts: Formula | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRule(Headed):
    """How an entry is sent, when ``when`` holds; None always holds."""

    when: Formula | None
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule(Headed):
    """What a refusal means: whether, when and how to try again, what to learn or stop.

    ``stop`` is "symbol", "all" or "".
    """

    pattern: re.Pattern[str]
    when: Formula | None
    retry: bool
    wait: Formula | None
    amount: Formula | None
    learn: str
    stop: str
    stop_for: Formula | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRule(Headed):
    """When a position leaves (``when``), or at what price it rests (``rest``).

    ``apply_open`` says that positions opened under other rules leave by it too.
    """

    when: Formula | None
    rest: Formula | None
    share: Formula
    how: How
    apply_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRule(Headed):
    """What may be turned: param names and their new values."""

    when: Formula
    until: Formula | None
    min_samples: int
    at_most_every: Formula | None
    settings: tuple[tuple[str, Formula], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRule(Headed):
    """A kill switch: when it holds, no more than ``mode`` allows may be sent."""

    when: Formula
    mode: Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another spelling of symbols: pattern and meaning."""

    match: str
    means: str
    place: Span


Rule = (
    VoteRule
    | EntryRule
    | CheckRule
    | OrderRule
    | ErrorRule
    | ExitRule
    | TuningRule
    | SwitchRule
)
