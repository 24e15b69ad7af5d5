"""The rulebook: all rule files checked as a whole, frozen, hashed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quorate.contract.vocabulary import Fact, Function
from quorate.rulebook.build import SECTIONS
from quorate.rulebook.builder import Builder
from quorate.rulebook.compile_columns import ColumnCode
from quorate.rulebook.cross import check_ids, check_whole
from quorate.rulebook.diagnostics import Problem, Severity, Span
from quorate.rulebook.params import Params
from quorate.rulebook.read_params import read_params
from quorate.rulebook.readable import read_documents
from quorate.rulebook.rules import (
    Alias,
    CheckRule,
    EntryRule,
    ErrorRule,
    ExitRule,
    OrderRule,
    SwitchRule,
    TuningRule,
    VoteRule,
)
from quorate.rulebook.shape import source_line
from quorate.rulebook.sources import Sources, gather_sources
from quorate.rulebook.terms import Name
from quorate.rulebook.text import Document

__all__ = ["Reading", "Rulebook", "Sources", "gather_sources", "read_rulebook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """Every rule, checked and compiled; nothing in it changes.

    ``shadows`` are the rules of each section that never act; they are nowhere else.
    Only ``columns`` grows: what is needed on whole columns is compiled when it is.
    """

    digest: str
    sources: Sources
    params: Params
    votes: tuple[VoteRule, ...]
    entry: tuple[EntryRule, ...]
    checks: tuple[CheckRule, ...]
    orders: tuple[OrderRule, ...]
    errors: tuple[ErrorRule, ...]
    exits: tuple[ExitRule, ...]
    tuning: tuple[TuningRule, ...]
    switches: tuple[SwitchRule, ...]
    symbols: tuple[Alias, ...]
    shadows: Mapping[str, tuple[Any, ...]]
    facts: Mapping[str, Fact] = field(repr=False)
    functions: Mapping[str, Function] = field(repr=False)
    columns: ColumnCode = field(
        default_factory=ColumnCode, init=False, repr=False, compare=False
    )

    def awakened(self, ids: Collection[str]) -> Rulebook:
        """Return the rulebook in which some shadows act, before the live rules."""
        changes: dict[str, Any] = {}
        for section, rules in self.shadows.items():
            awake = tuple(rule for rule in rules if rule.id in ids)
            if awake:
                changes[section] = (*awake, *getattr(self, section))
        left = {
            section: tuple(rule for rule in rules if rule.id not in ids)
            for section, rules in self.shadows.items()
        }
        return replace(self, shadows=left, **changes)

    def counts(self) -> dict[str, int]:
        """Return how many rules each section has."""
        return {name: len(getattr(self, name)) for name in SECTIONS}


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading: the rulebook when there is no error, and all problems."""

    rulebook: Rulebook | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that refuse the rulebook."""
        return tuple(
            problem for problem in self.problems if problem.severity is Severity.ERROR
        )


def read_rulebook(
    sources: Sources,
    facts: Mapping[str, Fact],
    functions: Mapping[str, Function],
    *,
    voters: Collection[str] | None = None,
) -> Reading:
    """Read, check and compile a rulebook; evaluates nothing, never raises for content.

    Reports all problems of all files, each once: expressions are read even when the
    shape of another rule is wrong, and what follows from a problem is not another.
    ``voters`` are the plugins that vote by themselves, None when that is not known.
    """
    rules = read_documents(sources.rules)
    overlays = [read_documents(files) for files in sources.overlays]
    problems = [*rules.problems]
    for overlay in overlays:
        problems += [*overlay.problems, *_only_params(overlay.documents)]
    params, found, unread = read_params(
        rules.documents,
        [overlay.documents for overlay in overlays],
        sources.settings,
        taken={*facts, *functions},
        unread=rules.unread,
    )
    problems.extend(found)
    sections: dict[str, list[Any]] = {name: [] for name in SECTIONS}
    names: dict[str, Mapping[str, Name]] = {}
    for document in rules.documents:
        builder = Builder(document, facts, functions, params, voters, unread, names)
        for name, read in SECTIONS.items():
            sections[name].extend(read(builder))
        problems.extend(builder.problems)
    problems.extend(check_ids(rules.documents))
    shadows = {name: _apart(listed) for name, listed in sections.items()}
    if not _refused(problems):
        problems += check_whole(sections, shadows, params, facts, rules.documents)
    ordered = tuple(sorted(set(problems), key=_place))
    if _refused(ordered):
        return Reading(None, ordered)
    rulebook = Rulebook(
        digest=sources.digest,
        sources=sources,
        params=params,
        facts=facts,
        functions=functions,
        shadows=shadows,
        **{name: tuple(rules) for name, rules in sections.items()},
    )
    return Reading(rulebook, ordered)


def _apart(rules: list[Any]) -> tuple[Any, ...]:
    """Take the shadows out of a section's rules and return them."""
    shadows = tuple(rule for rule in rules if getattr(rule, "shadow", False))
    rules[:] = [rule for rule in rules if rule not in shadows]
    return shadows


def _refused(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _place(problem: Problem) -> tuple[Span, str, str, str]:
    return problem.span, problem.code, problem.message, problem.help


def _only_params(documents: Iterable[Document]) -> Iterator[Problem]:
    for document in documents:
        for section in document.value:
            if section != "params":
                span = document.key_spans[(section,)]
                message = f"an overlay can only set params, not `{section}`"
                line = source_line(document, span)
                yield Problem("R402", message, span, source=line)
