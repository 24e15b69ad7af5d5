"""What the engine asks of a venue that is simulated on recorded market data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from quorate.contract.records import Answer
from quorate.values.trade import Intent, Market, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketNow:
    """What trades at one moment of a tape: a price, and the volume that is there.

    ``volume`` is the base volume of the candle under way, ``candle_ms`` its opening
    time; a venue lets an account take only a share of it.
    """

    at_ms: int
    price: Decimal
    volume: Decimal
    candle_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """An order that waits in the venue's book, for the tape to look for its price."""

    client_id: str
    symbol: str
    side: Side
    limit_price: Decimal


class SimulatedVenue(Protocol):
    """A venue without I/O: the driver tells it when orders arrive and prices trade.

    The same calls in the same order give the same answers: a run that goes on after
    it was stopped tells the venue again what the journal says it was told.
    """

    name: str
    latency_ms: int

    def open_markets(self, symbols: Iterable[str]) -> Mapping[str, Market]:
        """Return the market rules of each symbol, ``venue_symbol`` as the venue's own.

        Raises:
            VenueError: a symbol is not traded here.
        """

    def open_balances(self, currencies: Iterable[str]) -> Mapping[str, Decimal]:
        """Return what the account holds of each currency at the start."""

    def arrive(self, intent: Intent, now: MarketNow) -> list[Answer]:
        """Answer an order that reaches the venue: refuse, fill, rest or cancel it."""

    def cancel(self, client_id: str, at_ms: int) -> list[Answer]:
        """Answer a cancel that reaches the venue."""

    def trade(self, symbol: str, now: MarketNow) -> list[Answer]:
        """Let the market trade at a price: fill what rests at a better one."""

    def resting(self, symbol: str) -> tuple[Resting, ...]:
        """Return what rests in the book of ``symbol``."""
