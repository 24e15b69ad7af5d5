"""A plugin's memory on both sides of the line: what changed in it goes back.

The engine's copy counts: a process that was killed begins again with it.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from quorate.host.plain import encode


class Mirror:
    """The memory in the plugin's process, and how the engine last heard of it."""

    def __init__(self) -> None:
        self.held: dict[Any, Any] = {}
        self._heard: dict[Any, bytes] = {}

    def adopt(self, whole: dict[Any, Any]) -> None:
        """Take what the engine holds."""
        self.held = whole
        self._heard = {key: encode(value) for key, value in whole.items()}

    def changes(self) -> tuple[list[Any], list[list[Any]]]:
        """Return the keys that are gone and the items that are new or others.

        Raises:
            NotPlain: it holds what cannot be told.
        """
        now = {key: encode(value) for key, value in self.held.items()}
        gone = [key for key in self._heard if key not in now]
        kept = [key for key in self._heard if key in now]
        if [*now][: len(kept)] != kept:
            gone, self._heard = list(self._heard), {}  # another order: all anew
        changed = [
            [key, value]
            for key, value in self.held.items()
            if self._heard.get(key) != now[key]
        ]
        self._heard = now
        return gone, changed


def apply(memory: MutableMapping[Any, Any], gone: Any, changed: Any) -> None:
    """Change the engine's copy as the plugin's was changed.

    Raises:
        TypeError, ValueError: these are no changes.
    """
    new = [(key, value) for key, value in changed]
    for key in gone:
        memory.pop(key, None)
    memory.update(new)
