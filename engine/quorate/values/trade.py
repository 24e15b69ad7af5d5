"""The nouns of one trade: market, intent, fill, order, position. Frozen values.

Amounts are in base currency, prices in quote per base, costs and fees named
``_quote`` in quote currency, times in UTC milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from quorate.values.numbers import ZERO

NOT_SENT = "not sent: "
"""How an error begins that is not the venue's: the order was held back on this side."""

NOT_PLACED = "not_placed"
"""Why an order ended of which there is evidence that the venue never took it."""


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """How an order is priced."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order may rest: until cancelled, not at all, all or nothing."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Purpose(StrEnum):
    """Why an order is sent: to enter, to leave, or to rest as a take-profit."""

    ENTRY = "entry"
    EXIT = "exit"
    TAKE_PROFIT = "take_profit"


class Liquidity(StrEnum):
    """Whether a fill made or took liquidity."""

    MAKER = "maker"
    TAKER = "taker"


class OrderStatus(StrEnum):
    """Where an order stands. SENT and UNKNOWN count in exposure at full size."""

    SENT = "sent"
    OPEN = "open"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What a venue says of one symbol: names, grid, minimums, fees (as ratios)."""

    symbol: str
    base: str
    quote: str
    venue_symbol: str
    price_step: Decimal
    amount_step: Decimal
    min_amount: Decimal
    min_cost: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    status: str = "online"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One order the engine wants, durable before it is sent; never changed once made.

    ``client_id`` is ours and unique; ``root_id`` is that of the first attempt.
    ``limit_price`` is None for a market order. ``reference_price`` is the price the
    decision saw: slippage is measured against it. ``cancel_after_ms`` is a duration,
    0 for none; ``deadline_ms`` is the moment after which the venue must not take it,
    0 for none. ``rule`` is the entry or exit rule that asked for it.
    """

    client_id: str
    root_id: str
    symbol: str
    venue_symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    amount: Decimal
    limit_price: Decimal | None
    reference_price: Decimal
    purpose: Purpose
    rule: str
    attempt: int
    max_attempts: int
    cancel_after_ms: int
    position_id: str
    made_ms: int
    deadline_ms: int = 0

    def __post_init__(self) -> None:
        """Refuse what no venue could fill."""
        if self.amount <= 0:
            raise ValueError(f"amount must be positive, was {self.amount}")
        if (self.limit_price is None) != (self.type is OrderType.MARKET):
            raise ValueError("a limit order has a limit price, a market order has none")
        if self.limit_price is not None and self.limit_price <= 0:
            raise ValueError(f"limit price must be positive, was {self.limit_price}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. ``fee`` is in ``fee_currency``; ``trade_id`` is the venue's."""

    trade_id: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity

    @property
    def cost_quote(self) -> Decimal:
        """Price times amount."""
        return self.price * self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An intent and what became of it. ``filled`` is the sum of its fills."""

    intent: Intent
    status: OrderStatus = OrderStatus.SENT
    venue_id: str = ""
    filled: Decimal = ZERO
    cost_quote: Decimal = ZERO
    fee_quote: Decimal = ZERO
    fee_base: Decimal = ZERO
    accepted_ms: int = 0
    ended_ms: int = 0
    end_reason: str = ""
    cancel_asked: str = ""
    cancel_asked_ms: int = 0
    errors: tuple[str, ...] = ()

    @property
    def remaining(self) -> Decimal:
        """What has not been filled, in base currency."""
        return self.intent.amount - self.filled

    @property
    def live(self) -> bool:
        """Whether the venue may still fill it."""
        return self.status in _LIVE

    @property
    def placed(self) -> bool:
        """Whether the venue had it: False for what never left, or never came there."""
        held_back = bool(self.errors) and all(
            error.startswith(NOT_SENT) for error in self.errors
        )
        return not held_back and self.end_reason != NOT_PLACED

    @property
    def average_price(self) -> Decimal | None:
        """The mean fill price, or None when nothing was filled."""
        return self.cost_quote / self.filled if self.filled else None

    @property
    def slippage(self) -> Decimal | None:
        """How much worse the mean price was than the one decided on, as a ratio.

        Positive is worse for us; None when nothing was filled.
        """
        price = self.average_price
        if price is None:
            return None
        rise = price / self.intent.reference_price - 1
        return rise if self.intent.side is Side.BUY else -rise


_LIVE = frozenset({OrderStatus.SENT, OrderStatus.OPEN, OrderStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What one entry bought and what became of it; the sum of its fills.

    ``bought`` and ``sold`` are gross amounts; fees taken in base currency shrink what
    can be sold. ``exits_fired`` names the exit rules that have already sold a share.
    ``leaving`` names the exit rule whose order is under way, "" when none.
    ``smallest_cost`` is what the smallest order cost in quote when it was opened.
    """

    id: str
    symbol: str
    rule: str
    opened_ms: int
    bought: Decimal = ZERO
    cost_quote: Decimal = ZERO
    entry_fee_quote: Decimal = ZERO
    fee_base: Decimal = ZERO
    sold: Decimal = ZERO
    proceeds_quote: Decimal = ZERO
    exit_fee_quote: Decimal = ZERO
    confidence: Decimal | None = None
    rulebook: str = ""
    exits_fired: tuple[str, ...] = ()
    leaving: str = ""
    smallest_cost: Decimal = ZERO

    @property
    def is_dust(self) -> bool:
        """Whether what is left has cost less than the smallest order did at first.

        What was worth an order then is not given up because minimums rose, or because
        the price fell, since.
        """
        return not self.held or self.held * self.unit_cost < self.smallest_cost

    @property
    def held(self) -> Decimal:
        """What can still be sold, in base currency."""
        return self.bought - self.fee_base - self.sold

    @property
    def entry_price(self) -> Decimal:
        """The mean price paid, fees not counted."""
        return self.cost_quote / self.bought

    @property
    def unit_cost(self) -> Decimal:
        """What one unit that can be sold has cost, entry fees included."""
        return (self.cost_quote + self.entry_fee_quote) / (self.bought - self.fee_base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One closed position: what it made net of both fees, and why it ended.

    ``profit_ratio`` is ``profit_quote`` over what was paid; ``dust`` is what was too
    small to sell, written off at zero.
    """

    position_id: str
    symbol: str
    rule: str
    exit_rule: str
    opened_ms: int
    closed_ms: int
    amount: Decimal
    cost_quote: Decimal
    proceeds_quote: Decimal
    fee_quote: Decimal
    profit_quote: Decimal
    profit_ratio: Decimal
    dust: Decimal
