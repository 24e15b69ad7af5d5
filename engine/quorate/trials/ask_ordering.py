"""Ask the sections that an order passes: checks, orders, errors."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from quorate.contract.decisions import Verdict
from quorate.contract.views import Draft, FaultView, OrderView
from quorate.rulebook.rules import CheckRule, How
from quorate.stages.answers import Moment
from quorate.stages.checks import Finding, Judgement, judge
from quorate.stages.faults import resolve
from quorate.stages.orders import choose
from quorate.trials.looks import Outcome, text, value
from quorate.trials.stand import Stand
from quorate.values.trade import (
    Intent,
    Order,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)

_ONE = Decimal(1)


def ask_checks(stand: Stand) -> Outcome:
    """Return what the checks of one side make of an order."""
    side = Side(stand.need("side"))
    stand.need("amount")
    checks = stand.conditions(
        f"checks {side}",
        lambda ask: ask.conditions(
            [one for one in stand.rulebook.checks if one.side in (None, side)],
            ["when", "require"],
            exact=True,
        ),
    )
    draft, desk = _draft(stand), stand.desk()
    ruled = judge(stand.answers, checks, draft, desk)
    outcome = Outcome(found=_ruling(ruled))
    _look_at_checks(stand, outcome, checks.rules, ruled, draft)
    return outcome


def _ruling(ruled: Judgement) -> dict[str, Any]:
    def of(verdict: Verdict) -> tuple[str, ...]:
        return tuple(one.rule.id for one in ruled.rulings if one.verdict is verdict)

    patient = ruled.finding in (Finding.WAIT, Finding.REALLOCATE)
    return {
        "finding": ruled.finding.value,
        "by": ruled.by.id if ruled.by else "none",
        "known": not of(Verdict.NOT_KNOWN),
        "amount": ruled.draft.amount,
        "adjusted": of(Verdict.ADJUSTED),
        "passed": of(Verdict.PASSED),
        "wait": Decimal(ruled.wait_ms),
        "give_up_after": _time(ruled.give_up_ms) if patient else None,
    }


def _time(span_ms: int | None) -> Decimal | None:
    return None if span_ms is None else Decimal(span_ms)


def _look_at_checks(
    stand: Stand,
    outcome: Outcome,
    rules: tuple[CheckRule, ...],
    ruled: Judgement,
    draft: Draft,
) -> None:
    desk = stand.desk()
    adjusted = {
        one.rule.id: one for one in ruled.rulings if one.verdict is Verdict.ADJUSTED
    }
    for rule in rules:
        if rule.amount is None:
            continue
        moment = Moment(desk, order=OrderView(desk, draft))
        outcome.look(stand, rule, "when", rule.when, moment)
        if rule.id in adjusted:
            outcome.look(stand, rule, "amount", rule.amount, moment)
            amount = adjusted[rule.id].effect["amount"]
            draft = replace(draft, amount=Decimal(str(amount)))
        elif rule is ruled.by:
            return
    moment = Moment(desk, order=OrderView(desk, draft))
    for rule in rules:
        if rule.require is None:
            continue
        outcome.look(stand, rule, "when", rule.when, moment)
        if rule.when is None or value(stand, rule.when, moment) is not False:
            outcome.look(stand, rule, "require", rule.require, moment)
        if rule is ruled.by:
            for part in ("reallocate", "wait", "give_up_after"):
                outcome.look(stand, rule, part, getattr(rule, part), moment)
            return


def _draft(stand: Stand) -> Draft:
    """Return the order of a test; what it leaves out of it is not looked at."""
    given = stand.given
    side = Side(given.get("side", Side.BUY))
    buys = side is Side.BUY
    limit = given.get("limit_price")
    price = given.get("reference_price", limit) or _ONE
    return Draft(
        symbol=stand.symbol,
        venue_symbol=stand.symbol,
        side=side,
        purpose=given.get("purpose", Purpose.ENTRY if buys else Purpose.EXIT),
        rule="",
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce.IOC if limit is None else TimeInForce.GTC,
        post_only=False,
        quote_amount=Decimal(0),
        amount=given.get("amount") or _ONE,
        limit_price=limit,
        reference_price=price,
        attempt=int(given.get("attempt", 1)),
    )


def ask_orders(stand: Stand) -> Outcome:
    """Return how an entry would be sent."""
    rules = stand.rulebook.orders
    orders = stand.conditions(
        "orders", lambda ask: ask.conditions(rules, ["when"], exact=True)
    )
    moment, outcome = stand.moment(), Outcome()
    rule = choose(stand.answers, rules, orders, moment).rule
    context = stand.answers.context(orders.reads, moment, exact=True)
    _, faults = orders.evaluate(context)
    outcome.found = {
        "fires": rule.id if rule else "none",
        "unknown": tuple(orders.keys[bit][0].id for bit, _ in faults),
    }
    for one in rules:
        outcome.look(stand, one, "when", one.when, moment)
        if one is rule:
            break
    if rule is not None:
        tell_how(stand, outcome, rule, rule.how, moment)
    return outcome


def tell_how(
    stand: Stand, outcome: Outcome, rule: Any, how: How, moment: Moment
) -> None:
    """Add how an order is sent to what was found."""
    outcome.found["type"] = how.type.value
    outcome.found["time_in_force"] = how.time_in_force.value
    outcome.found["post_only"] = how.post_only
    for part in ("limit_price", "cancel_after", "max_attempts"):
        formula = getattr(how, part)
        outcome.found[part] = value(stand, formula, moment)
        outcome.look(stand, rule, part, formula, moment)


def ask_errors(stand: Stand) -> Outcome:
    """Return what an error text is resolved to."""
    error = str(stand.need("error"))
    order, desk = _refused(stand, error), stand.desk()
    resolved = resolve(stand.answers, stand.rulebook.errors, order, error, desk)
    rule = resolved.rule
    outcome = Outcome(
        found={
            "fires": rule.id if rule else "none",
            "retry": resolved.retry,
            "wait": Decimal(resolved.wait_ms) if rule and rule.wait else None,
            "amount": resolved.amount,
            "learn": text(rule.learn if rule else ""),
            "stop": text(rule.stop if rule else ""),
            "stop_for": Decimal(resolved.stop_for_ms) if rule and rule.stop else None,
        }
    )
    moment = Moment(
        desk,
        order=OrderView(desk, _draft(stand)),
        fault=FaultView(desk, order, error),
    )
    for one in stand.rulebook.errors:
        if one.pattern.search(error):
            outcome.look(stand, one, "when", one.when, moment)
        if one is rule:
            for part in ("wait", "amount", "stop_for"):
                outcome.look(stand, one, part, getattr(one, part), moment)
            break
    return outcome


def _refused(stand: Stand, error: str) -> Order:
    draft = _draft(stand)
    intent = Intent(
        client_id="",
        root_id="",
        symbol=draft.symbol,
        venue_symbol=draft.venue_symbol,
        side=draft.side,
        type=OrderType(draft.type),
        time_in_force=TimeInForce(draft.time_in_force),
        post_only=False,
        amount=draft.amount,
        limit_price=draft.limit_price,
        reference_price=draft.reference_price,
        purpose=Purpose(draft.purpose),
        rule="",
        attempt=draft.attempt,
        max_attempts=draft.attempt,
        cancel_after_ms=0,
        position_id="",
        made_ms=0,
    )
    return Order(intent=intent, errors=(error,))
