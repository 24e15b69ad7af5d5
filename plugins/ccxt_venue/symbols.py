"""One market, many spellings: BTC/USD, XBT/USD, XBTUSD, XXBTZUSD, and the user's own.

Ours is ccxt's, which spells the common names: "BTC/USD".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# The X (crypto) and Z (money) codes of Kraken's older assets, and its own words for
# Bitcoin and Dogecoin. Source: the public calls Assets and AssetPairs of its REST API.
LEGACY = {
    "XBT": "BTC",
    "XDG": "DOGE",
    "XXBT": "BTC",
    "XXDG": "DOGE",
    "XETC": "ETC",
    "XETH": "ETH",
    "XLTC": "LTC",
    "XMLN": "MLN",
    "XREP": "REP",
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


class Symbols:
    """The spot markets of an exchange by every name they go by."""

    def __init__(
        self,
        markets: Iterable[Mapping[str, Any]] = (),
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self._aliases = {
            _slashed(key): _slashed(meaning) for key, meaning in (aliases or {}).items()
        }
        self._pairs: dict[str, str] = {}
        self._joined: dict[str, str] = {}
        spot = [one for one in markets if one.get("spot") is not False]
        for one in spot:
            self._pairs[str(one["symbol"]).upper()] = str(one["symbol"])
        for one in spot:
            for name in _names(one):
                # A market's own symbol wins over another market's second name.
                names = self._pairs if "/" in name else self._joined
                names.setdefault(name, str(one["symbol"]))
        for pair, symbol in list(self._pairs.items()):
            self._joined.setdefault(pair.replace("/", ""), symbol)

    def ours(self, spelling: str) -> str | None:
        """Return our symbol for any spelling, None when no market has that name."""
        text = _slashed(spelling)
        text = self._aliases.get(text, text)
        base, slash, quote = text.partition("/")
        if not slash:
            return self._joined.get(text)
        for common in (self.currency(base), base):
            for money in (self.currency(quote), quote):
                found = self._pairs.get(f"{common}/{money}")
                if found is not None:
                    return found
        return None

    def currency(self, code: str) -> str:
        """Return the common name of a currency: BTC for XBT, XXBT or an alias."""
        upper = code.strip().upper()
        meant = self._aliases.get(upper, upper)
        return LEGACY.get(meant, meant)


def _slashed(text: str) -> str:
    return text.strip().upper().replace("-", "/").replace("_", "/")


def _names(market: Mapping[str, Any]) -> Iterable[str]:
    info = market.get("info")
    told = info if isinstance(info, Mapping) else {}
    for name in (market.get("id"), told.get("altname"), told.get("wsname")):
        if isinstance(name, str):
            yield _slashed(name)
