"""Adapters as data: what the workspace may change, and what the careful default is."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from quorate import Rights, VenueError

orders = import_module("venue_orders")
adapters = orders.part("adapters")
kraken = orders.part("kraken")
binance = orders.part("binance")
coinbase = orders.part("coinbase")
ID = "1a2b3c4d-17"


@pytest.mark.parametrize("name", ["kraken", "binance", "coinbase", "gate"])
def test_every_exchange_takes_our_ids(name: str) -> None:
    adapter = adapters.adapter_for(name, {})
    assert adapter.name == name
    assert adapter.takes(ID)
    assert not adapter.takes("")
    assert not adapter.takes("a b")


def test_an_unknown_exchange_is_used_with_care() -> None:
    adapter = adapters.adapter_for("gate", {})
    assert adapter.strict_nonce
    assert not adapter.has_deadline
    assert adapter.lookup == "scan"
    assert not adapter.refusals.have_all(["Insufficient funds"])
    assert not adapter.refusals.have_all([])


def test_the_workspace_says_more_about_an_exchange() -> None:
    said = {
        "client_id_param": "text",
        "client_id_form": "t-[a-z]+",
        "strict_nonce": False,
        "taker_fee": Decimal("0.002"),
        "maker_fee": 0,
        "rest_limit": 5,
        "refusals": ["BALANCE_*"],
    }
    adapter = adapters.adapter_for("gate", said)
    assert adapter.client_id_param == "text"
    assert adapter.takes("t-abc")
    assert (adapter.maker_fee, adapter.taker_fee) == (0, Decimal("0.002"))
    assert adapter.rest_budget("any") == (5, 1)
    assert adapter.refusals.have_all(["BALANCE_NOT_ENOUGH"])
    assert adapters.adapter_for("kraken", {"rest_limit": 3}).rest_budget("pro")[0] == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("strict_nonce", "yes"),
        ("taker_fee", -1),
        ("taker_fee", "0.1%"),
        ("taker_fee", True),
        ("client_id_form", "["),
        ("client_id_param", 3),
        ("refusals", "all"),
        ("no_such_thing", 1),
        ("read_ids", "x"),
    ],
)
def test_an_override_that_cannot_be_says_which(key: str, value: Any) -> None:
    with pytest.raises(VenueError, match=rf"exchange\.adapter\.{key}"):
        adapters.adapter_for("kraken", {key: value})


@pytest.mark.parametrize(
    ("tier", "limit", "decay"),
    [
        ("starter", 15, "0.33"),
        ("intermediate", 20, "0.5"),
        ("pro", 20, "1"),
        ("no such tier", 15, "0.33"),
    ],
)
def test_krakens_counter_is_that_of_the_tier(tier: str, limit: int, decay: str) -> None:
    adapter = adapters.adapter_for("kraken", {})
    assert adapter.rest_budget(tier) == (limit, Decimal(decay))
    assert adapter.cost_of("AddOrder") == adapter.cost_of("CancelOrder") == 0
    assert (adapter.cost_of("TradesHistory"), adapter.cost_of("BalanceEx")) == (2, 1)


NO_SHAPE: tuple[object, ...] = (
    None,
    1,
    "x",
    [],
    {},
    {"error": None},
    {"error": "E"},
    {"error": [1]},
)


@pytest.mark.parametrize("body", NO_SHAPE)
def test_kraken_without_a_list_of_errors_has_said_nothing(body: object) -> None:
    assert kraken.read_errors(body) is None
    assert kraken.read_ids(body) == ()
    assert not kraken.answers("OpenOrders", body)
    assert not kraken.cancelled(body)
    assert kraken.read_fees(body, "XXBTZUSD") is None
    assert not kraken.read_rights(body).known


@pytest.mark.parametrize(
    ("txid", "ids"),
    [
        (["O1"], ("O1",)),
        (["O1", "O2"], ("O1", "O2")),
        ([""], ()),
        ([None], ()),
        ("O", ()),
        ([7], ()),
        (None, ()),
    ],
)
def test_krakens_order_id_is_a_text_in_a_list(txid: object, ids: tuple[str]) -> None:
    assert kraken.read_ids({"error": [], "result": {"txid": txid}}) == ids


def rights(*names: str, **more: Any) -> dict[str, Any]:
    return {"error": [], "result": {"permissions": list(names), **more}}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (rights("query-funds"), Rights(known=True, names=("query-funds",))),
        (
            rights("query-open-trades", ipAllowlist=["10.0.0.1"]),
            Rights(known=True, names=("query-open-trades",), addresses=("10.0.0.1",)),
        ),
        (
            rights("query-funds", "Withdraw-Funds", "modify-trades"),
            Rights(
                known=True,
                names=("query-funds", "Withdraw-Funds", "modify-trades"),
                may_withdraw=True,
                may_trade=True,
            ),
        ),
        (
            rights("modify-trades", ip_allowlist=["10.0.0.1"]),
            Rights(
                known=True,
                names=("modify-trades",),
                may_trade=True,
                addresses=("10.0.0.1",),
            ),
        ),
        (rights(), Rights(known=False)),
        (
            {"error": [], "result": {"rights": {"withdraw": 1}}},
            Rights(known=False, may_withdraw=True),
        ),
        (
            {
                "error": [],
                "result": {"permissions": {"withdraw": True, "trade": False}},
            },
            Rights(known=True, names=("withdraw",), may_withdraw=True),
        ),
    ],
)
def test_krakens_key_says_what_it_may(body: object, told: Rights) -> None:
    assert kraken.read_rights(body) == told


def test_other_keys_say_what_they_may() -> None:
    trading = {"enableWithdrawals": False, "enableSpotAndMarginTrading": True}
    assert not binance.read_rights(trading).may_withdraw
    assert binance.read_rights(trading).may_trade
    assert binance.read_rights({**trading, "enableWithdrawals": True}).may_withdraw
    assert binance.read_rights({**trading, "enableWithdrawals": None}).may_withdraw
    assert not binance.read_rights({"x": 1}).known
    viewing = {"can_view": True, "can_trade": False, "can_transfer": False}
    assert coinbase.read_rights(viewing).names == ("can_view",)
    assert coinbase.read_rights({**viewing, "can_transfer": True}).may_withdraw
    assert not coinbase.read_rights([]).known


def test_fees_are_percent_and_a_missing_makers_schedule_is_the_takers() -> None:
    taker = {"XXBTZUSD": {"fee": "0.2400"}}
    both = {"fees": taker, "fees_maker": {"XXBTZUSD": {"fee": "0.1400"}}}
    told = kraken.read_fees({"result": both}, "XXBTZUSD")
    assert told == (Decimal("0.0014"), Decimal("0.0024"))
    alone = kraken.read_fees({"result": {"fees": taker}}, "XXBTZUSD")
    assert alone == (Decimal("0.0024"), Decimal("0.0024"))
    assert kraken.read_fees({"result": {"fees": taker}}, "XETHZUSD") is None
