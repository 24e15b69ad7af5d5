# mypy: ignore-errors
"""A bad plugin: it answers just after it had to."""

import time

import numpy as np

from quorate import hookimpl


@hookimpl
def vote(candles):
    time.sleep(1.1)
    return np.full(len(candles), -1.0)
