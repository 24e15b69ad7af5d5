"""Follow the rule files while trading: read, check and compare them aside.

A change is taken up when two looks in a row see the same content, all files at once.
What has errors is refused, and the rules of before stay. What permits more than before
is held until a person accepts it. The rest is ready to be swapped in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from quorate.contract.records import RulesHeld, RulesRefused
from quorate.errors import JournalError, QuorateError
from quorate.flow.book import Book
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.changes import Comparison
from quorate.rulebook.comparing import compare
from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.printing import render
from quorate.rulebook.rulebook import Reading, Rulebook, Sources, read_rulebook

Gather = Callable[[], tuple[Sources, list[Problem]]]
"""Reads the files of the rules, each once; says which cannot be read."""

MOST_PROBLEMS = 20
"""How many problems are told of one edit; `quorate check` shows them all."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The rule files as they are now, seen twice in a row."""

    sources: Sources
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of reading edited files: a book that may be used, or the problems."""

    digest: str
    book: Book | None
    problems: tuple[str, ...] = ()
    comparison: Comparison | None = None


@dataclass(slots=True)
class Reloader:
    """Says what is to be done about the rule files; does nothing by itself.

    ``host`` has the plugins of the run: they are not loaded again. ``held`` waits for
    a person's word.
    """

    gather: Gather
    host: Host
    active: Rulebook
    held: Judged | None = None
    _seen: str = field(init=False)
    _judged: str = field(init=False)

    def __post_init__(self) -> None:
        self._seen = self._judged = self.active.digest

    def look(self) -> Edited | None:
        """Return the files when they hold something new and have come to rest."""
        sources, problems = self.gather()
        named = "\n".join(one.concise() for one in problems) or sources.digest
        steady, self._seen = named == self._seen, named
        if not steady or named == self._judged:
            return None
        self._judged = named
        return Edited(sources, tuple(problems))

    def judge(self, edited: Edited) -> Judged:
        """Read, check, compile and compare; changes nothing, and may be done aside."""
        digest = "" if edited.problems else edited.sources.digest
        if edited.problems:
            return Judged(digest, None, _told(edited.problems))
        reading = self._read(edited.sources)
        if reading.rulebook is None:
            return Judged(digest, None, _told(reading.errors))
        try:
            book = Book(reading.rulebook, self.host)
            book.must_answer()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not used
            return Judged(digest, None, (f"it cannot be compiled: {error!r}",))
        return Judged(digest, book, (), compare(self.active, reading.rulebook))

    def _read(self, sources: Sources) -> Reading:
        host = self.host
        return read_rulebook(sources, host.facts, host.functions, voters=host.voters())

    def decide(
        self, judged: Judged, at_ms: int
    ) -> Book | RulesRefused | RulesHeld | None:
        """Return the book to swap in, what to record instead, or None for neither."""
        self.held = None
        if judged.book is None:
            return refusal(judged.digest, judged.problems, at_ms)
        if judged.digest == self.active.digest:
            return None  # back to what is in force
        loosened = judged.comparison.loosened if judged.comparison else ()
        if loosened:
            self.held = judged
            told = tuple(change.line() for change in loosened)
            return RulesHeld(at_ms=at_ms, rulebook=judged.digest, loosened=told)
        return judged.book

    def accept(self, digest: str) -> Book | None:
        """Return the book that was held, when it is the one that was accepted."""
        held = self.held
        if held is None or held.digest != digest:
            return None
        self.held = None
        return held.book

    def took(self, rulebook: Rulebook) -> None:
        """Note that a rulebook is in force now."""
        self.active = rulebook


def refusal(digest: str, problems: Sequence[str], at_ms: int) -> RulesRefused:
    """Return the record that edited rules are not used."""
    told = tuple(problems[:MOST_PROBLEMS])
    more = len(problems) - len(told)
    if more:
        told = (*told, f"and {more} more; `quorate check` shows all")
    return RulesRefused(at_ms=at_ms, rulebook=digest, problems=told)


def _told(problems: Sequence[Problem]) -> tuple[str, ...]:
    return tuple(render(one) for one in problems)


def kept_book(journal: Journal, host: Host, digest: str) -> Book:
    """Return a rulebook that a journal's run was under, read with the plugins of now.

    Raises:
        JournalError: it was not kept, or cannot be used with these plugins.
    """
    sources = Sources.from_texts(journal.rulebook(digest))
    reading = read_rulebook(sources, host.facts, host.functions)
    if reading.rulebook is None:
        raise JournalError(
            f"the rules {digest} of this journal cannot be used with the plugins of "
            f"now: {reading.errors[0].concise()}"
        )
    try:
        return Book(reading.rulebook, host)
    except QuorateError as error:
        raise JournalError(f"the rules {digest} cannot be used: {error}") from error
