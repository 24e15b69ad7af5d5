"""What holds whatever is traded: money is neither made nor lost, nor spent twice."""

from __future__ import annotations

from copy import copy
from decimal import Decimal
from importlib import import_module
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

hand = import_module("core_by_hand")
ByHand = hand.ByHand
part = hand.part
tape = hand.tape

LIVELY = tape(
    [
        (50_000, 50_400, 49_700, 50_100),
        (50_100, 51_000, 50_000, 50_900),
        (50_900, 50_950, 49_000, 49_100),
        (49_100, 50_200, 49_050, 50_000),
    ],
    volume=0.4,
)
PENNY = Decimal("0.00001")

sides = st.sampled_from(["buy", "sell"])
volumes = (
    st.integers(5, 40_000)
    .map(lambda n: Decimal(n) * 10 + 3)
    .map(lambda n: n / 1_000_000)
)
prices = st.integers(485_000, 515_000).map(lambda n: Decimal(n) / 10)
flags = st.sampled_from(["", "fcib", "fciq", "post", "post,fcib"])
limits = st.fixed_dictionaries(
    {
        "side": sides,
        "volume": volumes,
        "price": prices,
        "timeinforce": st.sampled_from(["GTC", "GTC", "IOC", "FOK"]),
        "oflags": flags,
    }
)
markets = st.fixed_dictionaries(
    {"side": sides, "volume": volumes, "oflags": st.sampled_from(["", "fcib"])}
)
spends = st.integers(10, 60_000).map(
    lambda n: {"side": "buy", "volume": Decimal(n), "oflags": "viqc"}
)
steps = st.one_of(
    st.tuples(st.just("order"), limits | markets | spends),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("amend"), st.integers(0, 30), volumes, prices),
    st.tuples(st.just("wait"), st.integers(1, 200)),
    st.tuples(st.just("jump"), prices),
    st.tuples(st.just("forget")),
)


def act(desk: Any, step: tuple[Any, ...]) -> None:
    """Do one thing. A refusal is fine; anything else is not."""
    opened = list(desk.core.engine.open)
    try:
        match step:
            case ("order", form):
                desk.order(**form)
            case ("cancel", number) if opened:
                desk.ask("CancelOrder", txid=opened[number % len(opened)])
            case ("amend", number, volume, price) if opened:
                txid = opened[number % len(opened)]
                desk.ask("AmendOrder", txid=txid, order_qty=volume, limit_price=price)
            case ("wait", seconds):
                desk.wait(seconds)
            case ("jump", price):
                desk.core.force_price("BTC/USD", price)
            case ("forget",):
                desk.core.forget_open_orders(opened[:1])
    except part("refusal").KrakenError:
        pass


def moved(desk: Any) -> dict[str, Decimal]:
    """Return what all trades together moved, by currency."""
    sums = {"BTC": Decimal(0), "USD": Decimal(0)}
    for trade in desk.core.ledger.trades:
        sign = 1 if trade.side == "buy" else -1
        sums["BTC"] += sign * trade.amount
        sums["USD"] -= sign * trade.price * trade.amount
        sums[trade.fee_currency] -= trade.fee
    return sums


def check_money(desk: Any) -> None:
    ledger = desk.core.ledger
    sums = moved(desk)
    for currency, balance in ledger.balances.items():
        assert balance >= 0
        assert 0 <= ledger.held(currency) <= balance
        assert balance == ledger.deposits.get(currency, 0) + sums[currency]
    assert ledger.holds.keys() <= desk.core.engine.open.keys()


def check_order(desk: Any, order: Any) -> None:
    trades = [one for one in desk.core.ledger.trades if one.order_txid == order.txid]
    assert sum(one.amount for one in trades) == order.filled
    assert sum(one.cost for one in trades) == order.cost
    assert sum(one.fee for one in trades) == order.fee
    assert [one.txid for one in trades] == order.trades
    assert order.remaining >= 0
    assert order.open == (order.txid in desk.core.engine.open)
    events = desk.told(order.txid)
    assert events[-1].get("cum_qty", 0) == order.filled
    if order.status == "closed" and not order.in_quote:
        assert order.filled == order.amount
    rate = order.rates.taker
    base = order.filled if order.fee_in_base else order.cost
    assert order.fee <= base * rate + PENNY


@settings(max_examples=150)
@given(st.lists(steps, min_size=1, max_size=25), st.sampled_from([None, "0.07"]))
def test_the_ledger_holds_whatever_is_traded(
    what: list[tuple[Any, ...]], depth: str | None
) -> None:
    liquidity = {"depth": None if depth is None else Decimal(depth)}
    desk = ByHand(LIVELY, liquidity=liquidity, tier="pro", start_row=0)
    for step in what:
        act(desk, step)
        check_money(desk)
    for order in desk.core.engine.orders.values():
        if order.status != "forgotten":
            check_order(desk, order)


@settings(max_examples=60)
@given(st.lists(limits, min_size=1, max_size=6), st.integers(1, 600))
def test_a_limit_is_never_passed(orders: list[dict[str, Any]], seconds: int) -> None:
    desk = ByHand(LIVELY, tier="pro", start_row=0)
    for order in orders:
        act(desk, ("order", order))
    desk.wait(seconds)
    limits_of = {o.txid: (o.side, o.limit) for o in desk.core.engine.orders.values()}
    for trade in desk.core.ledger.trades:
        side, limit = limits_of[trade.order_txid]
        assert trade.price <= limit if side == "buy" else trade.price >= limit


@settings(max_examples=60)
@given(st.lists(limits, min_size=1, max_size=6), st.sampled_from([2, 3, 5, 8]))
def test_how_often_one_looks_changes_nothing(
    orders: list[dict[str, Any]], looks: int
) -> None:
    """A market that is advanced once fills as one that is advanced often."""
    desks = [ByHand(LIVELY, tier="pro", start_row=0) for _ in range(2)]
    for desk in desks:
        for order in orders:
            act(desk, ("order", order))
    once, often = desks
    once.wait(240)
    for _ in range(looks):
        often.wait(240 // looks)
    fills = [
        [(one.order_txid, one.price, one.amount) for one in desk.core.ledger.trades]
        for desk in desks
    ]
    assert fills[0] == fills[1]


parts = st.lists(
    st.tuples(st.integers(1, 999_999), st.integers(0, 9_999), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=300)
@given(parts, st.sampled_from(["buy", "sell"]), st.booleans())
def test_what_is_held_is_enough_for_the_worst_rest(
    fills: list[tuple[int, int, bool]], side: str, fee_in_base: bool
) -> None:
    """In whatever parts and prices it fills: the rest at its limit is paid for."""
    desk = ByHand()
    limit = Decimal("50000.7")
    txid = desk.order(side, "0.3", price="40000" if side == "buy" else "60000")
    order = desk.core.engine.orders[txid]
    order.limit, order.fee_in_base = limit, fee_in_base
    for size, better, maker in fills:
        amount = min(Decimal(size) / 10**7, order.remaining / 2).quantize(PENNY / 1000)
        away = Decimal(better) / 10
        price = limit - away if side == "buy" else limit + away
        order.fee += order.next_fee(price, amount, maker=maker)
        order.filled, order.cost = order.filled + amount, order.cost + price * amount
        currency, held = order.lock()
        rest = order.remaining
        fee = copy(order).next_fee(limit, rest, maker=False)
        needed = rest if currency == "BTC" else rest * limit
        assert needed + (fee if currency == order.fee_currency else 0) <= held or (
            side == "buy" and fee_in_base and needed <= held
        )


@settings(max_examples=200)
@given(
    volumes,
    st.sampled_from(["0.0000729", "0.0007", "0.00312345", "0.02"]),
    st.integers(1, 20),
    st.sampled_from(["50002.5", "50004.3"]),
)
def test_a_customer_may_put_in_all_he_has(
    volume: Decimal, depth: str, minutes: int, limit: str
) -> None:
    price = Decimal(limit)
    cost = price * volume
    fee = (cost * Decimal("0.004")).quantize(PENNY, "ROUND_CEILING")
    desk = ByHand(
        balances={"USD": cost + fee},
        liquidity={"depth": Decimal(depth)},
    )
    txid = desk.order("buy", volume, price=price)
    for _ in range(minutes):
        desk.wait(60)
        check_money(desk)
    check_order(desk, desk.core.engine.orders[txid])


def test_an_order_is_filled_in_parts_over_minutes() -> None:
    """The properties above are not empty: this one fills in many parts."""
    desk = ByHand(LIVELY, tier="pro", start_row=0)
    txid = desk.order("buy", "0.3", price="50010")
    desk.wait(600)
    order = desk.core.engine.orders[txid]
    assert len(order.trades) > 3
    assert len({trade.at_ms // 60_000 for trade in desk.core.ledger.trades}) > 2
    assert {trade.maker for trade in desk.core.ledger.trades} == {True, False}
    check_money(desk)
    check_order(desk, order)
