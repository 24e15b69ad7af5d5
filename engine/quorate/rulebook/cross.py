"""What no single rule can show: checks of the rulebook as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from quorate.contract.vocabulary import Fact, Stage
from quorate.rulebook.diagnostics import Problem, Severity, Span
from quorate.rulebook.params import Params
from quorate.rulebook.rules import CheckRule, Formula, TuningRule, VoteRule
from quorate.rulebook.terms import Expression
from quorate.rulebook.text import Document
from quorate.values.trade import Side

CODES = {
    "R400": "there is nothing to check",
    "R401": "an id or a param is declared twice",
    "R402": "an overlay or --set changes what it cannot",
    "R403": "a param's value cannot be read, has another unit, or is out of bounds",
    "R404": "a let takes a name that is taken",
    "R405": "a vote with both a score and a veto",
    "R406": "a timeframe that is neither a duration nor a duration param",
    "R407": "an entry with no amount, or with two",
    "R408": "a check that neither requires nor adjusts anything",
    "R409": "an order with a missing or a meaningless limit price",
    "R410": "a pattern that is not a regular expression",
    "R411": "an exit that is neither watched nor resting, or both",
    "R412": "a tuning rule for an unknown param",
    "R413": "a section that every rulebook needs is missing",
    "R414": "no check guards the rate limit or the portfolio for one side",
    "R415": "a fact needs a param that the rulebook does not have",
    "R416": "a tuned param is used by votes, whose history would change",
    "R417": "a rule that can never be reached",
    "R418": "a param that nothing uses",
}

NEEDED = ("votes", "entry", "checks", "orders", "exits")
GUARDS = ("rate_limit", "portfolio")


def check_whole(
    sections: Mapping[str, Sequence[Any]],
    params: Params,
    facts: Mapping[str, Fact],
    documents: Sequence[Document],
) -> list[Problem]:
    """Return the problems of a rulebook whose rules are each well made."""
    lines = {document.path: document.lines for document in documents}
    first = Span(documents[0].path) if documents else Span("rules")
    problems = [
        *_missing_sections(sections, first),
        *_twice(sections, lines),
        *_guards(sections["checks"], first),
        *_needed_params(sections, params, facts),
        *_tuned_votes(sections, lines),
        *_unreachable(sections, lines),
        *_unused_params(sections, params, facts, lines),
    ]
    return problems


def formulas(rule: object) -> Iterator[Formula]:
    """Yield every formula of a rule."""
    slots = getattr(type(rule), "__slots__", ())
    for name in slots:
        yield from _formulas_in(getattr(rule, name))


def _formulas_in(value: object) -> Iterator[Formula]:
    if isinstance(value, Formula):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _formulas_in(item)
    elif type(value).__name__ == "How":
        yield from formulas(value)


def _source(lines: Mapping[str, Sequence[str]], span: Span) -> str:
    known = lines.get(span.path, ())
    return known[span.line - 1] if span.line <= len(known) else ""


def _missing_sections(
    sections: Mapping[str, Sequence[Any]], first: Span
) -> Iterator[Problem]:
    for name in NEEDED:
        if not sections[name]:
            yield Problem(
                "R413", f"the rulebook has no `{name}` rules, so it cannot trade", first
            )


def _twice(
    sections: Mapping[str, Sequence[Any]], lines: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    seen: dict[str, Span] = {}
    for rules in sections.values():
        for rule in rules:
            name = getattr(rule, "id", None)
            if name is None:
                continue
            if name in seen:
                yield Problem(
                    "R401",
                    f"rule id `{name}` is used twice",
                    rule.place,
                    source=_source(lines, rule.place),
                    related=(("first used here", seen[name]),),
                )
            seen.setdefault(name, rule.place)


def _guards(checks: Iterable[CheckRule], first: Span) -> Iterator[Problem]:
    """Every order passes the rate-limit check and the portfolio check; no exception."""
    guarded = {
        (check.guards, side)
        for check in checks
        for side in Side
        # A check that applies only sometimes guards only sometimes.
        if check.require and not check.when and check.side in (None, side)
    }
    for guard in GUARDS:
        for side in Side:
            if (guard, side) not in guarded:
                yield Problem(
                    "R414",
                    f"no check with `guards: {guard}` and a `require` looks at every "
                    f"{side} order",
                    first,
                    help="every trade passes the rate-limit and the portfolio check",
                )


def _uses(
    sections: Mapping[str, Sequence[Any]],
) -> Iterator[tuple[str, Any, Expression, str]]:
    """Yield (section, rule, expression, name) for every name mentioned."""
    for section, rules in sections.items():
        for rule in rules:
            for formula in formulas(rule):
                for name in sorted(formula.expression.names):
                    yield section, rule, formula.expression, name


def _needed_params(
    sections: Mapping[str, Sequence[Any]], params: Params, facts: Mapping[str, Fact]
) -> Iterator[Problem]:
    told: set[tuple[str, str]] = set()
    for _, _, expression, name in _uses(sections):
        for param in facts[name].params if name in facts else ():
            if param not in params.by_name and (name, param) not in told:
                told.add((name, param))
                yield Problem(
                    "R415",
                    f"the fact `{name}` needs a param `{param}`",
                    expression.place,
                    help=f"declare `{param}` under params",
                )


def _tuned_votes(
    sections: Mapping[str, Sequence[Any]], lines: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    tuned = {name for rule in sections["tuning"] for name, _ in rule.settings}
    voting = {
        name
        for section, rule, _, name in _uses(sections)
        if section == "votes" and isinstance(rule, VoteRule) and rule.veto is None
    }
    voting |= {
        key
        for rule in sections["votes"]
        for key, _ in rule.timeframes
        if isinstance(key, str)
    }
    for rule in sections["tuning"]:
        assert isinstance(rule, TuningRule)
        for name, _ in rule.settings:
            if name in tuned & voting:
                yield Problem(
                    "R416",
                    f"`{name}` is used by votes; turning it would rewrite the past",
                    rule.place,
                    source=_source(lines, rule.place),
                )


def _unreachable(
    sections: Mapping[str, Sequence[Any]], lines: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    final = None
    for rule in sections["orders"]:
        if final is not None:
            yield Problem(
                "R417",
                f"`{rule.id}` is never reached: `{final.id}` always holds before it",
                rule.place,
                source=_source(lines, rule.place),
                related=(("this always holds", final.place),),
            )
        elif rule.when is None:
            final = rule


def _unused_params(
    sections: Mapping[str, Sequence[Any]],
    params: Params,
    facts: Mapping[str, Fact],
    lines: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    used = {name for _, _, _, name in _uses(sections)}
    used |= {param for name in used & facts.keys() for param in facts[name].params}
    # What assistants learn and remember needs its params even if no rule reads it back.
    used |= {
        param
        for fact in facts.values()
        if fact.stage in (Stage.ACCOUNT, Stage.ORDER)
        for param in fact.params
    }
    for rule in sections["votes"]:
        used |= {key for key, _ in rule.timeframes if isinstance(key, str)}
    for name, param in params.by_name.items():
        if name not in used:
            span = param.settings[0].origin
            yield Problem(
                "R418",
                f"no rule and no fact uses param `{name}`",
                span,
                source=_source(lines, span),
                severity=Severity.WARNING,
            )
