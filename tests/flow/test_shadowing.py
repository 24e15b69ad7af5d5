"""Shadow rules in a flow driven by hand: refusals, fills, and what is said once."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from quorate import Refused, Shadowed
from quorate.contract.decisions import Verdict
from quorate.flow.events import Candle, Look

hand_driven = import_module("hand_driven")
SYMBOL = "BTC/USD"
SHADOWS = """\
entry:
  - {id: eager, mode: shadow, when: confidence > 0.5, then: {quote_amount: 50}}
errors:
  - {id: no-funds, mode: shadow, match: 'Insufficient', then: {retry: true, wait: 1s}}
exits:
  - {id: early, mode: shadow, when: net_profit > 0.1%, then: {sell: 100%}}
  - {id: unknown, mode: shadow, when: close > 0 and volume > 0, then: {sell: 1%}}
"""


def scenario(files: dict[str, str]) -> Any:
    """Return a flow after a refusal, a purchase, and a rise that no live exit takes."""
    hand = hand_driven.Hand(files=files)
    price(hand, 100.0)
    hand.take(Candle(SYMBOL, hand.view.now_ms))
    refused = ("EOrder:Insufficient funds",)
    at_ms = hand.view.now_ms
    hand.take(Refused(at_ms=at_ms, client_id="r-1", errors=refused))
    hand.view.stretches[SYMBOL] = 0
    price(hand, 100.0)
    hand.take(Candle(SYMBOL, hand.view.now_ms))
    hand.view.stretches[SYMBOL] = hand.view.shadow_stretches[SYMBOL] = at_ms + 1
    price(hand, 100.0)
    hand.take(Candle(SYMBOL, hand.view.now_ms))
    hand.take(hand.fill(2))
    for value in (101.0, 101.1, 101.2):
        price(hand, value)
        hand.take(Look(SYMBOL, hand.view.now_ms))
        hand.take(Candle(SYMBOL, hand.view.now_ms))
    return hand


def price(hand: Any, value: float) -> None:
    view = hand.view
    view.now_ms += 60_000
    view.seen.setdefault(SYMBOL, []).append((view.now_ms, value))
    view.columns[SYMBOL] = {"data_age": 0.0, "close": value, "confidence": 0.9}
    view.stretches.setdefault(SYMBOL, view.now_ms)
    view.shadow_stretches.setdefault(SYMBOL, view.now_ms)


def test_shadows_change_nothing_that_is_done() -> None:
    live, both = scenario({}), scenario({"a.yaml": SHADOWS})
    assert live.actions == both.actions
    assert live.state.version == both.state.version
    assert [one for one in both.records if not isinstance(one, Shadowed)][1:] == (
        live.records[1:]
    )
    said = [one for one in both.decisions if one.verdict is Verdict.SHADOW]
    assert [one for one in both.decisions if one not in said] == live.decisions


def test_each_says_what_it_would_have_done_and_watched_ones_once() -> None:
    hand = scenario({"a.yaml": SHADOWS})
    said = [one for one in hand.decisions if one.verdict is Verdict.SHADOW]
    assert [(one.rule, one.effect["would"]) for one in said] == [
        ("eager", "propose"),
        ("no-funds", "retry"),
        ("eager", "propose"),
        ("early", "leave"),
    ]
    assert said[1].client_id == "r-1"
    assert float(str(said[3].effect["net_profit"])) > 0.001
    assert hand.folded().shadowed == hand.state.shadowed
