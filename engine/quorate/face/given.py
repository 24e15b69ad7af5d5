"""A rule on given facts: does it hold, what fires, what that shadows, what flips it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quorate.errors import QuorateError
from quorate.face.kept import KeptRules, percents_of
from quorate.face.reasoning import Reasoner, Reasoning
from quorate.host.host import Host
from quorate.rulebook.build import SECTIONS
from quorate.rulebook.diagnostics import Span, did_you_mean
from quorate.rulebook.printing import render
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Headed, VoteRule
from quorate.rulebook.scalars import Unclear, read_plain
from quorate.rulebook.sections import POLICIES, Hit
from quorate.rulebook.text import read_document
from quorate.trials.book import Case, RuleTest, Slot
from quorate.trials.quantities import Misread, read, write
from quorate.trials.run import Result, run_case
from quorate.trials.slots import bare, given_slots
from quorate.trials.stand import SYMBOL, Stand

CONDITIONS = ("when", "until", "require", "veto", "score")
"""The parts that decide; what a rule then does may need more than is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOnFacts:
    """One rule on given facts.

    ``answer`` says in a line what the rule does, ``beside`` what the other rules of
    its section do: who fires, who is shadowed. ``found`` is all that the section came
    to, by the names that tests expect it under.
    """

    rule: str
    section: str
    place: str
    policy: str
    answer: str
    beside: tuple[str, ...]
    reasonings: tuple[Reasoning, ...]
    given: Mapping[str, Any]
    found: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The rule that is asked about, where its section tests it."""

    rule: Any
    rules: str
    section: str


def find_rule(rulebook: Rulebook, name: str) -> _Asked | None:
    """Return the rule with an id and its section, None when there is none."""
    for section in SECTIONS:
        for rule in getattr(rulebook, section):
            if isinstance(rule, Headed) and rule.id == name:
                vetoes = isinstance(rule, VoteRule) and rule.veto is not None
                return _Asked(rule, section, "vetoes" if vetoes else section)
    return None


def unknown_rule(rulebook: Rulebook, name: str) -> QuorateError:
    """Return the error that there is no such rule, with the one that is near."""
    ids = [
        rule.id
        for section in SECTIONS
        for rule in getattr(rulebook, section)
        if isinstance(rule, Headed)
    ]
    near = did_you_mean(name, ids)
    hint = f'did you mean "{near}"?' if near else "`quorate render` shows them all"
    return QuorateError(f"there is no rule {name!r}; {hint}")


def read_given(
    pairs: Iterable[tuple[str, str]], file: Path | None
) -> dict[str, tuple[Any, str]]:
    """Return the given values as written, each with its origin; pairs go first.

    Raises:
        QuorateError: the file, or a value, cannot be read.
    """
    found: dict[str, tuple[Any, str]] = {}
    if file is not None:
        document, problems = read_document(file, str(file))
        if document is None or problems:
            raise QuorateError("\n".join(map(render, problems)))
        for key, value in document.value.items():
            inner = value.items() if isinstance(value, dict) else [("", value)]
            for name, one in inner:
                path = (key, name) if name else (key,)
                place = document.span(path)
                found[f"{key}.{name}" if name else key] = (one, str(place))
    for name, word in pairs:
        read_ = read_plain(word)
        if isinstance(read_, Unclear):
            raise QuorateError(f"--given {name}={word}: {read_.message}; {read_.help}")
        found[name] = (read_, "--given")
    return found


def explain_rule(
    rulebook: Rulebook,
    host: Host,
    name: str,
    given: Mapping[str, tuple[Any, str]],
    symbol: str | None = None,
) -> RuleOnFacts:
    """Explain a rule on given facts, by the engine's own evaluation.

    Raises:
        QuorateError: there is no such rule, a given name or value is not one, or a
            fact that the rule needs is not given; the message says which.
    """
    asked = find_rule(rulebook, name)
    if asked is None:
        raise unknown_rule(rulebook, name)
    slots = given_slots(asked.section, rulebook)
    values = _values(given, slots, asked)
    if symbol is not None:
        values["symbol"] = symbol
    if asked.section == "votes":
        values["vote"] = name
    alone = _ask(_only(rulebook, asked, (asked.rule,)), host, asked, values)
    _refuse_missing(alone, asked, slots, values)
    origins = {name: origin for name, (_, origin) in given.items()}
    reasoner = Reasoner(
        KeptRules(rulebook, percents=percents_of(rulebook)),
        asked.section,
        str(values.get("symbol", SYMBOL)),
        lambda name: _origin(name, origins, rulebook),
    )
    whole = _ask(rulebook, host, asked, values)
    answer, beside = _standing(rulebook, host, asked, values, alone, whole)
    return RuleOnFacts(
        rule=name,
        section=asked.section,
        place=str(asked.rule.place),
        policy=str(POLICIES[asked.rules]),
        answer=answer,
        beside=beside,
        reasonings=tuple(_reasonings(alone, asked, reasoner)),
        given=values,
        found=whole.found,
    )


def _values(
    given: Mapping[str, tuple[Any, str]], slots: Mapping[str, Slot], asked: _Asked
) -> dict[str, Any]:
    """Return the given values as the engine holds them."""
    values = {}
    for key, (raw, origin) in given.items():
        name = key if key in slots else bare(key)
        if name not in slots:
            near = did_you_mean(key, slots)
            hint = f'did you mean "{near}"?' if near else "`quorate names` lists them"
            message = f"`{key}` is no name that rules of {asked.section} read; {hint}"
            raise QuorateError(f"{origin}: {message}")
        try:
            values[name] = read(raw, key, slots[name])
        except Misread as wrong:
            hint = f"; {wrong.advice}" if wrong.advice else ""
            raise QuorateError(f"{origin}: {wrong}{hint}") from None
    return values


def _only(rulebook: Rulebook, asked: _Asked, rules: tuple[Any, ...]) -> Rulebook:
    changed: dict[str, Any] = {asked.rules: rules}
    return replace(rulebook, **changed)


def _ask(
    rulebook: Rulebook, host: Host, asked: _Asked, values: Mapping[str, Any]
) -> Result:
    """Return what the section of the rule comes to."""
    place = Span("given")
    case = Case(row=0, place=place, given=values, expected={})
    test = RuleTest(name="", section=asked.section, place=place, cases=(case,))
    return run_case(Stand(rulebook, host), test, case)


def _refuse_missing(
    alone: Result, asked: _Asked, slots: Mapping[str, Slot], values: Mapping[str, Any]
) -> None:
    """Refuse when the conditions of the rule read what is not given.

    Raises:
        QuorateError: they do; it says what each must be.
    """
    missing = dict.fromkeys(() if alone.looks else alone.missing)
    for look in alone.looks:
        if look.part not in CONDITIONS:
            continue
        calls = {one.name: bare(one.text) for one in look.formula.expression.calls}
        for read_ in look.formula.expression.reads:
            name = calls.get(read_, read_)
            if name not in values and getattr(look.context, read_, None) is None:
                missing[name] = None
    if missing:
        told = "\n".join(f"  --given {_wanted(name, slots)}" for name in missing)
        raise QuorateError(f"{asked.rule.id} needs more to be given:\n{told}")


def _wanted(name: str, slots: Mapping[str, Slot]) -> str:
    """Return how a missing value is given: its name, its unit, its range."""
    slot = slots.get(name)
    if slot is None:
        return name
    if slot.values:
        return f"{name}={'|'.join(slot.values)}"
    if slot.kind != "number":
        return f"{name}={'true|false' if slot.kind == 'flag' else 'TEXT'}"
    bounds = [
        f"{word} {write(bound, slot)}"
        for word, bound in (("from", slot.low), ("to", slot.high))
        if bound is not None
    ]
    return " ".join([f"{name}=NUMBER  ({slot.unit})", *bounds])


def _origin(name: str, origins: Mapping[str, str], rulebook: Rulebook) -> str:
    if name in origins:
        return f"given, {origins[name]}" if origins[name] != "--given" else "given"
    if name in rulebook.facts:
        return "computed from what is given"
    return ""


def _reasonings(
    alone: Result, asked: _Asked, reasoner: Reasoner
) -> Iterator[Reasoning]:
    """Yield every formula of the rule that was looked at, each once."""
    latest = {one.part: one for one in alone.looks if one.rule.id == asked.rule.id}
    for look in latest.values():
        yield reasoner.reason(look.part, look.formula, look.context)


def _standing(
    rulebook: Rulebook,
    host: Host,
    asked: _Asked,
    values: Mapping[str, Any],
    alone: Result,
    whole: Result,
) -> tuple[str, tuple[str, ...]]:
    """Return what the rule does, and what the other rules of its section do."""
    own = asked.rule.id
    fires = own in _fired(alone)
    if asked.rules == "votes" or POLICIES[asked.rules].hit is not Hit.FIRST:
        return f"{own} {_does(alone, asked, fires)}", tuple(_others(whole, alone, own))
    holding = [
        rule
        for rule in getattr(rulebook, asked.rules)
        if rule.id in _fired(_ask(_only(rulebook, asked, (rule,)), host, asked, values))
    ]
    untold = tuple(_untold(whole, alone))
    first = holding[0] if holding else None
    if first is None:
        return f"{own} does not fire, and no other of {asked.section} does", untold
    at = f"{first.id} ({first.place.path}:{first.place.line})"
    if not fires:
        return f"{own} does not fire; {at} does", untold
    if first.id != own:
        return f"{own} holds, but is shadowed by {at}, which stands before it", untold
    shadowed = (
        f"it shadows {rule.id} ({rule.place.path}:{rule.place.line}), which holds too"
        for rule in holding[1:]
    )
    return f"{own} fires", (*shadowed, *untold)


def _others(whole: Result, alone: Result, own: str) -> Iterator[str]:
    """Yield what the other rules do of a section that lets every rule count."""
    by = whole.found.get("by", "none")
    for name in _fired(whole):
        if name == by and name != own:
            yield f"in the end {name} holds the order: {whole.found['finding']}"
        elif name != own:
            yield f"{name} {'adjusts it' if 'adjusted' in whole.found else 'does'} too"
    yield from _untold(whole, alone)


def _untold(whole: Result, alone: Result) -> Iterator[str]:
    missing = [name for name in whole.missing if name not in alone.missing]
    if missing:
        yield f"other rules cannot be told without {', '.join(missing)}"


def _fired(result: Result) -> tuple[str, ...]:
    """Return the rules that fired, by what the section found."""
    for key in ("fires", "vetoed"):
        if key in result.found:
            one = result.found[key]
            return one if isinstance(one, tuple) else (one,)
    adjusted = result.found.get("adjusted", ())
    by = result.found.get("by", "none")
    return (*adjusted, *(() if by == "none" else (by,)))


def _does(alone: Result, asked: _Asked, fires: bool) -> str:
    """Return what a rule does whose section lets every rule count."""
    found = alone.found
    if asked.section == "votes":
        score = found.get("score")
        return "abstains" if score is None else f"votes {score:.6g}"
    if asked.section == "vetoes":
        return "vetoes" if fires else "does not veto"
    if asked.section != "checks":
        return "fires" if fires else "does not fire"
    if asked.rule.id in found["adjusted"]:
        return f"adjusts the amount to {found['amount']:f}"
    if found["finding"] != "pass":
        return f"does not let the order pass: {found['finding']}"
    return "lets the order pass"
