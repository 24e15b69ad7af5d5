from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flow.hand_driven import read_rules

from quorate import Bar, Tick
from quorate.drivers.live_lane import KEPT_BARS, LiveLane, LiveView
from quorate.flow.flow import Flow
from quorate.host.host import Host, open_host
from quorate.rulebook.rulebook import Rulebook
from quorate.stages.votes import count_votes

MINUTE = 60_000
T0 = 1_700_000_040_000 // (60 * MINUTE) * 60 * MINUTE
SYMBOL = "BTC/USD"


@cache
def parts() -> tuple[Rulebook, Host]:
    host = open_host(None, installed=False)
    return read_rules(host, {}, {}), host


def lane() -> LiveLane:
    rulebook, host = parts()
    view = LiveView()
    made = view.lanes[SYMBOL] = LiveLane(SYMBOL, Flow(rulebook, host, view))
    return made


def bar(minute: int, price: float = 100.0, **changes: float) -> Bar:
    plain = Bar(
        symbol=SYMBOL,
        open_ms=T0 + minute * MINUTE,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=1.0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def tick(at_ms: int, last: float, bid: float = 0.0, ask: float = 1e9) -> Tick:
    return Tick(at_ms=T0 + at_ms, symbol=SYMBOL, last=last, bid=bid, ask=ask)


def test_the_price_is_the_last_trade_held_between_bid_and_ask() -> None:
    one = lane()
    assert one.see(tick(1, 100.0, bid=99.0, ask=101.0))
    assert one.price == 100.0
    assert one.see(tick(2, 100.0, bid=101.5, ask=102.0))
    assert one.price == 101.5
    assert not one.see(tick(3, 101.5, bid=101.0, ask=102.0)), "it did not move"


def test_an_older_tick_changes_nothing() -> None:
    one = lane()
    one.see(tick(5_000, 100.0))
    assert not one.see(tick(4_000, 90.0))
    assert one.price == 100.0


@given(
    st.lists(
        st.tuples(st.integers(1, 50), st.integers(1, 30)), min_size=1, max_size=60
    ),
    st.integers(0, 3000),
)
def test_the_peak_is_the_highest_price_since(
    steps: list[tuple[int, int]], since: int
) -> None:
    one, at, seen = lane(), 0, []
    for pause, price in steps:
        at += pause
        one.see(tick(at, float(price)))
        seen.append((at, float(price)))
    later = [price for moment, price in seen if moment >= since]
    # The price that stood when the moment came is seen at that moment, too.
    stood = [price for moment, price in seen if moment <= since][-1:]
    assert one.peak(T0 + since) == max([*later, *stood, seen[-1][1]])


def test_a_price_that_was_left_before_is_no_peak() -> None:
    one = lane()
    for at_ms, price in ((1, 5.0), (2, 3.0), (4, 4.0)):
        one.see(tick(at_ms, price))
    assert one.peak(T0 + 3) == 4.0
    assert one.peak(T0 + 1) == 5.0


def test_a_price_that_still_stands_is_seen() -> None:
    one = lane()
    for at_ms, price in ((1, 2.0), (3, 1.0)):
        one.see(tick(at_ms, price))
    assert one.peak(T0 + 2) == 2.0
    assert one.peak(T0 + 3) == 1.0


def test_a_bar_with_ticks_does_not_raise_the_peak_of_what_was_bought_in_it() -> None:
    one = lane()
    one.see(tick(10_000, 120.0))
    one.see(tick(30_000, 100.0))
    one.add(bar(0, 100.0, high=120.0))
    assert one.peak(T0 + 30_000) == 100.0
    one.add(bar(1, 100.0, high=110.0))
    assert one.peak(T0 + 30_000) == 110.0, "nobody saw that minute but the bar"


def test_minutes_without_a_trade_stay_flat_and_stale() -> None:
    one = lane()
    one.add(bar(0, 100.0))
    one.add(bar(3, 105.0))
    candles = one.candles()
    assert candles.close.tolist() == [100.0, 100.0, 100.0, 105.0]
    assert candles.stale.tolist() == [False, True, True, False]
    assert np.diff(candles.time_ms).tolist() == [MINUTE] * 3


def test_a_bar_that_is_not_later_is_refused() -> None:
    one = lane()
    assert one.add(bar(1))
    assert not one.add(bar(1, 99.0))
    assert not one.add(bar(0, 99.0))
    assert one.candles().close.tolist() == [100.0]


def test_a_long_interruption_does_not_fill_the_memory() -> None:
    one = lane()
    one.add(bar(0))
    one.add(bar(50 * KEPT_BARS, 200.0))
    candles = one.candles()
    assert len(candles) <= KEPT_BARS
    assert set(np.diff(candles.time_ms).tolist()) == {MINUTE}
    assert candles.close[-1] == 200.0


def test_columns_are_those_of_a_tape_of_the_same_candles() -> None:
    rulebook, host = parts()
    one, walk, price = lane(), random.Random(4), 100.0
    for minute in range(600):
        price *= 1 + walk.gauss(0, 0.002)
        one.add(bar(minute, price, high=price * 1.001, low=price * 0.999))
    one.restate()
    params = rulebook.params.effective(SYMBOL, {})
    tape = count_votes(rulebook, host, one.candles(), params)
    known = tape.column("confidence")
    assert known is not None
    assert one.value("confidence") == pytest.approx(known[-1], abs=0)
    assert one.value("close") == price
    assert set(one.scores()) == {ballot.voter for ballot in tape.ballots}


def test_a_stretch_begins_where_the_candidates_do() -> None:
    rulebook, _ = parts()
    one, walk, price = lane(), random.Random(4), 100.0
    seen = []
    for minute in range(900):
        price *= 1 + walk.gauss(0.0001, 0.002)
        one.add(bar(minute, price, high=price * 1.001, low=price * 0.999))
        if minute > 500:
            one.restate()
            seen.append((one.closed_ms, one.stretch_ms()))
    assert one.signals is not None
    mask = one.signals.candidates(rulebook.params.effective(SYMBOL, {}))
    closes = one.signals.candles.close_ms.tolist()
    begins: dict[int, int] = {}
    for row, at_ms in enumerate(closes):
        begins[at_ms] = 0 if not mask[row] else begins.get(at_ms - MINUTE, 0) or at_ms
    assert any(begin for _, begin in seen), "the walk has candidates"
    assert [begin for _, begin in seen] == [begins[at_ms] for at_ms, _ in seen]


def test_entries_keep_out_until_the_market_speaks_and_where_nothing_is_traded() -> None:
    one = lane()
    view = LiveView({SYMBOL: one})
    assert view.stale(SYMBOL) == "no-price"
    one.see(tick(1, 100.0))
    assert view.stale(SYMBOL) == "stale-market"
    one.interrupted = False
    assert view.stale(SYMBOL) == ""
    one.entered = False
    assert view.stale(SYMBOL) == "not-traded"
