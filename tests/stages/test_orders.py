from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from quorate import Draft, Market, Side
from quorate.stages import orders

MARKET = Market(
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    venue_symbol="BTC/USD",
    price_step=Decimal("0.1"),
    amount_step=Decimal("0.01"),
    min_amount=Decimal("0.01"),
    min_cost=Decimal(1),
    maker_fee=Decimal(0),
    taker_fee=Decimal(0),
)
WANTED = Draft(
    symbol="BTC/USD",
    venue_symbol="BTC/USD",
    side=Side.BUY,
    purpose="entry",
    rule="quorum",
    type="limit",
    time_in_force="GTC",
    post_only=False,
    quote_amount=Decimal(1000),
    amount=Decimal(0),
    limit_price=Decimal("100.0"),
    reference_price=Decimal("100.0"),
    attempt=1,
)


@pytest.mark.parametrize(
    ("before", "amount", "says"),
    [
        (Decimal(0), Decimal("10"), ""),
        (Decimal(0), Decimal("10.01"), "spends more than 1000"),
        (Decimal(5), Decimal("5"), ""),
        (Decimal(5), Decimal("5.01"), "must not raise the amount from 5 to 5.01"),
        (Decimal(5), Decimal("4"), ""),
    ],
)
def test_a_plugin_may_lower_an_amount_never_raise_it(
    before: Decimal, amount: Decimal, says: str
) -> None:
    draft = replace(WANTED, amount=before)
    assert orders._too_much(draft, replace(draft, amount=amount)) == says
