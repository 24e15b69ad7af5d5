"""Faults: which error rule matches a refusal, and what it resolves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from quorate.contract.decisions import Value
from quorate.contract.views import Draft, FaultView, OrderView
from quorate.rulebook.rules import ErrorRule, Formula
from quorate.stages.answers import Answers, MarketDesk, Moment
from quorate.values.trade import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What to do about one error string. ``rule`` None: nothing known matches.

    ``amount`` is that of the next attempt, None for the same; durations are in ms.
    """

    error: str
    rule: ErrorRule | None
    retry: bool = False
    wait_ms: int = 0
    amount: Decimal | None = None
    stop_for_ms: int = 0
    inputs: Mapping[str, Value] | None = None


def resolve(
    answers: Answers,
    rules: tuple[ErrorRule, ...],
    order: Order,
    error: str,
    desk: MarketDesk,
) -> Resolution:
    """Return the resolution of the first rule whose pattern and condition match."""
    moment = Moment(
        desk,
        order=OrderView(desk, _as_draft(order)),
        fault=FaultView(desk, order, error),
    )
    for rule in rules:
        if not rule.pattern.search(error):
            continue
        if rule.when is not None and not _value(answers, rule.when, moment):
            continue
        wait_ms = _value(answers, rule.wait, moment)
        stop_for_ms = _value(answers, rule.stop_for, moment)
        amount = _value(answers, rule.amount, moment)
        # A resolution that cannot be worked out is no reason to try again blindly.
        known = (rule.wait is None or wait_ms is not None) and (
            rule.amount is None or amount is not None
        )
        return Resolution(
            error=error,
            rule=rule,
            retry=rule.retry and known,
            wait_ms=int(wait_ms or 0),
            amount=amount,
            stop_for_ms=int(stop_for_ms or 0),
            inputs={"error": error, "attempt": order.intent.attempt},
        )
    return Resolution(error=error, rule=None)


def _value(answers: Answers, formula: Formula | None, moment: Moment) -> Decimal | None:
    if formula is None:
        return None
    try:
        value: Decimal = answers.value(formula, moment)
    except Exception:  # noqa: BLE001 - not known
        return None
    return value


def _as_draft(order: Order) -> Draft:
    intent = order.intent
    return Draft(
        symbol=intent.symbol,
        venue_symbol=intent.venue_symbol,
        side=intent.side,
        purpose=intent.purpose,
        rule=intent.rule,
        type=intent.type,
        time_in_force=intent.time_in_force,
        post_only=intent.post_only,
        quote_amount=Decimal(0),
        amount=intent.amount,
        limit_price=intent.limit_price,
        reference_price=intent.reference_price,
        attempt=intent.attempt,
    )
