"""The differences between two rulebooks, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from quorate.rulebook.diagnostics import Span
from quorate.rulebook.permitting import Permits
from quorate.rulebook.shifting import Shift, Witness


class What(StrEnum):
    """What became of a rule, a part of one, or a param."""

    NEW = "new"
    GONE = "gone"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. ``key`` is the part of the rule, "" for the rule as a whole.

    ``symbols`` is the pattern for which params differ, "" for all symbols. ``permits``
    is None where nothing is permitted or refused by it. ``readers`` of a param are the
    rules whose meaning it touches.
    """

    section: str
    id: str
    what: What
    key: str = ""
    old: str = ""
    new: str = ""
    old_place: Span | None = None
    new_place: Span | None = None
    shift: Shift | None = None
    witnesses: tuple[Witness, ...] = ()
    permits: Permits | None = None
    symbols: str = ""
    readers: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the change as one line: what, which way, and where it shows."""
        place = self.new_place or self.old_place
        where = f" ({place.path}:{place.line})" if place else ""
        key = f" {self.key}" if self.key else ""
        way = str(self.shift or self.what)
        seen = f", as at {self.witnesses[0].at}" if self.witnesses else ""
        return f"{self.section} {self.id}{key}: {way}{seen}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything in which two rulebooks differ, by sections.

    ``rewritten`` are rules that are written otherwise and mean the same, as far as
    the moments that were drawn show.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    rewritten: tuple[str, ...]

    @property
    def loosened(self) -> tuple[Change, ...]:
        """What permits something that was refused before, or may do so."""
        more = Permits.MORE, Permits.MAYBE
        return tuple(one for one in self.changes if one.permits in more)
