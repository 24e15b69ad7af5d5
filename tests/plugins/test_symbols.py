from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ALIASES = {"XBT/*": "BTC/*", "*/XBT": "*/BTC", "BITCOIN": "BTC/USD", "*/BUCK": "*/USD"}


@pytest.fixture(scope="module")
def symbols(load_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return load_plugin("symbols")


@pytest.mark.parametrize(
    ("spelling", "ours"),
    [
        ("BTC/USD", "BTC/USD"),
        (" btc/usd ", "BTC/USD"),
        ("xbt-usd", "BTC/USD"),
        ("XBT_EUR", "BTC/EUR"),
        ("XBTUSD", "BTC/USD"),
        ("XXBTZUSD", "BTC/USD"),
        ("XETHXXBT", "ETH/BTC"),
        ("XDGUSDT", "DOGE/USDT"),
        ("XXDGXXBT", "DOGE/BTC"),
        ("USDTZUSD", "USDT/USD"),
        ("ETH2.SETH", "ETH2.S/ETH"),
        ("ZEUR/ZUSD", "EUR/USD"),
        # Tezos: the Z belongs to its own name.
        ("XTZUSD", "XTZ/USD"),
        ("XTZ/USD", "XTZ/USD"),
        ("ATOMUSDT", "ATOM/USDT"),
        ("bitcoin", "BTC/USD"),
        ("eth/buck", "ETH/USD"),
        ("xbt/buck", "BTC/USD"),
    ],
)
def test_any_spelling_is_read_as_ours_and_sent_as_the_venues(
    symbols: ModuleType, spelling: Any, ours: Any
) -> None:
    assert symbols.our_name(spelling, ALIASES) == ours
    assert symbols.map_symbol(spelling, ALIASES) == symbols.venue_name(ours) == ours


@pytest.mark.parametrize(
    "nonsense", ["", "/", "USD", "BTC/", "/USD", "BTC USD", "BTC/USD:USD", "A/B/C", "*"]
)
def test_what_is_no_spot_market_gets_no_opinion(
    symbols: ModuleType, nonsense: Any
) -> None:
    assert symbols.map_symbol(nonsense, ALIASES) is None


def test_aliases_are_applied_one_after_the_other(symbols: ModuleType) -> None:
    assert symbols.our_name("xbt/xbt", {"xbt/*": "a/*", "*/xbt": "*/b"}) == "A/B"


def test_every_star_of_an_alias_keeps_its_part(symbols: ModuleType) -> None:
    assert symbols.our_name("ABC-DEF", {"*/*": "*X/*Y"}) == "ABCX/DEFY"


codes = st.sampled_from(
    ["BTC", "ETH", "XBT", "XDG", "ZUSD", "USD", "USDT", "SOL", "XTZ"]
)


@given(codes, codes, st.sampled_from(["/", "-", "_"]), st.booleans())
def test_our_name_read_again_stays(
    load_plugin: Callable[[str], ModuleType],
    base: Any,
    quote: Any,
    separator: Any,
    lower: Any,
) -> None:
    our_name = load_plugin("symbols").our_name
    text = base + separator + quote
    ours = our_name(text.lower() if lower else text, {})
    assert our_name(ours, {}) == ours
