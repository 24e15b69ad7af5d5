"""A vote: buyers are in control when the candle closed above its open."""

import numpy as np

from quorate import Candles, Floats, hookimpl

__version__ = "1.2"
requires = "quorate>=0.1"


@hookimpl
def vote(candles: Candles) -> Floats:
    """Return 1 for a rising candle, -1 for a falling one."""
    return np.sign(candles.close - candles.open)
