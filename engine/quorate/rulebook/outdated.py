"""Names that plugins have given up for others, still mentioned by rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from quorate.contract.vocabulary import Fact
from quorate.rulebook.diagnostics import Problem, Severity, Span, rewording
from quorate.rulebook.rules import Formula
from quorate.rulebook.terms import Expression


def outdated_names(
    formulas: Iterable[Formula],
    facts: Mapping[str, Fact],
    lines: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    """Yield each mention of a fact that has another name now; ``--fix`` rewords it.

    ``lines`` are those of each rule file.
    """
    for formula in formulas:
        expression = formula.expression
        for name in sorted(expression.names & facts.keys()):
            instead = facts[name].instead
            if instead:
                yield from _mentions(expression, name, instead, lines)


def _mentions(
    expression: Expression, name: str, instead: str, lines: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    first = expression.place
    line = lines[first.path][first.line - 1]
    for found in re.finditer(rf"\b{re.escape(name)}\b", expression.text):
        start = first.column + found.start()
        span = Span(first.path, first.line, start, first.line, start + len(name))
        yield Problem(
            "R448",
            f"`{name}` is an old name of `{instead}`",
            span,
            f"write {instead}",
            line,
            Severity.WARNING,
            edit=rewording(span, line, name, instead),
        )
