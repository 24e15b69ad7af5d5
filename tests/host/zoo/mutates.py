# mypy: ignore-errors
"""A bad plugin: it changes what it was given to look at."""

from decimal import Decimal

from quorate import hookimpl


@hookimpl
def vote(candles):
    candles.close[:] = 0
    candles.time_ms[:] = 0


@hookimpl
def coordinate(draft, desk):
    object.__setattr__(draft, "amount", Decimal(10**6))
    object.__setattr__(desk.market, "taker_fee", Decimal(0))
    for position in desk.positions():
        object.__setattr__(position, "bought", Decimal(0))
    desk.recall("rate_limit").clear()


@hookimpl
def remember(memory, record, desk):
    object.__setattr__(record, "at_ms", 0)
    desk.recall("learning").clear()
