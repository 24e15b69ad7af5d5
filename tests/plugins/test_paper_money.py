from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, Decimal
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate import (
    Accepted,
    Answer,
    Ended,
    Filled,
    Intent,
    Side,
)

paper = import_module("paper_orders")
PAPER = paper.PAPER
T0 = paper.T0
balances = paper.balances
moment = paper.moment
order = paper.order
said = paper.said
UNIT = Decimal("1e-8")


# Money


@pytest.mark.parametrize(
    ("currency", "side", "dollars", "bitcoins", "fee"),
    [
        ("quote", "buy", "-100.6008", "1", "0.4008 USD"),
        ("quote", "sell", "99.4008", "-1", "0.3992 USD"),
        ("base", "buy", "-100.2", "0.996", "0.004 BTC"),
        ("base", "sell", "99.4008", "-1", "0.3992 USD"),
    ],
)
def test_a_fee_is_paid_in_its_currency(
    open_venue: Callable[..., Any],
    currency: str,
    side: str,
    dollars: str,
    bitcoins: str,
    fee: str,
) -> None:
    venue = open_venue(fees={**PAPER["fees"], "currency": currency})
    fill = venue.arrive(order(side=side), moment())[1].fill
    assert f"{fill.fee.normalize()} {fill.fee_currency}" == fee
    assert balances(venue)["USD"] - 10000 == Decimal(dollars)
    assert balances(venue)["BTC"] - 10 == Decimal(bitcoins)


def test_a_fee_is_rounded_up(open_venue: Callable[..., Any]) -> None:
    fees = {"maker": Decimal("0.001234567891"), "taker": Decimal("0.001234567891")}
    answers = open_venue(fees=fees).arrive(order(), moment())
    fill = answers[1].fill
    exact_fee = fill.price * fees["taker"]
    assert exact_fee < fill.fee < exact_fee + UNIT
    assert fill.fee % UNIT == 0


def test_a_fee_is_never_more_than_what_is_received(
    open_venue: Callable[..., Any],
) -> None:
    fine = {**PAPER["markets"][0], "amount_step": "1e-10", "min_amount": "1e-10"}
    venue = open_venue(
        markets=[{**fine, "match": "*", "min_cost": 0}],
        fees={**PAPER["fees"], "currency": "base"},
        balances={"USD": 1},
    )
    venue.arrive(order(amount="1e-9"), moment())
    assert balances(venue)["BTC"] == 0


def test_funds_that_rest_in_the_book_are_not_there_twice(venue: Any) -> None:
    venue.arrive(order("a", "sell", "9", limit="110"), moment())
    assert venue.free("BTC") == 1
    refusal = venue.arrive(order("b", "sell", "1.0001"), moment())
    assert said(refusal) == ["EOrder:Insufficient funds"]
    assert said(venue.arrive(order("c", "sell"), moment()))[-1] == "filled"


def test_a_buy_needs_its_fee_as_well(open_venue: Callable[..., Any]) -> None:
    cost = Decimal(90) + Decimal(90) * Decimal("0.004")
    poor, rich = (open_venue(balances={"USD": cost - each}) for each in (UNIT, 0))
    intent = order(limit="90")
    assert said(poor.arrive(intent, moment())) == ["EOrder:Insufficient funds"]
    assert said(rich.arrive(intent, moment())) == ["accepted"]


def test_fills_in_parts_pay_no_more_than_was_locked(
    open_venue: Callable[..., Any],
) -> None:
    fees = {"maker": "0.00333333", "taker": "0.00333333"}
    intent = order(amount="0.05", limit="90.1")
    cost = Decimal("4.505")
    fee = (cost * Decimal("0.00333333")).quantize(UNIT, ROUND_CEILING)
    venue = open_venue(fees=fees, balances={"USD": cost + fee})
    assert said(venue.arrive(intent, moment())) == ["accepted"]
    for minute in range(1, 51):
        venue.trade("BTC/USD", moment("80", "0.01", T0 + minute * 60_000))
    assert venue.resting("BTC/USD") == ()
    assert balances(venue) == {"USD": 0, "BTC": Decimal("0.05"), "DOGE": 0}


# Everything adds up, whatever happens

steps = st.one_of(
    st.tuples(
        st.just("arrive"),
        st.sampled_from(("buy", "sell")),
        st.integers(1, 60_000),
        st.none() | st.integers(900, 1_100),
        st.sampled_from(("GTC", "GTC", "IOC", "FOK")),
        st.booleans(),
    ),
    st.tuples(st.just("cancel"), st.integers(0, 40)),
    st.tuples(st.just("trade"), st.integers(800, 1_200), st.integers(0, 3_000)),
    st.tuples(st.just("wait"), st.integers(1, 90_000)),
)


class Ledger:
    """What the answers alone say of the account."""

    def __init__(self, held: Mapping[str, Decimal]) -> None:
        self.held = dict(held)
        self.intents: dict[str, Intent] = {}
        self.filled: dict[str, Decimal] = defaultdict(Decimal)
        self.open: dict[str, Intent] = {}
        self.trade_ids: set[str] = set()

    def read(self, answers: list[Answer]) -> None:
        for answer in answers:
            ours = answer.client_id
            if isinstance(answer, Accepted):
                self.open[ours] = self.intents[ours]
            elif isinstance(answer, Filled):
                self.fill(self.open[ours], answer)
            elif isinstance(answer, Ended):
                intent = self.open.pop(ours)
                done = self.filled[ours] == intent.amount
                assert (answer.reason == "filled") == done

    def fill(self, intent: Intent, filled: Filled) -> None:
        fill, sign = filled.fill, 1 if intent.side is Side.BUY else -1
        assert fill.amount > 0
        assert fill.fee >= 0
        assert fill.fee % UNIT == 0
        assert fill.trade_id not in self.trade_ids
        self.trade_ids.add(fill.trade_id)
        if intent.limit_price is not None:
            assert sign * fill.price <= sign * intent.limit_price
        self.filled[intent.client_id] += fill.amount
        assert self.filled[intent.client_id] <= intent.amount
        self.held["BTC"] += sign * fill.amount
        self.held["USD"] -= sign * fill.cost_quote
        self.held[fill.fee_currency] -= fill.fee

    def locked(self, currency: str, fee_in_base: bool, rate: Decimal) -> Decimal:
        locked = Decimal(0)
        for intent in self.open.values():
            rest = intent.amount - self.filled[intent.client_id]
            if intent.side is Side.SELL:
                locked += rest if currency == "BTC" else 0
            elif currency == "USD":
                assert intent.limit_price is not None
                cost = rest * intent.limit_price
                units = (cost * rate / UNIT).to_integral_value(ROUND_CEILING)
                locked += cost + (0 if fee_in_base else units * UNIT)
        return locked


@settings(max_examples=150, deadline=None)
@given(
    walk=st.lists(steps, max_size=40),
    currency=st.sampled_from(("quote", "base")),
    maker=st.sampled_from(("0", "0.0025", "0.00333333", "0.0051")),
)
def test_everything_adds_up(
    open_venue: Callable[..., Any],
    walk: list[tuple[Any, ...]],
    currency: str,
    maker: str,
) -> None:
    fees = {"maker": maker, "taker": "0.0040000007", "currency": currency}
    venue = open_venue(fees=fees, balances={"USD": 500, "BTC": 5})
    ledger = Ledger({"USD": Decimal(500), "BTC": Decimal(5)})
    price, volume, at_ms = Decimal(100), Decimal(100), T0
    for number, (kind, *given_) in enumerate(walk):
        answers: list[Answer] = []
        if kind == "wait":
            at_ms += given_[0]
        elif kind == "cancel":
            answers = venue.cancel(f"o{given_[0]}", at_ms)
        elif kind == "trade":
            price, volume = Decimal(given_[0]) / 10, Decimal(given_[1]) / 100
            answers = venue.trade("BTC/USD", moment(price, volume, at_ms))
        else:
            side, size, limit, tif, post_only = given_
            intent = order(
                f"o{number}",
                side,
                str(Decimal(size) / 10_000),
                limit=None if limit is None else Decimal(limit) / 10,
                tif=tif,
                post_only=post_only and limit is not None,
            )
            ledger.intents[intent.client_id] = intent
            answers = venue.arrive(intent, moment(price, volume, at_ms))
        ledger.read(answers)
        assert all(answer.at_ms == at_ms for answer in answers)
        assert ledger.held == venue.open_balances(("USD", "BTC"))
        for each in ("USD", "BTC"):
            locked = ledger.locked(each, currency == "base", Decimal(maker))
            assert venue.free(each) == ledger.held[each] - locked >= 0
        resting = {each.client_id for each in venue.resting("BTC/USD")}
        assert resting == set(ledger.open)


@given(walk=st.lists(st.integers(1, 30_000), min_size=1, max_size=20))
def test_limit_orders_never_get_more_than_their_share(
    open_venue: Callable[..., Any], walk: list[int]
) -> None:
    venue = open_venue()
    got = Decimal(0)
    for number, size in enumerate(walk):
        side = "buy" if number % 2 else "sell"
        limit = "105" if side == "buy" else "95"
        intent = order(f"o{number}", side, str(Decimal(size) / 10_000 + 1), limit=limit)
        answers = venue.arrive(intent, moment(volume="33.333"))
        answers += venue.trade(
            "BTC/USD", moment("80" if number % 3 else "120", "33.333")
        )
        got += sum(a.fill.amount for a in answers if isinstance(a, Filled))
        assert got <= Decimal("3.3333")
