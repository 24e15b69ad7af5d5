"""The rules a journal was decided by, read back from the text it kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from quorate.contract.vocabulary import RATIO, Unit
from quorate.errors import JournalError
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.rulebook.build import SECTIONS
from quorate.rulebook.cross import formulas
from quorate.rulebook.params import Param
from quorate.rulebook.rulebook import Rulebook, Sources, read_rulebook
from quorate.rulebook.terms import Expression

_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class KeptRules:
    """A rulebook read back; ``why`` says why it is None, "" when it is there.

    ``percents`` are the names that people read in percent.
    """

    rulebook: Rulebook | None
    why: str = ""
    percents: frozenset[str] = frozenset()

    def rule(self, name: str) -> Any:
        """Return the rule with an id, of any section; None when there is none."""
        if self.rulebook is None:
            return None
        for section in SECTIONS:
            live = getattr(self.rulebook, section)
            for rule in (*live, *self.rulebook.shadows[section]):
                if getattr(rule, "id", None) == name:
                    return rule
        return None

    def unit(self, name: str) -> Unit | None:
        """Return the unit of a fact or param, None when it is neither."""
        if self.rulebook is None:
            return None
        param = self.rulebook.params.by_name.get(name)
        if param is not None:
            return param.unit
        fact = self.rulebook.facts.get(name)
        return None if fact is None else fact.unit

    def in_percent(self, text: str) -> bool:
        """Return whether an expression's text is about percentages."""
        return "%" in text or any(name in self.percents for name in _NAME.findall(text))


@dataclass(slots=True)
class Keeper:
    """Reads a journal's rulebooks back, each once."""

    journal: Journal
    host: Host | None
    _read: dict[str, KeptRules] = field(default_factory=dict)

    def rules(self, digest: str) -> KeptRules:
        """Return the rules with a hash, or why they cannot be read any more."""
        if digest not in self._read:
            self._read[digest] = self._again(digest)
        return self._read[digest]

    def _again(self, digest: str) -> KeptRules:
        if self.host is None:
            return KeptRules(None, "no plugins are loaded to read its names with")
        try:
            texts = self.journal.rulebook(digest)
        except JournalError as error:
            return KeptRules(None, str(error))
        sources = Sources.from_texts(texts)
        reading = read_rulebook(sources, self.host.facts, self.host.functions)
        if reading.rulebook is None:
            return KeptRules(None, reading.errors[0].concise())
        return KeptRules(reading.rulebook, percents=percents_of(reading.rulebook))


def percents_of(rulebook: Rulebook) -> frozenset[str]:
    """Return the params written in percent, and the facts compared with them."""
    lines = {shown: data.decode().splitlines() for shown, data in _files(rulebook)}
    found = {
        name
        for name, param in rulebook.params.by_name.items()
        if param.unit == RATIO and _written_in_percent(param, lines)
    }
    compared = set(found)
    for expression in _expressions(rulebook):
        for node in ast.walk(expression.tree):
            if isinstance(node, ast.Compare):
                compared |= _names_beside(expression, node, found)
    return frozenset(compared)


def _files(rulebook: Rulebook) -> Iterator[tuple[str, bytes]]:
    yield from rulebook.sources.rules
    for overlay in rulebook.sources.overlays:
        yield from overlay


def _written_in_percent(param: Param, lines: dict[str, list[str]]) -> bool:
    origin = param.settings[0].origin
    written = lines.get(origin.path, [])[origin.line - 1 : origin.line]
    text = written[0][origin.column - 1 : origin.end_column - 1] if written else ""
    return text.strip("'\" ").endswith("%")


def _expressions(rulebook: Rulebook) -> Iterator[Expression]:
    for section in SECTIONS:
        if section != "symbols":
            for rule in (*getattr(rulebook, section), *rulebook.shadows[section]):
                for formula in formulas(rule):
                    yield formula.expression


def _names_beside(
    expression: Expression, node: ast.Compare, percents: set[str]
) -> set[str]:
    """Return the names of a comparison when it compares percentages."""
    sides = (node.left, node.comparators[0])
    texts = [expression.source(side) for side in sides]
    if not any("%" in text or text.lstrip("-") in percents for text in texts):
        return set()
    return {side.id for side in sides if isinstance(side, ast.Name)}


def unread(keeper: Keeper, digests: Iterable[str]) -> tuple[str, ...]:
    """Return a note for each of the rulebooks that cannot be read any more."""
    return tuple(
        f"rulebook {digest} cannot be read any more ({why}): "
        "only the recorded inputs are shown"
        for digest in digests
        if (why := keeper.rules(digest).why)
    )
