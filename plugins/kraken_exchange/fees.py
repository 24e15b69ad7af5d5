"""What trading costs: the fee ladder by the volume of the last 30 days.

The ladder is a recording of November 2025; volumes are in US dollars, rates in percent.
AssetPairs does not tell it any more, only TradeVolume does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

WINDOW_MS = 30 * 24 * 60 * 60 * 1000

_STEPS = (
    (0, "0.40", "0.25"),
    (10_000, "0.35", "0.20"),
    (50_000, "0.24", "0.14"),
    (100_000, "0.22", "0.12"),
    (250_000, "0.20", "0.10"),
    (500_000, "0.18", "0.08"),
    (1_000_000, "0.16", "0.06"),
    (2_500_000, "0.14", "0.04"),
    (5_000_000, "0.12", "0.02"),
    (10_000_000, "0.10", "0.00"),
)
LADDERS = {
    "taker": tuple((Decimal(least), Decimal(taker)) for least, taker, _ in _STEPS),
    "maker": tuple((Decimal(least), Decimal(maker)) for least, _, maker in _STEPS),
}


@dataclass(frozen=True, slots=True)
class Rates:
    """Fees as ratios of the cost."""

    maker: Decimal
    taker: Decimal


def rates(volume: Decimal) -> Rates:
    """Return the fees of an account that traded ``volume`` US dollars in 30 days."""
    return Rates(*(_step(side, volume)[1] / 100 for side in ("maker", "taker")))


def describe(side: str, volume: Decimal) -> dict[str, str | None]:
    """Return one side's fee as TradeVolume tells it, in percent."""
    ladder = LADDERS[side]
    tier, fee = _step(side, volume)
    above = next((step for step in ladder if step[0] > volume), None)
    return {
        "fee": f"{fee:.4f}",
        "minfee": f"{ladder[-1][1]:.4f}",
        "maxfee": f"{ladder[0][1]:.4f}",
        "nextfee": None if above is None else f"{above[1]:.4f}",
        "tiervolume": f"{tier:.4f}",
        "nextvolume": None if above is None else f"{above[0]:.4f}",
    }


def _step(side: str, volume: Decimal) -> tuple[Decimal, Decimal]:
    return [step for step in LADDERS[side] if step[0] <= volume][-1]
