"""What no single rule can show: checks of the rulebook as a whole."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from quorate.contract.vocabulary import Fact, Stage
from quorate.rulebook.diagnostics import Problem, Severity, Span
from quorate.rulebook.outdated import outdated_names
from quorate.rulebook.params import Params
from quorate.rulebook.rules import (
    CheckRule,
    ExitRule,
    Formula,
    TuningRule,
    VoteRule,
)
from quorate.rulebook.shape import source_line
from quorate.rulebook.terms import Expression
from quorate.rulebook.text import Document
from quorate.values.trade import Side

CODES = {
    "R400": "there is nothing to check",
    "R401": "an id or a param is declared twice",
    "R402": "an overlay or --set changes what it cannot",
    "R403": "a param's value cannot be read, has another unit, or is out of bounds",
    "R404": "a let or a param takes a name that is taken",
    "R405": "a vote with both a score and a veto",
    "R406": "a timeframe that is neither a duration nor a duration param",
    "R407": "an entry with no amount, or with two",
    "R408": "a check that neither requires nor adjusts anything",
    "R409": "an order with a missing or a meaningless limit price",
    "R410": "a pattern that is not a regular expression, or finds everything",
    "R411": "an exit that is neither watched nor resting, or both",
    "R412": "a tuning rule for an unknown param",
    "R413": "a section that every rulebook needs is missing",
    "R414": "no check guards the rate limit or the portfolio for one side",
    "R415": "a fact needs a param that the rulebook does not have",
    "R416": "a tuned param is used by votes, whose history would change",
    "R417": "a rule that can never be reached",
    "R418": "a param that nothing uses",
    "R419": "a condition that mentions nothing, so that it is always the same",
    "R420": "a value that its key cannot have",
    "R421": "a key that does nothing where it stands, or lacks another",
    "R422": "a weight for a plugin that does not vote by itself",
    "R423": "a tuned param without bounds",
    "R424": "an alias whose meaning does not fit its pattern",
    "R425": "a tuned param that has other values for some symbols",
    "R426": "no exit sells the whole of a position",
    "R427": "a tuned param that a kill switch uses",
    "R428": "a plugin does not load",
    "R430": "a condition that never holds",
    "R431": "a condition that always holds",
    "R432": "a rule before which an earlier one always decides",
    "R433": "a rule that says the same as another",
    "R434": "two checks that no order can pass both",
    "R435": "a tuning rule that turns and takes back at once",
    "R436": "a target below the fees",
    "R437": "a stop further than the drawdown that ends trading",
    "R438": "a wait without an end",
    "R439": "a retry where every order has one attempt only",
    "R440": "a pattern that finds only what earlier ones find",
    "R441": "a pattern that finds no known error",
    "R442": "a losing position that no exit may ever close",
    "R443": "a window that is never open, or always",
    "R444": "a guard that would not look at every order",
    "R445": "a table whose rows do not fit its columns",
    "R446": "a decision table that leaves something out",
    "R447": "a decision table of which two rows hold at once",
    "R448": "an old name of a fact",
}

NEEDED = ("votes", "entry", "checks", "orders", "exits")
GUARDS = ("rate_limit", "portfolio")


def check_whole(
    sections: Mapping[str, Sequence[Any]],
    shadows: Mapping[str, Sequence[Any]],
    params: Params,
    facts: Mapping[str, Fact],
    documents: Sequence[Document],
) -> list[Problem]:
    """Return the problems of a rulebook whose rules are each well made.

    ``shadows`` fulfil no duty and stand in nobody's way; they only need and use names.
    """
    named = {name: [*rules, *shadows[name]] for name, rules in sections.items()}
    lines = {document.path: document.lines for document in documents}
    first = Span(documents[0].path) if documents else Span("rules")
    problems = [
        *_missing_sections(sections, first),
        *_guards(sections["checks"], _section(documents, "checks")),
        *_needed_params(named, params, facts, lines),
        *_tuned_votes(sections, lines),
        *_tuned_by_symbol(sections, params, lines),
        *_tuned_switches(sections, lines),
        *_unclosed(sections["exits"], lines),
        *_unreachable(sections, lines),
        *_unused_params(named, params, facts, lines),
        *outdated_names(_formulas_of(named), facts, lines),
    ]
    return problems


def formulas(rule: object) -> Iterator[Formula]:
    """Yield every formula of a rule."""
    slots = getattr(type(rule), "__slots__", ())
    for name in slots:
        yield from _formulas_in(getattr(rule, name))


def _formulas_of(sections: Mapping[str, Sequence[Any]]) -> Iterator[Formula]:
    for rules in sections.values():
        for rule in rules:
            yield from formulas(rule)


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


def check_ids(documents: Iterable[Document]) -> Iterator[Problem]:
    """Yield every rule id that another rule of the rulebook has too."""
    seen: dict[str, Span] = {}
    for document in documents:
        for section, rules in document.value.items():
            listed = enumerate(rules) if isinstance(rules, list) else ()
            for index, rule in listed:
                name = (rule or {}).get("id")
                if name is None:
                    continue
                span = document.span((section, index, "id"))
                if name in seen:
                    yield Problem(
                        "R401",
                        f"rule id `{name}` is used twice",
                        span,
                        source=source_line(document, span),
                        related=(("first used here", seen[name]),),
                    )
                seen.setdefault(name, span)


def _section(documents: Sequence[Document], name: str) -> tuple[Span, str]:
    """Return where a section starts, or the first file when there is none."""
    for document in documents:
        if (name,) in document.key_spans:
            span = document.key_spans[(name,)]
            return span, source_line(document, span)
    return (Span(documents[0].path) if documents else Span("rules")), ""


def _guards(checks: Iterable[CheckRule], place: tuple[Span, str]) -> Iterator[Problem]:
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
                    place[0],
                    "every trade passes the rate-limit and the portfolio check",
                    place[1],
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
    sections: Mapping[str, Sequence[Any]],
    params: Params,
    facts: Mapping[str, Fact],
    lines: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    told: set[str] = set()
    for _, _, expression, name in _uses(sections):
        for param in facts[name].params if name in facts else ():
            if param not in params.by_name and param not in told:
                told.add(param)
                span = expression.place
                yield Problem(
                    "R415",
                    f"the fact `{name}` needs a param `{param}`",
                    span,
                    f"declare `{param}` under params",
                    _source(lines, span),
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


def _tuned_by_symbol(
    sections: Mapping[str, Sequence[Any]],
    params: Params,
    lines: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    """Yield what turns a param of some symbols: one value would go to all of them."""
    for rule in sections["tuning"]:
        for name, _ in rule.settings:
            param = params.by_name.get(name)
            if param is not None and param.by_symbol:
                yield Problem(
                    "R425",
                    f"`{name}` has other values for some symbols; turning it would "
                    f"give all of them one value",
                    rule.place,
                    source=_source(lines, rule.place),
                    help=f"turn another param, or leave out `for` of `{name}`",
                )


def _tuned_switches(
    sections: Mapping[str, Sequence[Any]], lines: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    """Yield what turns a kill switch: the engine must not move its own last limit."""
    switching = {
        name for section, _, _, name in _uses(sections) if section == "switches"
    }
    for rule in sections["tuning"]:
        for name, _ in rule.settings:
            if name in switching:
                yield Problem(
                    "R427",
                    f"`{name}` is used by a kill switch, which nothing may turn",
                    rule.place,
                    source=_source(lines, rule.place),
                    help="turn another param",
                )


def _unclosed(
    exits: Sequence[ExitRule], lines: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    """Warn when every exit sells a part only: each does so once, a rest stays."""
    parts = [
        rule.share.expression.tree
        for rule in exits
        if isinstance(rule.share.expression.tree, ast.Constant)
    ]
    whole = len(parts) < len(exits) or any(vars(part)["value"] >= 1 for part in parts)
    if exits and not whole:
        place = exits[-1].place
        yield Problem(
            "R426",
            "every exit sells only a part, and only once: a rest stays unsold",
            place,
            source=_source(lines, place),
            help="let one exit sell 100%",
            severity=Severity.WARNING,
        )


def _unreachable(
    sections: Mapping[str, Sequence[Any]], lines: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    """Yield the rules that stand behind one which always decides first."""
    for rule, final in (
        *_behind_default(sections["orders"]),
        *_behind_equal(sections["errors"], lambda rule: rule.pattern.pattern),
        *_behind_equal(sections["symbols"], lambda rule: rule.match),
        *_behind_stricter(sections["switches"]),
    ):
        name = getattr(rule, "id", None) or rule.match
        before = getattr(final, "id", None) or final.match
        yield Problem(
            "R417",
            f"`{name}` is never reached: `{before}` always holds before it",
            rule.place,
            source=_source(lines, rule.place),
            related=(("this always holds", final.place),),
        )


def _behind_default(rules: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    final = None
    for rule in rules:
        if final is not None:
            yield rule, final
        elif rule.when is None:
            final = rule


def _behind_equal(
    rules: Iterable[Any], match: Callable[[Any], str]
) -> Iterator[tuple[Any, Any]]:
    seen: dict[str, Any] = {}
    for rule in rules:
        if match(rule) in seen:
            yield rule, seen[match(rule)]
        elif getattr(rule, "when", None) is None:
            seen[match(rule)] = rule


def _behind_stricter(rules: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each kill switch whose condition another sets no laxer a mode on."""
    for number, rule in enumerate(rules):
        for other in rules[:number]:
            same = other.when.text == rule.when.text
            if same and not rule.mode.stricter_than(other.mode):
                yield rule, other
                break


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
