"""What rules make of money, patience and positions, seen as a whole.

Warnings only. A few facts that plugins declare are known by name; nothing is said of
them where they are missing.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from quorate.bundle import bundled
from quorate.contract.vocabulary import DURATION, PRICE, RATIO, Stage
from quorate.rulebook.diagnostics import Problem, Span, did_you_mean
from quorate.rulebook.evaluating import evaluate
from quorate.rulebook.literals import write_quantity
from quorate.rulebook.proving import effective, sells_all, warning
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import ErrorRule, Formula
from quorate.rulebook.sampling import Range, find, ranges_of

NET, GROSS, ENTRY, DRAWDOWN = "net_profit", "gross_profit", "entry_price", "drawdown"


@dataclass(frozen=True, slots=True)
class Fees:
    """What the venue takes, as shares of the cost."""

    maker: Decimal
    taker: Decimal

    @property
    def round_trip(self) -> Decimal:
        """What buying as taker and selling as maker takes at least."""
        return self.taker + self.maker


def economy(rulebook: Rulebook, fees: Fees | None) -> list[Problem]:
    """Return what is odd about targets, stops, retries, patterns and exits."""
    return [
        *(_targets(rulebook, fees) if fees is not None else ()),
        *_stops(rulebook),
        *_endless(rulebook),
        *_idle_retries(rulebook),
        *_patterns(rulebook),
        *_unsold(rulebook),
    ]


def _targets(rulebook: Rulebook, fees: Fees) -> Iterator[Problem]:
    """Warn of a profit that is counted without fees and lies below them."""
    settings = _numbers(rulebook)
    for rule in rulebook.exits:
        if rule.when is not None:
            gain, formula = _gross(rule.when, settings), rule.when
        elif rule.rest is not None:
            gain, formula = _rest(rule.rest, settings, rulebook), rule.rest
        else:
            continue
        if gain is not None and 0 < gain < float(fees.round_trip):
            needed = write_quantity(fees.round_trip, RATIO)
            told = write_quantity(Decimal(f"{gain:.4g}"), RATIO)
            yield warning(
                rulebook,
                "R436",
                f"`{rule.id}` leaves at {told} above the entry, but buying and "
                f"selling costs {needed} in fees",
                formula.expression.place,
                f"aim above {needed}, or use net_profit or break_even, "
                "which count the fees",
            )


def _gross(formula: Formula, settings: Mapping[str, Any]) -> float | None:
    """Return what a condition asks of a profit without fees, None when nothing."""
    return _threshold(formula, GROSS, (ast.Gt, ast.GtE), settings)


def _rest(
    formula: Formula, settings: Mapping[str, Any], rulebook: Rulebook
) -> float | None:
    """Return how far above the entry price an exit rests; None: not told by it."""
    prices: dict[str, Any] = {
        name: np.float64(1)
        for name in formula.expression.reads
        if name in rulebook.facts and rulebook.facts[name].unit == PRICE
    }
    if list(prices) != [ENTRY]:
        return None
    if set(formula.expression.reads) - prices.keys() - settings.keys():
        return None
    return float(evaluate(formula.expression.tree, {**settings, **prices})) - 1


def _threshold(
    formula: Formula,
    name: str,
    signs: tuple[type[ast.cmpop], ...],
    settings: Mapping[str, Any],
) -> float | None:
    """Return what ``name`` is compared with by one of ``signs``, as params are set."""
    for node in ast.walk(formula.expression.tree):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], signs):
            continue
        right = node.comparators[0]
        names = {part.id for part in ast.walk(right) if isinstance(part, ast.Name)}
        names -= {"min", "max", "abs"}
        left = node.left
        if isinstance(left, ast.Name) and left.id == name and names <= settings.keys():
            return float(evaluate(right, settings))
    return None


def _numbers(rulebook: Rulebook) -> dict[str, Any]:
    return {
        name: np.float64(value)
        for name, value in effective(rulebook)
        if isinstance(value, float)
    }


def _stops(rulebook: Rulebook) -> Iterator[Problem]:
    """Warn of a stop that lets one position lose more than ends all trading."""
    settings = _numbers(rulebook)
    rising, falling = (ast.Gt, ast.GtE), (ast.Lt, ast.LtE)
    guards = [
        (limit, rule)
        for rules, key in ((rulebook.votes, "veto"), (rulebook.switches, "when"))
        for rule in rules
        if (formula := getattr(rule, key)) is not None
        and (limit := _threshold(formula, DRAWDOWN, rising, settings)) is not None
    ]
    if not guards:
        return
    limit, guard = min(guards, key=lambda pair: pair[0])
    for rule in rulebook.exits:
        if rule.when is None:
            continue
        stop = _threshold(rule.when, NET, falling, settings)
        if stop is not None and -stop > limit:
            stopped, held = (
                write_quantity(Decimal(f"{share:.4g}"), RATIO)
                for share in (-stop, limit)
            )
            yield warning(
                rulebook,
                "R437",
                f"`{rule.id}` leaves at a loss of {stopped}, further than the "
                f"drawdown of {held} at which `{guard.id}` steps in",
                rule.when.expression.place,
                "bring the stop nearer, or allow more drawdown",
                ((f"`{guard.id}` is here", guard.place),),
            )


def _endless(rulebook: Rulebook) -> Iterator[Problem]:
    """Warn of an order that would wait for ever."""
    for rule in rulebook.checks:
        waiting = rule.wait or rule.reallocate
        if waiting is not None and rule.give_up_after is None:
            yield warning(
                rulebook,
                "R438",
                f"what `{rule.id}` delays may wait for ever",
                waiting.expression.place,
                "add give_up_after: how long it is worth waiting",
            )


def _idle_retries(rulebook: Rulebook) -> Iterator[Problem]:
    """Warn of retries when nothing may be attempted twice."""
    hows = [rule.how for rule in rulebook.orders]
    hows += [rule.how for rule in rulebook.exits]
    retries = [rule for rule in rulebook.errors if rule.retry]
    if retries and all(how.max_attempts is None for how in hows):
        yield warning(
            rulebook,
            "R439",
            f"`{retries[0].id}` tries again, but every order has one attempt only",
            retries[0].place,
            "give the orders that may be repeated a max_attempts of 2 or 3",
        )


@cache
def known_errors() -> tuple[str, ...]:
    """Return the error texts that venues are known to answer."""
    text = (bundled("schemas") / "known_errors.json").read_text("utf-8")
    lists = [value for value in json.loads(text).values() if isinstance(value, list)]
    return tuple(sorted({known for one in lists for known in one}))


def _patterns(rulebook: Rulebook) -> Iterator[Problem]:
    """Warn of a pattern that finds no known error, or only what earlier ones find."""
    taken: dict[str, ErrorRule] = {}
    for rule in rulebook.errors:
        found = [known for known in known_errors() if rule.pattern.search(known)]
        if not found:
            near = did_you_mean(rule.pattern.pattern, known_errors())
            yield warning(
                rulebook,
                "R441",
                f"the pattern of `{rule.id}` finds none of the errors that are known",
                rule.place,
                f'did you mean "{near}"?' if near else "fine for a venue of your own",
            )
        elif all(known in taken for known in found):
            before = {id(taken[known]): taken[known] for known in found}.values()
            names = " or ".join(f"`{one.id}`" for one in before)
            yield warning(
                rulebook,
                "R440",
                f"`{rule.id}` is never reached: {names} takes {_listed(found)} before",
                rule.place,
                "put the narrower pattern first",
                tuple((f"`{one.id}` is here", one.place) for one in before),
            )
        if rule.when is None:
            taken |= {known: rule for known in found if known not in taken}


def _listed(found: list[str]) -> str:
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f'"{found[0]}"{more}'


def _unsold(rulebook: Rulebook) -> Iterator[Problem]:
    """Warn when a position that has lost all, or is old, may stay for ever."""
    book = rulebook
    whole = [rule for rule in book.exits if rule.when is not None and sells_all(rule)]
    parts = [rule for rule in book.exits if not sells_all(rule)]
    if not book.exits or len(parts) == len(book.exits):
        return  # R426 says that
    if not whole:
        place, names = book.exits[-1].place, "a price it may never reach"
        yield _stays(book, place, f"every exit waits for {names}")
        return
    formulas = [rule.when for rule in whole if rule.when is not None]
    ranges = ranges_of([one.expression for one in formulas], book.facts, book.params)
    worst = {name: _worst(book, name, found) for name, found in ranges.items()}
    wanted = [(one.expression.tree, False) for one in formulas]
    if find(worst, wanted) is not None:
        place = whole[-1].when.expression.place if whole[-1].when else whole[-1].place
        yield _stays(book, place, "no exit looks at both its age and its loss")


def _worst(rulebook: Rulebook, name: str, found: Range) -> Range:
    """Return what a fact is of a position that is old and has lost much."""
    fact = rulebook.facts.get(name)
    if fact is None or fact.stage is not Stage.POSITION:
        return found
    if fact.unit == DURATION:
        return replace(found, low=_TEN_YEARS_MS, high=_TEN_YEARS_MS)
    if fact.name in (NET, GROSS):
        return replace(found, low=-_LOST, high=-_LOST)
    return found


_TEN_YEARS_MS = 10 * 365.0 * 24 * 3_600 * 1_000
_LOST = 1 / 2


def _stays(rulebook: Rulebook, place: Span, why: str) -> Problem:
    return warning(
        rulebook,
        "R442",
        f"a position at a loss of half its cost may stay for ever: {why}",
        place,
        "add an exit that a loss, or time, always reaches",
    )
