"""The matching engine: orders meet the market of the tapes.

A taker walks the levels of the book. A resting order fills at its limit, as maker, when
the best price of the other side goes beyond it, and gets no more than its share of the
minute. What is left of an IOC or a market order is cancelled by the exchange.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal

from . import executions
from .ledger import Ledger, LedgerTrade
from .market import Level, MarketTape
from .orders import BookOrder
from .track import Line

_ZERO = Decimal(0)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

Tell = Callable[[executions.Event], None]


class MatchingEngine:
    """All orders of the account, open and over, and the time up to which they traded.

    ``stop_ms`` is when the dead man's switch cancels everything, None when it is off.
    """

    def __init__(
        self, market: MarketTape, ledger: Ledger, tell: Tell, seed: int, at_ms: int
    ) -> None:
        self.market = market
        self.ledger = ledger
        self.orders: dict[str, BookOrder] = {}
        self.open: dict[str, BookOrder] = {}
        self._books: dict[str, dict[str, BookOrder]] = {}
        self.stop_ms: int | None = None
        self.at_ms = at_ms
        self._tell = tell
        self._random = random.Random(seed)

    def open_of(self, symbol: str) -> dict[str, BookOrder]:
        """Return the open orders of a symbol by their ids, oldest first."""
        return self._books.setdefault(symbol, {})

    def new_id(self, letter: str) -> str:
        """Return an id such as OQRPN2-LRHFY-HIFA7D, from the seed."""
        drawn = "".join(self._random.choices(_LETTERS, k=16))
        return f"{letter}{drawn[:5]}-{drawn[5:10]}-{drawn[10:]}"

    def takes(self, order: BookOrder) -> list[Level]:
        """Return what an order would take at once: prices and amounts."""
        left, takes = order.remaining, []
        for price, size in self.market.levels(order.pair.symbol, order.side):
            if not left or not _within(order, price):
                break
            amount = min(size, _in_base(left, price) if order.in_quote else left)
            if not amount:
                break
            takes.append((price, amount))
            left -= amount * price if order.in_quote else amount
        if order.time_in_force == "FOK" and left:
            return []
        return takes

    def arrive(self, order: BookOrder, takes: list[Level]) -> None:
        """Let an order in that was found good: fill what it takes, rest the rest."""
        self.orders[order.txid] = self.open[order.txid] = order
        self.open_of(order.pair.symbol)[order.txid] = order
        now_ms = order.opened_ms
        self._tell(executions.full(order, "pending_new", now_ms))
        self._tell(executions.new(order, now_ms))
        if order.limit is not None:
            self.ledger.hold(order.txid, *order.lock())
        self._take(order, takes, now_ms)
        if order.open and order.time_in_force not in ("GTC", "GTD"):
            left = "no more liquidity" if order.limit is None else order.time_in_force
            self.end(order, "canceled", f"{left} order is not filled", now_ms)

    def amended(self, order: BookOrder, takes: list[Level], at_ms: int) -> None:
        """Let an order trade on that was changed: it holds, and may take, anew."""
        self.ledger.hold(order.txid, *order.lock())
        self._take(order, takes, at_ms)

    def end(
        self, order: BookOrder, status: str, reason: str | None, at_ms: int
    ) -> None:
        """Take an order out of the book for good."""
        self._leave(order)
        order.status, order.reason, order.closed_ms = status, reason, at_ms
        self._tell(executions.ended(order))

    def forget(self, order: BookOrder) -> None:
        """Lose an open order without a word, as a crash does."""
        self._leave(order)
        order.status = "forgotten"

    def run(self, to_ms: int) -> None:
        """Let the market run on; what expires on the way is taken out in its turn."""
        while self.at_ms < to_ms:
            edges = [order.expires_ms for order in self.open.values()]
            edges.append(to_ms if self.stop_ms is None else self.stop_ms)
            due = [edge for edge in edges if self.at_ms < edge <= to_ms]
            until_ms = min(due, default=to_ms)
            self._trade(until_ms)
            self.at_ms = until_ms
            self._expire(until_ms)

    def _take(self, order: BookOrder, takes: list[Level], at_ms: int) -> None:
        for price, amount in takes:
            self._fill(order, price, amount, at_ms, maker=False)

    def _expire(self, at_ms: int) -> None:
        for order in list(self.open.values()):
            if order.expires_ms and order.expires_ms <= at_ms:
                self.end(order, "expired", "Order expired", at_ms)
        if self.stop_ms is not None and self.stop_ms <= at_ms:
            self.stop_ms = None
            for order in list(self.open.values()):
                self.end(order, "canceled", "Cancel all orders after", at_ms)

    def _leave(self, order: BookOrder) -> None:
        del self.open[order.txid]
        del self.open_of(order.pair.symbol)[order.txid]
        self.ledger.release(order.txid)

    def _trade(self, to_ms: int) -> None:
        for symbol in [symbol for symbol, book in self._books.items() if book]:
            for line in self.market.tracks[symbol].lines(self.at_ms, to_ms):
                reached = [
                    (at_ms, number, order)
                    for number, order in enumerate(self._resting(symbol))
                    if (at_ms := self._reached(line, order)) is not None
                ]
                for at_ms, _, order in sorted(reached, key=lambda one: one[:2]):
                    self._make(order, at_ms)
                if not self._books[symbol]:
                    break

    def _resting(self, symbol: str) -> list[BookOrder]:
        """Return what rests of a symbol, nearest to the market first, then oldest."""
        return sorted(self._books[symbol].values(), key=_nearness)

    def _make(self, order: BookOrder, at_ms: int) -> None:
        if order.limit is None:
            return
        room = self.market.room(order.pair.symbol, order.side, at_ms)
        amount = min(order.remaining, room)
        if amount:
            self._fill(order, order.limit, amount, at_ms, maker=True)

    def _fill(
        self,
        order: BookOrder,
        price: Decimal,
        amount: Decimal,
        at_ms: int,
        *,
        maker: bool,
    ) -> None:
        pair = order.pair
        trade = LedgerTrade(
            txid=self.new_id("T"),
            number=len(self.ledger.trades) + 1,
            order_txid=order.txid,
            symbol=pair.symbol,
            side=order.side,
            order_type=order.order_type,
            at_ms=at_ms,
            price=price,
            amount=amount,
            cost=price * amount,
            fee=order.next_fee(price, amount, maker=maker),
            fee_currency=order.fee_currency,
            maker=maker,
        )
        order.filled += amount
        order.cost += trade.cost
        order.fee += trade.fee
        order.trades.append(trade.txid)
        self.market.take(pair.symbol, order.side, amount, at_ms)
        self._move(order, trade)
        if order.in_quote:
            done = not _in_base(order.remaining, price)
        else:
            done = not order.remaining
        if done:
            self.end(order, "closed", None, at_ms)

    def _move(self, order: BookOrder, trade: LedgerTrade) -> None:
        pair = order.pair
        moves = self.ledger.book(trade, pair.base, pair.quote)
        if order.txid in self.ledger.holds:
            currency, needed = order.lock()
            # Rounded up in two parts it may be a step more than what was held.
            left = self.ledger.holds[order.txid][1] + moves[currency]
            self.ledger.hold(order.txid, currency, min(needed, left))
        self._tell(executions.traded(order, trade))
        balances = self.ledger.balances
        data = [
            executions.balance(trade, currency, change, balances[currency])
            for currency, change in moves.items()
        ]
        self._tell({"channel": "balances", "data": data})

    def _reached(self, line: Line, order: BookOrder) -> int | None:
        """Return when the other side's best price goes beyond an order's limit."""
        half = float(self.market.liquidity.spread / 2)
        limit = float(order.limit or _ZERO)
        # The price is shown rounded: half a tick makes sure that it is seen there.
        seen = float(order.pair.tick) / 2
        if order.buys:
            return line.reaches(limit / (1 + half) - seen, below=True)
        return line.reaches(limit / (1 - half) + seen, below=False)


def _within(order: BookOrder, price: Decimal) -> bool:
    if order.limit is None:
        return True
    return price <= order.limit if order.buys else price >= order.limit


def _in_base(quote: Decimal, price: Decimal) -> Decimal:
    return (quote / price).quantize(Decimal("1e-8"), ROUND_FLOOR)


def _nearness(order: BookOrder) -> tuple[Decimal, int]:
    limit = order.limit or _ZERO
    return (-limit if order.buys else limit), order.opened_ms
