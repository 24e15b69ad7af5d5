"""What the engine asks of a venue over a wire: real orders, real answers, real silence.

Every method that goes over the wire is a coroutine, is bounded in time, and either
returns what the venue said or raises ``NoAnswer``: what is not clear is never guessed.
The venue reads no rule and keeps no state that a restart would miss.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from quorate.contract.records import Accepted, Refused, Unknown
from quorate.values.trade import Fill, Intent, Market, Order, Side


@dataclass(frozen=True, slots=True)
class Keys:
    """A key of an account and its secret. Neither is ever shown."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a key may do, in the venue's own words, and where it may be used from.

    ``known`` is False when the venue does not say, or says it in an unknown shape.
    """

    known: bool
    names: tuple[str, ...] = ()
    may_withdraw: bool = False
    may_trade: bool = False
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What the venue says of one order at one moment: all it knows, or a part of it.

    ``client_id`` is "" for an order that carries none, ``venue_id`` is the venue's.
    ``filled`` is the amount filled so far, None when this report does not say;
    ``fills`` are those that it tells of, which may be fewer. ``reason`` is "" while the
    order is open, then ``filled``, ``cancelled`` or ``expired``.
    """

    at_ms: int
    client_id: str
    venue_id: str
    symbol: str = ""
    side: Side | None = None
    amount: Decimal | None = None
    open: bool = True
    reason: str = ""
    filled: Decimal | None = None
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTrade:
    """One execution of the account as the venue lists it."""

    at_ms: int
    venue_id: str
    symbol: str
    side: Side
    fill: Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The best prices of a symbol, and the last one traded, at the venue's own time."""

    at_ms: int
    symbol: str
    last: float
    bid: float
    ask: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A closed one-minute candle; ``open_ms`` is when it opened."""

    symbol: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stream was interrupted, or goes on again when ``over``.

    ``stream`` is "market" or "orders". After "orders" is over, what happened meanwhile
    has to be asked for: a stream does not repeat itself.
    """

    stream: str
    over: bool
    why: str


News = Tick | Bar | OrderReport | Gap
Tell = Callable[[News], None]
"""Takes one piece of news at once; it is quick and never raises."""


class CancelOutcome(StrEnum):
    """What a venue says to a cancel. None of them says how much was filled."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReply:
    """The answer to a cancel, with the venue's raw errors when it was refused."""

    outcome: CancelOutcome
    errors: tuple[str, ...] = ()


class LiveVenue(Protocol):
    """A venue that is reached over a wire, for one account."""

    name: str
    has_deadline: bool
    """Whether the venue refuses an order after its deadline by itself."""

    @property
    def account(self) -> str:
        """What names the account without giving the key away: a hash of the key."""

    @property
    def hold_alive(self) -> Callable[[int], Awaitable[None]] | None:
        """What puts off the moment at which the venue cancels every order by itself.

        Called with milliseconds from now, 0 for never; raises ``NoAnswer`` when it is
        not known to have worked. None for a venue that has no such switch.
        """

    def send_path(self) -> Sequence[tuple[object, tuple[str, ...]]]:
        """Return whose functions an order passes on its way out, once it is open.

        Each pair is an object and the names of its functions. Before every send the
        engine sees to it that nothing has put others in their place.
        """

    async def open(self, symbols: Sequence[str], keys: Keys | None) -> None:
        """Connect, and learn the markets. Without ``keys`` only public data is asked.

        Raises:
            NoAnswer: the venue cannot be reached.
            VenueError: a symbol is not traded there, or the settings cannot be used.
        """

    async def close(self) -> None:
        """Let go of every connection."""

    async def clock_ms(self) -> int:
        """Return the venue's time, UTC milliseconds."""

    async def markets(self) -> Mapping[str, Market]:
        """Return the market rules of each symbol, with the account's own fees."""

    async def balances(self) -> Mapping[str, Decimal]:
        """Return what the account holds of each currency, locked included."""

    async def rights(self) -> Rights:
        """Return what the key may do."""

    async def bars(self, symbol: str, since_ms: int) -> list[Bar]:
        """Return closed one-minute candles from ``since_ms`` on, as far as it has."""

    async def watch(self, tell: Tell) -> None:
        """Tell ticks and closed candles of every symbol until cancelled.

        Bars of a symbol come in order, each once; after an interruption those that
        were missed come first. A minute without a trade may be left out.
        """

    async def follow(self, tell: Tell) -> None:
        """Tell what happens to the account's orders until cancelled."""

    async def send(self, intent: Intent) -> Accepted | Refused | Unknown:
        """Send an order, once, and say what came of it. Never raises for the wire.

        ``at_ms`` of the answer is 0: the driver says when it came.
        """

    async def cancel(self, order: Order) -> CancelReply:
        """Ask for an order to be cancelled, once. Never raises for the wire."""

    async def find(self, intent: Intent, venue_id: str) -> OrderReport | None:
        """Return an order by our id, open or over, with all its fills if it is over.

        None says that the venue answered and has no such order.

        Raises:
            NoAnswer: it cannot be told.
        """

    async def open_orders(self) -> list[OrderReport]:
        """Return every open order of the account, others' included."""

    async def trades(self, since_ms: int) -> list[VenueTrade]:
        """Return the account's executions from ``since_ms`` on, oldest first."""


class LoopbackExchange(Protocol):
    """A server on this machine that speaks an exchange's protocol, for rehearsals."""

    name: str
    keys: Keys
    """What its account is opened with; worth nothing anywhere else."""

    async def start(self, host: str, port: int) -> str:
        """Listen, on any free port when ``port`` is 0; return the URL.

        Raises:
            VenueError: the port cannot be used.
        """

    async def stop(self) -> None:
        """Stop listening; what was traded is forgotten."""

    def workspace(self, url: str) -> str:
        """Return the ``exchange:`` section of a quorate.yaml that trades here."""

    def ledger(self) -> Mapping[str, object]:
        """Return what the exchange knows of its account, as JSON can hold it.

        ``orders`` and ``trades`` are lists, ``balances`` is by currency.
        """
