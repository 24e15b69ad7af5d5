"""Kraken's ``executions`` channel: frames in any order, merged into order reports.

An order is told of in parts: ``pending_new`` has everything, ``new`` and the last event
have neither symbol nor our id, a fill has a frame of its own and may say
``partially_filled`` though it fills the order. Parts are merged by the exchange's id.
Frames that come twice or late change nothing that is known better. Pure: reads no
clock, and every figure stays a Decimal as it was written.

Source: docs.kraken.com/exchange/api-reference/spot-websocket-v2/executions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from quorate import Fill, Liquidity, OrderReport, Side

from .kraken_market import moment_ms

REMEMBERED = 5_000
"""Orders that are kept in mind; those that are over are forgotten first."""
MOST_MISSING = 1_000

_REASONS = {"filled": "filled", "canceled": "cancelled", "expired": "expired"}
_LIQUIDITY = {"m": Liquidity.MAKER, "t": Liquidity.TAKER}
_MOST = Decimal(10) ** 18


def read_exactly(text: str) -> object:
    """Return the JSON of a frame with every number as the Decimal it was written as.

    Raises:
        ValueError: it is no JSON, or has a number that is none.
    """
    return json.loads(
        text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number
    )


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number")


@dataclass(slots=True)
class _Known:
    """What frames have said of one order so far."""

    venue_id: str
    at_ms: int = 0
    client_id: str = ""
    symbol: str = ""
    side: Side | None = None
    amount: Decimal | None = None
    filled: Decimal | None = None
    reason: str = ""
    fills: dict[str, Fill] = field(default_factory=dict)
    told: OrderReport | None = None


class Executions:
    """Merges executions; ``currency`` gives the common name of an asset."""

    def __init__(self, currency: Callable[[str], str]) -> None:
        self._currency = currency
        self._orders: dict[str, _Known] = {}

    def take(self, item: Mapping[str, Any]) -> OrderReport | None:
        """Return what is known of an order with this execution, None for nothing new.

        A fill that cannot be read exactly is left out: the amount filled in all, which
        is told with it, shows that it is missing.

        Raises:
            ValueError: it cannot be read; what became of the order has to be asked for.
        """
        venue_id = item.get("order_id")
        if not isinstance(venue_id, str) or not venue_id:
            raise ValueError("an execution without an order")
        read = _read(item)  # all of it, before anything is believed
        fill = self._fill(item)
        order = self._orders.get(venue_id)
        if order is None:
            order = self._orders[venue_id] = _Known(venue_id)
            self._forget()
        self._merge(order, read, fill)
        report = _report(order)
        if order.told is not None and _same(order.told, report):
            return None
        order.told = report
        return report

    def _merge(self, order: _Known, read: _Read, fill: Fill | None) -> None:
        over = bool(order.reason)
        order.at_ms = max(order.at_ms, read.at_ms)
        order.client_id = order.client_id or read.client_id
        order.symbol = order.symbol or read.symbol
        order.side = order.side or read.side
        if read.amount is not None and (not over or order.amount is None):
            order.amount = read.amount
        if fill is not None:
            order.fills.setdefault(fill.trade_id, fill)
        if read.reason and not over:
            # The last word on the order: what was filled is final, even if it is less.
            order.reason = read.reason
            order.filled = order.filled if read.filled is None else read.filled
        elif read.filled is not None and not over:
            order.filled = max(read.filled, order.filled or Decimal(0))
        if not order.reason:
            summed = sum((one.amount for one in order.fills.values()), Decimal(0))
            if summed or order.filled is not None:
                order.filled = max(summed, order.filled or Decimal(0))

    def _fill(self, item: Mapping[str, Any]) -> Fill | None:
        """Return the fill of a trade, None when it is not all there."""
        trade_id, liquidity = item.get("exec_id"), item.get("liquidity_ind")
        if item.get("exec_type") != "trade" or not isinstance(trade_id, str):
            return None
        price, amount = _figure(item, "last_price"), _figure(item, "last_qty")
        fee = self._fee(item)
        known = _LIQUIDITY.get(liquidity) if isinstance(liquidity, str) else None
        if not trade_id or not price or not amount or fee is None or known is None:
            return None
        return Fill(
            trade_id=trade_id,
            price=price,
            amount=amount,
            fee=fee[0],
            fee_currency=fee[1],
            liquidity=known,
        )

    def _fee(self, item: Mapping[str, Any]) -> tuple[Decimal, str] | None:
        """Return a fee and its currency; None when it is none of one currency."""
        fees = item.get("fees")
        if not isinstance(fees, list) or not fees:
            return None
        total, assets = Decimal(0), set()
        for each in fees:
            part = _figure(each, "qty", least=-_MOST)  # a rebate is a fee below zero
            if part is None or not isinstance(each.get("asset"), str):
                return None
            if part:
                assets.add(each["asset"])
            total += part
        if len(assets) > 1:
            return None
        return total, self._currency(assets.pop() if assets else fees[0]["asset"])

    def _forget(self) -> None:
        if len(self._orders) <= REMEMBERED:
            return
        over = (name for name, order in self._orders.items() if order.reason)
        del self._orders[next(over, next(iter(self._orders)))]


@dataclass(frozen=True, slots=True)
class _Read:
    """One execution, read: "" and None for what it does not say."""

    at_ms: int
    client_id: str
    symbol: str
    side: Side | None
    amount: Decimal | None
    filled: Decimal | None
    reason: str


def _read(item: Mapping[str, Any]) -> _Read:
    side, told = item.get("side"), item.get("timestamp")
    client_id, symbol = item.get("cl_ord_id"), item.get("symbol")
    return _Read(
        at_ms=moment_ms(told) if isinstance(told, str) else 0,
        client_id=client_id if isinstance(client_id, str) else "",
        symbol=symbol if isinstance(symbol, str) else "",
        side=Side(side) if side in (Side.BUY.value, Side.SELL.value) else None,
        amount=_figure(item, "order_qty") or None,
        filled=_figure(item, "cum_qty"),
        reason=_reason(item),
    )


def _reason(item: Mapping[str, Any]) -> str:
    """Return why the order is over, "" while it is not; a fill does not say so."""
    kind, status = item.get("exec_type"), item.get("order_status")
    if kind == "trade":
        return ""
    return _REASONS.get(str(kind)) or _REASONS.get(str(status)) or ""


def _report(order: _Known) -> OrderReport:
    return OrderReport(
        at_ms=order.at_ms,
        client_id=order.client_id,
        venue_id=order.venue_id,
        symbol=order.symbol,
        side=order.side,
        amount=order.amount,
        open=not order.reason,
        reason=order.reason,
        filled=order.filled,
        fills=tuple(order.fills.values()),
    )


def _same(one: OrderReport, other: OrderReport) -> bool:
    """Return whether two reports say the same, whenever they were made."""
    parts = ("client_id", "symbol", "side", "amount", "reason", "filled", "fills")
    return all(getattr(one, part) == getattr(other, part) for part in parts)


def _figure(
    item: Mapping[str, Any], name: str, least: Decimal = Decimal(0)
) -> Decimal | None:
    """Return a figure, None when it is not told.

    Raises:
        ValueError: it is no number, or none that an exchange has.
    """
    value = item.get(name)
    if value is None:
        return None
    try:
        number = Decimal(value) if isinstance(value, Decimal | int | str) else None
    except InvalidOperation:
        number = None
    if number is None or isinstance(value, bool) or not number.is_finite():
        raise ValueError(f"{name} is no number")
    if not least <= number <= _MOST:
        raise ValueError(f"{name} is {number:.6g}")
    return number


class Sequence:
    """The numbers of a connection's frames: which are missing, and since when.

    A frame that is late is no hole: it is waited for first.
    """

    def __init__(self) -> None:
        self._next = 1
        self._missing: dict[int, int] = {}

    def take(self, number: object, at_ms: int) -> None:
        """Note a frame's number; one that has none is not looked at."""
        if not isinstance(number, Decimal | int):
            return
        here = int(number)
        self._missing.pop(here, None)
        for missing in range(max(self._next, here - MOST_MISSING), here):
            self._missing[missing] = at_ms
        self._next = max(self._next, here + 1)

    def holes(self, before_ms: int) -> int:
        """Return how many frames are missing since before a moment; forget them."""
        found = [number for number, at_ms in self._missing.items() if at_ms < before_ms]
        for number in found:
            del self._missing[number]
        return len(found)
