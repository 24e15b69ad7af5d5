"""Suggested cases are tests that can be run, at the boundary that was missing."""

from __future__ import annotations

from tests.trials.trial_parts import book, default, host

from quorate.trials.coverage import measure
from quorate.trials.run import run_tests
from quorate.trials.suggesting import suggest

ONE = """\
tests:
  - name: x
    section: entry
    given: {confidence: 0.9, risk_approved: true, position_limit: 1, free_quote: 1}
    expect: {fires: quorum}
"""


def test_suggestions_cover_what_was_missing_and_pass() -> None:
    results = list(run_tests(book(ONE).tests, default(), host()))
    assert measure(default(), results, ["entry"]).atoms_share == 0
    lines = list(suggest(default(), results, host(), ["entry"]))
    fuller = book(ONE + "\n".join(lines) + "\n")
    assert fuller.problems == ()
    again = list(run_tests(fuller.tests, default(), host()))
    assert all(one.passed for one in again)
    assert measure(default(), again, ["entry"]).atoms_share == 1


def test_what_is_covered_needs_no_suggestion() -> None:
    given = "confidence: 0.9, risk_approved: true"
    more = ONE.replace("name: x", "name: second")
    more = more.replace(given, given.replace("0.9", "0.1"))
    more = more.replace("fires: quorum", "fires: none").removeprefix("tests:\n")
    third = more.replace("name: second", "name: third").replace("0.1", "0.9")
    third = third.replace("true", "false")
    results = list(run_tests(book(ONE + more + third).tests, default(), host()))
    lines = list(suggest(default(), results, host(), ["entry"]))
    assert lines == ["# nothing to suggest: every condition is covered"]
