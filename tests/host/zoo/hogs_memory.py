# mypy: ignore-errors
"""A bad plugin: it takes all memory it can get."""

from quorate import hookimpl

KEPT = []


@hookimpl
def learn(record, desk):
    while True:
        KEPT.append(bytearray(1 << 26))
