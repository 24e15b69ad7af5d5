from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from quorate import (
    CancelRefused,
    Ended,
    Filled,
    Intent,
    Liquidity,
    Side,
)

paper = import_module("paper_orders")
T0 = paper.T0
moment = paper.moment
order = paper.order
said = paper.said


# Taking


@pytest.mark.parametrize(
    ("intent", "volume", "expected"),
    [
        # Half the spread is 0.1%, full slippage 1% at a tenth of the volume.
        (order(amount="5"), "100", ["accepted", "taker 5 at 100.6", "filled"]),
        (
            order(amount="5", side="sell"),
            "100",
            ["accepted", "taker 5 at 99.4", "filled"],
        ),
        # 100.65 and 99.35.. are between two steps: the worse one counts.
        (order(amount="5.5"), "100", ["accepted", "taker 5.5 at 100.7", "filled"]),
        (
            order(amount="5.5", side="sell"),
            "100",
            ["accepted", "taker 5.5 at 99.3", "filled"],
        ),
        # A market order always leaves: past the participation at a worse price,
        (
            order(amount="5", side="sell"),
            "10",
            ["accepted", "taker 1 at 98.9", "taker 4 at 95.1", "filled"],
        ),
        # but no worse than the whole candle would cost;
        (
            order(amount="5", side="sell"),
            "1",
            ["accepted", "taker 0.1 at 98.9", "taker 4.9 at 90.8", "filled"],
        ),
        # without volume at full slippage.
        (order(), "0", ["accepted", "taker 1 at 101.1", "filled"]),
        (order(side="sell"), "0", ["accepted", "taker 1 at 98.9", "filled"]),
        # A limit caps the price, never the other way round.
        (order(limit="100.2"), "10", ["accepted", "taker 1 at 100.2", "filled"]),
        (order(limit="105"), "10", ["accepted", "taker 1 at 101.1", "filled"]),
        (
            order(side="sell", limit="99.8"),
            "10",
            ["accepted", "taker 1 at 99.8", "filled"],
        ),
        # The best price is on the grid, against the taker: 100.1 and 99.9.
        (order(limit="100"), "100", ["accepted"]),
        (order(side="sell", limit="100"), "100", ["accepted"]),
        # Beyond the participation the rest rests, is cancelled, or all of it is.
        (order(amount="2", limit="102"), "10", ["accepted", "taker 1 at 101.1"]),
        (
            order(amount="2", limit="102", tif="IOC"),
            "10",
            ["accepted", "taker 1 at 101.1", "cancelled"],
        ),
        (order(amount="2", limit="102", tif="FOK"), "10", ["accepted", "cancelled"]),
        (
            order(amount="1", limit="102", tif="FOK"),
            "10",
            ["accepted", "taker 1 at 101.1", "filled"],
        ),
        (order(limit="99", tif="IOC"), "10", ["accepted", "cancelled"]),
        (order(limit="99", tif="FOK"), "10", ["accepted", "cancelled"]),
        # Nothing trades in a candle without volume.
        (order(limit="105"), "0", ["accepted"]),
        (order(limit="105", tif="IOC"), "0", ["accepted", "cancelled"]),
        (order(limit="90", post_only=True), "10", ["accepted"]),
    ],
)
def test_an_order_takes_what_is_there(
    venue: Any, intent: Intent, volume: str, expected: list[str]
) -> None:
    assert said(venue.arrive(intent, moment(volume=volume))) == expected


def test_all_fills_of_a_candle_share_its_volume(venue: Any) -> None:
    first = venue.arrive(order("a", amount="6", limit="102"), moment())
    second = venue.arrive(order("b", "sell", "6", limit="98"), moment())
    later = venue.arrive(order("c", "sell", "2", limit="98"), moment(at_ms=T0 + 60_000))
    assert said(first) == ["accepted", "taker 6 at 100.7", "filled"]
    assert said(second) == ["accepted", "taker 4 at 98.9"]
    assert said(later) == ["accepted", "taker 2 at 99.7", "filled"]


def test_a_sale_never_slips_to_nothing(open_venue: Callable[..., Any]) -> None:
    venue = open_venue(slippage=1, participation="0.001")
    answers = venue.arrive(order(side="sell", amount="10"), moment(volume="1"))
    prices = [answer.fill.price for answer in answers if isinstance(answer, Filled)]
    assert prices == [Decimal("49.9"), Decimal("0.1")]


# Making


@pytest.mark.parametrize(
    ("intent", "price", "volume", "expected"),
    [
        (order(limit="90"), "90", "100", []),
        (order(limit="90"), "89.95", "100", []),
        (order(limit="90"), "89.9", "100", ["maker 1 at 90", "filled"]),
        (order(limit="90"), "50", "100", ["maker 1 at 90", "filled"]),
        (order(limit="90"), "50", "5", ["maker 0.5 at 90"]),
        (order(limit="90"), "50", "0", []),
        (order(side="sell", limit="110"), "110", "100", []),
        (order(side="sell", limit="110"), "110.1", "100", ["maker 1 at 110", "filled"]),
        (order(side="sell", limit="110"), "99", "100", []),
    ],
)
def test_what_rests_fills_once_the_market_trades_beyond_it(
    venue: Any, intent: Intent, price: str, volume: str, expected: list[str]
) -> None:
    assert said(venue.arrive(intent, moment())) == ["accepted"]
    assert said(venue.trade("BTC/USD", moment(price, volume))) == expected


def test_the_best_price_fills_first_then_the_oldest(venue: Any) -> None:
    for client_id, limit in (("low", "89"), ("old", "90"), ("young", "90")):
        venue.arrive(order(client_id, limit=limit), moment())
    assert [each.client_id for each in venue.resting("BTC/USD")] == [
        *("old", "young", "low")
    ]
    answers = venue.trade("BTC/USD", moment("80", "15"))
    assert said(answers) == ["maker 1 at 90", "filled", "maker 0.5 at 90"]
    assert [each.client_id for each in venue.resting("BTC/USD")] == ["young", "low"]


def test_a_trade_of_another_symbol_fills_nothing(venue: Any) -> None:
    venue.arrive(order(limit="90"), moment())
    assert venue.trade("DOGE/USD", moment("1")) == []
    assert venue.resting("DOGE/USD") == ()


def test_an_order_that_rests_is_told_to_the_tape(venue: Any) -> None:
    venue.arrive(order(limit="90"), moment())
    (resting,) = venue.resting("BTC/USD")
    assert (resting.side, resting.limit_price) == (Side.BUY, Decimal(90))


def test_fills_in_parts_add_up_and_have_ids_of_their_own(venue: Any) -> None:
    answers = venue.arrive(order(amount="2", limit="102"), moment(volume="10"))
    for minute in (1, 2, 3):
        now = moment("90", "4", T0 + minute * 60_000)
        answers += venue.trade("BTC/USD", now)
    fills = [answer.fill for answer in answers if isinstance(answer, Filled)]
    assert [str(fill.amount.normalize()) for fill in fills] == [
        "1",
        "0.4",
        "0.4",
        "0.2",
    ]
    assert [fill.trade_id for fill in fills] == ["a-1", "a-1.4", "a-1.8", "a-2"]
    assert [fill.liquidity for fill in fills] == [Liquidity.TAKER, *["maker"] * 3]
    assert isinstance(answers[-1], Ended)


# Cancelling


def test_a_cancel_ends_an_order_and_frees_its_funds(venue: Any) -> None:
    venue.arrive(order(limit="90"), moment())
    assert venue.free("USD") == 10000 - Decimal("90.225")
    (ended,) = venue.cancel("a", T0 + 5)
    assert ended == Ended(at_ms=T0 + 5, client_id="a", reason="cancelled")
    assert venue.free("USD") == 10000


@pytest.mark.parametrize("gone", ["never sent", "a"])
def test_a_cancel_of_nothing_is_refused(venue: Any, gone: str) -> None:
    venue.arrive(order(), moment())
    errors = ("EOrder:Unknown order",)
    refusal = CancelRefused(at_ms=T0, client_id=gone, errors=errors)
    assert venue.cancel(gone, T0) == [refusal]
