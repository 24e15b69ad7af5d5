# mypy: ignore-errors
"""A bad plugin: nothing that it says is a number."""

import dataclasses
from decimal import Decimal

import numpy as np

from quorate import Fact, Learned, Stage, hookimpl


@hookimpl
def facts():
    nan = lambda desk: float("nan")  # noqa: E731
    return [Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=nan)]


@hookimpl
def vote(candles):
    return np.full(len(candles), np.nan)


@hookimpl
def coordinate(draft, desk):
    return dataclasses.replace(draft, amount=Decimal("NaN"))


@hookimpl
def learn(record, desk):
    return [
        Learned(
            at_ms=record.at_ms,
            what="minimum",
            symbol="BTC/USD",
            value=Decimal("NaN"),
            expires_ms=1 << 60,
            why="x",
        )
    ]
