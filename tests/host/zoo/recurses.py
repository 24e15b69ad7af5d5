# mypy: ignore-errors
"""A bad plugin: it goes deeper than there is ground."""

from quorate import Fact, Stage, hookimpl


def deeper(desk):
    return deeper(desk)


@hookimpl
def facts():
    return [Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=deeper)]


@hookimpl
def coordinate(draft, desk):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return nested


@hookimpl
def remember(memory, record, desk):
    memory["me"] = memory
