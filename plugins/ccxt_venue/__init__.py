"""Trade for real through ccxt: any of its exchanges, for one account.

A reply is believed only when it is clear. An order counts as taken with an id from the
exchange, as refused by a code on the written list (``refusals``), and as unknown
otherwise; what an adapter does not say is done in the careful way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quorate import LiveVenue, hookimpl

from .venue import CcxtVenue


@hookimpl
def live_venue(name: str, settings: Mapping[str, Any], tier: str) -> LiveVenue | None:
    """Return the venue that reaches exchange ``name`` through ccxt.

    ccxt itself is imported when the venue is opened: it takes a second.
    """
    return CcxtVenue(name, settings, tier)
