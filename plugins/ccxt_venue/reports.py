"""Read what ccxt and the raw reply say of orders, trades and amounts, exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from quorate import Fill, Liquidity, OrderReport, Side, VenueTrade, exact

from .adapter import Adapter
from .wire import Unclear

_OPEN = ("open", "canceling")
_REASONS = {
    "closed": "filled",
    "canceled": "cancelled",
    "rejected": "cancelled",
    "expired": "expired",
}


def order_report(
    order: Mapping[str, Any], adapter: Adapter, at_ms: int, symbol: str = ""
) -> OrderReport:
    """Return the report of an order in ccxt's shape; fills are not read here.

    Raises:
        Unclear: it has no id, no known status, or no readable amounts.
    """
    venue_id, status = order.get("id"), order.get("status")
    if not isinstance(venue_id, str) or not venue_id:
        raise Unclear("an order without an id was told")
    if status not in _OPEN and status not in _REASONS:
        raise Unclear(f"order {venue_id} has the status {status!r}")
    amount, filled = (_figure(order, name, adapter) for name in ("amount", "filled"))
    if filled is None or filled < 0:
        raise Unclear(f"order {venue_id} does not say how much was filled")
    reason = "" if status in _OPEN else _REASONS[str(status)]
    if reason == "filled" and amount is not None and filled < amount:
        reason = "cancelled"
    return OrderReport(
        at_ms=at_ms,
        client_id=_client_id(order, adapter),
        venue_id=venue_id,
        symbol=str(order.get("symbol") or symbol),
        side=_side(order),
        amount=amount,
        open=not reason,
        reason=reason,
        filled=filled,
    )


def venue_trade(trade: Mapping[str, Any], adapter: Adapter) -> VenueTrade:
    """Return an execution in ccxt's shape as ours.

    A side of the book that is not told counts as taken, the dearer one.

    Raises:
        Unclear: a part of it is missing.
    """
    trade_id, side, at_ms = trade.get("id"), _side(trade), trade.get("timestamp")
    figures = {
        name: _figure(trade, name, adapter) for name in ("price", "amount", "fee")
    }
    price, amount, fee = figures["price"], figures["amount"], figures["fee"]
    if not (trade_id and trade.get("order") and side and isinstance(at_ms, int)):
        raise Unclear(f"trade {trade_id} lacks its id, order, side or time")
    if not price or not amount or fee is None or price < 0 or amount < 0:
        raise Unclear(f"trade {trade_id} lacks its price, amount or fee")
    told = trade.get("fee")
    currency = told.get("currency") if isinstance(told, Mapping) else None
    if fee and not currency:
        raise Unclear(f"trade {trade_id} does not say in what its fee was paid")
    maker = trade.get("takerOrMaker") == "maker"
    return VenueTrade(
        at_ms=at_ms,
        venue_id=str(trade["order"]),
        symbol=str(trade.get("symbol") or ""),
        side=side,
        fill=Fill(
            trade_id=str(trade_id),
            price=price,
            amount=amount,
            fee=fee,
            fee_currency=str(currency or ""),
            liquidity=Liquidity.MAKER if maker else Liquidity.TAKER,
        ),
    )


def with_fills(report: OrderReport, trades: Iterable[VenueTrade]) -> OrderReport:
    """Return ``report`` with its fills out of ``trades``.

    Raises:
        Unclear: an order that is over has other fills than it says.
    """
    fills = tuple(each.fill for each in trades if each.venue_id == report.venue_id)
    summed = sum((fill.amount for fill in fills), Decimal(0))
    filled = report.filled or Decimal(0)
    if not report.open and summed != filled:
        told = f"order {report.venue_id} says that {filled} was filled"
        raise Unclear(f"{told}, its trades say {summed}")
    # Trades that were asked for later know more than the order did.
    return replace(report, fills=fills, filled=max(filled, summed))


def total_of(told: Mapping[str, Any], currency: str) -> Decimal:
    """Return what a balance says of a currency in all.

    Raises:
        Unclear: it is no number.
    """
    total = told.get("total")
    if total is None and None not in (told.get("free"), told.get("used")):
        return _number(told["free"], currency) + _number(told["used"], currency)
    return _number(total, currency)


def _client_id(order: Mapping[str, Any], adapter: Adapter) -> str:
    name = adapter.order_fields.get("client_id")
    told = order.get("clientOrderId") if name is None else _raw(order).get(name)
    return told if isinstance(told, str) else ""


def _side(told: Mapping[str, Any]) -> Side | None:
    side = told.get("side")
    return Side(side) if side in (Side.BUY.value, Side.SELL.value) else None


def _figure(told: Mapping[str, Any], name: str, adapter: Adapter) -> Decimal | None:
    """Return a figure, from the raw reply where the adapter says where it stands."""
    fields = adapter.order_fields if "status" in told else adapter.trade_fields
    if name in fields:
        value = _raw(told).get(fields[name])
    elif name == "fee":
        fee = told.get("fee")
        value = fee.get("cost") if isinstance(fee, Mapping) else None
    else:
        value = told.get(name)
    return None if value is None else _number(value, name)


def _number(value: object, what: str) -> Decimal:
    try:
        if isinstance(value, str | int | float | Decimal):
            return exact(str(value) if isinstance(value, int) else value)
    except (ArithmeticError, ValueError):
        pass
    raise Unclear(f"{what} is no number: {value!r}")


def _raw(told: Mapping[str, Any]) -> Mapping[str, Any]:
    info = told.get("info")
    return info if isinstance(info, Mapping) else {}
