"""Binance spot: developers.binance.com/docs/binance-spot-api-docs."""

from __future__ import annotations

from decimal import Decimal

from quorate import Rights

from .adapter import Adapter, Lookup
from .refusals import BINANCE as REFUSALS
from .refusals import BINANCE_CANCEL, BINANCE_NOT_FOUND, BINANCE_RATE


def read_errors(body: object) -> tuple[str, ...] | None:
    """Return ``code`` and ``msg`` of an error object as one text."""
    if isinstance(body, list):
        return ()
    if not isinstance(body, dict):
        return None
    code = body.get("code")
    if isinstance(code, int) and code < 0:
        return (f"{code} {body.get('msg', '')}",)
    return ()


def read_ids(body: object) -> tuple[str, ...]:
    """Return ``orderId``, a number there."""
    order_id = body.get("orderId") if isinstance(body, dict) else None
    return (str(order_id),) if isinstance(order_id, int) and order_id > 0 else ()


_LISTS = ("openOrders", "allOrders", "myTrades", "asset/tradeFee")


def answers(path: str, body: object) -> bool:
    """Return whether the reply holds what was asked for."""
    if path in _LISTS:
        return isinstance(body, list) and all(isinstance(each, dict) for each in body)
    if path not in ("account", "order"):
        return isinstance(body, dict | list)
    if not isinstance(body, dict):
        return False
    if path == "account":
        return isinstance(body.get("balances"), list)
    return "orderId" in body


def cancelled(body: object) -> bool:
    """Return whether the order came back, cancelled."""
    return isinstance(body, dict) and body.get("status") == "CANCELED"


def read_rights(body: object) -> Rights:
    """Return what apiRestrictions says."""
    if not isinstance(body, dict) or "enableWithdrawals" not in body:
        return Rights(known=False)
    names = tuple(name for name, value in body.items() if value is True)
    return Rights(
        known=True,
        names=names,
        may_withdraw=body["enableWithdrawals"] is not False,
        may_trade=body.get("enableSpotAndMarginTrading") is True,
        addresses=("restricted",) if body.get("ipRestrict") is True else (),
    )


BINANCE = Adapter(
    name="binance",
    client_id_param="newClientOrderId",
    client_id_form=r"[.A-Za-z0-9:/_-]{1,36}",
    cancel_by_client_id=True,
    cancel_client_id_param="origClientOrderId",
    # A request is refused when recvWindow has passed since its timestamp: looked at
    # when it comes in, and again before it goes to the matching engine (.../rest-api/
    # request-security, timing security).
    deadline_window_param="recvWindow",
    lookup=Lookup.DIRECT,
    lookup_param="origClientOrderId",
    # Spot alone is traded; currencies would need a further right of the key.
    options={
        "warnOnFetchOpenOrdersWithoutSymbol": False,
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "fetchMargins": False,
        "fetchCurrencies": False,
    },
    strict_nonce=False,
    read_errors=read_errors,
    read_ids=read_ids,
    answers=answers,
    cancelled=cancelled,
    refusals=REFUSALS,
    cancel_refusals=BINANCE_CANCEL,
    not_found=BINANCE_NOT_FOUND,
    rate_words=BINANCE_RATE,
    order_fields={
        "client_id": "clientOrderId",
        "amount": "origQty",
        "filled": "executedQty",
    },
    trade_fields={"price": "price", "amount": "qty", "fee": "commission"},
    ask_rights="sapiGetAccountApiRestrictions",
    read_rights=read_rights,
    trades_need_symbol=True,
    page_size=500,
    # Request weights: 6,000 a minute for the address; orders count 1 here.
    path_costs={"order": Decimal(4), "openOrders": Decimal(80), "myTrades": Decimal(20)}
    | {"account": Decimal(20), "allOrders": Decimal(20)},
    rest_limit=Decimal(3000),
    rest_decay=Decimal(50),
    public_limit=Decimal(100),
    public_decay=Decimal(10),
    taker_fee=Decimal("0.001"),
    maker_fee=Decimal("0.001"),
)
