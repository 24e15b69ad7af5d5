"""One market by all its names."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

Symbols = import_module("venue_orders").part("symbols").Symbols


def market(symbol: str, venue_id: str, altname: str, wsname: str) -> dict[str, Any]:
    info = {"altname": altname, "wsname": wsname}
    return {"symbol": symbol, "id": venue_id, "spot": True, "info": info}


MARKETS = [
    market("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD"),
    market("DOGE/USD", "XDGUSD", "XDGUSD", "XDG/USD"),
    market("ETH/BTC", "XETHXXBT", "ETHXBT", "ETH/XBT"),
    market("BTC/USDT", "XBTUSDT", "XBTUSDT", "XBT/USDT"),
    market("SOL/EUR", "SOLEUR", "SOLEUR", "SOL/EUR"),
    {"symbol": "BTC/USD:USD", "id": "PF_XBTUSD", "spot": False},
    {"symbol": "USDE/USD", "id": "USDEUSD", "info": None},
]


@pytest.mark.parametrize(
    ("spelling", "ours"),
    [
        ("BTC/USD", "BTC/USD"),
        ("btc-usd", "BTC/USD"),
        ("BTC_USD", "BTC/USD"),
        ("BTCUSD", "BTC/USD"),
        ("XBT/USD", "BTC/USD"),
        ("XBTUSD", "BTC/USD"),
        ("XXBTZUSD", "BTC/USD"),
        ("XXBT/ZUSD", "BTC/USD"),
        ("XDG/USD", "DOGE/USD"),
        ("XXDG/ZUSD", "DOGE/USD"),
        ("DOGE/USD", "DOGE/USD"),
        ("XETHXXBT", "ETH/BTC"),
        ("ETH/XBT", "ETH/BTC"),
        ("XBTUSDT", "BTC/USDT"),
        (" sol/eur ", "SOL/EUR"),
        ("gold/usd", "BTC/USD"),
        ("MINE", "SOL/EUR"),
        ("PF_XBTUSD", None),
        ("BTC/EUR", None),
        ("BTC/USD:USD", None),
        ("", None),
        ("/", None),
    ],
)
def test_every_spelling_leads_to_our_symbol(spelling: str, ours: str | None) -> None:
    symbols = Symbols(MARKETS, {"GOLD": "BTC", "mine": "SOL/EUR"})
    assert symbols.ours(spelling) == ours


def test_a_markets_own_symbol_wins_over_anothers_second_name() -> None:
    odd = market("XBT/USD", "OTHER", "OTHER", "BTC/USD")
    symbols = Symbols([odd, *MARKETS])
    assert symbols.ours("BTC/USD") == "BTC/USD"
    assert symbols.ours("OTHER") == "XBT/USD"


def test_a_currency_has_one_common_name() -> None:
    symbols = Symbols((), {"GOLD": "XBT"})
    codes = ("XBT", "XXBT", "gold", "ZUSD", "SOL")
    assert [symbols.currency(code) for code in codes] == [
        "BTC",
        "BTC",
        "BTC",
        "USD",
        "SOL",
    ]
