"""The desk: one symbol and the account at one moment, as assistants see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from quorate.contract.records import Learned
from quorate.flow.state import State
from quorate.rulebook.params import ParamValue
from quorate.rulebook.rulebook import Rulebook
from quorate.values.numbers import ONE, ZERO, exact
from quorate.values.rates import RateLimits
from quorate.values.trade import Market, Order, Position, Side

if TYPE_CHECKING:
    from quorate.flow.turn import Bench


@dataclass(slots=True)
class FlowDesk:
    """Implements ``Desk`` over the state, the rulebook and the driver's market view.

    ``rulebook`` is the one whose params count, None for that of now.
    """

    bench: Bench
    symbol: str
    now_ms: int
    rulebook: Rulebook | None = None

    def frozen(self) -> FlowDesk:
        """Return this desk as its state is now; prices go on moving.

        For an assistant that is told of a record later, as a replay would tell it.
        """
        bench, state = copy(self.bench), copy(self._state)
        for one in fields(state):
            value = getattr(state, one.name)
            if isinstance(value, dict | set):
                setattr(state, one.name, copy(value))
        bench.state, bench._params, bench._floats, bench._held = state, {}, {}, {}
        return FlowDesk(bench, self.symbol, self.now_ms, self.rulebook)

    @property
    def _state(self) -> State:
        return self.bench.state

    @property
    def market(self) -> Market:
        """What the venue says of the symbol."""
        return self._state.markets[self.symbol]

    @property
    def limits(self) -> RateLimits | None:
        """The account's rate limits, None when not known."""
        return self._state.limits

    def param(self, name: str) -> ParamValue:
        """Return a param's value for the symbol, tuning included."""
        return self.bench.params(self.symbol, self.rulebook)[name]

    def params(self, *, exact: bool) -> Mapping[str, Any]:
        """Return every param's value; numbers as Decimal if ``exact``, else float."""
        if exact:
            return self.bench.params(self.symbol, self.rulebook)
        return self.bench.float_params(self.symbol, self.rulebook)

    def price(self, symbol: str) -> Decimal | None:
        """Return the last price seen of ``symbol``, None before the first."""
        price = self.bench.view.price(symbol)
        return None if price is None else exact(price)

    def market_of(self, symbol: str) -> Market:
        """Return what the venue says of another symbol."""
        return self._state.markets[symbol]

    def column(self, name: str) -> float | None:
        """Return a market column's value at the last closed candle."""
        return self.bench.view.column(self.symbol, name)

    def confidence(self, symbol: str) -> Decimal | None:
        """Return the votes' confidence at the last closed candle of ``symbol``."""
        value = self.bench.view.column(symbol, "confidence")
        return None if value is None or value != value else exact(value)  # noqa: PLR0124

    def total(self, currency: str) -> Decimal:
        """Return what the account holds of a currency, locked included."""
        return self._state.balances.get(currency, ZERO)

    def free(self, currency: str) -> Decimal:
        """Return what of a currency is not locked in live orders."""
        locked = sum(
            (self._locked(order, currency) for order in self._state.live.values()), ZERO
        )
        return self.total(currency) - locked

    def _locked(self, order: Order, currency: str) -> Decimal:
        """Return what an order may still take of a currency, at its worst."""
        intent = order.intent
        market = self._state.markets[intent.symbol]
        if intent.side is Side.SELL:
            return order.remaining if currency == market.base else ZERO
        if currency != market.quote:
            return ZERO
        price = intent.limit_price or intent.reference_price
        return order.remaining * price * (ONE + market.taker_fee)

    def positions(self) -> Iterable[Position]:
        """Return the open positions of all symbols, oldest first."""
        return [
            position for position in self._state.positions.values() if position.bought
        ]

    def live_orders(self) -> Iterable[Order]:
        """Return the orders that the venue may still fill, all symbols."""
        return list(self._state.live.values())

    def order(self, client_id: str) -> Order | None:
        """Return an order by our id, live or over, None when there is none."""
        return self._state.order(client_id)

    def learned(self, what: str, symbol: str) -> Learned | None:
        """Return the lesson in force, None when there is none or it has expired."""
        lesson = self._state.learned.get((what, symbol))
        if lesson is None or lesson.expires_ms <= self.now_ms:
            return None
        return lesson

    def recall(self, plugin: str) -> Mapping[str, Any]:
        """Return what a plugin remembered, as its ``remember`` hook left it."""
        return self._state.memories.get(plugin, {})

    def risk_approved(self) -> bool | None:
        """Whether no veto of the rulebook holds for the symbol; None if unknown."""
        return self.bench.approval(self)
