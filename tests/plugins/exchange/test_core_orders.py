"""AddOrder and its like: what is let in, what is refused, in which words."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

hand = import_module("core_by_hand")
START_MS = hand.START_MS
ByHand = hand.ByHand
flat = hand.flat
part = hand.part

UUID = "6d1b345e-2821-40e2-ad83-4ecb18a06876"


def test_a_limit_order_rests_and_says_so_in_krakens_words() -> None:
    desk = ByHand()
    result = desk.ask("AddOrder", **desk.form(price="49000.5", cl_ord_id="a-1"))
    assert result["descr"] == {"order": "buy 0.01000000 XBTUSD @ limit 49000.5"}
    (txid,) = result["txid"]
    assert [len(part) for part in txid.split("-")] == [6, 5, 6]
    opened = desk.ask("OpenOrders")["open"]
    assert list(opened) == [txid]
    assert opened[txid]["cl_ord_id"] == "a-1"
    assert opened[txid]["descr"]["pair"] == "XBTUSD"
    assert opened[txid]["status"] == "open"
    assert opened[txid]["vol_exec"] == "0.00000000"


@pytest.mark.parametrize("name", ["XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD"])
def test_a_pair_has_four_names(name: str) -> None:
    desk = ByHand()
    assert desk.ask("AddOrder", **desk.form(price="49000", pair=name))["txid"]


def test_a_taker_pays_the_ask_and_gets_the_bid() -> None:
    desk = ByHand(liquidity={"spread": Decimal("0.001")})
    bought = desk.seen(desk.order("buy"))
    sold = desk.seen(desk.order("sell"))
    assert (bought["price"], sold["price"]) == ("50025.0", "49975.0")
    assert (bought["status"], sold["status"]) == ("closed", "closed")
    assert bought["fee"] == "2.00100"  # 0.40 % of 500.25


def test_what_is_not_there_at_the_limit_is_cancelled_for_an_ioc() -> None:
    desk = ByHand(liquidity={"depth": Decimal("0.004")})
    txid = desk.order(price="50002.5", timeinforce="IOC")
    order = desk.seen(txid)
    assert (order["status"], order["vol_exec"]) == ("canceled", "0.00400000")
    assert [event["exec_type"] for event in desk.told(txid)] == [
        "pending_new",
        "new",
        "trade",
        "canceled",
    ]
    assert desk.core.ledger.holds == {}


def test_a_fok_is_filled_at_once_or_not_at_all() -> None:
    desk = ByHand(liquidity={"depth": Decimal("0.004")})
    none = desk.seen(desk.order(price="50002.5", timeinforce="FOK"))
    assert (none["status"], none["vol_exec"]) == ("canceled", "0.00000000")
    whole = desk.seen(desk.order(volume="0.004", price="50002.5", timeinforce="FOK"))
    assert (whole["status"], whole["vol_exec"]) == ("closed", "0.00400000")


def test_a_market_order_walks_the_book() -> None:
    desk = ByHand(liquidity={"depth": Decimal("0.004")})
    order = desk.seen(desk.order("buy", "0.01"))
    assert (order["status"], order["vol_exec"]) == ("closed", "0.01000000")
    prices = [event["last_price"] for event in desk.events if "last_price" in event]
    assert prices == sorted(set(prices))
    assert len(prices) == 3


def test_a_market_buy_may_say_what_it_wants_to_spend() -> None:
    desk = ByHand()
    order = desk.seen(desk.order("buy", "1000", oflags="viqc"))
    assert order["status"] == "closed"
    spent = Decimal(order["cost"])
    assert Decimal("999.999") < spent <= 1000
    assert order["oflags"] == "fciq,viqc"
    refused = desk.refusal(**desk.form("sell", "1000", oflags="viqc"))
    assert refused == ("EGeneral:Invalid arguments:viqc",)


def test_a_post_only_order_never_takes() -> None:
    desk = ByHand()
    crossing = desk.form(price="51000", oflags="post")
    assert desk.refusal(**crossing) == ("EOrder:Post only order",)
    assert desk.seen(desk.order(price="50000", oflags="post"))["status"] == "open"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"pair": "XBTMOON"}, "EQuery:Unknown asset pair"),
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "guess"}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": "much"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "-1"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "NaN"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": ""}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.000000001"}, "EGeneral:Invalid arguments:volume"),
        ({"price": "0"}, "EGeneral:Invalid arguments:price"),
        ({"price": "+5%"}, "EGeneral:Invalid arguments:price"),
        ({"volume": "0.00004"}, "EGeneral:Invalid arguments:volume minimum not met"),
        ({"volume": "0.00005", "price": "9000"}, "EOrder:Cost minimum not met"),
        (
            {"price": "49000.15"},
            "EOrder:Invalid price:XXBTZUSD price can only be specified "
            "up to 1 decimals.",
        ),
        ({"price": "49000", "volume": "3"}, "EOrder:Insufficient funds"),
        ({"type": "sell", "price": "60000", "volume": "3"}, "EOrder:Insufficient"),
        ({"timeinforce": "SOON"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"oflags": "magic"}, "EGeneral:Invalid arguments:oflags"),
        ({"cl_ord_id": "x" * 19}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": UUID[:-1]}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "a", "userref": "1"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"userref": str(2**31)}, "EGeneral:Invalid arguments:userref"),
        ({"close[ordertype]": "limit"}, "EGeneral:Invalid arguments:close"),
        ({"leverage": "2"}, "EGeneral:Invalid arguments:leverage"),
        ({"deadline": "soon"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2000-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
        ({"deadline": "2100-01-01T00:00:00Z"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2026-09-21T14:14:05"}, "EGeneral:Invalid arguments:deadline"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    changes: dict[str, Any], error: str
) -> None:
    desk = ByHand()
    refusal = desk.refusal(**{**desk.form(price="49000"), **changes})
    assert len(refusal) == 1
    assert refusal[0].startswith(error)
    assert desk.core.engine.orders == {}
    assert desk.events == []
    assert desk.free("USD") == 100_000
    assert desk.core.ledger_dict()["refused"][0]["errors"] == list(refusal)


@pytest.mark.parametrize("ours", [UUID, UUID.replace("-", ""), "x" * 18, "1a2b3c4d-17"])
def test_a_client_id_has_three_forms(ours: str) -> None:
    desk = ByHand()
    txid = desk.order(price="49000", cl_ord_id=ours)
    assert desk.ask("OpenOrders", cl_ord_id=ours)["open"].keys() == {txid}


def test_a_tick_may_be_coarser_than_the_decimals() -> None:
    pairs, admission = part("pairs"), part("admission")
    coarse = pairs.Pair(
        base="BTC",
        quote="USD",
        price_decimals=1,
        min_amount=Decimal(1),
        min_cost=Decimal(1),
        tick=Decimal("0.5"),
    )
    admission.check_price(Decimal("100.5"), coarse)
    with pytest.raises(part("refusal").KrakenError) as refused:
        admission.check_price(Decimal("100.4"), coarse)
    assert refused.value.errors == ("EOrder:Tick size check failed",)


def test_a_client_id_is_unique_among_open_orders_only() -> None:
    desk = ByHand()
    first = desk.order(price="49000", cl_ord_id="mine")
    again = desk.form(price="48000", cl_ord_id="mine")
    assert desk.refusal(**again) == ("EGeneral:Invalid arguments:cl_ord_id",)
    desk.ask("CancelOrder", cl_ord_id="mine")
    second = desk.order(price="48000", cl_ord_id="mine")
    assert second != first
    assert desk.ask("ClosedOrders", cl_ord_id="mine")["closed"].keys() == {first}


@pytest.mark.parametrize(
    ("status", "lets_in"),
    [
        ("online", {"market", "limit", "post", "sell"}),
        ("limit_only", {"limit", "post"}),
        ("post_only", {"post"}),
        ("reduce_only", {"sell"}),
        ("cancel_only", set()),
        ("maintenance", set()),
    ],
)
def test_the_mode_of_a_market_says_what_it_takes(
    status: str, lets_in: set[str]
) -> None:
    desk = ByHand()
    forms = {
        "market": desk.form(),
        "limit": desk.form(price="49000"),
        "post": desk.form(price="49000", oflags="post"),
        "sell": desk.form("sell"),
    }
    resting = desk.order(price="40000")
    desk.core.set_status("BTC/USD", status)
    pairs = desk.look("AssetPairs", pair="XBTUSD")
    assert pairs["XXBTZUSD"]["status"] == status
    refused = {name: desk.refusal(**form) for name, form in forms.items()}
    wanted = f"EService:Market in {status} mode"
    assert refused == {n: () if n in lets_in else (wanted,) for n in forms}
    desk.ask("CancelOrder", txid=resting)


def test_a_market_without_a_tape_takes_no_orders() -> None:
    desk = ByHand()
    form = {**desk.form(price="10"), "pair": "SOLUSD"}
    assert desk.refusal(**form) == ("EService:Market in cancel_only mode",)


def test_an_order_is_in_time_up_to_its_deadline() -> None:
    desk = ByHand()
    moment = part("clock").rfc3339(START_MS + 5_000)
    form = desk.form(price="49000", deadline=moment)
    desk.wait(5)
    assert desk.refusal(**form) == ()
    desk.wait(0.001)
    assert desk.refusal(**form) == ("EService:Deadline elapsed",)


def test_a_validation_says_the_sentence_and_does_nothing() -> None:
    desk = ByHand()
    result = desk.ask("AddOrder", **desk.form(price="49000", validate="true"))
    assert result == {"descr": {"order": "buy 0.01000000 XBTUSD @ limit 49000.0"}}
    assert desk.core.engine.orders == {}
    assert desk.core.counter("BTC/USD") == 1


def test_a_cancel_frees_what_was_held() -> None:
    desk = ByHand()
    txid = desk.order(price="49000", volume="1")
    assert desk.free("USD") == 100_000 - Decimal(49_000) * Decimal("1.004")
    assert desk.ask("CancelOrder", txid=txid) == {"count": 1}
    assert desk.free("USD") == 100_000
    assert desk.seen(txid)["reason"] == "User requested"
    assert desk.refusal("CancelOrder", txid=txid) == ("EOrder:Unknown order",)


def test_all_orders_of_a_userref_are_cancelled_together() -> None:
    desk = ByHand()
    for price in ("49000", "48000"):
        desk.order(price=price, userref="7")
    kept = desk.order(price="47000")
    assert desk.ask("CancelOrder", txid="7") == {"count": 2}
    assert desk.ask("OpenOrders")["open"].keys() == {kept}
    assert desk.ask("CancelAll") == {"count": 1}


def test_an_amended_order_keeps_its_name_and_holds_anew() -> None:
    desk = ByHand()
    txid = desk.order(price="49000", volume="1", cl_ord_id="mine")
    result = desk.ask("AmendOrder", cl_ord_id="mine", order_qty="0.5")
    assert result["amend_id"].startswith("T")
    assert desk.seen(txid)["vol"] == "0.50000000"
    assert desk.free("USD") == 100_000 - Decimal(24_500) * Decimal("1.004")
    assert desk.told(txid)[-1]["exec_type"] == "amended"
    too_much = {"txid": txid, "order_qty": "5"}
    assert desk.refusal("AmendOrder", **too_much) == ("EOrder:Insufficient funds",)
    assert desk.seen(txid)["vol"] == "0.50000000"
    desk.ask("AmendOrder", txid=txid, limit_price="51000")
    assert desk.seen(txid)["status"] == "closed"


def test_the_dead_mans_switch_cancels_all_unless_it_is_set_again() -> None:
    desk = ByHand()
    desk.order(price="49000")
    desk.ask("CancelAllOrdersAfter", timeout="60")
    desk.wait(50)
    answer = desk.ask("CancelAllOrdersAfter", timeout=60)
    assert answer["currentTime"] == "2026-09-21T14:14:50Z"
    assert answer["triggerTime"] == "2026-09-21T14:15:50Z"
    desk.wait(59.999)
    assert len(desk.ask("OpenOrders")["open"]) == 1
    desk.wait(0.001)
    assert desk.ask("OpenOrders")["open"] == {}
    desk.order(price="49000")
    desk.ask("CancelAllOrdersAfter", timeout="10")
    assert desk.ask("CancelAllOrdersAfter", timeout="0")["triggerTime"] == "0"
    desk.wait(20)
    assert len(desk.ask("OpenOrders")["open"]) == 1


def test_an_order_expires_at_its_moment() -> None:
    desk = ByHand()
    txid = desk.order(price="49000", timeinforce="GTD", expiretm="+30")
    desk.wait(29)
    assert desk.seen(txid)["status"] == "open"
    desk.wait(100)
    order = desk.seen(txid)
    assert order["status"] == "expired"
    assert order["closetm"] == (START_MS + 30_000) / 1000
    assert desk.told(txid)[-1]["exec_type"] == "expired"


def test_a_key_may_do_what_its_permissions_say() -> None:
    account = part("account")
    reader = account.ApiKey(
        key="reader", secret="", permissions=("query-funds",), addresses=("10.0.0.1",)
    )
    desk = ByHand(keys=(reader,))
    trader = desk.ask("GetApiKeyInfo")
    assert account.WITHDRAW not in trader["permissions"]
    desk.key = "reader"
    assert desk.refusal(**desk.form()) == ("EGeneral:Permission denied",)
    assert desk.refusal("OpenOrders") == ("EGeneral:Permission denied",)
    assert desk.ask("BalanceEx")["XXBT"]["balance"] == "2.0000000000"
    assert desk.ask("GetApiKeyInfo")["permissions"] == ["query-funds"]
    assert desk.ask("GetApiKeyInfo")["ipAllowlist"] == ["10.0.0.1"]


def test_a_token_opens_a_session_for_fifteen_minutes() -> None:
    desk = ByHand()
    answer = desk.ask("GetWebSocketsToken")
    assert answer["expires"] == 900
    assert desk.core.session(answer["token"]) == desk.key
    desk.wait(901)
    for token in (answer["token"], "", "made up"):
        with pytest.raises(part("refusal").KrakenError) as refused:
            desk.core.session(token)
        assert refused.value.errors == ("ESession:Invalid session",)


def test_a_method_that_is_not_there_is_said() -> None:
    desk = ByHand()
    assert desk.refusal("Withdraw") == ("EGeneral:Unknown method",)


def test_orders_that_a_restart_lost_are_gone_without_a_word() -> None:
    desk = ByHand()
    txid = desk.order(price="49000", cl_ord_id="mine")
    told = len(desk.events)
    assert desk.core.forget_open_orders() == [txid]
    assert len(desk.events) == told
    assert desk.ask("OpenOrders")["open"] == {}
    assert desk.ask("ClosedOrders")["closed"] == {}
    assert desk.refusal("QueryOrders", txid=txid) == ("EOrder:Unknown order",)
    assert desk.free("USD") == 100_000
    (kept,) = desk.core.ledger_dict()["orders"]
    assert kept["status"] == "forgotten"


def test_equal_calls_at_equal_moments_get_equal_answers() -> None:
    def run(seed: int) -> object:
        desk = ByHand(flat(minutes=3), seed=seed)
        desk.order(price="49000")
        desk.order()
        desk.wait(90)
        return desk.core.ledger_dict(), desk.events

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"txid": "OAAAAA-AAAAA-AAAAAA"}, "EOrder:Unknown order"),
        ({"order_qty": "0.00001"}, "EGeneral:Invalid arguments:volume minimum not met"),
        ({"order_qty": "none"}, "EGeneral:Invalid arguments:order_qty"),
        ({"limit_price": "49000.55"}, "EOrder:Invalid price"),
        ({"limit_price": "51000", "post_only": "true"}, "EOrder:Post only order"),
        ({"deadline": "2000-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
    ],
)
def test_an_amend_that_is_refused_changes_nothing(
    changes: dict[str, Any], error: str
) -> None:
    desk = ByHand()
    txid = desk.order(price="49000", volume="0.5")
    held = desk.core.ledger.held("USD")
    (told,) = desk.refusal("AmendOrder", **{"txid": txid, **changes})
    assert told.startswith(error)
    order = desk.seen(txid)
    assert (order["vol"], order["descr"]["price"]) == ("0.50000000", "49000.0")
    assert desk.core.ledger.held("USD") == held


def test_an_amend_is_refused_where_only_cancels_are_taken() -> None:
    desk = ByHand()
    txid = desk.order(price="49000")
    desk.core.set_status("BTC/USD", "cancel_only")
    refusal = desk.refusal("AmendOrder", txid=txid, order_qty="0.5")
    assert refusal == ("EService:Market in cancel_only mode",)
    assert desk.ask("CancelOrder", txid=txid) == {"count": 1}


def test_a_minimum_may_be_larger_than_what_is_told() -> None:
    desk = ByHand(hidden_minimums={"BTC/USD": Decimal("0.02")})
    assert desk.look("AssetPairs", pair="XBTUSD")["XXBTZUSD"]["ordermin"] == "0.00005"
    refusal = desk.refusal(**desk.form(volume="0.019"))
    assert refusal == ("EGeneral:Invalid arguments:volume minimum not met",)
    assert desk.order(volume="0.02")


@pytest.mark.parametrize("flags", ["fciq", "fcib"])
@pytest.mark.parametrize("kind", [{}, {"price": "50002.5"}, {"oflags": "viqc"}])
def test_all_the_money_there_is_can_be_spent_and_not_a_penny_more(
    flags: str, kind: dict[str, str]
) -> None:
    viqc = kind.get("oflags", "")
    for volume in ("0.01234567", "0.00999999", "0.01000003", "0.0100000"):
        price, amount = Decimal("50002.5"), Decimal(volume)
        if viqc:
            amount = round(price * amount, 5)
        cost = amount if viqc else price * amount
        fee = Decimal(0) if flags == "fcib" else cost * Decimal("0.004")
        money = cost + fee.quantize(Decimal("0.00001"), "ROUND_CEILING")
        form = {**kind, "oflags": ",".join(filter(None, (viqc, flags)))}
        desk = ByHand(balances={"USD": money - Decimal("0.00001")})
        short = desk.refusal(**desk.form(volume=str(amount), **form))
        assert short == ("EOrder:Insufficient funds",)
        desk = ByHand(balances={"USD": money})
        assert desk.seen(desk.order(volume=str(amount), **form))["status"] == "closed"
        assert 0 <= desk.core.ledger.balances["USD"] < Decimal("0.001")


def test_a_better_price_frees_what_was_held_for_a_worse_one() -> None:
    desk = ByHand(liquidity={"depth": Decimal("0.5")})
    desk.order("buy", "1", price="50004")
    bought = Decimal("0.5") * Decimal("50002.5")
    rest = Decimal("0.5") * 50_004
    held = (rest * Decimal("1.004")).quantize(Decimal("0.00001"))
    assert desk.core.ledger.held("USD") - held <= Decimal("0.00002")
    spent = 100_000 - desk.core.ledger.balances["USD"]
    assert spent == bought * Decimal("1.004")


def test_an_amend_needs_only_what_it_needs_more() -> None:
    desk = ByHand(balances={"USD": Decimal(1_104)})
    txid = desk.order("buy", "0.02", price="50000")
    assert desk.free("USD") == 100
    desk.ask("AmendOrder", txid=txid, order_qty="0.02", limit_price="50001")
    assert desk.free("USD") == 100 - Decimal("0.02008")
    more = {"txid": txid, "order_qty": "0.023"}
    assert desk.refusal("AmendOrder", **more) == ("EOrder:Insufficient funds",)
