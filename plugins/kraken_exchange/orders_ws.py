"""Orders over a socket, put into the fields of the REST calls of the same meaning.

Sources: docs.kraken.com, websocket-v2: add_order, amend_order, cancel_order,
cancel_all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from .refusal import invalid, refused

METHODS = {
    "add_order": "AddOrder",
    "amend_order": "AmendOrder",
    "cancel_order": "CancelOrder",
    "cancel_all": "CancelAll",
    "cancel_all_orders_after": "CancelAllOrdersAfter",
}
"""What a request over a socket is called as a REST call."""

_COMMON = {
    "cl_ord_id": "cl_ord_id",
    "order_userref": "userref",
    "deadline": "deadline",
}
_ADD = {
    "symbol": "pair",
    "side": "type",
    "order_type": "ordertype",
    "order_qty": "volume",
    "validate": "validate",
    "reduce_only": "reduce_only",
    "stp_type": "stptype",
    **_COMMON,
}
_SPECIAL = (
    "limit_price",
    "time_in_force",
    "post_only",
    "expire_time",
    "cash_order_qty",
    "triggers",
    "fee_preference",
)
_AMEND = {
    "order_id": "txid",
    "cl_ord_id": "cl_ord_id",
    "order_qty": "order_qty",
    "limit_price": "limit_price",
    "trigger_price": "trigger_price",
    "post_only": "post_only",
    "deadline": "deadline",
}


def rest_form(method: str, params: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the forms of the REST calls that ``method`` means: one for each order.

    Raises:
        KrakenError: something in it is not known here, or cannot be read.
    """
    if method == "add_order":
        return [_add_form(params)]
    if method == "amend_order":
        return [_picked(params, _AMEND, ("symbol",))]
    if method == "cancel_order":
        return _cancel_forms(params)
    if method == "cancel_all_orders_after":
        return [_picked(params, {"timeout": "timeout"}, ())]
    return [{}]


def _add_form(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the form of AddOrder.

    A stop's trigger is ``triggers.price`` here and ``price`` there, where its limit is
    ``price2``.
    """
    form = _picked(params, _ADD, _SPECIAL)
    trigger = params.get("triggers")
    if isinstance(trigger, Mapping) and "price" in trigger:
        form["price"] = _text(trigger["price"])
    if "limit_price" in params:
        form["price2" if "price" in form else "price"] = _text(params["limit_price"])
    if "time_in_force" in params:
        form["timeinforce"] = _text(params["time_in_force"]).upper()
    if "expire_time" in params:
        form["expiretm"] = str(_unix_seconds(params["expire_time"]))
    flags = ["post"] if params.get("post_only") is True else []
    if "cash_order_qty" in params:
        form["volume"] = _text(params["cash_order_qty"])
        flags.append("viqc")
    if params.get("fee_preference") in ("base", "quote"):
        flags.append("fcib" if params["fee_preference"] == "base" else "fciq")
    if flags:
        form["oflags"] = ",".join(flags)
    return form


def _cancel_forms(params: Mapping[str, Any]) -> list[dict[str, str]]:
    forms: list[dict[str, str]] = []
    for name, field in (("order_id", "txid"), ("cl_ord_id", "cl_ord_id")):
        value = params.get(name, ())
        values = (value,) if isinstance(value, str) else value
        if not isinstance(values, list | tuple):
            raise refused("EGeneral:Invalid arguments")
        forms.extend({field: _text(one)} for one in values)
    if not forms:
        raise invalid("order_id")
    return forms


def _picked(
    params: Mapping[str, Any], names: Mapping[str, str], others: tuple[str, ...]
) -> dict[str, str]:
    form = {}
    for name, value in params.items():
        if name in names:
            form[names[name]] = _text(value)
        elif name not in ("token", *others):
            raise invalid(name)
    return form


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    try:
        return f"{Decimal(str(value)):f}"
    except InvalidOperation:
        raise refused("EGeneral:Invalid arguments") from None


def _unix_seconds(moment: Any) -> int:
    try:
        return int(datetime.fromisoformat(str(moment)).timestamp())
    except ValueError:
        raise invalid("expire_time") from None


def ws_result(method: str, result: Any, form: Mapping[str, str]) -> dict[str, Any]:
    """Return what a request over a socket is answered with, from a REST result."""
    said = result if isinstance(result, Mapping) else {}
    if method == "add_order":
        ids = said.get("txid") or []
        answer: dict[str, Any] = {"order_id": ids[0]} if ids else {}
    elif method == "amend_order":
        answer = {"amend_id": said.get("amend_id", "")}
    elif method == "cancel_order":
        answer = {"order_id": form["txid"]} if "txid" in form else {}
    else:
        return dict(said)
    if "cl_ord_id" in form:
        answer["cl_ord_id"] = form["cl_ord_id"]
    return answer
