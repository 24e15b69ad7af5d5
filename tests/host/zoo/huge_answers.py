# mypy: ignore-errors
"""A bad plugin: its answers are larger than memory should be."""

import numpy as np

from quorate import Fact, Stage, hookimpl


@hookimpl
def facts():
    return [
        Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=lambda d: "x" * 10**8)
    ]


@hookimpl
def vote(candles):
    return np.zeros(30_000_000)


@hookimpl
def remember(memory, record, desk):
    memory["all"] = [0] * 10_000_000


@hookimpl
def learn(record, desk):
    return [None] * 10_000_000
