"""Rulebooks that differ from one in a single place: nudged, flipped, dropped.

A mutant is written as a rule file and read like one, so that what `quorate check`
would refuse is refused here too. The list is in the order of the files, and the same
each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from quorate.rulebook.builder import SHADOW
from quorate.rulebook.cross import formulas
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.nodes import Path
from quorate.rulebook.rulebook import Rulebook, Sources
from quorate.rulebook.terms import Expression
from quorate.rulebook.text import Document, parse_document
from quorate.trials.coverage import RULED
from quorate.trials.mutant_words import (
    expressions,
    nudged,
    patterns,
    quantities,
    wildcards,
    words_of,
)

_NOTES = ("id", "about", "unit", "tags", "owner", "since")
"""Keys that say nothing about what a rule does."""

_DROPPED = object()


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed place: where, what it said and what it says now.

    ``section`` is "vetoes" for a vote that vetoes; ``rule`` names the rule or param.
    """

    section: str
    rule: str
    place: Span
    was: str
    now: str
    shown: str
    data: bytes

    @property
    def sentence(self) -> str:
        """Return what was changed: ``quorum: confidence > 1 -> confidence >= 1``."""
        return f"{self.rule}: {self.was} -> {self.now}"

    def sources(self, of: Sources) -> Sources:
        """Return the sources with this file in the place of the one it was made of."""
        return replace(
            of,
            rules=tuple(
                (shown, self.data if shown == self.shown else data)
                for shown, data in of.rules
            ),
        )


def mutants(rulebook: Rulebook, sources: Sources) -> Iterator[Mutant]:
    """Yield every mutant of the rule files; overlays stay as they are."""
    read = {
        (one.place.path, one.place.line, one.place.column): one
        for section in RULED[:-1]
        for rule in getattr(rulebook, section)
        for one in (formula.written or formula.expression for formula in formulas(rule))
    }
    for shown, data in sources.rules:
        document, _ = parse_document(data, shown)
        if document is not None:
            yield from _Maker(document, rulebook, read).mutants()


@dataclass(slots=True)
class _Maker:
    """Makes the mutants of one document."""

    document: Document
    rulebook: Rulebook
    expressions: Mapping[tuple[str, int, int], Expression]

    def mutants(self) -> Iterator[Mutant]:
        """Yield the mutants, section by section."""
        for section, content in self.document.value.items():
            items = content.items() if isinstance(content, dict) else enumerate(content)
            for key, item in items:
                if isinstance(item, dict) and item.get("mode") == SHADOW:
                    continue  # no test can notice what never acts
                path: Path = (section, key)
                if section != "params":
                    yield self._mutant(path, path, _DROPPED)
                yield from self._inside(item, path, path)

    def _inside(self, value: Any, path: Path, rule: Path) -> Iterator[Mutant]:
        """Yield the mutants below ``path``."""
        if isinstance(value, dict):
            for key, item in value.items():
                if key in _NOTES or key == "table":
                    continue  # a table's cells mean something only side by side
                below = (*path, key)
                if not isinstance(item, dict):
                    yield self._mutant(below, rule, _DROPPED)
                yield from self._inside(item, below, rule)
            return
        if isinstance(value, list):
            return  # days, as a whole: each of them is a word that may stand there
        for other in self._others(value, path):
            if other != value:
                yield self._mutant(path, rule, other)

    def _others(self, value: Any, path: Path) -> Iterator[Any]:
        """Yield the values that stand for one in its mutants."""
        expression = self._expression(path)
        if expression is not None:
            known = {name: fact.values for name, fact in self.rulebook.facts.items()}
            yield from expressions(expression, known)
        elif isinstance(value, bool):
            yield not value
        elif isinstance(value, int | Decimal):
            yield from nudged(Decimal(value))
        elif path[-1] == "match" and path[0] == "errors":
            yield from patterns(value)
        elif path[0] == "symbols":
            yield from wildcards(value)
        else:
            yield from quantities(value)
            yield from (word for word in words_of(path) if word != value)

    def _expression(self, path: Path) -> Expression | None:
        span = self.document.span(path)
        quoted = self.document.styles.get(path, "") in ("'", '"')
        return self.expressions.get((span.path, span.line, span.column + quoted))

    def _mutant(self, path: Path, rule: Path, other: Any) -> Mutant:
        value = deepcopy(self.document.value)
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        was = holder[path[-1]]
        if other is _DROPPED:
            del holder[path[-1]]
        else:
            holder[path[-1]] = other
        if not value[path[0]]:
            del value[path[0]]
        item = self.document.value[rule[0]][rule[1]]
        section = str(rule[0])
        key = path[-1] if len(path) > 2 else ""
        return Mutant(
            section="vetoes" if section == "votes" and "veto" in item else section,
            rule=str(rule[1]) if section == "params" else _name(item),
            place=self.document.span(path),
            was=f"{key}: {_show(was)}" if key else "the rule",
            now="dropped" if other is _DROPPED else _show(other),
            shown=self.document.path,
            data=json.dumps(value, default=_number).encode(),
        )


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("id", item.get("match")))


def _number(value: object) -> object:
    """Return a Decimal as a number that JSON can write without loss."""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return float(text) if "." in text else int(text)


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
