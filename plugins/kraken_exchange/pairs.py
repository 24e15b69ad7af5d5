"""What is traded: assets, pairs, and the many names that Kraken has for them.

BTC is XXBT as an asset, XBT as its alternative name; BTC/USD is XXBTZUSD as a pair,
XBTUSD in an order's description, XBT/USD on the old websockets and BTC/USD on the new
(docs.kraken.com/api/docs/guides/spot-rest-intro). Old assets have an X or a Z in
front, and only a pair of two old ones is named by both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from quorate import Candles

_OLD_COINS = {
    "BTC": "XXBT",
    "DOGE": "XXDG",
    "ETC": "XETC",
    "ETH": "XETH",
    "LTC": "XLTC",
    "MLN": "XMLN",
    "XLM": "XXLM",
    "XMR": "XXMR",
    "XRP": "XXRP",
    "ZEC": "XZEC",
}
_OLD_MONEY = {code: f"Z{code}" for code in ("USD", "EUR", "GBP", "CAD", "JPY", "AUD")}
_ASSET_IDS = _OLD_COINS | _OLD_MONEY
_ALTNAMES = {"BTC": "XBT", "DOGE": "XDG"}
_CODES = {
    name: code for names in (_ASSET_IDS, _ALTNAMES) for code, name in names.items()
}

# Smallest order in base currency, and decimals of the price in money and in BTC.
_COINS = {
    "BTC": ("0.00005", 1, None),
    "ETH": ("0.002", 2, 5),
    "SOL": ("0.02", 2, 7),
    "XRP": ("2", 5, 8),
    "ADA": ("6", 6, 9),
    "DOGE": ("13", 7, 8),
    "LTC": ("0.05", 2, 6),
    "DOT": ("0.7", 4, 7),
    "LINK": ("0.2", 5, 7),
    "AVAX": ("0.1", 2, None),
    "ATOM": ("0.6", 4, 7),
    "TRX": ("16", 6, 9),
    "XLM": ("15", 6, 8),
    "UNI": ("0.6", 3, 7),
    "XMR": ("0.02", 2, 6),
    "ZEC": ("0.1", 2, 5),
    "ETC": ("0.2", 3, 6),
    "BCH": ("0.01", 2, 5),
    "AAVE": ("0.02", 2, 6),
    "ALGO": ("20", 5, 8),
    "FIL": ("1", 3, 7),
    "MLN": ("0.3", 2, 6),
}
_MONEY = ("USD", "EUR", "GBP", "USDT")
_LEAST_COST = {"BTC": "0.00002", "ETH": "0.0005", "JPY": "75"}


def asset_id(code: str) -> str:
    """Return Kraken's own name of a currency: XXBT for BTC, SOL for SOL."""
    return _ASSET_IDS.get(code, code)


def altname(code: str) -> str:
    """Return the alternative name of a currency: XBT for BTC."""
    return _ALTNAMES.get(code, code)


def code_of(name: str) -> str:
    """Return the usual code of a currency, whichever of its names is given."""
    return _CODES.get(name.upper(), name.upper())


def is_money(code: str) -> bool:
    """Tell whether a currency is a state's money, which Kraken keeps to 4 decimals."""
    return code in _OLD_MONEY or code == "CHF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The rules of one market. ``base`` and ``quote`` are usual codes, as BTC."""

    base: str
    quote: str
    price_decimals: int
    min_amount: Decimal
    min_cost: Decimal
    tick: Decimal
    amount_decimals: int = 8
    cost_decimals: int = 5

    @property
    def symbol(self) -> str:
        """The name on the websockets of today: BTC/USD."""
        return f"{self.base}/{self.quote}"

    @property
    def altname(self) -> str:
        """The name in an order's description: XBTUSD."""
        return altname(self.base) + altname(self.quote)

    @property
    def wsname(self) -> str:
        """The name on the old websockets: XBT/USD."""
        return f"{altname(self.base)}/{altname(self.quote)}"

    @property
    def id(self) -> str:
        """The name by which REST answers: XXBTZUSD."""
        old = self.base in _OLD_COINS and self.quote in _ASSET_IDS
        if old and (self.base != "DOGE" or self.quote == "BTC"):
            return asset_id(self.base) + asset_id(self.quote)
        return self.altname

    def describe(self, status: str) -> dict[str, object]:
        """Return the pair as AssetPairs tells of it.

        The fee ladders are empty: Kraken ceased to publish them in September 2026.
        """
        return {
            "altname": self.altname,
            "wsname": self.wsname,
            "aclass_base": "currency",
            "base": asset_id(self.base),
            "aclass_quote": "currency",
            "quote": asset_id(self.quote),
            "lot": "unit",
            "cost_decimals": self.cost_decimals,
            "pair_decimals": self.price_decimals,
            "lot_decimals": self.amount_decimals,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [],
            "fees_maker": [],
            "fee_volume_currency": "ZUSD",
            "margin_call": 80,
            "margin_stop": 40,
            "ordermin": str(self.min_amount),
            "costmin": str(self.min_cost),
            "tick_size": f"{self.tick:f}",
            "status": status,
        }


class Listing:
    """All pairs, found by any of their names."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.by_symbol = {pair.symbol: pair for pair in pairs}
        self._by_name: dict[str, Pair] = {}
        for pair in self.by_symbol.values():
            for name in (pair.symbol, pair.altname, pair.wsname, pair.id):
                self._by_name[name] = pair

    def find(self, name: str) -> Pair | None:
        """Return the pair of that name: id, altname, wsname or symbol."""
        return self._by_name.get(name.upper())

    def currencies(self) -> list[str]:
        """Return the codes of all currencies, each once."""
        both = ((pair.base, pair.quote) for pair in self.by_symbol.values())
        return sorted({code for codes in both for code in codes})


def list_pairs(tapes: Iterable[Candles]) -> Listing:
    """Return Kraken's usual pairs, and one for each tape that is not among them."""
    pairs = [_usual(base, quote) for base in _COINS for quote in _MONEY]
    pairs += [
        _pair(base, "BTC", decimals, least)
        for base, (least, _, decimals) in _COINS.items()
        if decimals is not None
    ]
    known = {pair.symbol for pair in pairs}
    pairs += [_from_tape(tape) for tape in tapes if tape.symbol not in known]
    return Listing(pairs)


def _usual(base: str, quote: str) -> Pair:
    least, decimals, _ = _COINS[base]
    return _pair(base, quote, decimals, least)


def _pair(base: str, quote: str, decimals: int, least: str) -> Pair:
    return Pair(
        base=base,
        quote=quote,
        price_decimals=decimals,
        min_amount=Decimal(least),
        min_cost=Decimal(_LEAST_COST.get(quote, "0.5")),
        tick=Decimal(1).scaleb(-decimals),
        cost_decimals=5 if quote in _MONEY else 10,
    )


def _from_tape(tape: Candles) -> Pair:
    """Return a pair with the decimals that a tape's prices have."""
    base, _, quote = tape.symbol.partition("/")
    texts = (float.__repr__(float(price)) for price in tape.close[:200])
    exponents = (Decimal(text).normalize().as_tuple().exponent for text in texts)
    decimals = max(-int(exponent) for exponent in exponents)
    return _pair(base, quote, min(max(decimals, 1), 8), "0.0001")
