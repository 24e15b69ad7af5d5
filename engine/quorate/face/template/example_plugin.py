"""An example plugin: drop it into plugins/ under a name of your own and it takes part.

A file whose name begins with _ is not loaded: `mv plugins/_example.py plugins/calm.py`.
Then `quorate plugins` lists it, `quorate names market` shows `calm`, and a rule may say

    when: confidence > min_confidence and risk_approved and calm

`quorate names` prints every name there is; the hooks are described in
quorate/contract/hookspecs.py.
"""

from quorate import Candles, Fact, Flags, Kind, Stage, hookimpl


def calm(candles: Candles) -> Flags:
    """Return for each candle whether its range is under 1% of its close."""
    return candles.high - candles.low < candles.close * 0.01


@hookimpl
def facts() -> list[Fact]:
    """Add the name to what rules may use."""
    about = "whether the candle's range is under 1% of its close"
    return [
        Fact(name="calm", stage=Stage.MARKET, kind=Kind.FLAG, help=about, compute=calm)
    ]
