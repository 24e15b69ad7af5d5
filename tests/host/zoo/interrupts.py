# mypy: ignore-errors
"""A bad plugin: it raises what is no Exception."""

from quorate import Fact, Stage, hookimpl


class Worst(BaseException):
    def __str__(self):
        raise KeyboardInterrupt


def worst(view):
    raise Worst


@hookimpl
def facts():
    return [Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=worst)]


@hookimpl
def vote(candles):
    raise KeyboardInterrupt


@hookimpl
def coordinate(draft, desk):
    raise GeneratorExit


@hookimpl
def learn(record, desk):
    raise Worst
