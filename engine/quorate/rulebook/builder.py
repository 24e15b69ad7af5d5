"""What reads the rules of one document: expressions, their bounds, and problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import DURATION, Fact, Function, Kind
from quorate.rulebook.compile_function import compile_later
from quorate.rulebook.diagnostics import (
    Problem,
    Severity,
    Span,
    did_you_mean,
    rewording,
)
from quorate.rulebook.expression import read_expression
from quorate.rulebook.nodes import Path
from quorate.rulebook.params import Param, Params, ParamValue
from quorate.rulebook.rules import Formula
from quorate.rulebook.sections import names_for
from quorate.rulebook.shape import source_line
from quorate.rulebook.terms import Expression, Name, NotKnown, Want
from quorate.rulebook.text import Document
from quorate.rulebook.windows import window_text, within

FLAG = Want.flag()
SHADOW = "shadow"

_BARE = re.compile(r"[^A-Za-z%]*")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a value must be, in words, and the test that it is."""

    words: str
    holds: Callable[[Decimal], bool]


SHARE = Bounds("more than 0% and at most 100%", lambda value: 0 < value <= 1)
ATTEMPTS = Bounds("1, 2 or 3", lambda value: value in (1, 2, 3))
SOME_TIME = Bounds("longer than 0s", lambda value: value > 0)
ANY_TIME = Bounds("0s or longer", lambda value: value >= 0)
SCORE = Bounds("from -1 to 1", lambda value: -1 <= value <= 1)
POSITIVE = Bounds("more than 0", lambda value: value > 0)


@dataclass(slots=True)
class Builder:
    """Reads the rules of one document; problems are collected, never raised.

    ``voters`` are the plugins that vote by themselves, None when that is not known.
    ``unread`` are names that stand in what could not be read: expressions that mention
    one of them are left for when it can be. ``vocabulary`` is what each section may
    mention, worked out when it is asked for; documents of one rulebook share it.
    """

    document: Document
    facts: Mapping[str, Fact]
    functions: Mapping[str, Function]
    params: Params
    voters: Collection[str] | None = None
    unread: frozenset[str] = frozenset()
    vocabulary: dict[str, Mapping[str, Name]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def items(self, section: str) -> list[tuple[Path, dict[str, Any]]]:
        """Return the well-formed rules of a section with their paths."""
        listed = self.document.value.get(section, [])
        return [
            ((section, index), item)
            for index, item in enumerate(listed)
            if item is not None
        ]

    def complain(
        self,
        code: str,
        message: str,
        path: Path,
        advice: str = "",
        severity: Severity = Severity.ERROR,
        *,
        at_key: bool = False,
        known: Collection[str] = (),
    ) -> None:
        """Note a problem at the value at ``path``, or at its key.

        When the word there is nearly one of ``known``, that is the advice, and an edit.
        """
        span = self.document.span(path)
        if at_key:
            span = self.document.key_spans.get(path, span)
        line = source_line(self.document, span)
        word = str(path[-1] if at_key else self.value(path) if known else "")
        edit = None
        if near := did_you_mean(word, known):
            advice = f'did you mean "{near}"?'
            edit = rewording(span, line, word, near)
        self.problems.append(
            Problem(code, message, span, advice, line, severity, edit=edit)
        )

    def idle(self, path: Path, message: str, advice: str = "") -> None:
        """Note a key that does nothing where it stands, or lacks another."""
        self.complain("R421", message, path, advice, at_key=True)

    def names(self, section: str) -> Mapping[str, Name]:
        """Return what an expression of ``section`` may mention."""
        if section not in self.vocabulary:
            self.vocabulary[section] = names_for(section, self.facts, self.params)
        return self.vocabulary[section]

    def place(self, path: Path) -> Span:
        """Return where the rule at ``path`` has its id."""
        return self.document.span((*path, "id"))

    def head(self, path: Path, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what every rule has, as arguments of its class."""
        return {
            "id": item["id"],
            "place": self.place(path),
            "tags": tuple(item.get("tags", ())),
            "owner": item.get("owner", ""),
            "since": item.get("since", ""),
            "table": self.document.made.get(path, ""),
            "shadow": item.get("mode") == SHADOW,
        }

    def value(self, path: Path) -> Any:
        """Return the plain value at ``path``."""
        value = self.document.value
        for step in path:
            value = value[step]
        return value

    def formula(
        self,
        raw: Any,
        path: Path,
        want: Want,
        names: Mapping[str, Name],
        *,
        exact: bool,
        bounds: Bounds | None = None,
    ) -> Formula | None:
        """Return the compiled expression at ``path``, None when absent or wrong."""
        if raw is None:
            return None
        text = raw if isinstance(raw, str) else _as_text(raw)
        if not self.unread.isdisjoint(_WORD.findall(text)):
            return None
        span = self.document.span(path)
        expression, problems = read_expression(
            text,
            names,
            self.functions,
            want,
            span,
            source_line(self.document, span),
            quoted=self.document.styles.get(path, "") in ("'", '"'),
        )
        if span.end_line > span.line or path[:2] in self.document.made:
            # A text of several lines, or of cells, has no columns of its own.
            problems = [replace(one, span=span, edit=None) for one in problems]
        self.problems.extend(problems)
        if expression is None:
            return None
        formula = Formula(expression, exact, compile_later(expression, exact=exact))
        if not expression.names:
            self._check_constant(formula, path, want, bounds)
        elif bounds is not None:
            self._check_param(expression, path, bounds)
        return formula

    def condition(
        self,
        path: Path,
        item: Mapping[str, Any],
        key: str,
        names: Mapping[str, Name],
        *,
        exact: bool,
    ) -> Formula | None:
        """Return the compiled condition of a rule, held to its window if it has one.

        A rule without a condition has its window for one.
        """
        formula = self.formula(item.get(key), (*path, key), FLAG, names, exact=exact)
        window = self._window(path, item, names)
        if window is None or (formula is None and key in item):
            return formula
        written = None if formula is None else formula.expression
        joined = window if written is None else within(window, written)
        return Formula(joined, exact, compile_later(joined, exact=exact), written)

    def _window(
        self, path: Path, item: Mapping[str, Any], names: Mapping[str, Name]
    ) -> Expression | None:
        """Return a rule's window as a checked expression, None when it has none."""
        if "active" not in item:
            return None
        path = (*path, "active")
        try:
            text = window_text(item["active"])
        except ValueError as error:
            key, message = error.args
            self.complain("R443", message, (*path, key))
            return None
        if not text:
            message, advice = "`active` is always open", "leave it out"
            self.complain("R443", message, path, advice, at_key=True)
            return None
        span = self.document.span(path)
        line = source_line(self.document, span)
        expression, problems = read_expression(
            text, names, self.functions, FLAG, span, line
        )
        self.problems.extend(replace(one, span=span, edit=None) for one in problems)
        return expression

    def _check_constant(
        self, formula: Formula, path: Path, want: Want, bounds: Bounds | None
    ) -> None:
        """Hold an expression that mentions nothing to what its key can be."""
        key = path[-1]
        if want == FLAG:
            message = f"`{key}` mentions nothing, so it is always the same"
            advice = "compare a fact or a param, or leave the key out"
            self.complain("R419", message, path, advice)
            return
        try:
            value = formula.evaluate(None)
        except (ArithmeticError, NotKnown):
            self.complain("R420", f"`{key}` can never be worked out", path)
            return
        if want.unit == DURATION and value and _BARE.fullmatch(formula.text):
            message = f"`{key}` is a duration without a unit, was {formula.text}"
            advice = f"write {formula.text}s for seconds"
            self.complain("R420", message, path, advice)
        elif bounds is not None and not bounds.holds(value):
            message = f"`{key}` must be {bounds.words}, was {formula.text}"
            self.complain("R420", message, path)

    def _check_param(self, expression: Expression, path: Path, bounds: Bounds) -> None:
        """Hold every value that a param may take to what its key can be."""
        param = self.params.by_name.get(expression.text)
        if param is None or param.kind is not Kind.NUMBER:
            return
        for value in _values(param):
            if isinstance(value, Decimal) and not bounds.holds(value):
                was = f"{param.name} may be {param.write(value)}"
                message = f"`{path[-1]}` must be {bounds.words}, {was}"
                self.complain("R420", message, path, f"narrow {param.name}'s bounds")
                return


def _values(param: Param) -> list[ParamValue]:
    settings = [*param.settings, *(setting for _, setting in param.by_symbol)]
    found = [setting.value for setting in settings]
    found.extend(bound for bound in (param.low, param.high) if bound is not None)
    return found


def _as_text(raw: Any) -> str:
    if isinstance(raw, bool):
        return "True" if raw else "False"
    return f"{raw:f}" if isinstance(raw, Decimal) else str(raw)
