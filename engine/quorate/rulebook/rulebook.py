"""The rulebook: all rule files checked as a whole, frozen, hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quorate.contract.vocabulary import Fact, Function
from quorate.rulebook.build import SECTIONS, Builder
from quorate.rulebook.cross import check_whole
from quorate.rulebook.diagnostics import Problem, Severity, Span
from quorate.rulebook.params import Params
from quorate.rulebook.read_params import read_params
from quorate.rulebook.rules import (
    Alias,
    CheckRule,
    EntryRule,
    ErrorRule,
    ExitRule,
    OrderRule,
    TuningRule,
    VoteRule,
)
from quorate.rulebook.shape import check_shape
from quorate.rulebook.text import Document, parse_document


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The texts a rulebook is made of: what is kept, hashed, and read again.

    ``rules`` and each overlay are (shown path, bytes) in the order of names;
    ``settings`` are name=value pairs of the command line.
    """

    rules: tuple[tuple[str, bytes], ...]
    overlays: tuple[tuple[tuple[str, bytes], ...], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    def as_texts(self) -> dict[str, str]:
        """Return everything as texts by key, for the journal."""
        texts = {f"rules:{shown}": _text(data) for shown, data in self.rules}
        for number, overlay in enumerate(self.overlays):
            for shown, data in overlay:
                texts[f"overlay {number}:{shown}"] = _text(data)
        for name, value in self.settings:
            texts[f"set:{name}"] = value
        return texts

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Sources:
        """Return the sources that ``as_texts`` gave."""
        rules, overlays, settings = [], dict[int, list[tuple[str, bytes]]](), []
        for key, text in texts.items():
            kind, _, shown = key.partition(":")
            if kind == "rules":
                rules.append((shown, text.encode()))
            elif kind == "set":
                settings.append((shown, text))
            else:
                number = int(kind.removeprefix("overlay "))
                overlays.setdefault(number, []).append((shown, text.encode()))
        return cls(
            rules=tuple(rules),
            overlays=tuple(tuple(overlays[number]) for number in sorted(overlays)),
            settings=tuple(settings),
        )

    @property
    def digest(self) -> str:
        """The hash that names this rulebook, 12 hex digits."""
        text = json.dumps(self.as_texts(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """Every rule, checked and compiled; nothing in it changes."""

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
    symbols: tuple[Alias, ...]
    facts: Mapping[str, Fact] = field(repr=False)
    functions: Mapping[str, Function] = field(repr=False)

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
    sources: Sources, facts: Mapping[str, Fact], functions: Mapping[str, Function]
) -> Reading:
    """Read, check and compile a rulebook; evaluates nothing, never raises for content.

    Reports all problems of all files. Expressions are read even when the shape of
    another rule is wrong, so that one run shows everything.
    """
    problems: list[Problem] = []
    rules = list(_documents(sources.rules, problems))
    overlays = [list(_documents(files, problems)) for files in sources.overlays]
    for overlay in overlays:
        _only_params(overlay, problems)
    params, found = read_params(rules, overlays, sources.settings)
    problems.extend(found)
    sections: dict[str, list[Any]] = {name: [] for name in SECTIONS}
    for document in rules:
        builder = Builder(document, facts, functions, params)
        for name, read in SECTIONS.items():
            sections[name].extend(read(builder))
        problems.extend(builder.problems)
    if not any(problem.severity is Severity.ERROR for problem in problems):
        problems.extend(check_whole(sections, params, facts, rules))
    ordered = tuple(
        sorted(set(problems), key=lambda problem: (problem.span, problem.code))
    )
    if any(problem.severity is Severity.ERROR for problem in ordered):
        return Reading(None, ordered)
    rulebook = Rulebook(
        digest=sources.digest,
        sources=sources,
        params=params,
        facts=facts,
        functions=functions,
        **{name: tuple(found) for name, found in sections.items()},
    )
    return Reading(rulebook, ordered)


def _documents(
    files: Iterable[tuple[str, bytes]], problems: list[Problem]
) -> Iterator[Document]:
    """Yield the documents that can be read further; note the problems of all."""
    for shown, data in files:
        document, found = parse_document(data, shown)
        problems.extend(found)
        if document is None:
            continue
        misshapen = check_shape(document)
        problems.extend(misshapen)
        if not misshapen:
            yield document


def _only_params(documents: Iterable[Document], problems: list[Problem]) -> None:
    for document in documents:
        for section in document.value:
            if section != "params":
                span = document.key_spans[(section,)]
                problems.append(
                    Problem(
                        "R402",
                        f"an overlay can only set params, not `{section}`",
                        span,
                        source=document.lines[span.line - 1],
                    )
                )


def gather_sources(
    folder: Path,
    overlays: Sequence[Path] = (),
    settings: Sequence[tuple[str, str]] = (),
    *,
    relative_to: Path | None = None,
) -> tuple[Sources, list[Problem]]:
    """Read the ``*.yaml`` files of a rules folder and its overlays, not deeper.

    ``folder`` may be a single file. Paths are shown relative to ``relative_to``.
    """
    problems: list[Problem] = []
    start = relative_to or Path.cwd()

    def files(place: Path) -> tuple[tuple[str, bytes], ...]:
        if place.is_dir():
            paths = sorted(path for path in place.glob("*.y*ml") if _is_rules(path))
        else:
            paths = [place]
        found = []
        for path in paths:
            shown = _shown(path, start)
            try:
                found.append((shown, path.read_bytes()))
            except OSError as error:
                reason = error.strerror or "unreadable"
                message = f"the file cannot be read: {reason}"
                problems.append(Problem("Y101", message, Span(shown)))
        if not found and not problems:
            shown = _shown(place, start)
            message = "there is no rule file (*.yaml) here"
            problems.append(Problem("R400", message, Span(shown)))
        return tuple(found)

    rules = files(folder)
    return (
        Sources(
            rules=rules,
            overlays=tuple(files(overlay) for overlay in overlays),
            settings=tuple(settings),
        ),
        problems,
    )


def _is_rules(path: Path) -> bool:
    return path.suffix in (".yaml", ".yml") and not path.name.endswith(
        (".test.yaml", ".test.yml")
    )


def _shown(path: Path, start: Path) -> str:
    try:
        return path.resolve().relative_to(start.resolve()).as_posix()
    except ValueError:
        return str(path)
