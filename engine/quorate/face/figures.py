"""What a report says of a run, as frozen values; ratios are fractions, times UTC ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import Any

from quorate.face import text

_MOMENTS = ("at_ms", "first_ms", "from_ms", "until_ms", "opened_ms", "expires_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Which run it is, and how long it went."""

    id: str
    source: str
    rulebook: str
    venue: str
    from_ms: int
    until_ms: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one quote currency; profits are net of all fees.

    ``final`` values open positions at cost: a journal holds no prices. ``drawdown`` is
    that of the realised balance. None means that there is nothing to divide by.
    """

    currency: str
    start: Decimal
    final: Decimal
    at_cost: Decimal
    trades: int
    wins: int
    losses: int
    win_rate: Decimal | None
    profit: Decimal
    profit_ratio: Decimal | None
    fees: Decimal
    average: Decimal | None
    average_ratio: Decimal | None
    best: Decimal | None
    best_ratio: Decimal | None
    worst: Decimal | None
    worst_ratio: Decimal | None
    profit_factor: Decimal | None
    expectancy_ratio: Decimal | None
    drawdown: Decimal
    drawdown_ratio: Decimal | None
    losses_in_row: int
    average_duration_ms: int | None
    exposure: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slippage:
    """How much worse fills were than the price decided on; adverse is positive."""

    orders: int
    average: Decimal | None
    worst: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How orders fared. Take-profits stay out of fill rate and slippage.

    ``fill_rate`` is the mean filled share of accepted orders that are over;
    ``ioc_share`` is of the entries; ``attempts`` is the mean for each order wanted.
    ``not_sent`` are those held back on this side, which ``sent`` leaves out.
    """

    sent: int
    entries: int
    exits: int
    take_profits: int
    accepted: int
    refused: int
    not_sent: int
    unanswered: int
    live: int
    fill_rate: Decimal | None
    ioc_share: Decimal | None
    attempts: Decimal | None
    most_attempts: int
    entry_slippage: Slippage
    exit_slippage: Slippage


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Closed trades that have a name in common, in one quote currency."""

    name: str
    currency: str
    trades: int
    wins: int
    losses: int
    win_rate: Decimal
    profit: Decimal
    average: Decimal
    average_ratio: Decimal
    average_duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A position that is still open at the end, at cost."""

    position_id: str
    symbol: str
    currency: str
    rule: str
    opened_ms: int
    held: Decimal
    entry_price: Decimal
    cost: Decimal
    leaving: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dust:
    """What was too small to sell, by symbol, in base currency."""

    symbol: str
    base: str
    positions: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """How often one rule or plugin kept orders from being sent.

    ``what`` says what it is: veto, entry, check, plugin, order, error or wait.
    ``wanted`` says what was declined: entry or exit.
    """

    by: str
    what: str
    place: str
    wanted: str
    times: int
    share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How often a venue's error was met; ``rule`` is "" when none matched."""

    rule: str
    place: str
    error: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of a param by a tuning rule."""

    at_ms: int
    param: str
    old: str
    new: str
    rule: str
    why: str
    back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A learned fact in force at the end."""

    at_ms: int
    what: str
    symbol: str
    value: Decimal
    expires_ms: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stop of entries, in one symbol or in all ("*")."""

    at_ms: int
    symbol: str
    until_ms: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginTrouble:
    """How often a plugin failed in one place, and whether it was switched off."""

    plugin: str
    where: str
    error: str
    times: int
    off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What a rule that never acts would have done: ``times``, of how many live ones.

    For an exit, ``then_ratio`` is the net profit at which positions would have left,
    on average, and ``realised_ratio`` what those positions made.
    """

    section: str
    rule: str
    place: str
    first_ms: int
    times: int
    told: str
    of: int | None = None
    then_ratio: Decimal | None = None
    realised_ratio: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run, measured."""

    run: Run
    results: tuple[Result, ...]
    orders: Orders
    proposed: int
    by_exit: tuple[Group, ...]
    by_entry: tuple[Group, ...]
    by_symbol: tuple[Group, ...]
    by: str
    by_period: tuple[Group, ...]
    open: tuple[Open, ...]
    dust: tuple[Dust, ...]
    why_not: tuple[Decline, ...]
    exits_declined: tuple[Decline, ...]
    errors: tuple[Fault, ...]
    tunings: tuple[Turn, ...]
    learned: tuple[Lesson, ...]
    stops: tuple[Stop, ...]
    plugin_faults: tuple[PluginTrouble, ...]
    no_trade: str
    shadows: tuple[Shadow, ...] = ()


def as_dict(report: Report) -> dict[str, Any]:
    """Return the report as JSON values; times stand as ms and as ISO text."""
    plain: dict[str, Any] = json_value(report)
    return plain


def json_value(value: Any) -> Any:
    """Return a value of dataclasses, mappings and numbers as JSON can hold it.

    Decimals become numbers; what is not finite becomes null.
    """
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(item) for item in value]
    if isinstance(value, Decimal):
        return json_value(float(value))
    if isinstance(value, float):
        finite = value - value == 0
        return (int(value) if value.is_integer() else value) if finite else None
    return value


def _fields(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for field in fields(value):
        held = getattr(value, field.name)
        plain[field.name] = json_value(held)
        if field.name in _MOMENTS and held is not None:
            plain[field.name.removesuffix("_ms")] = text.moment(held)
    return plain
