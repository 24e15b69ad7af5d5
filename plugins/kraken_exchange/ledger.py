"""The exchange's own books: balances, what open orders hold of them, and trades.

Everything is exact: costs are not rounded, fees are rounded once, when they are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTrade:
    """One execution. ``fee`` is in ``fee_currency``, ``cost`` in quote currency."""

    txid: str
    number: int
    order_txid: str
    symbol: str
    side: str
    order_type: str
    at_ms: int
    price: Decimal
    amount: Decimal
    cost: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool


class Ledger:
    """The account's money. Balances and holds are by currency code, as BTC."""

    def __init__(self, balances: Mapping[str, Decimal]) -> None:
        self.balances = dict(balances)
        self.deposits = dict(balances)
        self.holds: dict[str, tuple[str, Decimal]] = {}
        self.trades: list[LedgerTrade] = []

    def deposit(self, currency: str, amount: Decimal) -> None:
        """Let money come in from elsewhere."""
        for book in (self.deposits, self.balances):
            book[currency] = book.get(currency, Decimal(0)) + amount

    def held(self, currency: str) -> Decimal:
        """Return what open orders hold of a currency."""
        holds = self.holds.values()
        return sum((amount for of, amount in holds if of == currency), _ZERO)

    def free(self, currency: str) -> Decimal:
        """Return what can be used of a currency."""
        return self.balances.get(currency, _ZERO) - self.held(currency)

    def hold(self, txid: str, currency: str, amount: Decimal) -> None:
        """Keep an amount for an order, in place of what was kept for it before."""
        self.release(txid)
        if amount > self.free(currency):
            raise AssertionError(f"{txid} holds more {currency} than there is")
        if amount:
            self.holds[txid] = (currency, amount)

    def release(self, txid: str) -> None:
        """Keep nothing for an order any more."""
        self.holds.pop(txid, None)

    def book(self, trade: LedgerTrade, base: str, quote: str) -> dict[str, Decimal]:
        """Move the money of a trade; return what each currency changed by."""
        sign = 1 if trade.side == "buy" else -1
        moves = {base: sign * trade.amount, quote: -sign * trade.cost}
        moves[trade.fee_currency] -= trade.fee
        for currency, change in moves.items():
            after = self.balances.get(currency, _ZERO) + change
            if after < 0:
                raise AssertionError(f"{trade.txid} would leave {after} {currency}")
            self.balances[currency] = after
        self.trades.append(trade)
        return moves
