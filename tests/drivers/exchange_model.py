"""A small exchange for one account: orders, deadlines, fills in parts, cancels.

Pure: it is told the time and draws no number; how much of an order trades at once is
its ``split``'s to say. It is what the live driver's tests compare the journal with, so
it knows nothing of the engine but what goes over a wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from quorate import (
    Accepted,
    CancelOutcome,
    CancelReply,
    Fill,
    Intent,
    Liquidity,
    Market,
    OrderReport,
    OrderType,
    Refused,
    Side,
    TimeInForce,
    VenueTrade,
    floor_to,
)

ZERO = Decimal(0)
FEE = Decimal("0.004")
RESTART_MS = 30_000


def market(symbol: str) -> Market:
    """Return the rules of a market that the default rulebook can trade."""
    base, quote = symbol.split("/")
    return Market(
        symbol=symbol,
        base=base,
        quote=quote,
        venue_symbol=symbol,
        price_step=Decimal("0.1"),
        amount_step=Decimal("0.001"),
        min_amount=Decimal("0.01"),
        min_cost=Decimal(5),
        maker_fee=FEE,
        taker_fee=FEE,
    )


@dataclass
class Placed:
    """One order in the exchange's book, and what became of it."""

    venue_id: str
    intent: Intent
    accepted_ms: int
    fills: list[Fill] = field(default_factory=list)
    filled: Decimal = ZERO
    open: bool = True
    reason: str = ""
    lost: bool = False
    matches: int = 0

    @property
    def remaining(self) -> Decimal:
        return self.intent.amount - self.filled

    @property
    def rests(self) -> bool:
        limited = self.intent.type is OrderType.LIMIT
        return limited and self.intent.time_in_force is TimeInForce.GTC


@dataclass
class Exchange:
    """The exchange. ``tell`` takes what its order stream says; nothing is told twice.

    ``race`` is the share of an order that trades just before its cancel takes effect;
    ``keeps_deadlines`` is False for one that takes an order however late it comes.
    """

    markets: dict[str, Market]
    balances: dict[str, Decimal]
    split: Callable[[Placed], Decimal] = lambda _: Decimal(1)
    tell: Callable[[OrderReport], None] = lambda _: None
    race: Callable[[Placed], Decimal] = lambda _: ZERO
    keeps_deadlines: bool = True
    prices: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[str, Placed] = field(default_factory=dict)
    trades: list[VenueTrade] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)

    def place(self, intent: Intent, now_ms: int) -> Accepted | Refused:
        """Take an order or refuse it; a client id is unique among open orders only."""
        error = self._objection(intent, now_ms)
        if error:
            refused = Refused(at_ms=now_ms, client_id=intent.client_id, errors=(error,))
            self.refused.append(refused)
            return refused
        placed = Placed(f"V{len(self.orders) + 1}", intent, now_ms)
        self.orders[placed.venue_id] = placed
        self.accepted[intent.client_id] += 1
        self.tell(self.report(placed, now_ms))
        self._match(placed, now_ms)
        while placed.open and intent.type is OrderType.MARKET:
            self._match(placed, now_ms)
        if placed.open and not placed.rests:
            self._end(placed, "cancelled", now_ms)
        return Accepted(
            at_ms=now_ms, client_id=intent.client_id, venue_id=placed.venue_id
        )

    def _objection(self, intent: Intent, now_ms: int) -> str:
        market = self.markets[intent.symbol]
        if self.keeps_deadlines and 0 < intent.deadline_ms < now_ms:
            return "EService:Deadline elapsed"
        if any(one.intent.client_id == intent.client_id for one in self.open()):
            return "EOrder:Duplicate client id"
        if intent.side is Side.SELL:
            if intent.amount > self.free(market.base):
                return "EOrder:Insufficient funds"
        elif intent.amount * self._price(intent) * (1 + FEE) > self.free(market.quote):
            return "EOrder:Insufficient funds"
        return ""

    def _price(self, intent: Intent) -> Decimal:
        return intent.limit_price or self.prices[intent.symbol]

    def open(self) -> list[Placed]:
        """Return the open orders."""
        return [placed for placed in self.orders.values() if placed.open]

    def free(self, currency: str) -> Decimal:
        """Return what no open order has locked."""
        total = self.balances.get(currency, ZERO)
        for placed in self.open():
            market, intent = self.markets[placed.intent.symbol], placed.intent
            if intent.side is Side.SELL and market.base == currency:
                total -= placed.remaining
            elif intent.side is Side.BUY and market.quote == currency:
                total -= placed.remaining * self._price(intent) * (1 + FEE)
        return total

    def trade(self, now_ms: int) -> None:
        """Let every resting order trade once that the price has reached."""
        for placed in self.open():
            self._match(placed, now_ms)

    def _match(self, placed: Placed, now_ms: int) -> None:
        intent, price = placed.intent, self.prices[placed.intent.symbol]
        if intent.limit_price is not None:
            buys = intent.side is Side.BUY
            if price > intent.limit_price if buys else price < intent.limit_price:
                return
        placed.matches += 1
        self._trade_share(placed, self.split(placed), now_ms)

    def _trade_share(self, placed: Placed, share: Decimal, now_ms: int) -> None:
        step = self.markets[placed.intent.symbol].amount_step
        amount = floor_to(placed.remaining * share, step) if share < 1 else ZERO
        amount = amount or (placed.remaining if share else ZERO)
        if amount:
            self._fill(placed, amount, now_ms)

    def _fill(self, placed: Placed, amount: Decimal, now_ms: int) -> None:
        intent, market = placed.intent, self.markets[placed.intent.symbol]
        price = self._price(intent)
        fill = Fill(
            trade_id=f"T{len(self.trades) + 1}",
            price=price,
            amount=amount,
            fee=amount * price * FEE,
            fee_currency=market.quote,
            liquidity=Liquidity.TAKER,
        )
        sign = 1 if intent.side is Side.BUY else -1
        self._move(market.base, sign * amount)
        self._move(market.quote, -sign * fill.cost_quote - fill.fee)
        placed.fills.append(fill)
        placed.filled += amount
        self.trades.append(
            VenueTrade(
                at_ms=now_ms,
                venue_id=placed.venue_id,
                symbol=intent.symbol,
                side=intent.side,
                fill=fill,
            )
        )
        if placed.remaining:
            self.tell(self.report(placed, now_ms, fill))
        else:
            self._end(placed, "filled", now_ms, fill)

    def _move(self, currency: str, gain: Decimal) -> None:
        self.balances[currency] = self.balances.get(currency, ZERO) + gain
        assert self.balances[currency] >= 0, f"{currency} was spent but not there"

    def _end(self, placed: Placed, reason: str, now_ms: int, *fills: Fill) -> None:
        placed.open, placed.reason = False, reason
        self.tell(self.report(placed, now_ms, *fills))

    def cancel(self, client_id: str, venue_id: str, now_ms: int) -> CancelReply:
        """Cancel an open order by the exchange's id, or by ours."""
        for placed in self.open():
            if venue_id in ("", placed.venue_id) and (
                venue_id or placed.intent.client_id == client_id
            ):
                self._trade_share(placed, self.race(placed), now_ms)
                if not placed.open:
                    break
                self._end(placed, "cancelled", now_ms)
                return CancelReply(outcome=CancelOutcome.TAKEN)
        errors = ("EOrder:Unknown order",)
        return CancelReply(outcome=CancelOutcome.REFUSED, errors=errors)

    def find(self, client_id: str, venue_id: str, now_ms: int) -> OrderReport | None:
        """Return an order with all its fills, the newest of an id; None for none."""
        for placed in reversed(self.orders.values()):
            named = venue_id or placed.intent.client_id == client_id
            if named and venue_id in ("", placed.venue_id) and not placed.lost:
                return self.report(placed, now_ms, *placed.fills)
        return None

    def report(self, placed: Placed, now_ms: int, *fills: Fill) -> OrderReport:
        """Return what the exchange says of an order now, telling of some fills."""
        return OrderReport(
            at_ms=now_ms,
            client_id=placed.intent.client_id,
            venue_id=placed.venue_id,
            symbol=placed.intent.symbol,
            side=placed.intent.side,
            amount=placed.intent.amount,
            open=placed.open,
            reason=placed.reason,
            filled=placed.filled,
            fills=fills,
        )

    def lose_open(self, now_ms: int) -> None:
        """Restart without the open orders: they are gone, and nothing is told.

        A restart takes a while: those of the last seconds were never taken.
        """
        for placed in self.open():
            if now_ms - placed.accepted_ms >= RESTART_MS:
                placed.open, placed.lost = False, True
