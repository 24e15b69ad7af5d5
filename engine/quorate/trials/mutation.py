"""Put the tests to every mutant of a rulebook: which ones does no test notice?"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from quorate.host.host import Host
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.rulebook import Rulebook, Sources, read_rulebook
from quorate.rulebook.rules import Formula, VoteRule
from quorate.trials.book import RuleTest
from quorate.trials.coverage import RULED
from quorate.trials.mutants import Mutant, mutants
from quorate.trials.run import run_case
from quorate.trials.stand import Stand

REFUSED, KILLED, SURVIVED, SAME = "refused", "killed", "survived", "same"

MOST = 10_000
"""No rulebook of people has so many places; what is beyond is not tried."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant. ``by`` is the test or the problem that noticed it.

    One that means the ``same`` as its original cannot be noticed, and need not be.
    """

    mutant: Mutant
    fate: str
    by: str = ""


def chosen(
    rulebook: Rulebook, sources: Sources, tests: Sequence[RuleTest]
) -> list[Mutant]:
    """Return the mutants of the sections that the tests are about."""
    sections = {test.section for test in tests}
    found = [one for one in mutants(rulebook, sources) if one.section in sections]
    return found[:MOST]


def put_to_test(
    found: Sequence[Mutant],
    rulebook: Rulebook,
    sources: Sources,
    tests: Sequence[RuleTest],
    host: Host,
) -> Iterator[Fate]:
    """Yield the fate of each mutant; a test that fails or cannot run has noticed it."""
    same = meaning(rulebook)
    for mutant in found:
        with unharmed(host):
            yield _fate(mutant, sources, tests, host, same)


def meaning(rulebook: Rulebook) -> Any:
    """Return what a rulebook says, without the places where it says so.

    Two rulebooks of equal meaning do the same; a default that is left out is one.
    """
    return _meaning([(name, getattr(rulebook, name)) for name in (*RULED, "params")])


def _meaning(value: Any) -> Any:
    if isinstance(value, Formula):
        return value.text, value.exact
    if isinstance(value, Span):
        return None
    if isinstance(value, VoteRule) and value.score and not value.score.expression.names:
        # However a constant is weighed, its mean is the constant.
        value = replace(
            value, timeframes=tuple((name, 1.0) for name, _ in value.timeframes)
        )
    if isinstance(value, list | tuple):
        return tuple(_meaning(one) for one in value)
    if isinstance(value, Mapping):
        return tuple((key, _meaning(one)) for key, one in value.items())
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(_meaning(getattr(value, one.name)) for one in fields(value))
    return value


def _fate(
    mutant: Mutant,
    sources: Sources,
    tests: Sequence[RuleTest],
    host: Host,
    same: Any,
) -> Fate:
    reading = read_rulebook(
        mutant.sources(sources), host.facts, host.functions, voters=host.voters()
    )
    if reading.rulebook is None:
        return Fate(mutant, REFUSED, reading.errors[0].code)
    if meaning(reading.rulebook) == same:
        return Fate(mutant, SAME)
    stand = Stand(reading.rulebook, host)
    # The tests of its own section know it best.
    nearest = sorted(tests, key=lambda test: test.section != mutant.section)
    for test in nearest:
        for case in test.cases:
            if not run_case(stand, test, case).passed:
                return Fate(mutant, KILLED, test.name)
    return Fate(mutant, SURVIVED)


@contextmanager
def unharmed(host: Host) -> Iterator[None]:
    """Leave the plugins as they were: a mutant may ask them what cannot be."""
    before = {name: (one.fault, one.faults) for name, one in host.plugins.items()}
    told, host.on_fault = host.on_fault, None
    log = logging.getLogger("quorate.host.host")
    was, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled, host.on_fault = was, told
        for name, (fault, faults) in before.items():
            plugin = host.plugins[name]
            plugin.fault, plugin.faults = fault, faults
            plugin.rows.clear()
