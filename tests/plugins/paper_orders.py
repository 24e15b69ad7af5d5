"""Orders, moments and settings for the tests of the paper venue."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from quorate import (
    Answer,
    CancelRefused,
    Ended,
    Filled,
    Intent,
    MarketNow,
    OrderType,
    Purpose,
    Refused,
    Side,
    TimeInForce,
)

T0 = 1_700_000_000_000

PAPER: Mapping[str, Any] = {
    "balances": {"USD": 10000, "BTC": 10},
    "fees": {"maker": Decimal("0.0025"), "taker": Decimal("0.004")},
    "latency": 250,
    "spread": Decimal("0.002"),
    "slippage": Decimal("0.01"),
    "participation": Decimal("0.1"),
    "tier": "starter",
    "markets": [
        {
            "match": "BTC/USD",
            "price_step": "0.1",
            "amount_step": "0.0001",
            "min_amount": "0.001",
            "min_cost": "0.5",
        },
        {
            "match": "*/USD",
            "price_step": "0.01",
            "amount_step": "0.01",
            "min_amount": 1,
            "min_cost": "0.5",
            "venue_symbol": "ODD",
            "hidden_min_amount": 5,
        },
    ],
}


def moment(
    price: str | Decimal = "100", volume: str | Decimal = "100", at_ms: int = T0
) -> MarketNow:
    return MarketNow(
        at_ms=at_ms,
        price=Decimal(price),
        volume=Decimal(volume),
        candle_ms=at_ms - at_ms % 60_000,
    )


def order(
    client_id: str = "a", side: str = "buy", amount: str = "1", **changes: Any
) -> Intent:
    limit = changes.pop("limit", None)
    return Intent(
        client_id=client_id,
        root_id=client_id,
        symbol=changes.pop("symbol", "BTC/USD"),
        venue_symbol=changes.pop("venue_symbol", "BTC/USD"),
        side=Side(side),
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce(changes.pop("tif", "GTC")),
        post_only=changes.pop("post_only", False),
        amount=Decimal(amount),
        limit_price=None if limit is None else Decimal(limit),
        reference_price=Decimal(100),
        purpose=Purpose.ENTRY,
        rule="r",
        attempt=1,
        max_attempts=1,
        cancel_after_ms=0,
        position_id="p",
        made_ms=changes.pop("made_ms", T0),
    )


def said(answers: list[Answer]) -> list[str]:
    """Return the answers in short: what they say, and amounts at prices."""
    words = []
    for answer in answers:
        if isinstance(answer, Filled):
            fill = answer.fill
            words.append(f"{fill.liquidity} {fill.amount.normalize()} at {fill.price}")
        elif isinstance(answer, Ended):
            words.append(answer.reason)
        elif isinstance(answer, Refused | CancelRefused):
            words.extend(answer.errors)
        else:
            words.append(type(answer).__name__.lower())
    return words


def balances(venue: Any) -> dict[str, Decimal]:
    return dict(venue.open_balances(("USD", "BTC", "DOGE")))
