"""Run again what a journal was made on: its tapes, or the candles a live run kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from fnmatch import fnmatchcase
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np

from quorate.contract.live import Bar
from quorate.contract.records import Started
from quorate.drivers.run import UNITS_IN_A_COMMIT, TapeSetup, run_tape
from quorate.drivers.tape_file import fill_gaps
from quorate.journal.journal import Journal
from quorate.values.market import Candles
from quorate.values.numbers import ZERO
from quorate.values.timeframes import MINUTE_MS
from quorate.values.trade import Market

_GRID = ("price_step", "amount_step", "min_amount", "min_cost", "status")


def run_again(
    setup: TapeSetup,
    tapes: Sequence[Candles],
    source: str,
    *,
    progress: Callable[[int, int, int], None] | None = None,
) -> Journal:
    """Run candles to their end and return the journal, which is in memory.

    Raises:
        VenueError: the venue is not known, or a symbol cannot be traded there.
    """
    journal = Journal.create(None, commit_every=UNITS_IN_A_COMMIT)
    run_tape(setup, tapes, source, journal, progress=progress)
    return journal


def as_recorded(
    settings: Mapping[str, Any], started: Started, markets: Iterable[Market]
) -> dict[str, Any]:
    """Return a venue's settings with the account and the markets of a run.

    Fees and markets are set where the venue has such settings, as the paper venue. What
    a journal does not hold stays as it is: spread, slippage, participation, latency,
    the currency of fees and hidden minimums.
    """
    known = list(markets)
    opening = dict(settings.get("balances", {}))
    for currency, amount in started.balances:
        if opening.get(currency, ZERO) != amount:
            opening[currency] = amount
    made: dict[str, Any] = {**settings, "balances": opening}
    if "fees" in settings and known:
        of_one = {"maker": known[0].maker_fee, "taker": known[0].taker_fee}
        made["fees"] = {**settings["fees"], **of_one}
    if "markets" in settings:
        listed = list(settings["markets"])
        made["markets"] = [*(_listed(market, listed) for market in known), *listed]
    return made


def _listed(market: Market, listed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a market's entry: what is listed for it, its grid as recorded."""
    rules = (one for one in listed if fnmatchcase(market.symbol, str(one.get("match"))))
    grid = {name: getattr(market, name) for name in _GRID}
    return {**next(rules, {}), "match": market.symbol, **grid}


def told_otherwise(then: Started, now: Started) -> Iterator[str]:
    """Yield what a run began with and one of now does not: names of ``Started``."""
    for one in fields(Started):
        if one.name in ("at_ms", "run", "rulebook", "order_deadline_ms", "source"):
            continue
        if getattr(then, one.name) != getattr(now, one.name):
            yield one.name


def kept_tapes(bars: Iterable[Bar]) -> list[Candles]:
    """Return recorded candles as tapes on full grids, a tape for each symbol.

    A minute without a candle stays flat at the last close.

    Raises:
        TapeError: the stretch from the first to the last is too long to hold.
    """
    ordered = sorted(bars, key=attrgetter("symbol", "open_ms"))
    return [
        fill_gaps(_tape(symbol, list(group)))
        for symbol, group in groupby(ordered, key=attrgetter("symbol"))
    ]


def _tape(symbol: str, bars: Sequence[Bar]) -> Candles:
    prices = np.array(
        [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars]
    ).T
    return Candles(
        symbol=symbol,
        timeframe_ms=MINUTE_MS,
        time_ms=np.array([bar.open_ms for bar in bars], np.int64),
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=prices[4],
        stale=prices[4] == 0,
    )
