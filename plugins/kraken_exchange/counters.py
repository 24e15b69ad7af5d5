"""How often the account may call: the REST counter and that of the matching engine.

Both decay steadily. REST counts private queries for each key; the matching engine
counts orders for each pair, whichever way they come. Sources:
docs.kraken.com/exchange/guides/rest/ratelimits.md and
docs.kraken.com/api/docs/guides/spot-ratelimits.

Assumed: a call that is refused for the counter does not count; a cancel counts and is
never refused, or a full counter would trap orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quorate import RateCounter, plain

from .refusal import refused

_CANCEL = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))
_AMEND = ((5, 3), (10, 2), (15, 1))
_TWICE = ("TradesHistory", "Ledgers", "QueryLedgers")
_UNCOUNTED = (
    "AddOrder",
    "AmendOrder",
    "CancelOrder",
)


@dataclass(frozen=True, slots=True)
class Tier:
    """The limits of an account tier; decays are a second's."""

    rest_limit: Decimal
    rest_decay: Decimal
    threshold: Decimal
    decay: Decimal
    most_open: int


TIERS = {
    "starter": Tier(Decimal(15), Decimal("0.33"), Decimal(60), Decimal(1), 60),
    "intermediate": Tier(
        Decimal(20), Decimal("0.5"), Decimal(125), Decimal("2.34"), 80
    ),
    "pro": Tier(Decimal(20), Decimal(1), Decimal(180), Decimal("3.75"), 225),
}


class Counters:
    """Both counters of one account."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.rest: dict[str, RateCounter] = {}
        self.engine: dict[str, RateCounter] = {}

    def query(self, method: str, key: str, now_ms: int) -> None:
        """Count a private REST call.

        Raises:
            KrakenError: the counter of the key is full.
        """
        if method in _UNCOUNTED:
            return
        counter = self.rest.setdefault(key, RateCounter(self.tier.rest_decay))
        cost = Decimal(2 if method in _TWICE else 1)
        if counter.read(now_ms) + cost > self.tier.rest_limit:
            raise refused("EAPI:Rate limit exceeded")
        counter.add(cost, now_ms)

    def add(self, symbol: str, now_ms: int) -> None:
        """Count an order, whatever becomes of it.

        Raises:
            KrakenError: the counter of the pair is full.
        """
        self._count(symbol, Decimal(1), now_ms)

    def amend(self, symbol: str, age_ms: int, now_ms: int) -> None:
        """Count the amendment of an order as old as ``age_ms``.

        Raises:
            KrakenError: the counter of the pair is full.
        """
        self._count(symbol, 1 + _by_age(_AMEND, age_ms), now_ms)

    def cancel(self, symbol: str, age_ms: int, now_ms: int) -> None:
        """Count a cancel by the account of an order as old as ``age_ms``."""
        self._counter(symbol).add(_by_age(_CANCEL, age_ms), now_ms)

    def read(self, symbol: str, now_ms: int) -> Decimal:
        """Return the matching engine's counter of a pair."""
        return self._counter(symbol).read(now_ms)

    def as_dict(self, now_ms: int) -> dict[str, dict[str, str]]:
        """Return all counters as they are now, the keys by their first letters."""
        return {
            "rest": {
                key[:4]: plain(one.read(now_ms)) for key, one in self.rest.items()
            },
            "engine": {
                symbol: plain(one.read(now_ms)) for symbol, one in self.engine.items()
            },
        }

    def _count(self, symbol: str, cost: Decimal, now_ms: int) -> None:
        counter = self._counter(symbol)
        if counter.read(now_ms) + cost > self.tier.threshold:
            raise refused("EOrder:Rate limit exceeded")
        counter.add(cost, now_ms)

    def _counter(self, symbol: str) -> RateCounter:
        return self.engine.setdefault(symbol, RateCounter(self.tier.decay))


def _by_age(steps: tuple[tuple[int, int], ...], age_ms: int) -> Decimal:
    costs = (cost for younger_than_s, cost in steps if age_ms < younger_than_s * 1000)
    return Decimal(next(costs, 0))
