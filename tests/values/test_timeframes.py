"""Timeframes: text, resampling against an obvious reference, no lookahead."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.values.market import Candles
from quorate.values.timeframes import (
    format_timeframe,
    is_timeframe,
    last_closed,
    parse_timeframe,
    resample,
)

MINUTE = 60_000
DAY_START = 1_641_081_600_000  # 2022-01-02 00:00 UTC
COLUMNS = ("time_ms", "open", "high", "low", "close", "volume", "stale")


def minutes(first: int, count: int, seed: int = 1, step: int = MINUTE) -> Candles:
    """Return ``count`` candles, the first opening ``first`` candles into a day."""
    rng = np.random.default_rng(seed)
    opened = 100 + rng.integers(-500, 500, count) / 100
    closed = 100 + rng.integers(-500, 500, count) / 100
    return Candles(
        symbol="BTC/USD",
        timeframe_ms=step,
        time_ms=DAY_START + step * (first + np.arange(count, dtype=np.int64)),
        open=opened,
        high=np.maximum(opened, closed) + rng.integers(0, 50, count) / 100,
        low=np.minimum(opened, closed) - rng.integers(0, 50, count) / 100,
        close=closed,
        volume=rng.integers(0, 1000, count).astype(np.float64),
        stale=rng.random(count) < 0.7,
    )


def head(candles: Candles, count: int) -> Candles:
    columns = {name: getattr(candles, name)[:count] for name in COLUMNS}
    return dataclasses.replace(candles, **columns)


def slow_resample(candles: Candles, timeframe_ms: int) -> list[tuple[float, ...]]:
    """Resample the obvious way: look up every minute of every whole candle."""
    row = {int(time): i for i, time in enumerate(candles.time_ms)}
    begin = DAY_START
    made: list[tuple[float, ...]] = []
    for start in range(begin, begin + 9 * 86_400_000, MINUTE):
        wanted = range(start, start + timeframe_ms, candles.timeframe_ms)
        if start % timeframe_ms or any(time not in row for time in wanted):
            continue
        rows = [row[time] for time in wanted]
        made.append(
            (
                start,
                float(candles.open[rows[0]]),
                max(float(candles.high[i]) for i in rows),
                min(float(candles.low[i]) for i in rows),
                float(candles.close[rows[-1]]),
                sum(float(candles.volume[i]) for i in rows),
                all(bool(candles.stale[i]) for i in rows),
            )
        )
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1m", 60_000),
        ("5m", 300_000),
        ("15m", 900_000),
        ("30m", 1_800_000),
        ("1h", 3_600_000),
        ("4h", 14_400_000),
        ("1d", 86_400_000),
    ],
)
def test_a_timeframe_reads_and_writes_itself(text: str, expected: int) -> None:
    assert parse_timeframe(text) == expected
    assert format_timeframe(expected) == text


def test_a_timeframe_is_written_in_its_largest_unit() -> None:
    assert format_timeframe(parse_timeframe("60m")) == "1h"
    assert format_timeframe(parse_timeframe("24h")) == "1d"
    assert format_timeframe(parse_timeframe("90m")) == "90m"


@pytest.mark.parametrize(
    "text",
    ["", "m", "0m", "7m", "1w", "1M", "15 m", "-5m", "1.5h", "2d", "15", "\uff11m"],
)
def test_what_is_not_a_timeframe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="timeframe must be"):
        parse_timeframe(text)


@pytest.mark.parametrize("timeframe_ms", [0, -60_000, 30_000, 61_000, 172_800_000])
def test_what_is_not_whole_minutes_of_a_day_is_no_timeframe(timeframe_ms: int) -> None:
    assert not is_timeframe(timeframe_ms)
    with pytest.raises(ValueError, match="timeframe must be"):
        format_timeframe(timeframe_ms)


@given(
    first=st.integers(0, 2000),
    count=st.integers(0, 400),
    lower=st.sampled_from([1, 5]),
    higher=st.sampled_from([5, 15, 30, 60, 240]),
    seed=st.integers(0, 100),
)
def test_resampling_equals_the_obvious_slow_one(
    first: int, count: int, lower: int, higher: int, seed: int
) -> None:
    candles = minutes(first, count, seed, lower * MINUTE)
    made = resample(candles, higher * MINUTE)
    rows = zip(*(getattr(made, name).tolist() for name in COLUMNS), strict=True)
    if lower == higher:
        assert made is candles
    else:
        assert list(rows) == slow_resample(candles, higher * MINUTE)


@given(
    first=st.integers(0, 100),
    count=st.integers(1, 200),
    known=st.integers(1, 200),
    higher=st.sampled_from([5, 15, 60]),
)
def test_a_higher_value_never_depends_on_what_comes_later(
    first: int, count: int, known: int, higher: int
) -> None:
    whole = minutes(first, count)
    past = head(whole, min(known, count))
    now = past.close_ms[-1:]
    seen_then = resample(past, higher * MINUTE)
    seen_later = resample(whole, higher * MINUTE)
    row_then = last_closed(seen_then, now)[0]
    row_later = last_closed(seen_later, now)[0]
    assert row_then == row_later == len(seen_then) - 1
    for name in COLUMNS:
        later = getattr(seen_later, name)[: row_later + 1]
        assert getattr(seen_then, name).tolist() == later.tolist()


def test_a_higher_value_is_visible_at_the_close_of_its_last_minute() -> None:
    candles = minutes(0, 31)
    rows = last_closed(resample(candles, 15 * MINUTE), candles.close_ms)
    assert rows.tolist() == [-1] * 14 + [0] * 15 + [1] * 2
    assert rows.dtype == np.int64


def test_a_tape_that_begins_inside_a_candle_leaves_that_one_out() -> None:
    candles = minutes(7, 30)
    higher = resample(candles, 15 * MINUTE)
    assert higher.time_ms.tolist() == [DAY_START + 15 * MINUTE]
    rows = last_closed(higher, candles.close_ms)
    assert rows.tolist() == [-1] * 22 + [0] * 8


def test_too_few_candles_make_no_higher_candle() -> None:
    for candles in (minutes(0, 0), minutes(0, 14), minutes(1, 28)):
        higher = resample(candles, 15 * MINUTE)
        assert len(higher) == 0
        assert set(last_closed(higher, candles.close_ms).tolist()) <= {-1}


@pytest.mark.parametrize("timeframe_ms", [0, -1, 60_000, 420_000, 450_000])
def test_a_timeframe_that_does_not_fit_is_refused(timeframe_ms: int) -> None:
    with pytest.raises(ValueError, match="cannot be put together"):
        resample(minutes(0, 20, step=5 * MINUTE), timeframe_ms)


def test_candles_with_a_hole_are_refused() -> None:
    whole = minutes(0, 30)
    keep = np.arange(30) != 7
    columns = {name: getattr(whole, name)[keep] for name in COLUMNS}
    with pytest.raises(ValueError, match="fill the gaps"):
        resample(dataclasses.replace(whole, **columns), 15 * MINUTE)


def test_candles_off_the_grid_are_refused() -> None:
    whole = minutes(0, 30)
    shifted = dataclasses.replace(whole, time_ms=whole.time_ms + 1)
    with pytest.raises(ValueError, match="must begin at multiples"):
        resample(shifted, 15 * MINUTE)
