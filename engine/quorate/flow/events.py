"""What a driver brings to the flow besides a venue's answers, and what it gets back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from quorate.contract.decisions import Decision
from quorate.contract.records import (
    Answer,
    BalancesSeen,
    Found,
    MarketsSeen,
    ModeSet,
    Record,
    Released,
    RulesChanged,
    RulesHeld,
    RulesRefused,
    Started,
    Stopped,
)
from quorate.values.trade import Intent


@dataclass(frozen=True, slots=True)
class Candle:
    """A candle of the tape's own timeframe has closed; its columns can be read."""

    symbol: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Look:
    """The watch looks at a price: once a second while a position is open."""

    symbol: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Wake:
    """The moment asked for by a ``WakeAt`` has come."""

    at_ms: int


Notice = (
    Started
    | ModeSet
    | Released
    | Stopped
    | MarketsSeen
    | BalancesSeen
    | RulesChanged
    | RulesRefused
    | RulesHeld
    | Found
)
"""What a driver has found out or was told to do; it is recorded as it is."""

Event = Notice | Candle | Look | Wake | Answer


@dataclass(frozen=True, slots=True)
class Send:
    """Send this order; it is in the journal."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask the venue to cancel an order; the wish is in the journal."""

    client_id: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Bring a ``Wake`` at this moment."""

    at_ms: int


Action = Send | Cancel | WakeAt


@dataclass(slots=True)
class Outcome:
    """What one event led to: what to record, why, and what to do after that."""

    records: list[Record] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)


class MarketView(Protocol):
    """Market data as it is known at the moment the driver stands at."""

    def price(self, symbol: str) -> float | None:
        """Return the last price seen, None before the first."""

    def peak(self, symbol: str, since_ms: int) -> float | None:
        """Return the highest price seen since a moment, now included."""

    def column(self, symbol: str, name: str) -> float | None:
        """Return a column's value at the last closed candle, None when unknown."""

    def stretch_ms(self, symbol: str) -> int:
        """Return since when the last candles have been entry candidates, 0 if not.

        A candle is a candidate when the market part of an entry rule's condition
        holds: what of it depends on nothing but market columns and params.
        """

    def shadow_stretch_ms(self, symbol: str) -> int:
        """Return the same for the shadow entry rules."""

    def scores(self, symbol: str) -> dict[str, float]:
        """Return each voter's score at the last closed candle, NaN for abstained."""

    def stale(self, symbol: str) -> str:
        """Return why the prices are not those of now, "" when they are."""
