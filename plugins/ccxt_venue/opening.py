"""Make the ccxt object of an exchange, from the workspace's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quorate import Keys, VenueError

from .adapter import Adapter
from .wire import Terms, wired

_SECRET = ("apiKey", "secret", "password", "uid", "login", "token", "twofa")
_SECRET_TOO = ("privateKey", "walletAddress", "accountId")
_OURS = ("verbose", "logger", "enableRateLimit", "number")
"""What of the settings is not taken: this plugin decides it."""


def open_exchange(
    adapter: Adapter, settings: Mapping[str, Any], keys: Keys | None, terms: Terms
) -> Any:
    """Return the ccxt.pro object of the exchange, not yet connected.

    Raises:
        VenueError: ccxt does not know the exchange, or the settings cannot be used.
    """
    given = settings.get("ccxt", {})
    if not isinstance(given, Mapping):
        raise VenueError("exchange.ccxt: must be settings of ccxt by name")
    for name in (*_SECRET, *_SECRET_TOO):
        if name in given:
            hint = "keys stand in no YAML; name their place under exchange.keys"
            raise VenueError(f"exchange.ccxt.{name}: {hint}")
    exchange_class = _class_of(adapter.name)
    try:
        exchange = exchange_class(_config(adapter, given, keys))
    except Exception as error:  # noqa: BLE001 - ccxt takes anything, and may raise so
        named = type(error).__name__
        raise VenueError(f"exchange.ccxt: ccxt does not take it ({named})") from None
    exchange.terms = terms
    return exchange


def refuses_key(error: Exception) -> bool:
    """Return whether ccxt says that the exchange does not take the key."""
    from ccxt import AuthenticationError  # noqa: PLC0415 - takes a second

    return isinstance(error, AuthenticationError)


def _class_of(name: str) -> Any:
    from ccxt import pro  # noqa: PLC0415 - takes a second

    if name not in pro.exchanges:
        raise VenueError(f"exchange.name: ccxt.pro knows no exchange {name!r}")
    return wired(getattr(pro, name))


def _config(
    adapter: Adapter, given: Mapping[str, Any], keys: Keys | None
) -> dict[str, Any]:
    config = {key: value for key, value in given.items() if key not in _OURS}
    config["options"] = {**adapter.options, **(given.get("options") or {})}
    # The last reply of another call must never be taken for this one's: ccxt makes
    # "not found" of an old error when a cancel times out.
    config |= {"enableRateLimit": False, "enableLastHttpResponse": False}
    config.setdefault("timeout", 10_000)
    if keys is not None:
        config |= {"apiKey": keys.key, "secret": keys.secret}
    return config
