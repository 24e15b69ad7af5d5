"""Rules edited while a run goes on: what is taken up, what is not, and what stays."""

from __future__ import annotations

import os
import random
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quorate import (
    Closed,
    Ended,
    Intended,
    Proposal,
    Purpose,
    RulesChanged,
    RulesHeld,
    RulesRefused,
    Started,
    Tuned,
)
from quorate.contract.decisions import Verdict
from quorate.flow.pursuing import pursue
from quorate.flow.turn import Turn

runs = import_module("tape_runs")
edited = import_module("reload_runs")

RELOADS = int(os.environ.get("QUORATE_RELOADS", "60"))
TAPES = ("BTC/USD", "ETH/USD", "SOL/USD")
STOP = """
  - id: stop
    when: net_profit <= -stop_loss
    then: {sell: 100%, type: market}"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    folder: Path = edited.workspace(tmp_path / "work")
    return folder


def run(place: Path, edits: Any, days: float = 1, **more: Any) -> Any:
    journal = place.parent / f"{len(list(place.parent.iterdir()))}.sqlite"
    made = edited.Edited(place, journal, edits, **more)
    return made.run(runs.made_up(3, days, *TAPES))


def of(kind: type, made: Any) -> list[Any]:
    return [one for one in made.records if isinstance(one, kind)]


def without_rules(records: list[Any]) -> list[Any]:
    return [
        one
        for one in records
        if not isinstance(one, RulesChanged | RulesRefused | RulesHeld)
    ]


def told(decisions: list[Any], *, hashes: bool = True) -> list[str]:
    return [f"{one.rulebook * hashes} {one.decision!r}" for one in decisions]


def test_a_comment_changes_the_hash_and_nothing_else(place: Path) -> None:
    plain = run(place, {})
    # Behind the rules: they stand where they stood.
    comment = edited.replacing(
        "exits.yaml", "when: age >= max_age", "when: age >= max_age  # so"
    )
    made = run(place, {40: comment})
    (changed,) = of(RulesChanged, made)
    assert without_rules(made.records) != []
    # The run is named by the rules it began with: those are the same.
    assert without_rules(made.records) == plain.records
    assert told(made.decisions, hashes=False) == told(plain.decisions, hashes=False)
    hashes = [one.rulebook for one in made.decisions]
    assert set(hashes) == {of(Started, made)[0].rulebook, changed.rulebook}


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (edited.replacing("exits.yaml", ">= profit_target", ">= profit_targt"), "R310"),
        (lambda rules: (rules / "checks.yaml").unlink(), "R413"),
        (lambda rules: (rules / "exits.yaml").write_bytes(b"\xff\xfe"), "Y1"),
        (lambda rules: (rules / "exits.yaml").write_bytes(b"exits: [" * 9), "Y1"),
        (lambda rules: (rules / "exits.yaml").write_bytes(b"#" * 10_000_000), "Y1"),
        (lambda rules: [one.unlink() for one in rules.iterdir()], "R400"),
        (lambda rules: rules.rename(rules.parent / "gone"), "Y101"),
        (lambda rules: _pipe(rules / "exits.yaml"), "Y101"),
    ],
    ids=["typo", "no-checks", "bytes", "half", "large", "empty", "no-folder", "pipe"],
)
def test_what_has_errors_is_refused_and_the_last_good_rules_stay(
    edit: Any, code: str, place: Path
) -> None:
    plain = run(place, {})
    made = run(place, {40: edit})
    (refused,) = of(RulesRefused, made)
    assert code in refused.problems[0]
    assert not of(RulesChanged, made)
    assert without_rules(made.records) == plain.records
    assert told(made.decisions) == told(plain.decisions)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def test_what_was_refused_is_said_once_and_mended_is_taken_up(place: Path) -> None:
    wrong = edited.replacing("exits.yaml", ">= profit_target", ">= profit_targt")
    right = edited.replacing("exits.yaml", ">= profit_targt", "> profit_target")
    made = run(place, {40: wrong, 41: lambda _: None, 60: right})
    assert len(of(RulesRefused, made)) == 1
    assert len(of(RulesChanged, made)) == 1


def test_an_open_position_leaves_by_the_exits_it_was_opened_with(place: Path) -> None:
    plain = run(place, {})
    opened = of(Intended, plain)[0].intent
    (left,) = [
        one.trade
        for one in of(Closed, plain)
        if one.trade.position_id == opened.position_id
    ]
    # Every exit but one that never holds is gone while the first position is open.
    gone = "exits:\n  - {id: never, when: net_profit > 90%, then: {sell: 100%}}\n"
    steps = range(1, plain.steps)
    made = None
    for step in steps:
        made = run(place, {step: lambda rules: (rules / "exits.yaml").write_text(gone)})
        edited.restoring(place / "rules")
        change = of(RulesChanged, made)
        if change and opened.made_ms < change[0].at_ms < left.closed_ms:
            break
    assert made is not None
    closed = {one.trade.position_id: one.trade for one in of(Closed, made)}
    assert closed[opened.position_id].exit_rule == left.exit_rule
    first = of(Started, made)[0].rulebook
    deciding = [
        one
        for one in made.decisions
        if one.decision.section == "exits"
        and one.decision.position_id == opened.position_id
        and one.decision.verdict is Verdict.FIRED
    ]
    assert {one.rulebook for one in deciding} <= {first}
    # What was opened afterwards knows the new exits only, and stays.
    later = {one.intent.position_id for one in of(Intended, made)} - closed.keys()
    assert later


def test_an_exit_that_applies_to_open_positions_does(place: Path) -> None:
    plain = run(place, {})
    opened = of(Intended, plain)[0].intent
    rule = (
        "exits:\n  - {id: at-once, apply: open, when: age >= 0s, then: {sell: 100%}}\n"
    )
    for step in range(1, plain.steps):
        made = run(place, {step: edited.replacing("exits.yaml", "exits:\n", rule)})
        edited.restoring(place / "rules")
        change = of(RulesChanged, made)[0]
        if change.at_ms > opened.made_ms:
            break
    closed = {one.trade.position_id: one.trade for one in of(Closed, made)}
    assert closed[opened.position_id].exit_rule == "at-once"


def test_what_permits_more_is_held_until_it_is_accepted(place: Path) -> None:
    looser = edited.replacing(
        "checks.yaml", "<= rate_threshold", "<= rate_threshold * 2"
    )
    plain, held = run(place, {}), run(place, {40: looser})
    (record,) = of(RulesHeld, held)
    assert any("rate-limit" in line for line in record.loosened)
    assert not of(RulesChanged, held)
    assert told(held.decisions) == told(plain.decisions)
    edited.restoring(place / "rules")
    accepted = run(place, {40: looser}, accept=True)
    assert [one.rulebook for one in of(RulesChanged, accepted)] == [record.rulebook]


def test_another_edit_replaces_what_is_held(place: Path) -> None:
    looser = edited.replacing(
        "checks.yaml", "<= rate_threshold", "<= rate_threshold * 2"
    )
    made = run(place, {40: looser, 60: edited.restoring})
    assert len(of(RulesHeld, made)) == 1
    assert not of(RulesChanged, made)


def test_timeframes_that_a_tape_cannot_give_are_refused(place: Path) -> None:
    odd = edited.replacing("params.yaml", "{value: 1m,", "{value: 90s,")
    before = (place / "rules" / "params.yaml").read_text()
    odd(place / "rules")
    if (place / "rules" / "params.yaml").read_text() == before:
        pytest.fail("the default params name no timeframe of 1m")
    edited.restoring(place / "rules")
    made = run(place, {40: odd})
    assert len(of(RulesRefused, made)) == 1
    assert not of(RulesChanged, made)


def many(seed: int, count: int, steps: int) -> dict[int, Any]:
    """Return edits: half of them wrong, a tenth deletes rules in use."""
    draw = random.Random(seed)
    right = [
        edited.restoring,
        edited.replacing("exits.yaml", "exits:", "# more\nexits:"),
        edited.replacing("exits.yaml", ">= profit_target", "> profit_target"),
        edited.replacing("params.yaml", "value: 0.5%,", "value: 0.7%,"),
    ]
    wrong = [
        edited.replacing("exits.yaml", "net_profit", "net_profitt"),
        edited.replacing("entry.yaml", "entry:", "entry"),
        edited.replacing("checks.yaml", "guards: rate_limit", "guards: rate"),
        lambda rules: (rules / "votes.yaml").write_bytes(b"votes:\n  - id: tre"),
    ]
    deleting = [
        edited.replacing("exits.yaml", STOP, ""),
        edited.replacing("switches.yaml", "id: loss", "id: gain"),
        edited.replacing("entry.yaml", "id: quorum", "id: other"),
    ]
    found: dict[int, Any] = {}
    for number in range(count):
        if number % 10 == 9:
            edit = deleting[number // 10 % len(deleting)]
        else:
            edit = draw.choice(wrong if number % 2 else right)
        found[1 + number * (steps - 2) // count] = _one(edit, number)
    return found


def _one(edit: Any, number: int) -> Any:
    """Return an edit of the rules as shipped, with content of its own."""

    def do(rules: Path) -> None:
        edited.restoring(rules)
        edit(rules)
        file = rules / "symbols.yaml"
        file.write_text(f"{file.read_text()}\n# {number}\n")

    return do


def test_many_reloads_change_nothing_that_they_should_not(place: Path) -> None:
    days = max(1, RELOADS / 300)
    steps = run(place, {}, days).steps
    assert steps > RELOADS
    made = run(place, many(7, RELOADS, steps), days)
    changed, refused = of(RulesChanged, made), of(RulesRefused, made)
    assert len(refused) >= RELOADS // 3
    assert len(changed) >= RELOADS // 4
    assert of(RulesHeld, made), "a deleted kill switch permits more"
    # Files and refusals aside, it is the run in which the good rules were swapped in.
    edited.restoring(place / "rules")
    again = run(place, {}, days, swaps=made.swaps)
    kept = [
        one for one in made.records if not isinstance(one, RulesRefused | RulesHeld)
    ]
    assert not runs.first_difference(kept, again.records)
    assert told(made.decisions) == told(again.decisions)
    _each_by_its_own_rules(made)


def _each_by_its_own_rules(made: Any) -> None:
    """Assert that each decision names the rules in force, or those of its position."""
    opened: dict[str, str] = {}
    spans = [(0, of(Started, made)[0].rulebook)]
    spans += [(one.at_ms, one.rulebook) for one in of(RulesChanged, made)]

    def active(at_ms: int) -> set[str]:
        before = [digest for since, digest in spans if since < at_ms][-1:]
        return {*before, *(digest for since, digest in spans if since == at_ms)}

    for one in of(Intended, made):
        opened.setdefault(one.intent.position_id, next(iter(active(one.at_ms))))
    exits = 0
    for row in made.decisions:
        allowed = active(row.decision.at_ms)
        if row.decision.section == "exits":
            kept = active_when_opened(made, row.decision.position_id, active)
            assert row.rulebook in kept | allowed
            exits += row.rulebook not in allowed
        else:
            assert row.rulebook in allowed
    assert exits, "no position outlived the rules it was opened under"


def active_when_opened(made: Any, position_id: str, active: Any) -> set[str]:
    for one in of(Intended, made):
        if one.intent.position_id == position_id:
            found: set[str] = active(one.at_ms)
            return found
    return set()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_run_that_is_stopped_goes_on_under_the_rules_of_its_moment(
    share: float, place: Path
) -> None:
    steps = run(place, {}).steps
    whole = run(place, many(5, 12, steps))
    edited.restoring(place / "rules")
    swaps = whole.swaps
    journal = place.parent / "stopped.sqlite"
    stop_after = int(steps * share)
    before = {step: book for step, book in swaps.items() if step <= stop_after}
    tapes = runs.made_up(3, 1, *TAPES)
    stopped = edited.Edited(place, journal, swaps=before)
    stopped.run(tapes, stop_after=stop_after)
    goes_on = edited.Edited(place, journal).run(tapes)
    reference = run(place, {}, swaps=before)
    assert not runs.first_difference(goes_on.records, reference.records)
    assert told(goes_on.decisions) == told(reference.decisions)
    assert goes_on.state == reference.state


def test_a_tuned_value_without_room_or_rule_goes_back(place: Path) -> None:
    eager = (
        "tuning:\n  - id: turned\n    when: samples >= 1\n    min_samples: 1\n"
        "    then: {set: {entry_reach: 0.2%}}\n"
    )
    file = place / "rules" / "tuning.yaml"
    file.write_text(eager)
    plain = run(place, {})
    first = of(Tuned, plain)[0]
    gone = edited.replacing("tuning.yaml", "id: turned", "id: another")
    for step in range(1, plain.steps):
        file.write_text(eager)
        made = run(place, {step: gone})
        change = of(RulesChanged, made)[0]
        if change.at_ms > first.at_ms:
            break
    back = [one for one in of(Tuned, made) if one.back]
    assert [(one.param, one.at_ms) for one in back[:1]] == [
        ("entry_reach", change.at_ms)
    ]


def test_nothing_stands_in_for_a_resting_exit_that_is_gone() -> None:
    """Else a take-profit that waits would leave by the first market exit, at once."""
    tapes = runs.made_up(3, 1, "BTC/USD")
    for stop_after in range(20, 200):
        made = runs.run(tapes, stop_after=stop_after)
        held = [one for one in made.state.positions.values() if one.bought]
        if held:
            break
    flow = made.driver.flow
    for name, sent in (("take-profit", True), ("gone", False)):
        turn = Turn(flow.bench, made.driver.now_ms)
        for order in list(turn.state.live.values()):
            turn.note(
                Ended(at_ms=turn.now_ms, client_id=order.intent.client_id, reason="x")
            )
        wanted = Proposal(
            key=f"rest:{held[0].id}:{name}",
            symbol="BTC/USD",
            purpose=Purpose.TAKE_PROFIT,
            rule=name,
            position_id=held[0].id,
            quote_amount=Decimal(0),
            amount=held[0].held,
            confidence=None,
            attempt=1,
            since_ms=turn.now_ms,
        )
        pursue(turn, wanted)
        intended = [one for one in turn.outcome.records if isinstance(one, Intended)]
        assert bool(intended) is sent, turn.outcome.decisions
