"""What declines every candidate until a record lifts it: a driver may pass over it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from quorate import Mode, ModeSet, Released, Stopped
from quorate.flow.events import Candle

hand_driven = import_module("hand_driven")
START_MS = hand_driven.START_MS
SYMBOL = "BTC/USD"


@pytest.fixture
def hand() -> Any:
    """Return a flow that holds a position in the symbol: a veto stands."""
    hand = hand_driven.Hand()
    candle(hand)
    hand.take(hand.fill(1))
    return hand


def candle(hand: Any) -> Any:
    view = hand.view
    view.now_ms += 60_000
    view.seen.setdefault(SYMBOL, []).append((view.now_ms, 100.0))
    view.columns[SYMBOL] = {"data_age": 0.0, "close": 100.0, "confidence": 0.9}
    view.stretches.setdefault(SYMBOL, view.now_ms)
    return hand.take(Candle(SYMBOL, view.now_ms))


def declined_by(hand: Any) -> list[str]:
    return [record.by for record in candle(hand).records if hasattr(record, "by")]


def test_the_veto_that_declined_a_stretch_stands(hand: Any) -> None:
    assert declined_by(hand) == ["enough-positions-here"]
    assert hand.flow.standing_veto(SYMBOL) == "enough-positions-here"
    assert declined_by(hand) == []


@pytest.mark.parametrize("mode", [Mode.REDUCE_ONLY, Mode.HALTED])
def test_a_mode_goes_before_the_vetoes(hand: Any, mode: Mode) -> None:
    candle(hand)
    hand.take(ModeSet(at_ms=hand.view.now_ms, mode=mode, why="test"))
    assert hand.flow.standing_veto(SYMBOL) == mode
    assert declined_by(hand) == [mode]
    assert declined_by(hand) == []
    hand.take(ModeSet(at_ms=hand.view.now_ms, mode=Mode.ACTIVE, why="test"))
    assert hand.flow.standing_veto(SYMBOL) == "enough-positions-here"
    assert declined_by(hand) == ["enough-positions-here"]


@pytest.mark.parametrize("symbol", [SYMBOL, "*"])
def test_a_stop_goes_before_the_vetoes_and_time_alone_lifts_it(
    hand: Any, symbol: str
) -> None:
    candle(hand)
    now_ms = hand.view.now_ms
    until_ms = now_ms + 90_000
    hand.take(Stopped(at_ms=now_ms, symbol=symbol, until_ms=until_ms, why="locked"))
    assert hand.flow.standing_veto(SYMBOL) == ""
    assert declined_by(hand) == ["locked"]
    assert declined_by(hand) == ["enough-positions-here"]


def test_what_releases_a_stop_lets_the_veto_stand_again(hand: Any) -> None:
    candle(hand)
    now_ms = hand.view.now_ms
    hand.take(Stopped(at_ms=now_ms, symbol="*", until_ms=now_ms + 10**9, why="key"))
    assert hand.flow.standing_veto(SYMBOL) == ""
    hand.take(Released(at_ms=now_ms, symbol="*", why="test"))
    assert hand.flow.standing_veto(SYMBOL) == "enough-positions-here"
