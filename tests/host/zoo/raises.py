# mypy: ignore-errors
"""A bad plugin: it raises wherever it is asked."""

from quorate import Fact, Stage, hookimpl


def fail(view):
    raise RuntimeError("no")


@hookimpl
def facts():
    return [Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=fail)]


@hookimpl
def vote(candles):
    raise ValueError("no")


@hookimpl
def coordinate(draft, desk):
    raise ZeroDivisionError


@hookimpl
def remember(memory, record, desk):
    memory["half"] = 1
    raise KeyError("no")


@hookimpl
def learn(record, desk):
    raise LookupError("no")


@hookimpl
def map_symbol(symbol, aliases):
    raise OSError("no")
