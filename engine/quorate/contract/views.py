"""What facts and hooks are given to look at: for reading, never for acting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from quorate.contract.records import Learned
from quorate.values.market import Floats, Times
from quorate.values.rates import RateLimits
from quorate.values.trade import Market, Order, Position, Side


class Desk(Protocol):
    """Everything the engine knows about one symbol and the account at one moment."""

    @property
    def now_ms(self) -> int:
        """The moment, UTC milliseconds."""

    @property
    def symbol(self) -> str:
        """The symbol under consideration."""

    @property
    def market(self) -> Market:
        """What the venue says of that symbol."""

    @property
    def limits(self) -> RateLimits | None:
        """The account's rate limits, None when no assistant knows them."""

    def param(self, name: str) -> Decimal | bool | str:
        """Return a param's value for the symbol, tuning included."""

    def price(self, symbol: str) -> Decimal | None:
        """Return the last price seen of ``symbol``, None before the first."""

    def market_of(self, symbol: str) -> Market:
        """Return what the venue says of another symbol."""

    def confidence(self, symbol: str) -> Decimal | None:
        """Return the votes' confidence at the last closed candle of ``symbol``."""

    def total(self, currency: str) -> Decimal:
        """Return what the account holds of a currency, locked included."""

    def free(self, currency: str) -> Decimal:
        """Return what of a currency is not locked in live orders."""

    def positions(self) -> Iterable[Position]:
        """Return the open positions of all symbols, oldest first."""

    def live_orders(self) -> Iterable[Order]:
        """Return the orders that the venue may still fill, all symbols."""

    def order(self, client_id: str) -> Order | None:
        """Return an order by our id, live or over, None when there is none."""

    def learned(self, what: str, symbol: str) -> Learned | None:
        """Return the lesson in force, None when there is none or it has expired."""

    def recall(self, plugin: str) -> Mapping[str, Any]:
        """Return what a plugin remembered, as its ``remember`` hook left it."""

    def risk_approved(self) -> bool | None:
        """Whether no veto of the rulebook holds for the symbol; None if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One order while it is being put together; assistants fill it, checks judge it.

    ``amount`` is in base currency, ``limit_price`` in quote per base and None for a
    market order; ``quote_amount`` is what an entry wants to spend, 0 for a sale.
    """

    symbol: str
    venue_symbol: str
    side: Side
    purpose: str
    rule: str
    type: str
    time_in_force: str
    post_only: bool
    quote_amount: Decimal
    amount: Decimal
    limit_price: Decimal | None
    reference_price: Decimal
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ballot:
    """One voter's scores for every candle of the tape's own timeframe.

    ``scores`` run from -1 (against buying) to 1 (for it), NaN abstains; ``voter`` is
    the vote rule's id or the plugin's name.
    """

    voter: str
    assistant: str
    weight: float
    scores: Floats


@dataclass(frozen=True, slots=True)
class OrderView:
    """A draft on its desk: what ORDER facts are computed from."""

    desk: Desk
    draft: Draft


@dataclass(frozen=True, slots=True)
class FaultView:
    """A refused order on its desk: what FAULT facts are computed from.

    ``error`` is the venue's raw string, ``rule`` the order's last failed attempt.
    """

    desk: Desk
    order: Order
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """A position at a price: what POSITION facts are computed from.

    ``price``, ``at_ms`` and ``peak_price`` are floats, or arrays of one length when
    many moments are looked at together; the arithmetic is the same, bit for bit.
    Fees are ratios; ``unit_cost`` and prices are quote per base.
    """

    price: float | Floats
    at_ms: int | Times
    peak_price: float | Floats
    opened_ms: int
    entry_price: float
    unit_cost: float
    held: float
    maker_fee: float
    taker_fee: float
