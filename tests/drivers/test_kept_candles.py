from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate import Bar
from quorate.drivers.kept_candles import KeptCandles
from quorate.values.market import Candles

MINUTE = 60_000
MOST = 300
COLUMNS = ("time_ms", "open", "high", "low", "close", "volume", "stale")


def bar(minute: int) -> Bar:
    return Bar(
        symbol="BTC/USD",
        open_ms=minute * MINUTE,
        open=minute + 0.1,
        high=minute + 0.4,
        low=minute + 0.0,
        close=minute + 0.2,
        volume=minute % 7,
    )


def rows(candles: Candles) -> list[tuple[object, ...]]:
    columns = [getattr(candles, name).tolist() for name in COLUMNS]
    return list(zip(*columns, strict=True))


def expected(end: int) -> list[tuple[object, ...]]:
    minutes = range(max(0, end - MOST), end)
    return [
        (
            *(minute * MINUTE, minute + 0.1, minute + 0.4, minute + 0.0, minute + 0.2),
            *(float(minute % 7), minute % 3 == 0),
        )
        for minute in minutes
    ]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_the_last_ones_are_given_and_what_was_given_stays(counts: list[int]) -> None:
    kept, end, given_out = KeptCandles("BTC/USD", MOST), 0, []
    for count in counts:
        for minute in range(end, end + count):
            kept.add(bar(minute), stale=minute % 3 == 0)
        end += count
        given_out.append((end, kept.candles()))
        assert kept.closed_ms == end * MINUTE
        assert kept.last_close == bar(end - 1).close
    for upto, candles in given_out:
        assert rows(candles) == expected(upto)


def test_nothing_is_kept_of_what_was_cleared() -> None:
    kept = KeptCandles("BTC/USD", MOST)
    for minute in range(10):
        kept.add(bar(minute), stale=False)
    before = kept.candles()
    kept.clear()
    assert len(kept) == 0
    assert kept.closed_ms == 0
    assert len(kept.candles()) == 0
    kept.add(bar(50), stale=True)
    assert before.time_ms.tolist() == [minute * MINUTE for minute in range(10)]


def test_columns_cannot_be_written_to() -> None:
    kept = KeptCandles("BTC/USD", MOST)
    kept.add(bar(1), stale=False)
    candles = kept.candles()
    for name in COLUMNS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(candles, name)[0] = 1
    assert np.isfinite(candles.close).all()
