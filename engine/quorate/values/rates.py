"""A decaying call counter, as exchanges keep it: every call adds, time takes away."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quorate.values.numbers import ZERO

_SECOND_MS = Decimal(1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """One account's limits: counter ceilings, decay in points a second, and costs.

    ``cancel_costs`` pairs an order's age in ms with what pulling it costs while it is
    younger than that, youngest first; older orders cost nothing.
    ``order_*`` is the counter of the matching engine, kept for each symbol; ``rest_*``
    the counter of private queries, kept for the key.
    """

    order_limit: Decimal
    order_decay: Decimal
    add_cost: Decimal
    cancel_costs: tuple[tuple[int, Decimal], ...]
    rest_limit: Decimal
    rest_decay: Decimal

    def cancel_cost(self, age_ms: int) -> Decimal:
        """Return what cancelling an order of that age adds to the order counter."""
        for younger_than_ms, cost in self.cancel_costs:
            if age_ms < younger_than_ms:
                return cost
        return ZERO


@dataclass(slots=True)
class RateCounter:
    """A counter that decays linearly to zero."""

    decay: Decimal
    value: Decimal = ZERO
    at_ms: int = 0

    def read(self, now_ms: int) -> Decimal:
        """Return the counter at ``now_ms``, which is not before the last change."""
        if not self.value:
            return ZERO
        passed_ms = max(0, now_ms - self.at_ms)
        return max(ZERO, self.value - self.decay * passed_ms / _SECOND_MS)

    def add(self, cost: Decimal, now_ms: int) -> None:
        """Count a call made at ``now_ms``."""
        self.value = self.read(now_ms) + cost
        self.at_ms = max(self.at_ms, now_ms)

    def wait_ms(self, room: Decimal, ceiling: Decimal, now_ms: int) -> int:
        """Return how long until ``room`` more points fit below ``ceiling``."""
        excess = self.read(now_ms) + room - ceiling
        if excess <= 0:
            return 0
        return int(excess / self.decay * _SECOND_MS) + 1
