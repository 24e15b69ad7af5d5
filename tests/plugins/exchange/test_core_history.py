"""What the account is told of itself: orders, trades, fees, events, and the audit."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from quorate import VenueError

hand = import_module("core_by_hand")
ByHand, flat, part, START_MS = hand.ByHand, hand.flat, hand.part, hand.START_MS

START = START_MS // 1000


def one_a_second(count: int, **form: Any) -> Any:
    """Return a customer who sent an order every second, and their txids."""
    desk = ByHand(flat(minutes=30), tier="pro")
    txids = []
    for _ in range(count):
        desk.wait(1)
        txids.append(desk.order(**form))
    return desk, txids


def test_closed_orders_come_in_pages_of_fifty_newest_first() -> None:
    desk, txids = one_a_second(120, volume="0.001")
    pages = [desk.ask("ClosedOrders", ofs=ofs) for ofs in ("0", "50", "100", "150")]
    assert {page["count"] for page in pages} == {120}
    found = [txid for page in pages for txid in page["closed"]]
    assert found == txids[::-1]
    assert [len(page["closed"]) for page in pages] == [50, 50, 20, 0]


def test_closed_orders_between_two_moments() -> None:
    desk, txids = one_a_second(9, volume="0.001")
    some = desk.ask("ClosedOrders", start=str(START + 3), end=str(START + 6))
    assert list(some["closed"]) == txids[3:6][::-1]  # after the start, up to the end
    by_id = desk.ask("ClosedOrders", start=txids[5])
    assert list(by_id["closed"]) == txids[6:][::-1]
    assert desk.refusal("ClosedOrders", start="then") == (
        "EGeneral:Invalid arguments:start",
    )


def test_orders_that_close_at_one_moment_are_newest_first_too() -> None:
    desk = ByHand()
    txids = [desk.order(price=str(price)) for price in (40_000, 41_000, 42_000)]
    desk.ask("CancelAll")
    assert list(desk.ask("ClosedOrders")["closed"]) == txids[::-1]


def test_a_closed_order_may_be_looked_for_by_its_opening() -> None:
    desk = ByHand()
    txid = desk.order(price="40000")
    desk.wait(100)
    desk.ask("CancelOrder", txid=txid)
    late = {"start": str(START + 50)}
    assert desk.ask("ClosedOrders", **late)["closed"].keys() == {txid}
    assert desk.ask("ClosedOrders", closetime="open", **late)["closed"] == {}


def test_trades_come_in_pages_and_between_moments() -> None:
    desk, txids = one_a_second(70, volume="0.001")
    first, then = desk.ask("TradesHistory"), desk.ask("TradesHistory", ofs="50")
    trades = [*first["trades"].values(), *then["trades"].values()]
    assert [trade["ordertxid"] for trade in trades] == txids[::-1]
    some = desk.ask("TradesHistory", start=str(START + 10), end=str(START + 12))
    assert [one["ordertxid"] for one in some["trades"].values()] == [
        txids[11],
        txids[10],
    ]
    (trade,) = desk.ask("QueryTrades", txid=next(iter(some["trades"]))).values()
    assert trade["vol"] == "0.00100000"
    assert (trade["pair"], trade["maker"]) == ("XXBTZUSD", False)


def test_orders_are_asked_for_by_their_ids() -> None:
    desk = ByHand()
    bought, resting = desk.order(), desk.order(price="40000")
    found = desk.ask("QueryOrders", txid=f"{bought},{resting},OAAAAA-AAAAA-AAAAAA")
    assert found.keys() == {bought, resting}
    assert "trades" not in found[bought]
    (order,) = desk.ask("QueryOrders", txid=bought, trades="True").values()
    (trade,) = desk.ask("TradesHistory")["trades"]
    assert order["trades"] == [trade]
    unknown = desk.refusal("QueryOrders", txid="OAAAAA-AAAAA-AAAAAA")
    assert unknown == ("EOrder:Unknown order",)
    assert desk.refusal("QueryOrders") == ("EGeneral:Invalid arguments:txid",)


def test_fees_go_down_the_ladder_as_the_account_trades() -> None:
    desk = ByHand(balances={"USD": Decimal(10**6)}, volume_30d=Decimal(9_000))
    before = desk.ask("TradeVolume", pair="XBTUSD,ETHUSD")
    assert before["fees"]["XXBTZUSD"]["fee"] == "0.4000"
    assert before["fees_maker"]["XETHZUSD"]["fee"] == "0.2500"
    assert before["fees"]["XXBTZUSD"]["nextvolume"] == "10000.0000"
    assert desk.seen(desk.order("buy", "0.04"))["fee"] == "8.00040"  # 0.40 %
    assert desk.seen(desk.order("buy", "0.04"))["fee"] == "7.00035"  # 0.35 %
    after = desk.ask("TradeVolume", pair="XXBTZUSD")
    assert after["volume"] == "13000.2000"
    assert after["fees"]["XXBTZUSD"]["fee"] == "0.3500"
    desk.wait(30 * 24 * 3600 + 1)
    assert desk.ask("TradeVolume")["volume"] == "9000.0000"


@pytest.mark.parametrize(
    ("volume", "maker", "taker"),
    [
        (0, "0.0025", "0.004"),
        (9_999, "0.0025", "0.004"),
        (10_000, "0.0020", "0.0035"),
        (50_000, "0.0014", "0.0024"),
        (10_000_000, "0", "0.001"),
        (10**9, "0", "0.001"),
    ],
)
def test_the_ladder(volume: int, maker: str, taker: str) -> None:
    rates = part("fees").rates(Decimal(volume))
    assert (rates.maker, rates.taker) == (Decimal(maker), Decimal(taker))


def test_a_fee_may_be_paid_in_the_base_currency() -> None:
    desk = ByHand(balances={"USD": Decimal(10_000), "BTC": Decimal(1)})
    bought = desk.seen(desk.order("buy", "0.1", oflags="fcib"))
    assert bought["fee"] == "0.00040000"
    assert desk.core.ledger.balances["BTC"] == Decimal("1.0996")
    assert desk.core.ledger.balances["USD"] == 10_000 - Decimal("5000.25")
    all_of_it = desk.form("sell", "1.0996", oflags="fcib", price="60000")
    assert desk.refusal(**all_of_it) == ("EOrder:Insufficient funds",)


def test_fees_of_many_parts_are_rounded_once() -> None:
    desk = ByHand(liquidity={"depth": Decimal("0.00007")})
    order = desk.seen(desk.order("buy", "0.005"))
    assert len(order["trades"]) == 72
    exact = Decimal(order["cost"]) * Decimal("0.004")
    assert abs(Decimal(order["fee"]) - exact) <= Decimal("0.00001")


def test_an_order_is_told_from_its_arrival_to_its_end() -> None:
    desk = ByHand(liquidity={"depth": Decimal("0.004")})
    txid = desk.order("sell", "0.005", price="49990", cl_ord_id="mine")
    pending, new, first, second, filled = desk.told(txid)
    assert pending["exec_type"] == pending["order_status"] == "pending_new"
    assert (pending["symbol"], pending["side"]) == ("BTC/USD", "sell")
    assert (pending["order_qty"], pending["limit_price"]) == (
        Decimal("0.005"),
        Decimal(49_990),
    )
    assert pending["cl_ord_id"] == "mine"
    assert new["exec_type"] == "new"
    assert not {"symbol", "cl_ord_id"} & new.keys()
    trades = desk.ask("TradesHistory")["trades"]
    assert {first["exec_id"], second["exec_id"]} == trades.keys()
    assert (first["last_qty"], second["last_qty"]) == (
        Decimal("0.004"),
        Decimal("0.001"),
    )
    assert first["last_price"] == Decimal("49997.5")
    assert first["fees"] == [{"asset": "USD", "qty": Decimal("0.79996")}]
    assert second["cum_qty"] == Decimal("0.005")
    # The last trade does not say that the order is filled: the next event does.
    assert second["order_status"] == "partially_filled"
    assert filled["exec_type"] == filled["order_status"] == "filled"
    assert "symbol" not in filled
    ledgers = [e["data"] for e in desk.events if e.get("channel") == "balances"]
    assert len(ledgers) == 2
    usd = next(one for one in ledgers[-1] if one["asset"] == "USD")
    assert usd["balance"] == desk.core.ledger.balances["USD"]


def test_a_snapshot_tells_of_what_is_open_and_was_traded() -> None:
    desk = ByHand()
    desk.order("buy", "0.01")
    txid = desk.order("buy", "0.02", price="40000", cl_ord_id="mine")
    (opened,) = desk.core.open_executions()
    assert (opened["order_id"], opened["cl_ord_id"]) == (txid, "mine")
    assert (opened["order_status"], opened["cum_qty"]) == ("new", 0)
    (traded,) = desk.core.recent_trades()
    assert traded["last_qty"] == Decimal("0.01")
    wallet = {one["asset"]: one["balance"] for one in desk.core.wallet()}
    assert wallet == desk.core.ledger.balances


def test_a_snapshot_tells_of_each_trade_as_it_was() -> None:
    desk = ByHand(liquidity={"depth": Decimal("0.004")})
    txid = desk.order("sell", "0.008", price="49990")
    live = [event for event in desk.told(txid) if event["exec_type"] == "trade"]
    assert desk.core.recent_trades() == live


def test_the_audit_is_plain_json_and_complete() -> None:
    desk = ByHand()
    desk.order("buy", "0.01", cl_ord_id="a")
    desk.order("buy", "0.01", price="40000", cl_ord_id="b")
    desk.refusal(**desk.form("buy", "900", cl_ord_id="c"))
    ledger = json.loads(json.dumps(desk.core.ledger_dict()))
    assert [order["cl_ord_id"] for order in ledger["orders"]] == ["a", "b"]
    assert [order["status"] for order in ledger["orders"]] == ["closed", "open"]
    (trade,) = ledger["trades"]
    assert trade["order_txid"] == ledger["orders"][0]["txid"]
    (refused,) = ledger["refused"]
    assert refused["form"]["cl_ord_id"] == "c"
    assert refused["errors"] == ["EOrder:Insufficient funds"]
    assert Decimal(ledger["balances"]["BTC"]) == Decimal("2.01")
    assert Decimal(ledger["held"]["USD"]) == Decimal("401.6")
    assert ledger["counters"]["engine"] == {"BTC/USD": "3"}


def test_a_balance_below_zero_is_no_beginning() -> None:
    with pytest.raises(VenueError, match="below 0, USD was -1"):
        ByHand(balances={"USD": Decimal(-1)})


def test_a_token_that_is_used_does_not_grow_old() -> None:
    desk = ByHand()
    token = desk.ask("GetWebSocketsToken")["token"]
    for _ in range(3):
        desk.wait(800)
        assert desk.core.session(token) == desk.key
