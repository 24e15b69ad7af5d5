# mypy: ignore-errors
"""A bad plugin: it waits for what never comes."""

import threading

from quorate import hookimpl


@hookimpl
def vote(candles):
    threading.Event().wait()
