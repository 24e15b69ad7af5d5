"""Send an order, once, exactly as it was intended; and ask for one to be cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from quorate import (
    Accepted,
    CancelReply,
    Intent,
    Order,
    OrderType,
    Purpose,
    Refused,
    Side,
    TimeInForce,
    Unknown,
    floor_to,
    plain,
)

from . import outcomes
from .lanes import Urgency
from .wire import Errand, NotSent

if TYPE_CHECKING:
    from .venue import CcxtVenue

PATIENCE_S = 30.0
"""How long an order without a deadline waits for its turn."""


class Exact(float):
    """A float that is written as the text it came from: ccxt computes, nothing drifts.

    ccxt checks and compares amounts as numbers, and writes them to the wire by ``str``.
    """

    text: str

    def __new__(cls, value: Decimal) -> Exact:
        """Keep the exact text of ``value`` beside the float."""
        made = super().__new__(cls, value)
        made.text = plain(value)
        return made

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


async def send(venue: CcxtVenue, intent: Intent) -> Accepted | Refused | Unknown:
    """Send an order once and say what came of it."""
    leaving = intent.purpose is not Purpose.ENTRY
    errand = Errand(
        urgency=Urgency.PROTECT if leaving else Urgency.ENTER,
        patience_s=PATIENCE_S,
        question=False,
        leave_by_ms=intent.deadline_ms,
    )
    told: object = None
    failure: Exception | None = None
    try:
        call = _prepared(venue, intent, errand)
        told = await venue.run(errand, lambda: venue.exchange.create_order(**call))
    except Exception as error:  # noqa: BLE001 - no exception is an outcome
        failure = error
    client_id = intent.client_id
    return outcomes.of_send(
        venue.adapter, client_id, errand, told, failure, venue.secrets
    )


async def cancel(venue: CcxtVenue, order: Order) -> CancelReply:
    """Ask once for an order to be cancelled."""
    errand = Errand(urgency=Urgency.PROTECT, patience_s=PATIENCE_S, question=False)
    failure: Exception | None = None
    try:
        call = _cancelling(venue, order, errand)
        await venue.run(errand, lambda: venue.exchange.cancel_order(**call))
    except Exception as error:  # noqa: BLE001 - no exception is an outcome
        failure = error
    return outcomes.of_cancel(venue.adapter, errand, failure, venue.secrets)


async def hold_alive(venue: CcxtVenue, timeout_ms: int) -> None:
    """Have every order cancelled ``timeout_ms`` from now, 0 for never.

    It counts in whole seconds (docs.kraken.com/api-reference/trading/
    cancel-all-orders-after-x), so what is left of one is rounded up.

    Raises:
        NoAnswer: it is not known whether the exchange has heard.
    """
    whole_ms = -(-timeout_ms // 1000) * 1000
    call = partial(venue.exchange.cancel_all_orders_after, whole_ms)
    await venue.ask("its dead man's switch", call, urgency=Urgency.PROTECT)


def _cancelling(venue: CcxtVenue, order: Order, errand: Errand) -> dict[str, Any]:
    adapter, ours = venue.adapter, order.intent.client_id
    call: dict[str, Any] = {"id": order.venue_id, "symbol": venue.name_of(order.intent)}
    if not order.venue_id:
        if not adapter.cancel_by_client_id:
            raise NotSent("the exchange's id of the order is not known yet")
        call["params"] = {adapter.cancel_client_id_param: ours}
    errand.words = (order.venue_id or ours,)
    return call


def _prepared(venue: CcxtVenue, intent: Intent, errand: Errand) -> dict[str, Any]:
    """Return the arguments of create_order, and demand that the wire carries them."""
    adapter, symbol = venue.adapter, venue.name_of(intent)
    if not adapter.takes(intent.client_id):
        raise NotSent(f"client id {intent.client_id} is not of a form it takes")
    params: dict[str, Any] = {adapter.client_id_param: intent.client_id}
    params |= adapter.send_params
    params |= _time_in_force(venue, intent) | _deadline(venue, intent)
    if intent.post_only:
        params["postOnly"] = True
    _on_grid(venue, intent, symbol)
    errand.words = (intent.client_id,)
    errand.figures = (intent.amount,)
    price = intent.limit_price
    if price is not None:
        errand.figures = (intent.amount, price)
    elif adapter.market_buy_in_quote and intent.side is Side.BUY:
        cost = _cost(venue, intent, symbol)
        params["cost"], errand.figures = plain(cost), (cost,)
    return {
        "symbol": symbol,
        "type": intent.type.value,
        "side": intent.side.value,
        "amount": Exact(intent.amount),
        "price": None if price is None else Exact(price),
        "params": params,
    }


def _on_grid(venue: CcxtVenue, intent: Intent, symbol: str) -> None:
    """Refuse what ccxt would round, up as gladly as down."""
    market = venue.rules[symbol]
    if intent.amount % market.amount_step:
        raise NotSent(f"amount {intent.amount} is off the step {market.amount_step}")
    if intent.limit_price is not None and intent.limit_price % market.price_step:
        raise NotSent(f"price {intent.limit_price} is off the step {market.price_step}")


def _cost(venue: CcxtVenue, intent: Intent, symbol: str) -> Decimal:
    """Return what a market buy is to spend where it is told in quote currency."""
    market = venue.exchange.market(symbol)
    precision: Mapping[str, Any] = market.get("precision") or {}
    told = precision.get("cost") or precision.get("quote") or precision.get("price")
    cost = intent.amount * intent.reference_price
    step = Decimal(str(told)) if told else Decimal("0.01")
    return floor_to(cost, step).quantize(step, ROUND_DOWN)


def _time_in_force(venue: CcxtVenue, intent: Intent) -> dict[str, Any]:
    if intent.type is OrderType.MARKET:
        if intent.time_in_force is TimeInForce.FOK:
            raise NotSent("a market order cannot be all or nothing")
        return {}
    if intent.time_in_force is TimeInForce.GTC:
        return {}
    return {"timeInForce": venue.adapter.time_in_force[intent.time_in_force]}


def _deadline(venue: CcxtVenue, intent: Intent) -> dict[str, Any]:
    """Return the exchange-side deadline in RFC 3339, no later than it allows."""
    adapter = venue.adapter
    if not (adapter.deadline_param and intent.deadline_ms):
        return {}
    latest_ms = venue.clock.now_ms() + adapter.deadline_most_ms
    until = datetime.fromtimestamp(min(intent.deadline_ms, latest_ms) / 1000, UTC)
    text = until.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {adapter.deadline_param: text}
