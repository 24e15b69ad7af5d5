"""Put tests to a rulebook, and compare what was found with what was expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from quorate.host.host import Host
from quorate.rulebook.rulebook import Rulebook
from quorate.trials.ask_entering import MINUTE_MS, ask_entry, ask_vetoes, ask_votes
from quorate.trials.ask_leaving import (
    ask_exits,
    ask_params,
    ask_switches,
    ask_symbols,
    ask_tuning,
)
from quorate.trials.ask_ordering import ask_checks, ask_errors, ask_orders
from quorate.trials.book import Case, RuleTest, Written
from quorate.trials.looks import Look, Outcome
from quorate.trials.stand import NotGiven, Stand

_ASK: Mapping[str, Callable[[Stand], Outcome]] = {
    "vetoes": ask_vetoes,
    "entry": ask_entry,
    "checks": ask_checks,
    "orders": ask_orders,
    "errors": ask_errors,
    "tuning": ask_tuning,
    "switches": ask_switches,
    "params": ask_params,
    "symbols": ask_symbols,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that was not met."""

    key: str
    expected: Written
    found: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one case. ``missing`` is what it would have had to give.

    ``error`` is what prevented the run of a tape, ``story`` what happened in it.
    """

    test: RuleTest
    case: Case
    differences: tuple[Difference, ...]
    missing: tuple[str, ...]
    looks: tuple[Look, ...]
    found: Mapping[str, Any]
    error: str = ""
    story: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all that was expected was found."""
        return not self.differences and not self.missing and not self.error

    @property
    def name(self) -> str:
        """The test's name, and the row of its table."""
        row = f", row {self.case.row}" if self.case.row else ""
        return f"{self.test.name}{row}"


def run_tests(
    tests: Iterable[RuleTest], rulebook: Rulebook, host: Host
) -> Iterator[Result]:
    """Yield a result for each case of each test, in their order."""
    stand = Stand(rulebook, host)
    for test in tests:
        for case in test.cases:
            yield run_case(stand, test, case)


def run_case(stand: Stand, test: RuleTest, case: Case) -> Result:
    """Return what became of one case."""
    stand = stand.with_awake(test.awake)
    stand.set_up(case.given)
    missing: tuple[str, ...] = ()
    outcome = Outcome()
    try:
        outcome = _ask(stand, test)
        missing = tuple(stand.missing)
    except NotGiven as error:
        missing = (str(error),)
    return Result(
        test=test,
        case=case,
        differences=() if missing else differences(case, outcome.found),
        missing=missing,
        looks=tuple(outcome.looks),
        found=outcome.found,
    )


def differences(case: Case, found: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the expectations of a case that what was found does not meet."""
    return tuple(
        Difference(key, expected, found.get(key))
        for key, expected in case.expected.items()
        if not _same(expected.value, found.get(key))
    )


def _ask(stand: Stand, test: RuleTest) -> Outcome:
    steps = test.steps
    series = dict(steps.series) if steps else {}
    every_ms = steps.every_ms if steps else MINUTE_MS
    if test.section == "votes":
        return ask_votes(stand, series, every_ms)
    if test.section == "exits":
        stand.given |= series
        return ask_exits(stand, len(steps) if steps else 0, every_ms)
    return _ASK[test.section](stand)


def _same(expected: Any, found: Any) -> bool:
    if isinstance(expected, tuple) or isinstance(found, tuple):
        return tuple(expected or ()) == tuple(found or ())
    if isinstance(found, float):
        # Scores and confidence are sums of floats: their last digits mean nothing.
        return not isinstance(expected, str | bool | None) and math.isclose(
            expected, found, rel_tol=1e-9, abs_tol=1e-9
        )
    return type(expected) is type(found) and bool(expected == found)
