"""Orders to send through the ccxt venue, and the venue itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import count
from types import ModuleType
from typing import Any

from tests.plugin_files import load_plugin, part_of

from quorate import Intent, Keys, OrderType, Purpose, Side, TimeInForce

KEYS = Keys("stub-key-0123456789", "c3R1YiBzZWNyZXQgb2Ygbm9ib2R5IGF0IGFsbA==")
_numbers = count(1)


def plugin() -> ModuleType:
    """Return the plugin."""
    return load_plugin("ccxt_venue")


def part(name: str) -> ModuleType:
    """Return a module of the plugin."""
    return part_of("ccxt_venue", name)


def intent(**changes: Any) -> Intent:
    """Return a limit buy that rests far below the market, with an id of its own."""
    ours = f"1a2b3c4d-{next(_numbers)}"
    resting = Intent(
        client_id=ours,
        root_id=ours,
        symbol="BTC/USD",
        venue_symbol="BTC/USD",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        amount=Decimal("0.001"),
        limit_price=Decimal("1000.1"),
        reference_price=Decimal("1000.1"),
        purpose=Purpose.ENTRY,
        rule="quorum",
        attempt=1,
        max_attempts=1,
        cancel_after_ms=0,
        position_id="p1",
        made_ms=0,
    )
    return replace(resting, **changes)


def at_market(**changes: Any) -> Intent:
    """Return a market buy."""
    return intent(type=OrderType.MARKET, limit_price=None, **changes)


@asynccontextmanager
async def opened(name: str, tier: str = "pro", **settings: Any) -> AsyncIterator[Any]:
    """Open a venue for BTC/USD with KEYS, and close it whatever happens."""
    symbols = settings.pop("symbols", ["BTC/USD"])
    keys = settings.pop("keys", KEYS)
    venue = plugin().live_venue(name, settings, tier)
    await venue.open(symbols, keys)
    # ccxt waits so long for its sockets to close, of which there are none here.
    venue.exchange.timeout_on_exit = 1
    try:
        yield venue
    finally:
        await venue.close()


@asynccontextmanager
async def on_loopback(
    exchange: Any, tier: str = "pro", **settings: Any
) -> AsyncIterator[Any]:
    """Open the venue of a loopback exchange, with the exchange's own key."""
    given = {
        "keys": Keys(exchange.key, exchange.secret),
        "pace": float(exchange.core.clock.pace),
        "ccxt": {"urls": exchange.ccxt_urls},
        **settings,
    }
    async with opened("kraken", tier, **given) as venue:
        yield venue
