# mypy: ignore-errors
"""A bad plugin: its votes are too many, too few, or of another shape."""

import itertools

import numpy as np

from quorate import hookimpl

SHAPES = itertools.cycle([lambda n: n + 1, lambda n: (n, 2), lambda n: 0])


@hookimpl
def vote(candles):
    return np.ones(next(SHAPES)(len(candles)))
