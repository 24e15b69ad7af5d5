"""An example plugin: a vote. Steady markets speak for buying, wild ones against."""

import numpy as np

from quorate import Candles, Floats, hookimpl


@hookimpl
def vote(candles: Candles) -> Floats:
    """Score a candle by its range: 1 for none at all, -1 from 1% of its close."""
    span = (candles.high - candles.low) / candles.close
    return 1 - 2 * np.minimum(span * 100, 1)
