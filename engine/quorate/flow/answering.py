"""Take a venue's answers: book fills, resolve refusals, follow up what is over."""

from __future__ import annotations

from collections.abc import Iterable

from quorate.contract.decisions import Verdict
from quorate.contract.records import (
    Answer,
    CancelRefused,
    Closed,
    Declined,
    Delayed,
    Ended,
    ErrorSeen,
    Filled,
    Proposal,
    Refused,
    Resumed,
    Stopped,
    Tuned,
)
from quorate.flow.clearing import ask_again
from quorate.flow.closing import write_off
from quorate.flow.entering import entry_key, kept_out
from quorate.flow.events import WakeAt
from quorate.flow.leaving import exit_key, free_and_sell, rest_key, settle
from quorate.flow.news import is_news
from quorate.flow.pursuing import give_up, pursue
from quorate.flow.shadowing import shadow_errors, shadow_tuning
from quorate.flow.turn import Turn
from quorate.stages.faults import Resolution, resolve
from quorate.stages.tuning import tune
from quorate.values.numbers import ZERO
from quorate.values.trade import Order, Purpose


def answered(turn: Turn, answer: Answer) -> None:
    """Record a venue's answer and do what follows from it."""
    if not is_news(turn.state, answer):
        return
    turn.note(answer)
    order = turn.state.order(answer.client_id)
    assert order is not None
    intent = order.intent
    if isinstance(answer, Refused):
        _refused(turn, order)
    elif isinstance(answer, Ended) or (isinstance(answer, Filled) and not order.live):
        settle(turn, intent.position_id, intent.rule)
    elif isinstance(answer, CancelRefused):
        _learn_errors(turn, order, answer.errors)
        ask_again(turn, order)
    if isinstance(answer, Refused | Ended):
        _tune(turn, intent.symbol)


def _learn_errors(turn: Turn, order: Order, errors: Iterable[str]) -> None:
    """Do what the error rules say of a refused cancel: record, learn, stop entries.

    Whether it is asked for again is not theirs to say.
    """
    desk, rules = turn.desk(order.intent.symbol), turn.bench.rulebook.errors
    for error in errors:
        resolution = resolve(turn.bench.book.answers, rules, order, error, desk)
        _record_error(turn, order, resolution)


def _refused(turn: Turn, order: Order) -> None:
    """Resolve every error of a refusal; the first that is known decides the retry."""
    desk = turn.desk(order.intent.symbol)
    errors = order.errors or ("no reason given",)
    resolutions = [
        resolve(turn.bench.book.answers, turn.bench.rulebook.errors, order, error, desk)
        for error in errors
    ]
    for resolution in resolutions:
        _record_error(turn, order, resolution)
    shadow_errors(turn, order)
    deciding = next(
        (one for one in resolutions if one.rule is not None), resolutions[0]
    )
    if order.filled:
        # What was filled stands, so it is no refusal that another attempt may repeat.
        settle(turn, order.intent.position_id, order.intent.rule)
    elif deciding.retry and order.intent.attempt < order.intent.max_attempts:
        _retry(turn, order, deciding)
    else:
        _give_up(turn, order, deciding)


def _record_error(turn: Turn, order: Order, resolution: Resolution) -> None:
    rule, intent = resolution.rule, order.intent
    turn.decide(
        Verdict.FIRED if rule else Verdict.NOT_KNOWN,
        section="errors",
        rule=rule.id if rule else "",
        place=rule.place if rule else None,
        symbol=intent.symbol,
        inputs=resolution.inputs or {"error": resolution.error},
        effect={"retry": resolution.retry, "wait_ms": resolution.wait_ms},
        client_id=intent.client_id,
        position_id=intent.position_id,
    )
    turn.note(
        ErrorSeen(
            at_ms=turn.now_ms,
            symbol=intent.symbol,
            client_id=intent.client_id,
            error=resolution.error,
            rule=rule.id if rule else "",
            learn=rule.learn if rule else "",
        )
    )
    if rule is not None and rule.stop:
        turn.note(
            Stopped(
                at_ms=turn.now_ms,
                symbol="*" if rule.stop == "all" else intent.symbol,
                until_ms=turn.now_ms + resolution.stop_for_ms,
                why=rule.id,
            )
        )


def _retry(turn: Turn, order: Order, resolution: Resolution) -> None:
    intent = order.intent
    amount = intent.amount if resolution.amount is None else resolution.amount
    position = turn.state.positions.get(intent.position_id)
    if intent.purpose is not Purpose.ENTRY:
        amount = min(amount, position.held if position else ZERO)
    key = {
        Purpose.ENTRY: entry_key(intent.position_id),
        Purpose.EXIT: exit_key(intent.position_id),
        Purpose.TAKE_PROFIT: rest_key(intent.position_id, intent.rule),
    }[intent.purpose]
    proposal = Proposal(
        key=key,
        symbol=intent.symbol,
        purpose=intent.purpose,
        rule=intent.rule,
        position_id=intent.position_id,
        quote_amount=ZERO,
        amount=amount,
        confidence=turn.desk(intent.symbol).confidence(intent.symbol),
        attempt=intent.attempt + 1,
        since_ms=turn.now_ms,
        root_id=intent.root_id,
    )
    if resolution.wait_ms <= 0:
        _take_up(turn, proposal)
        return
    until_ms = turn.now_ms + resolution.wait_ms
    turn.note(
        Delayed(
            at_ms=turn.now_ms,
            proposal=proposal,
            until_ms=until_ms,
            give_up_ms=until_ms,
            why=resolution.rule.id if resolution.rule else "",
        )
    )
    turn.act(WakeAt(until_ms))


def _give_up(turn: Turn, order: Order, resolution: Resolution) -> None:
    """Follow up an order that is not tried again."""
    intent = order.intent
    by = resolution.rule.id if resolution.rule else "unknown-error"
    if intent.purpose is Purpose.EXIT:
        position = turn.state.positions.get(intent.position_id)
        rest = ZERO if position is None else position.held - intent.amount
        step = turn.state.markets[intent.symbol].amount_step
        dust = position is not None and position.is_dust
        if dust and rest < step and _learned_too_small(turn, order, resolution):
            write_off(turn, intent.position_id, intent.rule)
            return
        turn.note(
            Declined(
                at_ms=turn.now_ms,
                symbol=intent.symbol,
                rule=intent.rule,
                by=by,
                position_id=intent.position_id,
            )
        )
    elif intent.position_id in turn.state.leaving:
        free_and_sell(turn, intent.position_id)


def _learned_too_small(turn: Turn, order: Order, resolution: Resolution) -> bool:
    """Return whether the venue takes no order this small, and that was learned.

    A lesson is capped: a large order that was refused as too small is not believed.
    """
    if resolution.rule is None or not resolution.rule.learn:
        return False
    symbol = order.intent.symbol
    lesson = turn.desk(symbol).learned(resolution.rule.learn, symbol)
    return lesson is not None and lesson.value >= order.intent.amount


def take_up_funds(turn: Turn) -> None:
    """Take up the entries that wait for funds, when this turn may have freed some."""
    freeing = (Ended, Refused, Closed)
    freed = any(isinstance(record, freeing) for record in turn.outcome.records)
    if not freed or turn.state.leaving:
        return
    for key, delayed in list(turn.state.waiting.items()):
        if delayed.for_funds:
            resume(turn, key)


def resume(turn: Turn, key: str) -> None:
    """Take up a proposal that waits: it is coordinated and checked anew."""
    delayed = turn.state.waiting.get(key)
    if delayed is None:
        return
    turn.note(Resumed(at_ms=turn.now_ms, key=key))
    _take_up(turn, delayed.proposal)


def _take_up(turn: Turn, proposal: Proposal) -> None:
    """Pursue a proposal again; an entry only if risk still lets it be made."""
    if proposal.purpose == Purpose.ENTRY:
        objection = kept_out(turn, proposal)
        if objection is not None:
            by, place, inputs = objection
            turn.decide(
                Verdict.DECLINED,
                section="entry",
                rule=by,
                place=place,
                symbol=proposal.symbol,
                inputs=inputs,
                effect={"entry": proposal.rule},
                position_id=proposal.position_id,
            )
            give_up(turn, proposal, by)
            return
    pursue(turn, proposal)


def _tune(turn: Turn, symbol: str) -> None:
    bench = turn.bench
    if symbol:
        shadow_tuning(turn, symbol)
    if not bench.rulebook.tuning or not symbol:
        return
    desk = turn.desk(symbol)
    state = turn.state
    turned = tune(
        bench.book.answers,
        bench.book.tuning,
        desk,
        standing=frozenset(state.tuned_by),
        last_ms=state.tuned_last,
    )
    for change in list(turned):
        old, new = change.param.write(change.old), change.param.write(change.new)
        turn.decide(
            Verdict.FIRED,
            section="tuning",
            rule=change.rule.id,
            place=change.rule.place,
            symbol=symbol,
            inputs=change.inputs,
            effect={"param": change.param.name, "old": old, "new": new},
        )
        turn.note(
            Tuned(
                at_ms=turn.now_ms,
                param=change.param.name,
                old=old,
                new=new,
                rule=change.rule.id,
                why=change.rule.when.text,
                back=change.back,
            )
        )
