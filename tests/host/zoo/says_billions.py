# mypy: ignore-errors
"""A bad plugin: its numbers are out of all bounds."""

import dataclasses
from decimal import Decimal

import numpy as np

from quorate import Fact, Stage, hookimpl


@hookimpl
def facts():
    return [
        Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=lambda desk: -(10**400))
    ]


@hookimpl
def vote(candles):
    return np.full(len(candles), 1e9)


@hookimpl
def coordinate(draft, desk):
    return dataclasses.replace(draft, amount=Decimal("1e999999"))


@hookimpl
def remember(memory, record, desk):
    memory["wealth"] = 10**4000
