"""Whether an order is let in: what AddOrder asks for, checked as Kraken does.

The order of the checks is not documented; this one is assumed: pair, counter, deadline,
arguments, mode of the market, price, amount, smallest amount and cost, client id, open
orders, post only, funds. Whatever fails after the counter has been counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from .clock import SECOND_MS, from_rfc3339
from .pairs import Listing, Pair
from .refusal import invalid, refused

LONGEST_DEADLINE_MS = 60 * SECOND_MS

_CLIENT_ID = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}"
    r"|[\x21-\x7e]{1,18}"
)
_TYPES = ("market", "limit")
_TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTD")
_FLAGS = {"post", "fcib", "fciq", "viqc", "nompp"}
_NOT_HERE = frozenset(
    ["price2", "close", "leverage", "displayvol", "trigger", "starttm", "reduce_only"]
)
_NOTHING = ("", "0", "none", "false")

Form = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an AddOrder asks for, read but not yet checked against the market."""

    pair: Pair
    side: str
    order_type: str
    amount: Decimal
    limit: Decimal | None
    time_in_force: str
    flags: frozenset[str]
    cl_ord_id: str
    userref: int | None
    expires_ms: int
    validate: bool


def text(form: Form, name: str) -> str:
    """Return a field as text, "" when it is not there; null is not there."""
    value = form.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).strip()


def is_true(form: Form, name: str) -> bool:
    """Tell whether a flag is set: true, or ccxt's True, or 1."""
    return text(form, name).lower() in ("true", "1")


def find_pair(form: Form, pairs: Listing) -> Pair:
    """Return the pair of an order.

    Raises:
        KrakenError: there is no such pair.
    """
    pair = pairs.find(text(form, "pair"))
    if pair is None:
        raise refused("EQuery:Unknown asset pair")
    return pair


def check_deadline(form: Form, now_ms: int) -> None:
    """Refuse an order that comes after its deadline.

    Raises:
        KrakenError: it is too late, or the deadline is not a moment within a minute.
    """
    deadline = text(form, "deadline")
    if not deadline:
        return
    try:
        deadline_ms = from_rfc3339(deadline)
    except ValueError:
        raise invalid("deadline") from None
    if now_ms > deadline_ms:
        raise refused("EService:Deadline elapsed")
    if deadline_ms - now_ms > LONGEST_DEADLINE_MS:
        raise invalid("deadline")


def read(form: Form, pair: Pair, now_ms: int) -> Wish:
    """Return what a form asks for.

    Raises:
        KrakenError: a field is missing, cannot be read or cannot be had here.
    """
    side, order_type = text(form, "type"), text(form, "ordertype")
    if side not in ("buy", "sell"):
        raise invalid("type")
    if order_type not in _TYPES:
        raise invalid("ordertype")
    for name in form:
        plain = name.partition("[")[0]  # ccxt writes close[price] and the like
        if plain in _NOT_HERE and text(form, name).lower() not in _NOTHING:
            raise invalid(plain)
    limited = order_type == "limit"
    flags = frozenset(filter(None, text(form, "oflags").split(",")))
    if not flags <= _FLAGS or {"fcib", "fciq"} <= flags:
        raise invalid("oflags")
    if "post" in flags and not limited:
        raise invalid("oflags")
    if "viqc" in flags and (limited or side == "sell"):
        raise invalid("viqc")
    cl_ord_id, userref = _names(form)
    return Wish(
        pair=pair,
        side=side,
        order_type=order_type,
        amount=_number(form, "volume"),
        limit=_number(form, "price") if limited else None,
        time_in_force=_time_in_force(form, limited=limited, flags=flags),
        flags=flags,
        cl_ord_id=cl_ord_id,
        userref=userref,
        expires_ms=_expiry(form, now_ms),
        validate=is_true(form, "validate"),
    )


def check_mode(status: str, wish: Wish) -> None:
    """Refuse what the mode of the market does not allow.

    Raises:
        KrakenError: EService:Market in ... mode.
    """
    allowed = {
        "online": True,
        "post_only": "post" in wish.flags,
        "limit_only": wish.order_type == "limit",
        "reduce_only": wish.side == "sell",
    }
    if not allowed.get(status, False):
        raise refused(f"EService:Market in {status} mode")


def check_price(price: Decimal, pair: Pair) -> None:
    """Refuse a price that is not on the grid.

    Raises:
        KrakenError: it has too many decimals, or is between two ticks.
    """
    if price != round(price, pair.price_decimals):
        raise refused(
            f"EOrder:Invalid price:{pair.id} price can only be specified "
            f"up to {pair.price_decimals} decimals."
        )
    if price % pair.tick:
        raise refused("EOrder:Tick size check failed")


def check_size(pair: Pair, amount: Decimal, price: Decimal, least: Decimal) -> None:
    """Refuse an amount in base currency that is off the grid or below ``least``.

    Raises:
        KrakenError: in Kraken's words for volume, minimum or cost.
    """
    if amount != round(amount, pair.amount_decimals):
        raise invalid("volume")
    if amount < least:
        raise invalid("volume minimum not met")
    if amount * price < pair.min_cost:
        raise refused("EOrder:Cost minimum not met")


def positive(form: Form, name: str) -> Decimal:
    """Return a field as a number above zero.

    Raises:
        KrakenError: it is missing or not such a number.
    """
    return _number(form, name)


def _number(form: Form, name: str) -> Decimal:
    try:
        number = Decimal(text(form, name))
    except InvalidOperation:
        raise invalid(name) from None
    if not number.is_finite() or number <= 0:
        raise invalid(name)
    return number


def _names(form: Form) -> tuple[str, int | None]:
    cl_ord_id, userref = text(form, "cl_ord_id"), text(form, "userref")
    if cl_ord_id and userref:
        raise invalid("cl_ord_id")
    if cl_ord_id and not _CLIENT_ID.fullmatch(cl_ord_id):
        raise invalid("cl_ord_id")
    if not userref:
        return cl_ord_id, None
    if not re.fullmatch(r"-?[0-9]{1,10}", userref) or abs(int(userref)) >= 2**31:
        raise invalid("userref")
    return cl_ord_id, int(userref)


def _time_in_force(form: Form, *, limited: bool, flags: frozenset[str]) -> str:
    if not limited:
        if text(form, "timeinforce").upper() not in ("", "IOC", "FOK"):
            raise invalid("timeinforce")
        return text(form, "timeinforce").upper() or "IOC"
    word = text(form, "timeinforce").upper() or "GTC"
    if word not in _TIMES_IN_FORCE:
        raise invalid("timeinforce")
    if "post" in flags and word in ("IOC", "FOK"):
        raise invalid("timeinforce")
    return word


def _expiry(form: Form, now_ms: int) -> int:
    """Return when an order expires: a moment in seconds, or +n from now; 0 never."""
    if text(form, "timeinforce").upper() != "GTD":
        return 0
    given = text(form, "expiretm")
    try:
        seconds = Decimal(given.removeprefix("+"))
        expires_ms = int(seconds * SECOND_MS)
    except (ArithmeticError, ValueError):
        raise invalid("expiretm") from None
    if given.startswith("+"):
        expires_ms += now_ms
    if expires_ms <= now_ms:
        raise invalid("expiretm")
    return expires_ms
