"""What the engine may do: trade, only leave, or send nothing."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What may be sent. Cancels and queries are always allowed.

    ACTIVE: everything the rules want. REDUCE_ONLY: sales only, and resting entries are
    cancelled. HALTED: no order at all; what rests stays, entries excepted.
    """

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    HALTED = "halted"

    def stricter_than(self, other: Mode) -> bool:
        """Return whether less may be sent than in the other mode."""
        modes = list(Mode)
        return modes.index(self) > modes.index(other)
