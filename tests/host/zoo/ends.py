# mypy: ignore-errors
"""A bad plugin: it ends its process."""

import os

from quorate import hookimpl


@hookimpl
def vote(candles):
    os._exit(3)
