"""The wire tap: every private request that came, what became of it, what was told.

An auditor reads it from outside: what the engine of the exchange did (``outcome``) and
what the caller was told (``faults``) are two things.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_KEPT = 200_000
"""Requests kept; the oldest ones go first."""

_SECRET = ("token", "otp")


@dataclass(slots=True)
class Seen:
    """One private request.

    ``at_ms`` and ``engine_ms`` are exchange time: when it came, and when the engine had
    it (None: never). ``outcome`` is ``{"result": ...}`` or ``{"errors": [...]}`` of the
    engine, None when it never had the request. ``faults`` are those that struck.
    """

    number: int
    at_ms: int
    transport: str
    method: str
    form: Mapping[str, Any]
    engine_ms: int | None = None
    outcome: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)


class Tap:
    """What came over the wire, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Seen] = deque(maxlen=MOST_KEPT)
        self._numbers: Counter[str] = Counter()

    def number(self, name: str) -> int:
        """Return how many events there were at ``name``, this one included."""
        self._numbers[name] += 1
        return self._numbers[name]

    def note(
        self, at_ms: int, transport: str, method: str, form: Mapping[str, Any]
    ) -> Seen:
        """Note a request when it comes; what becomes of it is filled in later."""
        bare = {key: value for key, value in form.items() if key not in _SECRET}
        seen = Seen(self.number("requests"), at_ms, transport, method, bare)
        self._kept.append(seen)
        return seen

    def as_list(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the requests numbered above ``since``."""
        return [asdict(seen) for seen in self._kept if seen.number > since]
