"""One step of an explanation: from a decision, or from a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from quorate.contract.decisions import Decision, Value, Verdict
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
from quorate.face import text
from quorate.face.conditions import conditions, tell
from quorate.face.explanation import Condition, Step, VoteCast
from quorate.face.kept import KeptRules
from quorate.rulebook.rules import ExitRule
from quorate.values.numbers import ONE
from quorate.values.trade import NOT_SENT, Intent, Market, Purpose, Side

_VOTE = "vote:"
_MONEY = ("quote_amount",)

_SAID: Mapping[tuple[str, Verdict], str] = {
    ("entry", Verdict.FIRED): "entry rule {rule} proposed to buy",
    ("entry", Verdict.DECLINED): "the entry was declined by {rule}",
    ("entry", Verdict.NOT_KNOWN): "entry rule {rule} could not say how much",
    ("orders", Verdict.FIRED): "order rule {rule} said how to send it",
    ("orders", Verdict.REFUSED): "no order could be made ({rule})",
    ("exits", Verdict.FIRED): "exit {rule} decided to leave",
    ("exits", Verdict.NOT_KNOWN): "exit {rule} could not be evaluated",
    ("checks", Verdict.PASSED): "check {rule} passed",
    ("checks", Verdict.REFUSED): "check {rule} refused the order",
    ("checks", Verdict.ADJUSTED): "check {rule} changed the amount",
    ("checks", Verdict.DELAYED): "check {rule} made the order wait",
    ("checks", Verdict.NOT_KNOWN): "check {rule} could not be evaluated: refused",
    ("plugins", Verdict.REFUSED): "plugin {rule} refused the order",
    ("errors", Verdict.FIRED): "error rule {rule} resolved the refusal",
    ("errors", Verdict.NOT_KNOWN): "no error rule matches this error",
    ("tuning", Verdict.FIRED): "tuning rule {rule} turned a param",
    ("switches", Verdict.FIRED): "kill switch {rule} set what may be sent",
    ("mode", Verdict.REFUSED): "nothing of the kind may be sent while {rule}",
}


def step_of(decision: Decision, kept: KeptRules) -> Step:
    """Return the step of one decision."""
    said = _SAID.get((decision.section, decision.verdict))
    if decision.verdict is Verdict.SHADOW:
        said = f"shadow {{rule}} of {decision.section} would have acted, and did not"
    what = said or f"{decision.section} rule {{rule}}: {decision.verdict}"
    inputs = {
        name: value
        for name, value in decision.inputs.items()
        if not name.startswith(_VOTE)
    }
    rule = kept.rule(decision.rule)
    calls = {
        call.name: call.text
        for part in ("when", "require", "veto")
        if (formula := getattr(rule, part, None)) is not None
        for call in formula.expression.calls
    }
    return Step(
        at_ms=decision.at_ms,
        what=what.format(rule=decision.rule or "-"),
        verdict=decision.verdict.value,
        section=decision.section,
        rule=decision.rule,
        place=decision.place,
        conditions=conditions(decision, kept),
        inputs=inputs,
        told={
            calls.get(name, name): tell(name, value, kept)
            for name, value in inputs.items()
        },
        effect={
            name.removesuffix("_ms"): _effect(name, value, kept)
            for name, value in decision.effect.items()
            if not _empty(decision, name, value)
        },
        votes=_votes(decision.inputs, kept),
    )


def _empty(decision: Decision, name: str, value: Value) -> bool:
    """Return whether an entry's effect says nothing: it has one amount of two."""
    sums = decision.section == "entry" and name in ("amount", "quote_amount")
    return sums and not value


def _effect(name: str, value: Value, kept: KeptRules) -> str:
    if name in _MONEY and isinstance(value, Decimal):
        return text.money(value)
    if name == "sell":
        return text.share(Decimal(str(value)))
    return tell(name, value, kept)


def _votes(inputs: Mapping[str, Value], kept: KeptRules) -> tuple[VoteCast, ...]:
    return tuple(
        VoteCast(
            voter=name.removeprefix(_VOTE),
            score=_score(value),
            weight=_weight(name.removeprefix(_VOTE), kept),
        )
        for name, value in inputs.items()
        if name.startswith(_VOTE)
    )


def _score(value: Value) -> float | None:
    if not isinstance(value, Decimal | float | int) or value != value:  # noqa: PLR0124
        return None
    return float(value)


def _weight(voter: str, kept: KeptRules) -> float | None:
    """Return a voter's weight: a vote rule's, or a plugin's, which is 1 unless said."""
    if kept.rulebook is None:
        return None
    for rule in kept.rulebook.votes:
        name = rule.assistant if rule.score is None else rule.id
        if rule.veto is None and voter == name:
            return rule.weight
    return 1.0


def rest_step(intent: Intent, at_ms: int, kept: KeptRules) -> Step:
    """Return the step that puts a resting exit into the book."""
    rule = kept.rule(intent.rule)
    found: tuple[Condition, ...] = ()
    place = ""
    if isinstance(rule, ExitRule) and rule.rest is not None:
        told = f"gives {text.price(intent.limit_price)}"
        found = (Condition(part="rest", text=rule.rest.text, margin=told, holds=None),)
        place = f"{rule.place.path}:{rule.place.line}"
    return Step(
        at_ms=at_ms,
        what=f"exit {intent.rule} rests in the book",
        section="exits",
        rule=intent.rule,
        place=place,
        conditions=found,
    )


def record_step(record: Record, intent: Intent | None, market: Market | None) -> Step:
    """Return the step of one record; ``intent`` is that of its order, if it has one."""
    tell_it = _TELL.get(type(record))
    what = type(record).__name__ if tell_it is None else tell_it(record, intent, market)
    return Step(at_ms=record.at_ms, what=what)


def order_line(intent: Intent) -> str:
    """Return an order in a line: side, amount, symbol, price, and what it is for."""
    how = f"{intent.type} {intent.time_in_force}"
    at = ""
    if intent.limit_price is not None:
        at = f" at {text.price(intent.limit_price)}"
    attempt = ""
    if intent.attempt > 1 or intent.max_attempts > 1:
        attempt = f", attempt {intent.attempt} of {intent.max_attempts}"
    purpose = intent.purpose.replace("_", "-")
    return (
        f"{intent.side} {text.price(intent.amount)} {intent.symbol}{at} "
        f"({how}, {purpose} by {intent.rule}{attempt})"
    )


def refusal_line(errors: Sequence[str]) -> str:
    """Return who refused an order and why: the venue, or this side before it left."""
    own = [one.removeprefix(NOT_SENT) for one in errors if one.startswith(NOT_SENT)]
    if own and len(own) == len(errors):
        return f"{NOT_SENT}{'; '.join(own)}"
    return f"refused by the venue: {'; '.join(errors) or 'no reason given'}"


def _intended(record: Intended, *_: Any) -> str:
    intent = record.intent
    return (
        f"order {intent.client_id}: {order_line(intent)}; "
        f"the price seen was {text.price(intent.reference_price)}"
    )


def _filled(record: Filled, intent: Intent | None, market: Market | None) -> str:
    fill = record.fill
    told = (
        f"filled {text.price(fill.amount)} {market.base if market else ''} at "
        f"{text.price(fill.price)} as {fill.liquidity}, "
        f"fee {text.money(fill.fee, fill.fee_currency)}"
    )
    if intent is None or intent.purpose is Purpose.TAKE_PROFIT:
        return told
    rise = fill.price / intent.reference_price - ONE
    slipped = rise if intent.side is Side.BUY else -rise
    return f"{told}, slippage {text.percent(slipped, signed=True)}"


def _delayed(record: Delayed, *_: Any) -> str:
    purpose = record.proposal.purpose.replace("_", "-")
    what = "for funds" if record.for_funds else "for room or another attempt"
    return (
        f"the {purpose} waits {what} until {text.moment(record.until_ms)}: {record.why}"
    )


def _declined(record: Declined, *_: Any) -> str:
    if record.position_id:
        return f"exit {record.rule} was put off by {record.by}; the position stays"
    return f"entry {record.rule} was declined by {record.by}"


def _closed(record: Closed, _: Any, market: Market | None) -> str:
    trade = record.trade
    profit = text.money(trade.profit_quote, market.quote if market else "", signed=True)
    dust = f", {text.price(trade.dust)} left as dust" if trade.dust else ""
    return (
        f"position {trade.position_id} closed by {trade.exit_rule}: {profit} "
        f"({text.percent(trade.profit_ratio, signed=True)}) after both fees, "
        f"in {text.duration(trade.closed_ms - trade.opened_ms)}{dust}"
    )


_TELL: Mapping[type, Callable[..., str]] = {
    Intended: _intended,
    Accepted: lambda record, *_: (
        f"{record.client_id} accepted by the venue as {record.venue_id}"
    ),
    Refused: lambda record, *_: f"{record.client_id} {refusal_line(record.errors)}",
    Unknown: lambda record, *_: (
        f"{record.client_id}: no clear answer ({record.why}); it counts as live"
    ),
    Filled: _filled,
    Ended: lambda record, *_: f"{record.client_id} is over: {record.reason}",
    CancelAsked: lambda record, *_: (
        f"{record.client_id}: cancel asked for, because of {record.why}"
    ),
    CancelRefused: lambda record, *_: (
        f"{record.client_id}: not cancelled, {'; '.join(record.errors)}"
    ),
    Delayed: _delayed,
    Resumed: lambda record, *_: (
        "waited long enough: given up" if record.given_up else "taken up again"
    ),
    Leaving: lambda record, *_: (
        f"position {record.position_id} leaves by {record.rule}: "
        f"{text.share(record.share)} of it"
    ),
    Declined: _declined,
    Closed: _closed,
}
