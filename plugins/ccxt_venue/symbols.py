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
            key.strip().upper(): meaning.strip().upper()
            for key, meaning in (aliases or {}).items()
        }
        self._named: dict[str, str] = {}
        spot = [one for one in markets if one.get("spot", True)]
        # The market's own symbol wins over any other market's second name.
        for one in spot:
            self._named[_bare(str(one["symbol"]))] = str(one["symbol"])
        for one in spot:
            for name in _names(one):
                self._named.setdefault(_bare(name), str(one["symbol"]))

    def ours(self, spelling: str) -> str | None:
        """Return our symbol for any spelling, None when no market has that name."""
        text = spelling.strip().upper().replace("-", "/").replace("_", "/")
        base, slash, quote = self._aliases.get(text, text).partition("/")
        if not slash:
            return self._named.get(_bare(base))
        for common in (self.currency(base), base):
            for money in (self.currency(quote), quote):
                found = self._named.get(_bare(common + money))
                if found is not None:
                    return found
        return None

    def currency(self, code: str) -> str:
        """Return the common name of a currency: BTC for XBT, XXBT or an alias."""
        upper = code.strip().upper()
        meant = self._aliases.get(upper, upper)
        return LEGACY.get(meant, meant)


def _names(market: Mapping[str, Any]) -> Iterable[str]:
    info = market.get("info")
    told = info if isinstance(info, Mapping) else {}
    for name in (market.get("id"), told.get("altname"), told.get("wsname")):
        if isinstance(name, str):
            yield name


def _bare(name: str) -> str:
    return name.upper().replace("/", "").replace("-", "").replace("_", "")
