"""The exchange's own time: real time, run faster or by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS


class Clock:
    """Exchange time in UTC milliseconds: from ``start_ms`` on, ``pace`` times as fast.

    ``seconds`` is a clock that only goes forward; a test gives one it turns by hand.
    """

    def __init__(
        self,
        start_ms: int | None = None,
        pace: float = 1.0,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pace = pace
        self.start_ms = _wall_ms() if start_ms is None else start_ms
        self._seconds = seconds
        self._started = seconds()
        self._shifted_ms = 0

    def now_ms(self) -> int:
        """Return the exchange's time."""
        passed = (self._seconds() - self._started) * self.pace
        return self.start_ms + int(passed * SECOND_MS) + self._shifted_ms

    def shift(self, ms: int) -> None:
        """Set the clock forward for good, or back when ``ms`` is negative."""
        self._shifted_ms += ms


def rfc3339(at_ms: int) -> str:
    """Return a moment as Kraken's websockets write it, with microseconds."""
    moment = datetime.fromtimestamp(at_ms // SECOND_MS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % SECOND_MS:03}000Z"


def from_rfc3339(text: str) -> int:
    """Return a written moment in UTC milliseconds.

    Raises:
        ValueError: it is not a moment, or does not say its offset from UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a moment needs its offset from UTC, was {text!r}")
    return int(moment.timestamp() * SECOND_MS)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
