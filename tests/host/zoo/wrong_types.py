# mypy: ignore-errors
"""A bad plugin: it answers with something else than was asked for."""

from quorate import Fact, Stage, hookimpl


class Odd:
    def __eq__(self, other):
        raise RuntimeError

    __hash__ = None


@hookimpl
def facts():
    return [Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=lambda d: [Odd()])]


@hookimpl
def vote(candles):
    return {"up": Odd()}


@hookimpl
def coordinate(draft, desk):
    return 1e9


@hookimpl
def remember(memory, record, desk):
    memory["odd"] = Odd()


@hookimpl
def learn(record, desk):
    return "a lesson"


@hookimpl
def map_symbol(symbol, aliases):
    return 5
