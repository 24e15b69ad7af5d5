"""Mutants: changed in one place, noticed by the tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from tests.trials.trial_parts import default, default_tests, host, sources, with_change

from quorate.rulebook.rulebook import read_rulebook
from quorate.trials.mutant_words import patterns
from quorate.trials.mutants import Mutant, mutants
from quorate.trials.mutation import SURVIVED, chosen, meaning, put_to_test

EVERY = 9
"""Of the mutants of the default rules, so many are tried here one at a time; all of
them by `quorate test --mutate`."""


def all_mutants() -> list[Mutant]:
    return list(mutants(default(), sources()))


def test_no_mutant_of_the_default_rules_survives() -> None:
    tests = default_tests().tests
    found = chosen(default(), sources(), tests)
    assert len(found) > 700
    fates = put_to_test(found[::EVERY], default(), sources(), tests, host())
    assert [one.mutant.sentence for one in fates if one.fate == SURVIVED] == []


def test_mutants_are_the_same_each_time_and_differ_from_each_other() -> None:
    first, again = all_mutants(), all_mutants()
    assert first == again
    assert max(Counter((one.shown, one.data) for one in first).values()) == 1


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("quorum", "confidence > min_confidence or risk_approved"),
        ("quorum", "confidence >= min_confidence and risk_approved"),
        ("quorum", "risk_approved"),
        ("quorum", "max(position_limit, free_quote * entry_share)"),
        ("quorum", "min(position_limit, free_quote / entry_share)"),
        ("stop", "net_profit <= stop_loss"),
        ("momentum", "1 if strength > 51 and strength < 70 else 0"),
        ("momentum", "rsi(close, 13)"),
        ("portfolio", "deployment == 'funds_deployed' and cost <= free_quote"),
        ("portfolio", "deployment != 'funds_available' and cost <= free_quote"),
        ("throttled", "6s"),
        ("lockout", "symbol"),
        ("lockout", "true"),
        ("min_confidence", "0.76"),
        ("engine-domain-limit", "EOrder:(Domain rate limit|Orders limit) exceeded"),
    ],
)
def test_every_kind_of_change_is_made(rule: str, change: str) -> None:
    assert change in {one.now for one in all_mutants() if one.rule == rule}


def test_a_rulebook_written_anew_means_the_same() -> None:
    """A mutant is a file written as JSON: that alone changes nothing."""
    one = next(one for one in all_mutants() if one.now == "0.76")
    data = one.data.replace(b'"value": 0.76', b'"value": 0.75')
    assert data != one.data
    same = replace(one, data=data)
    reading = read_rulebook(same.sources(sources()), host().facts, host().functions)
    assert reading.rulebook is not None
    assert meaning(reading.rulebook) == meaning(default())


@pytest.mark.parametrize(
    ("name", "old", "new", "same"),
    [
        ("exits.yaml", "{sell: 100%, type: market}", "{sell: 100%}", True),
        ("votes.yaml", "middle_timeframe: 0.5", "middle_timeframe: 0.7", True),
        ("votes.yaml", "middle_timeframe: 0.3", "middle_timeframe: 0.4", False),
        ("entry.yaml", "confidence >", "confidence >=", False),
        ("params.yaml", "value: 45s", "value: 46s", False),
    ],
)
def test_meaning_is_what_a_rulebook_does(
    name: str, old: str, new: str, same: bool
) -> None:
    assert (meaning(with_change(name, old, new)) == meaning(default())) is same


def test_patterns_lose_each_alternative() -> None:
    assert list(patterns("a(b|c) d|e")) == ["e", "a(b|c) d", "a(c) d|e", "a(b) d|e"]
    assert list(patterns("abc")) == []
    assert list(patterns(r"a\(b|c")) == ["c", r"a\(b"]
