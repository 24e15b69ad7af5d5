"""Orders to send through the ccxt venue, and the venue itself."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cache
from importlib import import_module
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from quorate import Intent, Keys, OrderType, Purpose, Side, TimeInForce

PLUGIN = Path(__file__).parents[3] / "plugins" / "ccxt_venue"
KEYS = Keys("stub-key-0123456789", "c3R1YiBzZWNyZXQgb2Ygbm9ib2R5IGF0IGFsbA==")
_numbers = count(1)


@cache
def plugin() -> ModuleType:
    """Return the plugin, loaded as the engine does."""
    name = "plugin_ccxt_venue_of_tests"
    spec = importlib.util.spec_from_file_location(
        name, PLUGIN / "__init__.py", submodule_search_locations=[str(PLUGIN)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def part(name: str) -> ModuleType:
    """Return a module of the plugin."""
    return import_module(f"{plugin().__name__}.{name}")


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
