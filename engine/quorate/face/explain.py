"""Why an order, a position, or nothing: the chain from the candle to the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from quorate.contract.records import Closed, Intended
from quorate.errors import QuorateError
from quorate.face import text
from quorate.face.explain_moment import explain_moment
from quorate.face.explain_page import show_explanation
from quorate.face.explanation import Explanation, Step, Subject, as_dict
from quorate.face.kept import Keeper, unread
from quorate.face.steps import (
    order_line,
    record_step,
    refusal_line,
    rest_step,
    step_of,
)
from quorate.face.story import Part, Story, read_story
from quorate.face.subject import find_subject
from quorate.host.host import Host
from quorate.journal.journal import Journal
from quorate.journal.rows import RecordedDecision
from quorate.values.trade import Purpose

__all__ = [
    "Explanation",
    "Subject",
    "as_dict",
    "explain",
    "explain_moment",
    "explain_order",
    "explain_position",
    "find_subject",
    "show_explanation",
]


def explain(
    journal: Journal, subject: Subject, *, host: Host | None = None
) -> Explanation:
    """Explain what ``find_subject`` found.

    ``host`` brings the names that the kept rules are read with; without one, only
    the recorded inputs are shown.
    """
    if subject.kind == "order":
        return explain_order(journal, subject.name, host=host)
    if subject.kind == "position":
        return explain_position(journal, subject.name, host=host)
    return explain_moment(
        journal, subject.symbol, subject.at_ms, until_ms=subject.until_ms, host=host
    )


def explain_order(
    journal: Journal, client_id: str, *, host: Host | None = None
) -> Explanation:
    """Explain one order, with its attempts and what it was sent for.

    Raises:
        QuorateError: the journal has no such order.
    """
    story = read_story(journal, _position_of(journal, client_id))
    if story is None or client_id not in story.intents:
        raise QuorateError(f"there is no order {client_id!r} in this journal")
    intent = story.intents[client_id]
    teller = Teller(story, Keeper(journal, host))
    steps = tuple(teller.steps(story.of_order(client_id)))
    fate = _fate(story, client_id)
    return Explanation(
        subject=Subject(kind="order", name=client_id, symbol=intent.symbol),
        title=f"Order {client_id}: {order_line(intent)}",
        summary=(f"{fate}; it belongs to position {intent.position_id}",),
        steps=steps,
        notes=teller.notes(),
    )


def explain_position(
    journal: Journal, position_id: str, *, host: Host | None = None
) -> Explanation:
    """Explain one position: why it was entered, what was done, and why it left.

    Raises:
        QuorateError: the journal has no such position.
    """
    story = read_story(journal, position_id)
    if story is None:
        raise QuorateError(f"there is no position {position_id!r} in this journal")
    teller = Teller(story, Keeper(journal, host))
    steps = tuple(teller.steps(story.parts))
    return Explanation(
        subject=Subject(kind="position", name=position_id, symbol=story.symbol),
        title=f"Position {position_id} in {story.symbol}: {_outcome(story)}",
        summary=tuple(_orders(story)),
        steps=steps,
        notes=teller.notes(),
    )


def _position_of(journal: Journal, client_id: str) -> str:
    for record in journal.records():
        if isinstance(record, Intended) and record.intent.client_id == client_id:
            return record.intent.position_id
    raise QuorateError(f"there is no order {client_id!r} in this journal")


def _orders(story: Story) -> Iterator[str]:
    for name, order in story.orders.items():
        intent = order.intent
        purpose = intent.purpose.replace("_", "-")
        yield f"{name}: {intent.side}, {purpose} by {intent.rule}, {_fate(story, name)}"


def _fate(story: Story, client_id: str) -> str:
    """Return what became of an order, in a few words."""
    order = story.orders[client_id]
    if order.errors:
        return refusal_line(order.errors)
    how = order.end_reason or ("still live" if order.live else order.status.value)
    if order.average_price is None:
        return f"{how}, nothing filled"
    share = text.share(order.filled / order.intent.amount)
    return f"{how}, {share} filled at {text.price(order.average_price)}"


def _outcome(story: Story) -> str:
    """Return what became of a position, in a few words."""
    quote = story.state.markets[story.symbol].quote
    for part in story.parts:
        if isinstance(part, Closed):
            trade = part.trade
            profit = text.money(trade.profit_quote, quote, signed=True)
            ratio = text.percent(trade.profit_ratio, signed=True)
            return f"closed by {trade.exit_rule}, {profit} ({ratio}) after both fees"
    position = story.state.positions.get(story.position_id)
    if position is None or not position.bought:
        return "nothing was bought"
    held = text.price(position.held)
    return f"open, {held} held, bought at {text.price(position.entry_price)}"


@dataclass(slots=True)
class Teller:
    """Turns the parts of a story into steps, and notes what could not be read."""

    story: Story
    keeper: Keeper
    _digests: dict[str, None] = field(default_factory=dict)

    def steps(self, parts: Iterable[Part]) -> Iterator[Step]:
        """Yield a step for each part; a resting exit gets one of its own."""
        markets, intents = self.story.state.markets, self.story.intents
        resting = set[str]()
        digest = self.story.state.rulebook
        for part in parts:
            if isinstance(part, RecordedDecision):
                digest = part.rulebook
                self._digests[digest] = None
                kept = self.keeper.rules(digest)
                name = part.decision.client_id
                if name not in resting and self._rests(name):
                    resting.add(name)
                    yield rest_step(intents[name], part.decision.at_ms, kept)
                step = step_of(part.decision, kept)
                yield replace(step, decision=f"d{part.seq}")
                continue
            intent = intents.get(getattr(part, "client_id", ""))
            yield record_step(part, intent, markets.get(self.story.symbol))

    def _rests(self, client_id: str) -> bool:
        intent = self.story.intents.get(client_id)
        return (
            intent is not None
            and intent.purpose is Purpose.TAKE_PROFIT
            and intent.attempt == 1
        )

    def notes(self) -> tuple[str, ...]:
        """Return a note for each rulebook that could not be read."""
        return unread(self.keeper, self._digests)
