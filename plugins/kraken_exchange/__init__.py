"""Kraken on loopback: ``quorate exchange`` opens it, for rehearsals and tests.

A server that speaks Kraken's protocol to unmodified ccxt, with a market that follows
recorded candles, an account of its own, and faults on demand. Nothing real is traded.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any

from quorate import Keys, VenueError, hookimpl

from .core import Core, Options
from .counters import TIERS
from .faults import Faults
from .log_lines import log_line
from .server import KrakenExchange, ccxt_urls

__all__ = ["KrakenExchange", "ccxt_urls", "exchange"]

_OPTIONS = frozenset(one.name for one in fields(Options)) - {"tapes"}
_OWN = frozenset(("tapes", "faults", "tell"))


@hookimpl
def exchange(name: str, settings: Mapping[str, Any]) -> KrakenExchange | None:
    """Return the loopback exchange.

    ``settings`` may hold any of `core.Options`, what is "" or None is left out.
    """
    if name not in ("", KrakenExchange.name):
        return None
    given = {key: value for key, value in settings.items() if value not in ("", None)}
    for key in given:
        if key not in _OPTIONS | _OWN:
            raise VenueError(f"there is no setting {key!r} of an exchange")
    if given.get("tier", "pro") not in TIERS:
        raise VenueError(
            f"there is no tier {given['tier']!r}; there are {', '.join(TIERS)}"
        )
    _must_be_base64(str(given.get("secret", "")))
    options = {key: value for key, value in given.items() if key in _OPTIONS}
    core = Core(Options(tapes=tuple(given.get("tapes", ())), **options))
    faults = Faults(core.options.seed, given.get("faults", ()))
    tell: Callable[[str], None] | None = given.get("tell")
    if tell is not None:
        core.listeners.append(lambda event: _log(event, tell))
    keys = Keys(core.options.key, core.options.secret)
    return KrakenExchange(core, faults, keys)


def _must_be_base64(secret: str) -> None:
    """Refuse a secret that nothing can be signed with."""
    try:
        base64.b64decode(secret, validate=True)
    except ValueError:
        raise VenueError("the secret of a key must be base64, as Kraken's is") from None


def _log(event: Mapping[str, Any], tell: Callable[[str], None]) -> None:
    line = log_line(event)
    # Nobody may be reading any more: that undoes no order.
    with suppress(OSError, ValueError):
        if line:
            tell(line)
