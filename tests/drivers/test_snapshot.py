"""How a difference between journal and exchange is told."""

from dataclasses import replace
from decimal import Decimal
from importlib import import_module

import pytest

from quorate.drivers.snapshot import Difference, changes

model = import_module("exchange_model")


def test_changed_rules_of_a_market_are_told_in_words_and_percent() -> None:
    known = replace(model.market("BTC/USD"), taker_fee=Decimal("0.0040"))
    now = replace(known, taker_fee=Decimal("0.0026"), status="post_only")
    before, after = changes(known, now)
    assert "taker fee 0.4%" in before
    assert "taker fee 0.26%" in after
    assert "status post_only" in after
    assert "maker" not in after


@pytest.mark.parametrize(
    ("what", "about", "symbol", "done", "told", "wrong"),
    [
        ("market", "BTC/USD", "BTC/USD", "adopted", "market BTC/USD", False),
        ("market", "BTC/USD", "BTC/USD", "quarantined", "market BTC/USD", True),
        ("order", "o-1", "BTC/USD", "adopted", "order o-1 BTC/USD", True),
        ("balance", "USD", "", "noted", "balance USD", True),
    ],
)
def test_only_a_rule_that_changed_is_nothing_wrong(
    what: str, about: str, symbol: str, done: str, told: str, wrong: bool
) -> None:
    one = Difference(
        what=what, about=about, symbol=symbol, journal="", exchange="", done=done
    )
    assert one.of == told
    assert one.wrong is wrong
