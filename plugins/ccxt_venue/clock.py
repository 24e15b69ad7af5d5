"""The exchange's time, told by its clock and carried on by ours."""

from __future__ import annotations

import time


class ExchangeClock:
    """Exchange time in milliseconds, from what the exchange said it was.

    A told time is true at some moment between question and answer, and to the
    exchange's own step (a second at Kraken): each telling narrows the offset to the
    monotonic clock. ``pace`` is how many times faster than ours its clock runs; not 1
    in rehearsals only. Until it is told, the wall clock stands in.
    """

    def __init__(self, pace: float = 1) -> None:
        self._pace = pace
        start = time.time() * 1000 - self.elapsed_ms()
        self._low, self._high = start, start
        self._told = False

    def now_ms(self) -> int:
        """Return the exchange's time now."""
        return round((self._low + self._high) / 2 + self.elapsed_ms())

    def unsure_ms(self) -> int:
        """Return how far off ``now_ms`` may be, by how long answers have taken."""
        return int((self._high - self._low) / 2) + 1

    def elapsed_ms(self) -> int:
        """Return a moment that never goes back, whatever the exchange says it is."""
        return int(time.monotonic() * 1000 * self._pace)

    def learn(self, told_ms: int, asked: int, answered: int) -> None:
        """Take the exchange's word: it said ``told_ms`` between two moments of ours."""
        step = 999 if told_ms % 1000 == 0 else 0
        low, high = told_ms - answered, told_ms + step - asked
        both = max(low, self._low), min(high, self._high)
        if self._told and both[0] <= both[1]:
            self._low, self._high = both
        else:  # the first word, or a clock that was set
            self._low, self._high = low, high
        self._told = True
