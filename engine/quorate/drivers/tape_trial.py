"""Put a tape of a test file to the rules: the whole flow, on paper, from its beginning.

The driver, the venue and the journal are those of a backtest; the journal is in memory
and is read back for what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np

from quorate.contract.decisions import Decision, Verdict
from quorate.contract.records import (
    Closed,
    Ended,
    ErrorSeen,
    Filled,
    Intended,
    Record,
    Refused,
)
from quorate.contract.vocabulary import DURATION
from quorate.drivers.rerun import run_again
from quorate.drivers.run import TapeSetup
from quorate.errors import QuorateError
from quorate.host.host import Host
from quorate.rulebook.literals import write_quantity
from quorate.rulebook.rulebook import Rulebook, Sources, read_rulebook
from quorate.trials.book import NONE, Case, RuleTest, Tape
from quorate.trials.run import Result, differences
from quorate.values.market import Candles, Floats
from quorate.values.numbers import ZERO
from quorate.values.trade import Intent

DEEP = 1e6
"""The volume of a candle that says none: more than a small account can move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What tapes are run on: the rules as texts, and the venue of the workspace."""

    sources: Sources
    host: Host
    venue: str
    tier: str
    settings: Mapping[str, Any]


@dataclass(slots=True)
class _Sent:
    """One order and what became of it."""

    intent: Intent
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    ends: str = "open"


@dataclass(slots=True)
class _Story:
    """What happened in a run, in its order."""

    start_ms: int
    fires: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    orders: dict[str, _Sent] = field(default_factory=dict)
    trades: list[Closed] = field(default_factory=list)
    positions: set[str] = field(default_factory=set)


def run_tapes(tests: Iterable[RuleTest], ground: Ground) -> Iterator[Result]:
    """Yield the result of each tape, in their order."""
    for test in tests:
        yield run_tape_test(test, ground)


def run_tape_test(test: RuleTest, ground: Ground) -> Result:
    """Return what became of one tape. What prevents the run is told in the result."""
    assert test.tape is not None
    (case,) = test.cases
    try:
        story = _run(test.tape, ground)
    except QuorateError as error:
        return Result(
            test=test,
            case=case,
            differences=(),
            missing=(),
            looks=(),
            found={},
            error=str(error),
        )
    found = _as_written(case, _found(story))
    return Result(
        test=test,
        case=case,
        differences=differences(case, found),
        missing=(),
        looks=(),
        found=found,
        story=tuple(_lines(story)),
    )


def _run(tape: Tape, ground: Ground) -> _Story:
    candles = candles_of(tape)
    setup = TapeSetup(
        rulebook=_rulebook(tape, ground),
        host=ground.host,
        venue=ground.venue,
        tier=ground.tier,
        settings={**ground.settings, **tape.venue},
        sources=(),
    )
    with run_again(setup, [candles], "a tape of a test") as journal:
        decisions = [row.decision for row in journal.decisions()]
        return _tell(tape.start_ms, journal.records(), decisions)


def _rulebook(tape: Tape, ground: Ground) -> Rulebook:
    settings = (*ground.sources.settings, *tape.settings)
    sources, host = replace(ground.sources, settings=settings), ground.host
    reading = read_rulebook(sources, host.facts, host.functions, voters=host.voters())
    if reading.rulebook is None:
        raise QuorateError("; ".join(one.message for one in reading.errors))
    return reading.rulebook


def candles_of(tape: Tape) -> Candles:
    """Return a tape's candles: a candle opens where the last one closed.

    Where no close is given nothing traded: the candle is flat and without volume.
    """
    told = tape.columns["close"]
    stale = np.array([one is None for one in told])
    close = _filled(told)
    opened = np.concatenate((close[:1], close[:-1]))
    columns = {name: _floats(column) for name, column in tape.columns.items()}
    opened = np.where(stale, opened, _given(columns, "open", opened))
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    volume = _given(columns, "volume", np.full(len(close), DEEP))
    return Candles(
        symbol=tape.symbol,
        timeframe_ms=tape.every_ms,
        time_ms=tape.start_ms + tape.every_ms * np.arange(len(close), dtype=np.int64),
        open=opened,
        high=np.maximum(top, _given(columns, "high", top)),
        low=np.minimum(bottom, _given(columns, "low", bottom)),
        close=close,
        volume=np.where(stale, 0.0, volume),
        stale=stale,
    )


def _floats(values: Sequence[Decimal | None]) -> Floats:
    return np.array([np.nan if one is None else float(one) for one in values])


def _filled(values: Sequence[Decimal | None]) -> Floats:
    """Return values with the last known one where there is none."""
    column = _floats(values)
    known = np.maximum.accumulate(np.where(np.isnan(column), 0, np.arange(len(column))))
    filled: Floats = column[known]
    return filled


def _given(columns: Mapping[str, Floats], name: str, otherwise: Floats) -> Floats:
    column = columns.get(name)
    if column is None:
        return otherwise
    return np.where(np.isnan(column), otherwise, column)


def _tell(
    start_ms: int, records: Iterable[Record], decisions: Iterable[Decision]
) -> _Story:
    story = _Story(start_ms)
    for decision in decisions:
        acts = decision.section in ("entry", "exits")
        if acts and decision.verdict is Verdict.FIRED:
            story.fires.append(decision.rule)
    for record in records:
        match record:
            case Intended(intent=intent):
                story.orders[intent.client_id] = _Sent(intent)
            case Filled(client_id=ours, fill=fill):
                order = story.orders[ours]
                order.filled += fill.amount
                order.cost += fill.cost_quote
                story.positions.add(order.intent.position_id)
            case Ended(client_id=ours, reason=reason):
                story.orders[ours].ends = reason
            case Refused(client_id=ours):
                story.orders[ours].ends = "refused"
            case ErrorSeen(rule=rule):
                story.errors.append(rule or NONE)
            case Closed(trade=trade):
                story.trades.append(record)
                story.positions.discard(trade.position_id)
    return story


def _found(story: _Story) -> dict[str, Any]:
    """Return everything that can be expected, by its key."""
    found: dict[str, Any] = {
        "fires": tuple(story.fires),
        "errors": tuple(story.errors),
        "order_count": Decimal(len(story.orders)),
        "trade_count": Decimal(len(story.trades)),
        "open_positions": Decimal(len(story.positions)),
        "profit": sum((one.trade.profit_quote for one in story.trades), ZERO),
    }
    for number, sent in enumerate(story.orders.values(), 1):
        for name, tell in _ORDER.items():
            found[f"orders.{number}.{name}"] = tell(story, sent)
    for number, closed in enumerate(story.trades, 1):
        for name, told in _TRADE.items():
            found[f"trades.{number}.{name}"] = told(story, closed)
    return found


def _as_written(case: Case, found: dict[str, Any]) -> dict[str, Any]:
    """Return what was found, with quotients as the test writes them when they agree.

    Nobody writes all the digits of a quotient: it is compared to the places written,
    and to a few at least, so that 1% is not what half a percent rounds to.
    """
    for key, value in found.items():
        least, most = _PLACES.get(key.rpartition(".")[2], (0, 0))
        if not most or value is None:
            continue
        found[key] = round(value, most)
        written = case.expected[key].value if key in case.expected else None
        if written is not None:
            places = max(least, -written.as_tuple().exponent)
            if round(value, places) == written:
                found[key] = written
    return found


_PLACES = {"price": (2, 8), "profit": (2, 8), "net_profit": (4, 6)}
"""Quotients: to how many decimals they are compared at least, and told at most."""

_ORDER: Mapping[str, Callable[[_Story, _Sent], Any]] = {
    "at": lambda story, sent: Decimal(sent.intent.made_ms - story.start_ms),
    "rule": lambda _, sent: sent.intent.rule,
    "side": lambda _, sent: sent.intent.side.value,
    "purpose": lambda _, sent: sent.intent.purpose.value,
    "type": lambda _, sent: sent.intent.type.value,
    "time_in_force": lambda _, sent: sent.intent.time_in_force.value,
    "amount": lambda _, sent: sent.intent.amount,
    "limit_price": lambda _, sent: sent.intent.limit_price,
    "filled": lambda _, sent: sent.filled,
    "price": lambda _, sent: sent.cost / sent.filled if sent.filled else None,
    "ends": lambda _, sent: sent.ends,
}
_TRADE: Mapping[str, Callable[[_Story, Closed], Any]] = {
    "at": lambda story, closed: Decimal(closed.at_ms - story.start_ms),
    "entry": lambda _, closed: closed.trade.rule,
    "exit": lambda _, closed: closed.trade.exit_rule,
    "amount": lambda _, closed: closed.trade.amount,
    "net_profit": lambda _, closed: closed.trade.profit_ratio,
    "profit": lambda _, closed: closed.trade.profit_quote,
}


def _lines(story: _Story) -> Iterator[str]:
    """Yield what happened, a line for each order and each trade."""
    for number, sent in enumerate(story.orders.values(), 1):
        intent = sent.intent
        at = write_quantity(Decimal(intent.made_ms - story.start_ms), DURATION)
        limit = f" at {intent.limit_price:f}" if intent.limit_price else ""
        yield (
            f"order {number}, {at}: {intent.rule}: {intent.side} {intent.amount:f} "
            f"{intent.type}{limit}: {sent.ends}"
        )
    for number, closed in enumerate(story.trades, 1):
        at = write_quantity(Decimal(closed.at_ms - story.start_ms), DURATION)
        trade = closed.trade
        net = f"{trade.profit_ratio:.4%}"
        yield f"trade {number}, {at}: {trade.rule} to {trade.exit_rule}: {net} net"
    if not story.orders:
        yield "no order was sent"
