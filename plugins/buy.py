"""The buy assistant: knows the candles, and how sure the votes are together."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter

import numpy as np

from quorate import (
    AMOUNT,
    DURATION,
    PRICE,
    Ballot,
    Candles,
    Fact,
    Floats,
    Moves,
    Stage,
    Unit,
    hookimpl,
)

ZERO = Decimal(0)
ONE = Decimal(1)


def data_age(candles: Candles) -> Floats:
    """Return how long nothing has traded at each candle's close, 0 when it did.

    Candles without a trade are filled in and marked stale; the age is the length of
    the stretch of them that ends here.
    """
    row = np.arange(len(candles))
    last_trade = np.maximum.accumulate(np.where(candles.stale, -1, row))
    return ((row - last_trade) * candles.timeframe_ms).astype(np.float64)


def confidence(ballots: Sequence[Ballot]) -> Floats:
    """Return the weighted mean of the scores of those who vote, between 0 and 1.

    Who abstains (NaN) counts neither with his score nor with his weight. A mean
    below 0 is no confidence at all: 0. NaN where nobody votes.
    """
    if not ballots:
        return np.empty(0)
    said = np.zeros(len(ballots[0].scores))
    weight = np.zeros_like(said)
    for ballot in ballots:
        votes = ~np.isnan(ballot.scores)
        said += np.where(votes, ballot.weight * ballot.scores, 0.0)
        weight += np.where(votes, ballot.weight, 0.0)
    nobody = np.full_like(said, np.nan)
    mean = np.divide(said, weight, out=nobody, where=weight > 0)
    return np.clip(mean, 0.0, 1.0)


def votes_cast(ballots: Sequence[Ballot]) -> Floats:
    """Return how many voted at each candle."""
    if not ballots:
        return np.empty(0)
    cast = np.zeros(len(ballots[0].scores))
    for ballot in ballots:
        cast += ~np.isnan(ballot.scores)
    return cast


def column(name: str, unit: Unit, text: str) -> Fact:
    """Return the fact that reads one column of the candles."""
    return Fact(
        name=name,
        stage=Stage.MARKET,
        unit=unit,
        low=ZERO,
        moves=Moves.MARKET,
        help=text,
        compute=attrgetter(name),
    )


FACTS = [
    column("open", PRICE, "first price of the candle"),
    column("high", PRICE, "highest price of the candle"),
    column("low", PRICE, "lowest price of the candle"),
    column("close", PRICE, "last price of the candle"),
    column("volume", AMOUNT, "what was traded in the candle, in base currency"),
    Fact(
        name="data_age",
        stage=Stage.MARKET,
        unit=DURATION,
        low=ZERO,
        moves=Moves.MARKET,
        help="how long nothing has traded, 0 when the candle is fresh",
        compute=data_age,
    ),
    Fact(
        name="confidence",
        stage=Stage.QUORUM,
        low=ZERO,
        high=ONE,
        moves=Moves.MARKET,
        help="weighted mean of the votes, 0 when they are against it; unknown when "
        "nobody votes",
        compute=confidence,
    ),
    Fact(
        name="votes_cast",
        stage=Stage.QUORUM,
        low=ZERO,
        moves=Moves.MARKET,
        help="how many voters did not abstain",
        compute=votes_cast,
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of candles and votes."""
    return FACTS
