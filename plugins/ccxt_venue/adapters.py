"""Which adapter an exchange has, and what the user's workspace says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from quorate import VenueError, exact

from .adapter import Adapter
from .binance import BINANCE
from .coinbase import COINBASE
from .kraken import KRAKEN
from .refusals import Codes

ADAPTERS: Mapping[str, Adapter] = {
    each.name: each for each in (KRAKEN, BINANCE, COINBASE)
}

_WORDS = ("client_id_param", "client_id_form", "deadline_param", "lookup_param")
_FLAGS = ("strict_nonce", "market_buy_in_quote", "cancel_by_client_id")
_NUMBERS = ("taker_fee", "maker_fee", "rest_limit", "rest_decay", "public_limit")
_CODES = ("refusals", "cancel_refusals", "not_found")
OVERRIDES = (*_WORDS, *_FLAGS, *_NUMBERS, *_CODES)
"""What ``exchange.adapter`` may say."""


def adapter_for(name: str, overrides: Mapping[str, Any]) -> Adapter:
    """Return the adapter of a ccxt exchange, with the workspace's own ``overrides``.

    Raises:
        VenueError: an override is not known, or of the wrong kind.
    """
    adapter = ADAPTERS.get(name) or replace(Adapter(), name=name)
    values = {key: _read(key, value) for key, value in overrides.items()}
    if "rest_limit" in values or "rest_decay" in values:
        values["rest_tiers"] = {}
    return replace(adapter, **values)


def _read(key: str, value: object) -> Any:
    if key in _WORDS and isinstance(value, str):
        return _form(key, value) if key == "client_id_form" else value
    if key in _FLAGS and isinstance(value, bool):
        return value
    if key in _NUMBERS and isinstance(value, int | float | Decimal):
        number = exact(Decimal(value) if isinstance(value, int) else value)
        if number >= 0 and not isinstance(value, bool):
            return number
    if key in _CODES and isinstance(value, list):
        return Codes(tuple(map(str, value)))
    if key in OVERRIDES:
        raise VenueError(f"exchange.adapter.{key}: cannot be {value!r}")
    known = ", ".join(sorted(OVERRIDES))
    raise VenueError(f"exchange.adapter.{key}: not known; there are {known}")


def _form(key: str, value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise VenueError(f"exchange.adapter.{key}: no pattern: {error}") from None
    return value
