"""A recorded decision by its number: the tree, the origins, what flips it."""

from __future__ import annotations

import pytest

from quorate.errors import QuorateError
from quorate.face.decided import explain_decision, number_of
from quorate.host.host import Host
from quorate.journal.journal import Journal


def test_every_decision_of_a_rule_has_a_number_and_is_explained(
    ran: Journal, host: Host
) -> None:
    shown = 0
    for recorded in list(ran.decisions())[:200]:
        if recorded.decision.section == "plugins":
            continue
        told = explain_decision(ran, recorded.seq, host)
        assert told.answer.startswith(f"d{recorded.seq}: ")
        assert told.rule == recorded.decision.rule
        shown += len(told.reasonings)
    assert shown


def test_an_entry_held_and_what_would_have_kept_it_out(
    ran: Journal, host: Host
) -> None:
    entry = next(one for one in ran.decisions() if one.decision.section == "entry")
    told = explain_decision(ran, entry.seq, host)
    when = told.reasonings[0]
    assert when.holds
    assert when.flips is not None
    changed = {one.name: one.new for one in when.flips.singles}
    assert changed["confidence"] <= entry.decision.inputs["min_confidence"]
    comparison = when.tree.parts[0]
    assert comparison.parts[0].origin == "recorded"
    assert comparison.parts[1].origin.startswith(("rules, ", "tuned by "))


def test_a_number_that_is_not_there(ran: Journal, host: Host) -> None:
    with pytest.raises(QuorateError, match="the last one is d"):
        explain_decision(ran, 10**9, host)


def test_what_is_a_number() -> None:
    assert number_of("d12") == 12
    assert number_of("p12") is None
