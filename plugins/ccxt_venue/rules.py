"""Market rules as the exchange tells them: grid, minimums, status, real fees."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from quorate import Market, exact

from .adapter import Adapter
from .wire import Unclear

_DECIMAL_PLACES, _SIGNIFICANT_DIGITS = 2, 3
"""ccxt's precision modes that are not a step (its third is)."""
_FEE_LOW, _FEE_HIGH = Decimal("-0.01"), Decimal("0.1")
Fees = tuple[Decimal, Decimal]
"""The maker's fee and the taker's, as ratios."""


def market_rules(
    market: Mapping[str, Any], adapter: Adapter, precision_mode: int, fees: Fees
) -> Market:
    """Return a market of ccxt as ours.

    Raises:
        Unclear: it does not say its steps, or its fees cannot be true.
    """
    symbol, info = str(market["symbol"]), _part(market, "info")
    precision, limits = _part(market, "precision"), _part(market, "limits")
    price_step = _step(precision.get("price"), precision_mode)
    if info.get(adapter.tick_field):
        price_step = _number(info[adapter.tick_field], symbol)
    amount_step = _step(precision.get("amount"), precision_mode)
    if not price_step or not amount_step or price_step < 0 or amount_step < 0:
        raise Unclear(f"{symbol}: its price or amount step is not known")
    if not all(_FEE_LOW <= fee <= _FEE_HIGH for fee in fees):
        raise Unclear(f"{symbol}: fees of {fees[0]} and {fees[1]} cannot be")
    return Market(
        symbol=symbol,
        base=str(market["base"]),
        quote=str(market["quote"]),
        venue_symbol=symbol,
        price_step=price_step,
        amount_step=amount_step,
        min_amount=_least(limits, "amount", symbol),
        min_cost=_least(limits, "cost", symbol),
        maker_fee=fees[0],
        taker_fee=fees[1],
        status=_status(market, info, adapter),
    )


def fees_of(told: Mapping[str, Any], symbol: str) -> Fees:
    """Return the fees of ccxt's fee structure.

    Raises:
        Unclear: it does not say them.
    """
    return _number(told.get("maker"), symbol), _number(told.get("taker"), symbol)


def _status(
    market: Mapping[str, Any], info: Mapping[str, Any], adapter: Adapter
) -> str:
    status = info.get(adapter.status_field)
    if isinstance(status, str) and status:
        return status
    return "cancel_only" if market.get("active") is False else "online"


def _step(value: object, mode: int) -> Decimal | None:
    if value is None:
        return None
    number = _number(value, "precision")
    if mode == _DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(number))
    return None if mode == _SIGNIFICANT_DIGITS else number


def _least(limits: Mapping[str, Any], what: str, symbol: str) -> Decimal:
    least = _part(limits, what).get("min")
    return Decimal(0) if least is None else _number(least, symbol)


def _number(value: object, what: str) -> Decimal:
    try:
        if isinstance(value, str | int | float | Decimal):
            return exact(str(value) if isinstance(value, int) else value)
    except (ArithmeticError, ValueError):
        pass
    raise Unclear(f"{what}: {value!r} is no number")


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    return part if isinstance(part, Mapping) else {}
