# mypy: ignore-errors
"""A bad plugin: it computes for ever while it should remember."""

from quorate import hookimpl


@hookimpl
def remember(memory, record, desk):
    while True:
        memory["n"] = memory.get("n", 0) + 1
