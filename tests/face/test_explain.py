from __future__ import annotations

import io
import json
from importlib import import_module

import pytest
from rich.console import Console

from quorate.contract.decisions import Verdict
from quorate.contract.records import Closed, Declined, Intended, Refused
from quorate.errors import QuorateError
from quorate.face.explain import (
    Explanation,
    as_dict,
    explain,
    explain_moment,
    explain_order,
    explain_position,
    find_subject,
    show_explanation,
)
from quorate.host.host import Host
from quorate.journal.journal import Journal

by_hand = import_module("by_hand")
MINUTE = 60_000


def shown(explanation: Explanation) -> str:
    out = io.StringIO()
    show_explanation(explanation, Console(file=out, width=160))
    return out.getvalue()


def intents(journal: Journal) -> list[Intended]:
    return [record for record in journal.records() if isinstance(record, Intended)]


def test_every_order_and_position_of_a_run_can_be_explained(
    ran: Journal, host: Host
) -> None:
    for intended in intents(ran):
        intent = intended.intent
        told = explain(ran, find_subject(ran, intent.client_id), host=host)
        assert not told.notes
        assert any(intent.client_id in step.what for step in told.steps)
        checks = [step for step in told.steps if step.section == "checks"]
        assert checks
        assert all(step.conditions[-1].holds for step in checks)
        assert all(step.conditions[-1].margin for step in checks)
        json.dumps(as_dict(told), allow_nan=False)
    for position_id in {one.intent.position_id for one in intents(ran)}:
        told = explain_position(ran, position_id, host=host)
        assert told.steps[0].section == "entry"
        assert shown(told)


def test_the_steps_of_a_position_are_in_order(ran: Journal, host: Host) -> None:
    for record in ran.records():
        if isinstance(record, Closed):
            told = explain_position(ran, record.trade.position_id, host=host)
            moments = [step.at_ms for step in told.steps]
            assert moments == sorted(moments)
            assert "closed by" in told.steps[-1].what


def test_an_entry_shows_its_votes_and_the_margin_it_passed_by(
    ran: Journal, host: Host
) -> None:
    entry = explain_order(ran, intents(ran)[0].intent.client_id, host=host).steps[0]
    (when,) = entry.conditions
    assert when.text == "confidence > min_confidence and risk_approved"
    assert when.holds
    assert "passed by" in when.margin
    assert entry.place.startswith("rules/entry.yaml:")
    scores = [
        (vote.score, vote.weight) for vote in entry.votes if vote.score is not None
    ]
    weights = sum(weight for _, weight in scores if weight)
    counted = sum(score * weight for score, weight in scores if weight)
    assert entry.inputs["confidence"] == pytest.approx(counted / weights)


def test_an_exit_reads_in_percent_and_durations(ran: Journal, host: Host) -> None:
    found = {
        step.rule: step.conditions[0].margin
        for record in ran.records()
        if isinstance(record, Closed)
        for step in explain_position(ran, record.trade.position_id, host=host).steps
        if step.section == "exits" and step.verdict == "fired"
    }
    assert "profit_target 0.5%" in found["micro-profit"]
    assert "-stop_loss (-2%)" in found["stop"]
    assert "max_age 4h" in found["time"]


def test_a_resting_exit_shows_what_its_price_is_made_of(
    ran: Journal, host: Host
) -> None:
    intent = next(one.intent for one in intents(ran) if one.intent.purpose != "entry")
    first = explain_order(ran, intent.client_id, host=host).steps[0]
    assert first.conditions[0].text == "break_even * (1 + profit_target)"
    assert first.place.startswith("rules/exits.yaml:")


def test_a_decline_tells_the_veto_that_held(ran: Journal, host: Host) -> None:
    declined = next(one for one in ran.records() if isinstance(one, Declined))
    told = explain_moment(ran, declined.symbol, declined.at_ms, host=host)
    step = told.steps[-1]
    assert step.verdict == "declined"
    assert step.conditions[0].part == "veto"
    assert step.conditions[0].holds
    assert any("open position" in line for line in told.summary)


def test_a_moment_after_a_decline_says_that_it_stands(ran: Journal, host: Host) -> None:
    records = list(ran.records())
    at = next(
        number
        for number, record in enumerate(records[:-1])
        if isinstance(record, Declined)
        and records[number + 1].at_ms > record.at_ms + 2 * MINUTE
    )
    declined = records[at]
    assert isinstance(declined, Declined)
    told = explain_moment(ran, declined.symbol, declined.at_ms + MINUTE, host=host)
    assert f"declined by {declined.by}" in told.summary[0]
    assert told.steps[0].at_ms == declined.at_ms


def test_a_moment_before_any_candidate_says_that_nothing_was_decided(
    ran: Journal, host: Host
) -> None:
    begin_ms = next(iter(ran.records())).at_ms
    told = explain_moment(ran, "BTC/USD", begin_ms + 5 * MINUTE, host=host)
    assert "the market part of no entry rule held" in told.summary[0]
    assert told.steps
    outside = explain_moment(ran, "BTC/USD", begin_ms - MINUTE, host=host)
    assert "outside of the run" in outside.summary[0]


def test_a_whole_day_is_told_and_cut(ran: Journal, host: Host) -> None:
    told = explain(ran, find_subject(ran, "BTC/USD@2022-01-05"), host=host)
    assert len(told.steps) > 20
    assert json.dumps(as_dict(told), allow_nan=False)


def test_without_the_rules_the_recorded_inputs_are_shown(ran: Journal) -> None:
    told = explain_order(ran, intents(ran)[0].intent.client_id)
    assert "only the recorded inputs are shown" in told.notes[0]
    assert told.steps[0].told["confidence"]
    assert not told.steps[0].conditions
    assert "note: rulebook" in shown(told)


def test_a_retry_that_waited_is_one_story(host: Host) -> None:
    told = explain_order(by_hand.odd(), "hand-2", host=host)
    whats = [step.what for step in told.steps]
    assert sum("proposed to buy" in what for what in whats) == 1
    assert any("hand-1 refused by the venue: EOrder:Odd" in what for what in whats)
    assert any("waits for room or another attempt" in what for what in whats)
    assert "attempt 2 of 3" in told.title
    assert "does not hold the rulebook" in told.notes[0]


def test_an_order_that_never_left_was_not_refused_by_the_venue(host: Host) -> None:
    at_ms = by_hand.T0 + by_hand.MINUTE
    late = Refused(
        at_ms=at_ms, client_id="hand-1", errors=("not sent: its deadline had passed",)
    )
    kept = by_hand.written([by_hand.started(), by_hand.intended(1, at_ms), late])
    told = explain_order(kept, "hand-1", host=host)
    assert told.summary[0].startswith("not sent: its deadline had passed; ")
    assert "hand-1 not sent: its deadline had passed" in [s.what for s in told.steps]
    assert "refused by the venue" not in shown(told)


def test_a_partial_exit_and_dust_are_told(host: Host) -> None:
    told = explain_position(by_hand.odd(), "p1", host=host)
    page = shown(told)
    assert "leaves by half: 50% of it" in page
    assert "was put off by night-watch" in page
    assert "0.001 left as dust" in page
    assert "-13.00 USD" in told.title


def test_a_reused_id_tells_the_last_proposal_alone(host: Host) -> None:
    told = explain_position(by_hand.odd(), "p1", host=host)
    proposals = [step for step in told.steps if step.section == "entry"]
    assert [step.at_ms for step in proposals] == [by_hand.T0 + MINUTE]
    assert proposals[0].votes[0].score is None
    assert proposals[0].effect == {"quote_amount": "100.00"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("p99", r"nearest are p1: orders run from hand-1 to hand-4"),
        ("hand-44", r"nearest are hand-4"),
        ("nonsense", r"`quorate report` shows"),
        ("FOO/USD@2022-01-05", r"it trades BTC/USD, ETH/USD"),
        ("BTC/USD@soon", r"is not a time; write 2022-01-05T10:15"),
        ("BTC/USD@2022-13-05", r"is not a time"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(asked: str, message: str) -> None:
    with pytest.raises(QuorateError, match=message):
        find_subject(by_hand.odd(), asked)


@pytest.mark.parametrize(
    ("asked", "at_ms", "span_ms"),
    [
        ("2022-01-05T10:15", 1_641_377_700_000, MINUTE),
        ("2022-01-05 10:15:30Z", 1_641_377_730_000, 1000),
        ("2022-01-05T10:15:30.25", 1_641_377_730_250, 1),
        ("2022-01-05T12:15+02:00", 1_641_377_700_000, MINUTE),
        ("2022-01-05", 1_641_340_800_000, 86_400_000),
        ("1641377700000", 1_641_377_700_000, 1),
    ],
)
def test_a_time_is_as_exact_as_it_is_written(
    asked: str, at_ms: int, span_ms: int
) -> None:
    subject = find_subject(by_hand.odd(), f"btc/usd@{asked}")
    assert subject.symbol == "BTC/USD"
    assert (subject.at_ms, subject.until_ms) == (at_ms, at_ms + span_ms)


def test_unknown_ids_are_refused_by_the_functions_too(ran: Journal) -> None:
    with pytest.raises(QuorateError, match="no order"):
        explain_order(ran, "nothing-1")
    with pytest.raises(QuorateError, match="no position"):
        explain_position(ran, "p0")
    with pytest.raises(QuorateError, match="does not trade"):
        explain_moment(ran, "FOO/USD", 0)


def test_a_check_that_refused_shows_by_how_much_it_failed(
    ran: Journal, host: Host
) -> None:
    digest = next(ran.decisions()).rulebook
    at_ms = by_hand.T0 + MINUTE
    journal = Journal.create(None)
    journal.keep_rulebook(digest, ran.rulebook(digest))
    refusal = by_hand.decided(
        at_ms,
        "checks",
        "rate-limit",
        Verdict.REFUSED,
        inputs={"rate_counter": 120, "order_cost": 1, "rate_threshold": 100},
    )
    journal.write([by_hand.started()], [refusal], cursor="", rulebook=digest)
    (step,) = explain_moment(journal, "BTC/USD", at_ms, host=host).steps
    assert step.conditions[0].holds is False
    assert "failed by 21" in step.conditions[0].margin
