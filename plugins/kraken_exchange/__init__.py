"""Kraken on loopback: ``quorate exchange`` opens it, for rehearsals and tests.

A server that speaks Kraken's protocol to unmodified ccxt, with a market that follows
recorded candles, an account of its own, and faults on demand. Nothing real is traded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quorate import LoopbackExchange, hookimpl


@hookimpl
def exchange(name: str, settings: Mapping[str, Any]) -> LoopbackExchange | None:
    """Return the loopback exchange.

    ``settings`` may hold any of `core.Options`; what is "" or None is left out.
    """
    if name not in ("", "kraken"):
        return None
    # Only now: every command loads the plugins, and a server takes long to import.
    from .opening import open_exchange  # noqa: PLC0415

    return open_exchange(settings)
