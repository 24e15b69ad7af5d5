"""Single folds of the state, each with the number that must come out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from quorate import (
    Fill,
    Filled,
    Intended,
    Intent,
    Liquidity,
    Market,
    OrderType,
    Purpose,
    Side,
    Started,
    Stopped,
    TimeInForce,
)
from quorate.flow.state import State

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
BUY = Intent(
    client_id="r-1",
    root_id="r-1",
    symbol="BTC/USD",
    venue_symbol="BTC/USD",
    side=Side.BUY,
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=False,
    amount=Decimal(2),
    limit_price=Decimal(100),
    reference_price=Decimal(100),
    purpose=Purpose.ENTRY,
    rule="quorum",
    attempt=1,
    max_attempts=1,
    cancel_after_ms=0,
    position_id="p1",
    made_ms=0,
)


def filled(client_id: str, amount: str) -> Filled:
    fill = Fill(
        trade_id=f"{client_id}-{amount}",
        price=Decimal(100),
        amount=Decimal(amount),
        fee=Decimal(0),
        fee_currency="USD",
        liquidity=Liquidity.TAKER,
    )
    return Filled(at_ms=1, client_id=client_id, fill=fill)


def started() -> State:
    state = State()
    state.apply(
        Started(
            at_ms=0,
            run="r",
            venue="paper",
            rulebook="x",
            source="y",
            markets=(MARKET,),
            balances=(("USD", Decimal(1000)),),
        )
    )
    return state


def test_what_a_live_sale_has_promised_cannot_be_sold_again() -> None:
    state = started()
    state.apply(Intended(at_ms=0, intent=BUY))
    state.apply(filled("r-1", "2"))
    assert state.sellable("p1") == 2
    sale = replace(
        BUY,
        client_id="r-2",
        side=Side.SELL,
        amount=Decimal("1.5"),
        purpose=Purpose.TAKE_PROFIT,
    )
    state.apply(Intended(at_ms=2, intent=sale))
    assert state.sellable("p1") == Decimal("0.5")
    state.apply(filled("r-2", "1"))
    assert state.sellable("p1") == Decimal("0.5")


def test_a_shorter_stop_does_not_replace_a_longer_one() -> None:
    state = started()
    for until_ms in (1_000, 5_000, 3_000):
        state.apply(Stopped(at_ms=0, symbol="*", until_ms=until_ms, why="key"))
    assert state.stopped["*"].until_ms == 5_000
