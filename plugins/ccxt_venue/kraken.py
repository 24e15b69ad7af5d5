"""Kraken spot: its words for what every exchange says in some way.

Sources: docs.kraken.com/api/docs/rest-api (each call's reply), .../guides/spot-clordid,
.../guides/spot-ratelimits and docs.kraken.com/exchange/guides/rest/ratelimits.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from quorate import Rights, exact

from .adapter import Adapter, Lookup
from .refusals import KRAKEN as REFUSALS
from .refusals import KRAKEN_CANCEL, KRAKEN_NOT_FOUND, KRAKEN_RATE


def read_errors(body: object) -> tuple[str, ...] | None:
    """Return the ``error`` list: every reply has one, empty when all is well."""
    if not isinstance(body, dict):
        return None
    errors = body.get("error")
    if not isinstance(errors, list) or not all(isinstance(e, str) for e in errors):
        return None
    return tuple(errors)


def read_ids(body: object) -> tuple[str, ...]:
    """Return the ``txid`` list of AddOrder."""
    result = _result(body)
    ids = result.get("txid") if isinstance(result, dict) else None
    if not isinstance(ids, list):
        return ()
    return tuple(each for each in ids if isinstance(each, str) and each)


_LISTS = {"OpenOrders": "open", "ClosedOrders": "closed", "TradesHistory": "trades"}


def answers(path: str, body: object) -> bool:
    """Return whether ``result`` holds what was asked for, not another thing."""
    result = _result(body)
    if not isinstance(result, dict):
        return False
    name = _LISTS.get(path)
    told = result if name is None else result.get(name)
    if not isinstance(told, dict):
        return False
    if name is not None or path in ("QueryOrders", "BalanceEx"):
        return all(isinstance(each, dict) for each in told.values())
    return True


def read_page(body: object) -> tuple[int, int]:
    """Return how many orders or trades a reply lists, and how many there are in all."""
    result = _result(body)
    if not isinstance(result, dict):
        return 0, 0
    lists = [result[name] for name in _LISTS.values() if name in result]
    listed = len(lists[0]) if lists else 0
    count = result.get("count")
    return listed, count if isinstance(count, int) else listed


def cancelled(body: object) -> bool:
    """Return whether CancelOrder counted an order, or says that it is under way."""
    result = _result(body)
    if not isinstance(result, dict):
        return False
    count = result.get("count")
    return result.get("pending") is True or (isinstance(count, int) and count > 0)


def read_rights(body: object) -> Rights:
    """Return what GetApiKeyInfo says, as far as its shape is the documented one.

    Its words are not listed there: any permission that speaks of withdrawing counts
    (docs.kraken.com/api-reference/account-data/get-api-key-info).
    """
    result = _result(body)
    if not isinstance(result, Mapping):
        return Rights(known=False)
    names = _permissions(result.get("permissions"))
    told = " ".join(names if names else (str(result),)).lower()
    return Rights(
        known=bool(names),
        names=names,
        may_withdraw="withdraw" in told,
        may_trade=any("modify" in name or "create" in name for name in names),
        addresses=_addresses(result),
    )


def read_fees(body: object, market_id: str) -> tuple[Decimal, Decimal] | None:
    """Return the maker's and taker's fee of TradeVolume, told there in percent.

    A market without a maker's schedule asks both sides for the same.
    """
    result = _result(body)
    if not isinstance(result, dict):
        return None
    taker = _percent(result.get("fees"), market_id)
    maker = _percent(result.get("fees_maker"), market_id)
    return None if taker is None else (taker if maker is None else maker, taker)


def _percent(schedule: object, market_id: str) -> Decimal | None:
    told = schedule.get(market_id) if isinstance(schedule, dict) else None
    fee = told.get("fee") if isinstance(told, dict) else None
    try:
        return exact(str(fee)) / 100
    except (ArithmeticError, ValueError):
        return None


def _permissions(told: object) -> tuple[str, ...]:
    if isinstance(told, Mapping):
        told = [name for name, given in told.items() if given is True]
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        return ()
    return tuple(told)


def _addresses(result: Mapping[str, Any]) -> tuple[str, ...]:
    for name, value in result.items():
        if name.lower().startswith(("ip", "allowed_ip")) and isinstance(value, list):
            return tuple(map(str, value))
    return ()


def _result(body: object) -> object:
    return body.get("result") if isinstance(body, dict) else None


KRAKEN = Adapter(
    name="kraken",
    client_id_param="clientOrderId",  # sent as cl_ord_id
    # A UUID, 32 hex digits, or up to 18 characters of free ASCII text.
    client_id_form=r"[\x21-\x7e]{1,18}|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    cancel_by_client_id=True,
    lookup=Lookup.FILTER,  # fetch_order would send our id as userref
    deadline_param="deadline",
    deadline_most_ms=55_000,  # of 60 s: clocks differ
    dead_man=True,  # CancelAllOrdersAfter
    # Said aloud: the fee in quote currency, whatever the default of the side is.
    send_params={"oflags": "fciq"},
    strict_nonce=True,
    read_errors=read_errors,
    read_ids=read_ids,
    answers=answers,
    cancelled=cancelled,
    refusals=REFUSALS,
    cancel_refusals=KRAKEN_CANCEL,
    not_found=KRAKEN_NOT_FOUND,
    rate_words=KRAKEN_RATE,
    order_fields={"client_id": "cl_ord_id", "amount": "vol", "filled": "vol_exec"},
    trade_fields={"price": "price", "amount": "vol", "fee": "fee"},
    raw_frames=True,
    tick_field="tick_size",
    status_field="status",
    ask_rights="privatePostGetApiKeyInfo",
    read_rights=read_rights,
    ask_fees="privatePostTradeVolume",
    read_fees=read_fees,
    page_param="ofs",
    read_page=read_page,
    page_size=50,
    trades_need_symbol=False,
    # Placing and cancelling are not counted here; history and ledgers count double.
    path_costs={
        "AddOrder": Decimal(0),
        "CancelOrder": Decimal(0),
        "TradesHistory": Decimal(2),
        "ClosedOrders": Decimal(1),
    },
    rest_tiers={
        "starter": (Decimal(15), Decimal("0.33")),
        "intermediate": (Decimal(20), Decimal("0.5")),
        "pro": (Decimal(20), Decimal(1)),
    },
    rest_limit=Decimal(15),
    rest_decay=Decimal("0.33"),
    taker_fee=Decimal("0.004"),
    maker_fee=Decimal("0.0025"),
)
