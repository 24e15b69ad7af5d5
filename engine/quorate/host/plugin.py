"""One plugin, what it implements, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one plugin answered to one hook; ``error`` is "" unless it raised.

    ``off`` says that it was not asked, because it is switched off.
    """

    plugin: str
    value: Any = None
    error: str = ""
    took_ms: float = 0.0
    off: bool = False


@dataclass(slots=True, kw_only=True)
class Plugin:
    """One plugin and how it fares; ``fault`` says why it is refused or switched off.

    ``rows`` counts, by hook or fact, the faults since it last succeeded. ``digest`` is
    the hash of its files, "" when they cannot be told. ``apart`` says that it runs in a
    process of its own, which is not asked the hooks in ``left_out``.
    """

    name: str
    source: str
    where: str
    version: str
    hooks: tuple[str, ...] = ()
    fault: str = ""
    faults: int = 0
    calls: int = 0
    took_ms: float = 0.0
    rows: dict[str, int] = field(default_factory=dict)
    digest: str = ""
    apart: bool = False
    left_out: tuple[str, ...] = ()
    unjudged: set[str] = field(default_factory=set, repr=False)

    @property
    def active(self) -> bool:
        """Whether it is asked."""
        return not self.fault


@dataclass(frozen=True, slots=True)
class Implementation:
    """One hook of one plugin.

    ``arguments`` are the names it takes. ``kinds`` are the records it wants, () for
    all.
    """

    plugin: Plugin
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    kinds: tuple[type, ...]
