"""Records, decisions, candles as table rows: the columns they can be looked up by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from operator import attrgetter
from typing import Any, Final, get_type_hints

from quorate.contract.decisions import Decision, Verdict
from quorate.contract.live import Bar
from quorate.contract.records import Record
from quorate.errors import JournalError
from quorate.journal.codec import KINDS, decode, decode_values, encode, encode_values

Row = tuple[Any, ...]
Take = Callable[[Any], Any]

EVENTS: Final = "SELECT seq, kind, body FROM events ORDER BY seq"
DECISIONS: Final = """
    SELECT seq, unit, rulebook, at_ms, symbol, section, rule, place, verdict,
        inputs, effect, client_id, position_id
    FROM decisions
"""
CANDLES: Final = "SELECT symbol, open_ms, open, high, low, close, volume FROM candles"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision as the journal has it: its row, its unit and its rulebook's hash."""

    seq: int
    unit: int
    rulebook: str
    decision: Decision


def event_row(record: Record, unit: int) -> Row:
    """Return the row of ``record``, in the order of ``schema.ADD_EVENT``.

    Raises:
        JournalError: a field holds what its type does not allow.
    """
    body = encode(record)
    symbol, client_id, position_id = _TIES[type(record)]
    return (
        record.at_ms,
        type(record).__name__,
        symbol(record) or None,
        client_id(record) or None,
        position_id(record) or None,
        body,
        unit,
    )


def decision_row(decision: Decision, rulebook: str, unit: int) -> Row:
    """Return the row of ``decision``, in the order of ``schema.ADD_DECISION``.

    ``rulebook`` is the hash of the rules that decide, unless it names others itself.

    Raises:
        JournalError: an input or effect is neither number, flag, text nor None.
    """
    return (
        decision.at_ms,
        decision.symbol or None,
        decision.section,
        decision.rule,
        decision.place,
        decision.verdict.value,
        encode_values(decision.inputs),
        encode_values(decision.effect),
        decision.client_id or None,
        decision.position_id or None,
        decision.rulebook or rulebook,
        unit,
    )


def candle_row(bar: Bar, unit: int) -> Row:
    """Return the row of a closed candle, in the order of ``schema.ADD_CANDLE``.

    Raises:
        JournalError: a number in it is none, or not finite.
    """
    for name in ("open", "high", "low", "close", "volume"):
        value = getattr(bar, name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise JournalError(
                f"a candle of {bar.symbol} cannot be recorded: {name} must be a "
                f"finite number, was {value!r}"
            )
    prices = bar.open, bar.high, bar.low, bar.close
    return (bar.symbol, bar.open_ms, *map(float, prices), float(bar.volume), unit)


def read_candle(row: Row) -> Bar:
    """Return the candle of a row of ``CANDLES``."""
    symbol, open_ms, first, high, low, close, volume = row
    return Bar(
        symbol=symbol,
        open_ms=open_ms,
        open=first,
        high=high,
        low=low,
        close=close,
        volume=volume,
    )


def read_event(row: Row) -> Record:
    """Return the record of a row of ``EVENTS``.

    Raises:
        JournalError: it cannot be read; the message names the row.
    """
    seq, kind, body = row
    return decode(kind, body, f"event {seq}")


def read_decision(row: Row) -> RecordedDecision:
    """Return the decision of a row of ``DECISIONS``.

    Raises:
        JournalError: it cannot be read; the message names the row.
    """
    seq, unit, rulebook, at_ms, symbol, section, rule, place, verdict = row[:9]
    inputs, effect, client_id, position_id = row[9:]
    where = f"decision {seq}"
    try:
        said = Verdict(verdict)
    except ValueError:
        raise JournalError(
            f"{where}: verdict {verdict!r} is not known; "
            "read this journal with the version of quorate that wrote it"
        ) from None
    decision = Decision(
        at_ms=at_ms,
        symbol=symbol or "",
        section=section,
        rule=rule,
        place=place,
        verdict=said,
        inputs=decode_values(inputs, f"{where}, inputs"),
        effect=decode_values(effect, f"{where}, effect"),
        client_id=client_id or "",
        position_id=position_id or "",
    )
    return RecordedDecision(seq=seq, unit=unit, rulebook=rulebook, decision=decision)


def _nothing(_: object) -> None:
    return None


def _tie(cls: type[Any], name: str) -> Take:
    """Return what takes ``name`` from a record, or from the order or trade in it."""
    hints = get_type_hints(cls)
    if name in hints:
        return attrgetter(name)
    for field, hint in hints.items():
        if is_dataclass(hint) and name in {inner.name for inner in fields(hint)}:
            return attrgetter(f"{field}.{name}")
    return _nothing


_TIES: Final[Mapping[type[Any], tuple[Take, Take, Take]]] = {
    cls: (_tie(cls, "symbol"), _tie(cls, "client_id"), _tie(cls, "position_id"))
    for cls in KINDS.values()
}
