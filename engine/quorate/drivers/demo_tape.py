"""Synthetic candles: a made-up market for demonstrations and tests, from a seed.

Run as a module with a folder, it writes the bundled demo tapes there.
"""

from __future__ import annotations

import dataclasses
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from quorate.drivers.tape_file import fill_gaps, write_tape
from quorate.values.market import Candles, Floats
from quorate.values.timeframes import MINUTE_MS

DEMO_SEED = 20_250_318
DEMO_START_MS = 1_740_960_000_000  # Monday 2025-03-03 00:00 UTC
DEMO_CANDLES = 14_400  # ten days of minutes
_FOLDER = Path(__file__).parent / "demo"
_STEPS = 8  # price changes inside a minute: they make its high and low


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper:
    """How a synthetic market moves. The defaults are near BTC/USD in early 2022.

    ``volatility`` is the usual change of a minute, ``drift`` that of a minute in a
    trend, ``shock`` that of a shock, all as ratios; regimes last ``regime_minutes``
    on average, a shock comes every ``shock_minutes``, and of the quiet minutes
    ``silent`` (a ratio) begin a short silence. ``volume`` is in base currency.
    """

    volatility: float = 0.001
    drift: float = 0.00004
    regime_minutes: float = 300
    shock: float = 0.007
    shock_minutes: float = 2880
    silent: float = 0.002
    volume: float = 20.0


def generate(
    symbol: str,
    start_ms: int,
    count: int,
    seed: int,
    start_price: float,
    *,
    decimals: int = 1,
    own: float = 1.0,
    temper: Temper | None = None,
) -> Candles:
    """Return ``count`` synthetic one-minute candles; equal arguments, equal candles.

    Prices have ``decimals`` decimals. ``own`` is how much of each change (as a ratio
    of volatility, 0 to 1) belongs to the symbol alone: below 1, symbols made with
    the same seed and count move together. Minutes without a trade are filled, stale.
    """
    if count < 1 or not 0 <= own <= 1 or start_price <= 0 or start_ms % MINUTE_MS:
        raise ValueError(
            "synthetic candles need a count and a price above 0, own from 0 to 1, "
            "and a start at a whole minute"
        )
    temper = temper or Temper()
    market = Generator(PCG64(SeedSequence(seed)))
    alone = Generator(PCG64(SeedSequence([seed, zlib.crc32(symbol.encode())])))
    minute = start_ms // MINUTE_MS + np.arange(count, dtype=np.int64)
    heat = _heat(market, count) * _season(minute, 0.35)
    changes = _changes(market, alone, heat, own, temper)
    path = start_price * np.exp(np.cumsum(changes).reshape(count, _STEPS))
    tick = 10**decimals
    ticks = np.maximum(np.rint(path * tick), 1.0)
    close = ticks[:, -1]
    first = max(float(np.rint(start_price * tick)), 1.0)
    opened = np.concatenate(([first], close[:-1]))
    moved = np.abs(changes.reshape(count, _STEPS)).sum(axis=1)
    candles = Candles(
        symbol=symbol,
        timeframe_ms=MINUTE_MS,
        time_ms=minute * MINUTE_MS,
        open=opened / tick,
        high=np.maximum(opened, ticks.max(axis=1)) / tick,
        low=np.minimum(opened, ticks.min(axis=1)) / tick,
        close=close / tick,
        volume=_volume(alone, minute, moved / moved.mean(), temper),
        stale=np.zeros(count, dtype=np.bool_),
    )
    return _silenced(alone, candles, heat, temper)


def demo_tapes() -> list[Path]:
    """Return the bundled synthetic tapes: BTC/USD and ETH/USD, ten days each."""
    return sorted(_FOLDER.glob("*.csv.gz"))


def demo_candles() -> list[Candles]:
    """Return the candles of the demo tapes, generated anew."""
    eth = Temper(volatility=0.0012, silent=0.004, volume=250.0)
    days = (DEMO_START_MS, DEMO_CANDLES, DEMO_SEED)
    return [
        generate("BTC/USD", *days, 84_000.0, decimals=1, own=0.4),
        generate("ETH/USD", *days, 2_150.0, decimals=2, own=0.6, temper=eth),
    ]


def write_demo(folder: Path) -> None:
    """Write the demo tapes to ``folder``, the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    for candles in demo_candles():
        name = candles.symbol.replace("/", "_")
        write_tape(candles, folder / f"{name}-1m-synthetic.csv.gz")


def _heat(market: Generator, count: int) -> Floats:
    """Return the volatility of each minute, 1 on average, in clusters.

    A product of factors that change at random, some every few minutes and some
    every day, is calm and wild on all scales, as markets are.
    """
    heat = np.ones(count)
    for usual_minutes in (15, 60, 240, 1440):
        changes = market.random(count) < 1 / usual_minutes
        factors = np.where(market.random(count) < 0.5, 0.65, 1.35)
        heat *= factors[_since(changes)]
    return heat


def _since(changes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return, for each row, the last row at which something changed."""
    rows = np.arange(len(changes), dtype=np.int64)
    last: NDArray[np.int64] = np.maximum.accumulate(np.where(changes, rows, 0))
    return last


def _season(minute: NDArray[np.int64], size: float) -> Floats:
    """Return the share of the day in activity: busiest at 15:00 UTC, 1 on average."""
    angle = 2 * np.pi * ((minute - 15 * 60) % 1440) / 1440
    activity: Floats = 1 + size * np.cos(angle)
    return activity


def _changes(
    market: Generator, alone: Generator, heat: Floats, own: float, temper: Temper
) -> Floats:
    """Return the change of the logarithm of the price at every step of a minute."""
    count = len(heat)
    turns = market.random(count) < 1 / temper.regime_minutes
    regimes = market.choice([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0], count)
    trend = temper.drift * regimes[_since(turns)]
    shocked = market.random(count) < 1 / temper.shock_minutes
    shocks = np.where(shocked, temper.shock * market.standard_normal(count), 0.0)
    shared = market.standard_normal((count, _STEPS))
    noise = np.sqrt(1 - own**2) * shared + own * alone.standard_normal(shared.shape)
    usual = temper.volatility * heat / np.sqrt(_STEPS)
    steady = (trend + shocks) / _STEPS
    changes: Floats = usual[:, None] * noise + steady[:, None]
    return changes.ravel()


def _volume(
    alone: Generator, minute: NDArray[np.int64], moved: Floats, temper: Temper
) -> Floats:
    """Return volumes: more by day, more when the price moves, never nothing."""
    busy = _season(minute, 0.5) * moved**1.5
    volume = temper.volume * busy * np.exp(0.6 * alone.standard_normal(len(minute)))
    traded: Floats = np.maximum(np.rint(volume * 10**4), 1.0) / 10**4
    return traded


def _silenced(
    alone: Generator, candles: Candles, heat: Floats, temper: Temper
) -> Candles:
    """Return the candles with short silences of one to four minutes in quiet times."""
    count = len(candles)
    begins = (alone.random(count) < temper.silent) & (heat <= np.median(heat))
    lengths = alone.integers(1, 5, count)
    silent = np.zeros(count, dtype=np.bool_)
    for row in np.flatnonzero(begins):
        silent[row : row + lengths[row]] = True
    silent[0] = silent[-1] = False
    names = ("time_ms", "open", "high", "low", "close", "volume", "stale")
    kept = {name: getattr(candles, name)[~silent] for name in names}
    return fill_gaps(dataclasses.replace(candles, **kept))


if __name__ == "__main__":
    write_demo(Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER)
