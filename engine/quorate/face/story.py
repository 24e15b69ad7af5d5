"""A position's story: its decisions and records, in the order they came about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from quorate.contract.decisions import Verdict
from quorate.contract.records import (
    Accepted,
    CancelAsked,
    CancelRefused,
    Closed,
    Declined,
    Delayed,
    Ended,
    Filled,
    Intended,
    Leaving,
    Record,
    Refused,
    Resumed,
    Unknown,
)
from quorate.flow.state import State
from quorate.journal.journal import Journal
from quorate.journal.rows import RecordedDecision
from quorate.values.trade import Intent, Order, Purpose

Part = RecordedDecision | Record

_OF_ORDERS = (
    Accepted,
    Refused,
    Unknown,
    Filled,
    Ended,
    CancelAsked,
    CancelRefused,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened to one position: its orders, and all parts in order."""

    position_id: str
    intents: dict[str, Intent]
    orders: dict[str, Order]
    parts: tuple[Part, ...]
    state: State

    @property
    def symbol(self) -> str:
        """The symbol of the position."""
        return next(iter(self.intents.values())).symbol

    def of_order(self, client_id: str) -> tuple[Part, ...]:
        """Return the parts about one order, its attempts and what it was sent for."""
        intent = self.intents[client_id]
        family = {
            name
            for name, other in self.intents.items()
            if other.root_id == intent.root_id
        }
        begin = _begin(self.parts, family, intent)
        return tuple(
            part
            for number, part in enumerate(self.parts)
            if _belongs(part, number, family, intent, begin)
        )


def _begin(parts: Iterable[Part], family: set[str], intent: Intent) -> int:
    """Return where an exit's story begins: at the last decision to leave before it."""
    begin = 0
    for number, part in enumerate(parts):
        if isinstance(part, Intended) and part.intent.client_id in family:
            break
        if isinstance(part, RecordedDecision) and part.decision.section == "exits":
            begin = number
    return begin if intent.purpose is Purpose.EXIT else 0


def _belongs(
    part: Part, number: int, family: set[str], intent: Intent, begin: int
) -> bool:
    if isinstance(part, RecordedDecision):
        decision = part.decision
        if decision.client_id:
            return decision.client_id in family
        sections = {
            Purpose.ENTRY: ("entry", "orders", "checks", "plugins"),
            Purpose.EXIT: ("exits",),
            Purpose.TAKE_PROFIT: (),
        }[intent.purpose]
        begun = number >= begin and decision.at_ms <= intent.made_ms
        own = decision.section != "exits" or decision.rule == intent.rule
        return begun and own and decision.section in sections
    if isinstance(part, Intended):
        return part.intent.client_id in family
    if isinstance(part, _OF_ORDERS):
        return part.client_id in family
    if isinstance(part, Delayed):
        return part.proposal.purpose == intent.purpose and number >= begin
    if isinstance(part, Leaving):
        return intent.purpose is Purpose.EXIT and part.rule == intent.rule
    if isinstance(part, Closed):
        return part.trade.exit_rule == intent.rule
    return False


def read_story(journal: Journal, position_id: str) -> Story | None:
    """Return the story of a position, None when no order was ever sent for it."""
    state = State()
    intents: dict[str, Intent] = {}
    orders: dict[str, Order] = {}
    records: list[Record] = []
    waits: set[str] = set()
    for record in journal.records():
        state.apply(record)
        if _is_about(record, position_id, intents, waits):
            records.append(record)
            if isinstance(record, Intended):
                intents[record.intent.client_id] = record.intent
            if isinstance(record, Delayed):
                waits.add(record.proposal.key)
            name = getattr(record, "client_id", "")
            order = state.order(name) if name else None
            if order is not None:
                orders[name] = order
    if not intents:
        return None
    symbol = next(iter(intents.values())).symbol
    decisions = _own(journal.decisions(position_id=position_id, symbol=symbol), records)
    return Story(
        position_id=position_id,
        intents=intents,
        orders=orders,
        parts=tuple(_merge(decisions, records)),
        state=state,
    )


def _is_about(
    record: Record, position_id: str, intents: dict[str, Intent], waits: set[str]
) -> bool:
    if isinstance(record, Intended):
        return record.intent.position_id == position_id
    if isinstance(record, Delayed):
        return record.proposal.position_id == position_id
    if isinstance(record, Resumed):
        return record.key in waits
    if isinstance(record, Closed):
        return record.trade.position_id == position_id
    if isinstance(record, _OF_ORDERS):
        return record.client_id in intents
    if isinstance(record, Leaving | Declined):
        return record.position_id == position_id
    return False


def _own(
    decisions: Iterable[RecordedDecision], records: list[Record]
) -> list[RecordedDecision]:
    """Return the decisions since the position was proposed.

    A proposal that came to nothing may have had the same id before.
    """
    first_ms = next(one.at_ms for one in records if isinstance(one, Intended | Delayed))
    found = list(decisions)
    begin = 0
    for number, recorded in enumerate(found):
        decision = recorded.decision
        proposed = decision.section == "entry" and decision.verdict is Verdict.FIRED
        if proposed and decision.at_ms <= first_ms:
            begin = number
    return found[begin:]


def _merge(
    decisions: Iterable[RecordedDecision], records: Iterable[Record]
) -> Iterator[Part]:
    """Yield decisions and records in one order: what was decided before what followed.

    Both are in journal order by themselves, and a record follows its decisions.
    """
    waiting = list(decisions)
    for record in records:
        count = _before(waiting, record)
        yield from waiting[:count]
        del waiting[:count]
        yield record
        if isinstance(record, Refused):
            resolved = [one for one in waiting if _resolves(one, record)]
            yield from resolved
            waiting = [one for one in waiting if one not in resolved]
    yield from waiting


def _resolves(recorded: RecordedDecision, refused: Refused) -> bool:
    decision = recorded.decision
    return decision.section == "errors" and decision.client_id == refused.client_id


def _before(waiting: list[RecordedDecision], record: Record) -> int:
    """Return how many of the waiting decisions came before a record."""
    leads_to = _leads_to(record)
    count = 0
    for number, recorded in enumerate(waiting):
        if recorded.decision.at_ms > record.at_ms:
            break
        if recorded.decision.at_ms < record.at_ms or leads_to(recorded):
            count = number + 1
    return count


def _leads_to(record: Record) -> Callable[[RecordedDecision], bool]:
    """Return what tells a decision that led to a record of the same moment."""
    if isinstance(record, Intended):
        name = record.intent.client_id
        return lambda one: one.decision.client_id == name
    if isinstance(record, Leaving):
        rule = record.rule
        return lambda one: one.decision.section == "exits" and one.decision.rule == rule
    if isinstance(record, Delayed | Declined | Closed):
        return lambda one: not one.decision.client_id
    return lambda _: False
