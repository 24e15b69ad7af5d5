"""The symbols assistant: knows how one market is spelled, here and at the venue.

Two directions. ``our_name`` reads any spelling ("xbt-usd", "XXBTZUSD", an alias of the
rulebook) and returns ours, "BTC/USD". ``venue_name`` takes ours and returns what the
venue wants on the wire, which for ccxt and Kraken's WebSocket v2 is the same word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from quorate import hookimpl

# Asset names of Kraken that are not the common ones: the X (crypto) and Z (money)
# codes of its older assets, and its own words for Bitcoin and Dogecoin.
# Source: the public calls Assets and AssetPairs of Kraken's REST API.
COMMON_NAMES = {
    "XBT": "BTC",
    "XDG": "DOGE",
    "XETC": "ETC",
    "XETH": "ETH",
    "XLTC": "LTC",
    "XMLN": "MLN",
    "XREP": "REP",
    "XXBT": "BTC",
    "XXDG": "DOGE",
    "XXLM": "XLM",
    "XXMR": "XMR",
    "XXRP": "XRP",
    "XZEC": "ZEC",
    "ZAUD": "AUD",
    "ZCAD": "CAD",
    "ZEUR": "EUR",
    "ZGBP": "GBP",
    "ZJPY": "JPY",
    "ZUSD": "USD",
}
# What a name without a separator may end with, as AssetPairs has it; long ones first.
QUOTES = (
    *("USDT", "USDC", "USD", "EUR", "GBP", "AUD", "CAD", "CHF", "JPY", "DAI"),
    *("XBT", "BTC", "ETH", "DOT"),
)
CODE = re.compile(r"[A-Z0-9.]+")


def our_name(spelling: str, aliases: Mapping[str, str]) -> str | None:
    """Return our name for any spelling of a spot market, None when it is not one."""
    name = _slashed(spelling)
    for pattern, meaning in aliases.items():
        name = _meaning(name, _slashed(pattern), _slashed(meaning))
    base, slash, quote = name.partition("/")
    if not slash:
        base, quote = _split(name)
    if not (CODE.fullmatch(base) and CODE.fullmatch(quote)):
        return None
    return f"{_common(base)}/{_common(quote)}"


def venue_name(ours: str) -> str:
    """Return the venue's name for our symbol: ccxt and WebSocket v2 spell as we do."""
    return ours


@hookimpl
def map_symbol(symbol: str, aliases: Mapping[str, str]) -> str | None:
    """Return the venue's name for any spelling of a symbol."""
    ours = our_name(symbol, aliases)
    return None if ours is None else venue_name(ours)


def _slashed(text: str) -> str:
    return text.strip().upper().replace("-", "/").replace("_", "/")


def _meaning(name: str, pattern: str, meaning: str) -> str:
    wanted = re.escape(pattern).replace(r"\*", "(.+)")
    found = re.fullmatch(wanted, name)
    if found is None:
        return name
    for part in found.groups():
        meaning = meaning.replace("*", part, 1)
    return meaning


def _common(code: str) -> str:
    return COMMON_NAMES.get(code, code)


def _split(joined: str) -> tuple[str, str]:
    # Two four-letter codes, as in XXBTZUSD; looked for first, because of the Z.
    base, quote = joined[:4], joined[4:]
    if quote in COMMON_NAMES and (base in COMMON_NAMES or base in QUOTES):
        return base, quote
    for tail in QUOTES:
        if joined.endswith(tail):
            return joined.removesuffix(tail), tail
    return joined, ""
