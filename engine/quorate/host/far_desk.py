"""The desk as a plugin's own process sees it: each question goes to the engine.

The engine waits for the plugin's answer meanwhile, so that all answers are of the same
moment. Nothing is copied that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Protocol

from quorate.contract.records import Learned
from quorate.contract.views import Desk
from quorate.values.rates import RateLimits
from quorate.values.trade import Market, Order, Position

QUESTIONS = frozenset(
    (
        *("market", "limits", "param", "price", "market_of", "confidence", "total"),
        *("free", "positions", "live_orders", "order", "learned", "recall"),
        "risk_approved",
    )
)
"""What may be asked of a desk from afar."""

PROPERTIES = frozenset(("market", "limits"))


class Line(Protocol):
    """The way to the engine."""

    def ask(self, call: int, question: str, arguments: tuple[str, ...]) -> Any:
        """Return the engine's answer; raises as its desk did."""


@dataclass(slots=True)
class FarDesk:
    """Implements ``Desk`` for the call numbered ``call``, and no longer."""

    call: int
    now_ms: int
    symbol: str

    line: ClassVar[Line]

    def _ask(self, question: str, *arguments: str) -> Any:
        return self.line.ask(self.call, question, arguments)

    @property
    def market(self) -> Market:
        """What the venue says of the symbol."""
        market: Market = self._ask("market")
        return market

    @property
    def limits(self) -> RateLimits | None:
        """The account's rate limits, None when not known."""
        limits: RateLimits | None = self._ask("limits")
        return limits

    def param(self, name: str) -> Decimal | bool | str:
        """Return a param's value for the symbol, tuning included."""
        value: Decimal | bool | str = self._ask("param", name)
        return value

    def price(self, symbol: str) -> Decimal | None:
        """Return the last price seen of ``symbol``, None before the first."""
        price: Decimal | None = self._ask("price", symbol)
        return price

    def market_of(self, symbol: str) -> Market:
        """Return what the venue says of another symbol."""
        market: Market = self._ask("market_of", symbol)
        return market

    def confidence(self, symbol: str) -> Decimal | None:
        """Return the votes' confidence at the last closed candle of ``symbol``."""
        confidence: Decimal | None = self._ask("confidence", symbol)
        return confidence

    def total(self, currency: str) -> Decimal:
        """Return what the account holds of a currency, locked included."""
        total: Decimal = self._ask("total", currency)
        return total

    def free(self, currency: str) -> Decimal:
        """Return what of a currency is not locked in live orders."""
        free: Decimal = self._ask("free", currency)
        return free

    def positions(self) -> Iterable[Position]:
        """Return the open positions of all symbols, oldest first."""
        positions: list[Position] = self._ask("positions")
        return positions

    def live_orders(self) -> Iterable[Order]:
        """Return the orders that the venue may still fill, all symbols."""
        orders: list[Order] = self._ask("live_orders")
        return orders

    def order(self, client_id: str) -> Order | None:
        """Return an order by our id, live or over, None when there is none."""
        order: Order | None = self._ask("order", client_id)
        return order

    def learned(self, what: str, symbol: str) -> Learned | None:
        """Return the lesson in force, None when there is none or it has expired."""
        lesson: Learned | None = self._ask("learned", what, symbol)
        return lesson

    def recall(self, plugin: str) -> Mapping[str, Any]:
        """Return what a plugin remembered, as its ``remember`` hook left it."""
        memory: Mapping[str, Any] = self._ask("recall", plugin)
        return memory

    def risk_approved(self) -> bool | None:
        """Whether no veto of the rulebook holds for the symbol; None if unknown."""
        approved: bool | None = self._ask("risk_approved")
        return approved


def answer(desk: Desk, question: str, arguments: tuple[str, ...]) -> Any:
    """Return what a desk answers to a question from afar.

    Raises:
        Exception: whatever the desk raises; TypeError for what is no question.
    """
    if question not in QUESTIONS or not all(type(one) is str for one in arguments):
        raise TypeError(f"a desk cannot be asked {question!r:.40}")
    if question in PROPERTIES:
        return getattr(desk, question)
    found = getattr(desk, question)(*arguments)
    return list(found) if question in ("positions", "live_orders") else found
