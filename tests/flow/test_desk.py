"""The desk that is kept for later: it stays as it was."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module

from quorate import Accepted
from quorate.flow.events import Candle

hand_driven = import_module("hand_driven")


def test_a_frozen_desk_stays_as_it_was() -> None:
    hand = hand_driven.Hand()
    view, symbol = hand.view, "BTC/USD"
    view.now_ms += 60_000
    view.seen[symbol] = [(view.now_ms, 100.0)]
    view.columns[symbol] = {"data_age": 0.0, "close": 100.0, "confidence": 0.9}
    view.stretches[symbol] = view.now_ms
    hand.take(Candle(symbol, view.now_ms))
    bench = hand.flow.bench
    desk = bench.desk(symbol, view.now_ms)
    frozen = desk.frozen()
    total, approved = frozen.total("USD"), desk.risk_approved()
    assert desk.order("r-1") == frozen.order("r-1")
    hand.take(Accepted(at_ms=view.now_ms, client_id="r-1", venue_id="v"))
    hand.take(hand.fill(1))
    assert desk.total("USD") < total == frozen.total("USD")
    assert [one.held for one in desk.positions()] > [Decimal(0)]
    assert list(frozen.positions()) == []
    assert [one.venue_id for one in frozen.live_orders()] == [""]
    assert frozen.param("profit_target") == desk.param("profit_target")
    assert frozen.risk_approved() is approved is False  # it has an order
    assert bench.state is hand.state
