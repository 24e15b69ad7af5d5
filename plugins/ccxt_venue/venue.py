"""The venue: what the engine asks, answered through one ccxt exchange object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from quorate import (
    Accepted,
    Bar,
    CancelReply,
    Intent,
    Keys,
    Market,
    Order,
    OrderReport,
    Refused,
    Rights,
    Tell,
    Unknown,
    VenueTrade,
)

from .adapter import Adapter
from .adapters import adapter_for
from .lanes import Lane
from .symbols import Symbols


class CcxtVenue:
    """A ``LiveVenue`` over ccxt.

    For the parts of this plugin: ``exchange`` is the ccxt.pro object (after ``open``),
    every request of which goes through a lane by itself; ``lane`` is the private one,
    ``public_lane`` the other; ``symbols`` turns spellings; ``now_ms`` is exchange time.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], tier: str) -> None:
        self.name = name
        self.settings = settings
        self.tier = tier
        self.adapter: Adapter = adapter_for(name, settings.get("adapter") or {})
        self.exchange: Any = None
        self.symbols: Symbols
        self.lane: Lane
        self.public_lane: Lane
