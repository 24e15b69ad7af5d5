"""Coinbase Advanced Trade: docs.cdp.coinbase.com, REST API of Advanced Trade."""

from __future__ import annotations

from decimal import Decimal

from quorate import Rights

from .adapter import Adapter, Lookup
from .refusals import COINBASE as REFUSALS
from .refusals import COINBASE_CANCEL, COINBASE_NOT_FOUND, COINBASE_RATE

_REASONS = ("error", "new_order_failure_reason", "preview_failure_reason")


def read_errors(body: object) -> tuple[str, ...] | None:
    """Return the reasons of an error reply, without those that only say "unknown".

    A reply of unknown reasons alone is told as the first of them.
    """
    if isinstance(body, list):
        return ()
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("results"), list):
        return _cancel_errors(body["results"])
    told = body.get("error_response", body)
    if not isinstance(told, dict):
        return None
    reasons = [told[name] for name in _REASONS if isinstance(told.get(name), str)]
    clear = tuple(each for each in reasons if each and not each.startswith("UNKNOWN_"))
    if clear:
        return clear
    return ("UNKNOWN_FAILURE_REASON",) if body.get("success") is False else ()


def _cancel_errors(results: list[object]) -> tuple[str, ...]:
    return tuple(
        str(each.get("failure_reason"))
        for each in results
        if isinstance(each, dict) and each.get("success") is not True
    )


def read_ids(body: object) -> tuple[str, ...]:
    """Return the order id of a success."""
    if not isinstance(body, dict) or body.get("success") is not True:
        return ()
    told = body.get("success_response")
    order_id = told.get("order_id") if isinstance(told, dict) else None
    return (order_id,) if isinstance(order_id, str) and order_id else ()


_LISTS = {
    "brokerage/orders/historical/batch": "orders",
    "brokerage/orders/historical/fills": "fills",
    "brokerage/accounts": "accounts",
}


def answers(path: str, body: object) -> bool:
    """Return whether the reply holds what was asked for."""
    if path == "brokerage/orders/historical/{order_id}":
        return isinstance(body, dict) and isinstance(body.get("order"), dict)
    if path not in _LISTS:
        return isinstance(body, dict | list)
    told = body.get(_LISTS[path]) if isinstance(body, dict) else None
    return isinstance(told, list) and all(isinstance(each, dict) for each in told)


def cancelled(body: object) -> bool:
    """Return whether each result of the batch is a success."""
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list) or not results:
        return False
    return all(isinstance(one, dict) and one.get("success") is True for one in results)


def read_rights(body: object) -> Rights:
    """Return what key_permissions says; a key that may transfer may withdraw."""
    if not isinstance(body, dict) or "can_transfer" not in body:
        return Rights(known=False)
    return Rights(
        known=True,
        names=tuple(name for name, value in body.items() if value is True),
        may_withdraw=body["can_transfer"] is not False,
        may_trade=body.get("can_trade") is True,
    )


COINBASE = Adapter(
    name="coinbase",
    client_id_param="client_order_id",  # ccxt drops clientOrderId
    client_id_form=r"[A-Za-z0-9_-]{1,36}",
    cancel_by_client_id=False,
    lookup=Lookup.SCAN,
    market_buy_in_quote=True,
    strict_nonce=False,
    read_errors=read_errors,
    read_ids=read_ids,
    answers=answers,
    cancelled=cancelled,
    refusals=REFUSALS,
    cancel_refusals=COINBASE_CANCEL,
    not_found=COINBASE_NOT_FOUND,
    rate_words=COINBASE_RATE,
    order_fields={"client_id": "client_order_id", "filled": "filled_size"},
    trade_fields={"price": "price", "amount": "size", "fee": "commission"},
    ask_rights="v3PrivateGetBrokerageKeyPermissions",
    read_rights=read_rights,
    open_params={"paginate": True},
    trades_need_symbol=False,
    page_size=100,
    rest_limit=Decimal(30),
    rest_decay=Decimal(15),
    taker_fee=Decimal("0.012"),
    maker_fee=Decimal("0.006"),
)
