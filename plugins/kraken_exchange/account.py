"""The account: its keys and what they may do, its tier, and its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypedDict

from .clock import SECOND_MS
from .refusal import refused

DEMO_KEY = "quorate/loopback/demo/key/not/a/real/one/of/any/exchange"
DEMO_SECRET = "bG9vcGJhY2sgZGVtbyBzZWNyZXQsIHdvcnRoIG5vdGhpbmcgYXQgYW55IGV4Y2hhbmdl"
TOKEN_LASTS_MS = 900 * SECOND_MS

TRADING = (
    "query-funds",
    "query-open-trades",
    "query-closed-trades",
    "modify-trades",
    "close-trades",
)
"""What a key for trading may do; GetApiKeyInfo uses these words.

Seen are query-funds, withdraw-funds, query-open-trades and modify-trades; the other two
are assumed after docs.kraken.com/exchange/guides/rest/api-keys.
"""
WITHDRAW = "withdraw-funds"

_NEEDED = {
    "Balance": ("query-funds",),
    "BalanceEx": ("query-funds",),
    "TradeVolume": ("query-funds",),
    "OpenOrders": ("query-open-trades",),
    "QueryOrders": ("query-open-trades", "query-closed-trades"),
    "ClosedOrders": ("query-closed-trades",),
    "TradesHistory": ("query-closed-trades",),
    "QueryTrades": ("query-closed-trades",),
    "AddOrder": ("modify-trades",),
    "AmendOrder": ("modify-trades",),
    "CancelOrder": ("modify-trades", "close-trades"),
    "CancelAll": ("modify-trades", "close-trades"),
    "CancelAllOrdersAfter": ("modify-trades", "close-trades"),
}


class KeyInfo(TypedDict):
    """What GetApiKeyInfo tells; times are text, in seconds since 1970."""

    apiKeyName: str
    apiKey: str
    nonce: str
    nonceWindow: int
    permissions: list[str]
    iban: str
    validUntil: str
    queryFrom: str
    queryTo: str
    createdTime: str
    modifiedTime: str
    ipAllowlist: list[str]
    lastUsed: str


@dataclass(slots=True, kw_only=True)
class ApiKey:
    """A key of the account. ``addresses`` it may be used from, any if empty."""

    key: str
    secret: str
    name: str = "loopback"
    permissions: tuple[str, ...] = TRADING
    addresses: tuple[str, ...] = ()

    def require(self, method: str) -> None:
        """Refuse a method that the key may not use; any one of its rights is enough.

        Raises:
            KrakenError: EGeneral:Permission denied.
        """
        needed = _NEEDED.get(method, ())
        if needed and not set(needed) & set(self.permissions):
            raise refused("EGeneral:Permission denied")

    def describe(self, nonce: int, now_ms: int) -> KeyInfo:
        """Return what GetApiKeyInfo tells of the key."""
        now = str(now_ms // SECOND_MS)
        return KeyInfo(
            apiKeyName=self.name,
            apiKey=self.key,
            nonce=str(nonce),
            nonceWindow=0,
            permissions=list(self.permissions),
            iban="",
            validUntil="0",
            queryFrom="0",
            queryTo="0",
            createdTime=now,
            modifiedTime=now,
            ipAllowlist=list(self.addresses),
            lastUsed=now,
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A websocket token, and until when it has to be used."""

    key: str
    until_ms: int


def as_text(amount: Decimal, decimals: int) -> str:
    """Return an amount with at least so many decimals, and never fewer than it has."""
    exponent = amount.normalize().as_tuple().exponent
    return f"{amount:.{max(decimals, -int(exponent))}f}"
