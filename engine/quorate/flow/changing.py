"""Take another rulebook up between two events, and put in order what hangs on the old.

Orders that are out go on as they were sent. Open positions keep their exits, those that
apply to open positions excepted. Tuned values whose rule or room is gone return to what
the files say; a purchase that waits for a rule that is gone is given up.
"""

from __future__ import annotations

from collections.abc import Iterator

from quorate.contract.records import CancelAsked, Resumed, RulesChanged, Tuned
from quorate.flow.book import Book, Exits
from quorate.flow.events import Cancel
from quorate.flow.leaving import settle
from quorate.flow.pursuing import give_up
from quorate.flow.turn import Turn
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import Formula
from quorate.rulebook.shifting import Side, same_text
from quorate.values.mode import Mode
from quorate.values.trade import Position, Purpose

CHANGED = "rules-changed"
"""Why what hung on the old rules is cancelled or given up; no rule is named so."""


def change_rules(turn: Turn, book: Book) -> None:
    """Decide by another rulebook from now on."""
    bench, before = turn.bench, turn.bench.rulebook
    positions = list(turn.state.positions.values())
    resting = {one.id: _resting(bench.exits_of(one)) for one in positions}
    bench.use(book)
    turn.note(RulesChanged(at_ms=turn.now_ms, rulebook=book.rulebook.digest))
    for tuned in list(_taken_back(turn, before)):
        turn.note(tuned)
    _give_up_entries(turn)
    for position in positions:
        if not _alike(resting[position.id], _resting(bench.exits_of(position))):
            _rest_anew(turn, position)


def _taken_back(turn: Turn, before: Rulebook) -> Iterator[Tuned]:
    """Yield the return of each tuned param that the new rules have no room for."""
    state, params = turn.state, turn.bench.rulebook.params.by_name
    tuning = turn.bench.rulebook.tuning
    turns = {(rule.id, name) for rule in tuning for name, _ in rule.settings}
    turned_by = {
        name: rule.id
        for rule in before.tuning
        if rule.id in state.tuned_by
        for name, _ in rule.settings
    }
    for name, value in state.tuned.items():
        param, by = params.get(name), turned_by.get(name, "")
        if param is not None and (by, name) in turns and not param.refusal(value):
            continue
        known = param or before.params.by_name.get(name)
        if known is None:
            continue  # neither the new rules nor the last ones know it
        yield Tuned(
            at_ms=turn.now_ms,
            param=name,
            old=known.write(value),
            new=known.write(known.setting_for(None).value),
            rule=by,
            why=CHANGED,
            back=True,
        )


def _give_up_entries(turn: Turn) -> None:
    """Let go of purchases that wait and whose rule is gone."""
    rules = {rule.id for rule in turn.bench.rulebook.entry}
    for key, delayed in list(turn.state.waiting.items()):
        proposal = delayed.proposal
        if proposal.purpose == Purpose.ENTRY and proposal.rule not in rules:
            turn.note(Resumed(at_ms=turn.now_ms, key=key, given_up=True))
            give_up(turn, proposal, CHANGED)


Resting = list[tuple[str, list[Side]]]


def _resting(groups: tuple[Exits, ...]) -> Resting:
    """Return the resting exits with everything that says at what price and how much."""
    return [
        (rule.id, [Side(exits.rulebook, part) for part in _said(rule.rest, rule.share)])
        for exits in groups
        for rule in exits.rules
        if rule.rest is not None
    ]


def _said(*parts: Formula | None) -> list[Formula]:
    return [part for part in parts if part is not None]


def _alike(old: Resting, new: Resting) -> bool:
    return [name for name, _ in old] == [name for name, _ in new] and all(
        same_text(one, other)
        for (_, before), (_, after) in zip(old, new, strict=True)
        for one, other in zip(before, after, strict=True)
    )


def _rest_anew(turn: Turn, position: Position) -> None:
    """Let a position's take-profits rest as the rules say now."""
    if position.leaving or turn.state.mode is Mode.HALTED:
        return
    live = turn.state.orders_of(position.id)
    for order in live:
        if order.intent.purpose is Purpose.TAKE_PROFIT and not order.cancel_asked:
            client_id = order.intent.client_id
            asked = CancelAsked(at_ms=turn.now_ms, client_id=client_id, why=CHANGED)
            turn.note(asked)
            turn.act(Cancel(client_id))  # once it is over, the new ones follow
    if not live:
        settle(turn, position.id, position.rule)
