"""What tests have seen: rules that acted, conditions that decided."""

from __future__ import annotations

import pytest
from tests.trials.trial_parts import book, default, default_tests, host

from quorate.trials.coverage import ASKED, Coverage, measure
from quorate.trials.run import run_tests

ENTRY = """\
tests:
  - name: x
    section: entry
    given: {position_limit: 1, free_quote: 1}
    cases:
      given: [confidence, risk_approved]
      expect: [fires]
      rows:
"""


def covered(rows: str) -> Coverage:
    lines = "".join(f"        - {row}\n" for row in rows.splitlines())
    found = book(ENTRY + lines)
    assert found.problems == ()
    return measure(default(), run_tests(found.tests, default(), host()), ["entry"])


def test_the_default_rules_are_covered_whole() -> None:
    results = run_tests(default_tests().tests, default(), host())
    coverage = measure(default(), results, ASKED)
    assert [one.rule for one in coverage.rules if not one.fired] == []
    assert [one.text for one in coverage.atoms if not one.covered] == []
    assert coverage.rules_share == coverage.atoms_share == 1
    assert len(coverage.rules) == sum(default().counts().values())


@pytest.mark.parametrize(
    ("rows", "lacks"),
    [
        ("[0.9, true, quorum]", ["never false", "never false"]),
        ("[0.9, true, quorum]\n[0.1, true, none]", ["", "never false"]),
        # Both are false at once: neither decides alone.
        (
            "[0.9, true, quorum]\n[0.1, false, none]",
            ["never decides when false", "never decides when false"],
        ),
        ("[0.9, true, quorum]\n[0.1, true, none]\n[0.9, false, none]", ["", ""]),
        ("[0.1, null, none]", ["never true, never false", "never true, never false"]),
    ],
)
def test_a_condition_is_covered_when_it_decided_both_ways(
    rows: str, lacks: list[str]
) -> None:
    coverage = covered(rows)
    assert [one.lacks for one in coverage.atoms] == lacks
    assert [one.covered for one in coverage.atoms] == [not one for one in lacks]


def test_a_rule_is_seen_when_it_acts() -> None:
    assert covered("[0.1, true, none]").rules_share == 0
    assert covered("[0.9, true, quorum]").rules_share == 1


def test_behind_the_rule_that_holds_nothing_is_looked_at() -> None:
    found = book(
        "tests: [{name: x, section: exits, given: {net_profit: 1%, peak_profit: 1%, "
        "giveback: 0%, age: 5h}, expect: {fires: micro-profit}}]"
    )
    coverage = measure(default(), run_tests(found.tests, default(), host()), ["exits"])
    seen = {one.rule for one in coverage.atoms if one.seen}
    assert seen == {"micro-profit"}
