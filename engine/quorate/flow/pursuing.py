"""Pursue one proposal: coordinate it, check it, and make it an intent, or not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from quorate.contract.decisions import Value, Verdict
from quorate.contract.records import (
    Declined,
    Delayed,
    Intended,
    Leaving,
    Proposal,
)
from quorate.contract.views import Draft
from quorate.flow.book import exit_named
from quorate.flow.closing import write_off
from quorate.flow.desk import FlowDesk
from quorate.flow.events import Send, WakeAt
from quorate.flow.shadowing import shadow_checks, shadow_way
from quorate.flow.switching import switch
from quorate.flow.turn import Turn
from quorate.rulebook.diagnostics import Span
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.rules import CheckRule, Formula, How
from quorate.stages.answers import Moment
from quorate.stages.checks import Finding, Judgement, judge
from quorate.stages.exits import view_position
from quorate.stages.orders import choose, draft_order
from quorate.values.mode import Mode
from quorate.values.numbers import ONE, ZERO
from quorate.values.timeframes import NEVER_MS
from quorate.values.trade import Intent, Position, Purpose, Side

GUARDS = ("rate_limit", "portfolio")
"""What must have passed for every order, whatever else the rules say."""

WEAKEST = "weakest_position"
"""The fact that names the position a reallocation gives up."""


def pursue(turn: Turn, proposal: Proposal) -> None:
    """Take a proposal as far as it gets now: sent, waiting, or declined."""
    switch(turn, proposal.symbol)
    mode, entry = turn.state.mode, proposal.purpose == Purpose.ENTRY
    if mode is Mode.HALTED or (mode is Mode.REDUCE_ONLY and entry):
        effect: dict[str, Value] = {"reason": turn.state.mode_why}
        _decline(turn, proposal, str(mode), None, "mode", effect)
        return
    if proposal.purpose != Purpose.ENTRY:
        amount = min(proposal.amount, turn.state.sellable(proposal.position_id))
        if amount <= ZERO:
            return  # other orders sell it already
        proposal = replace(proposal, amount=amount)
    desk = turn.desk(proposal.symbol)
    way = _way(turn, proposal, desk)
    if way is None:
        _decline(turn, proposal, "no-order-rule", None, "orders", {})
        return
    how, price, moment, rule = way
    try:
        draft = draft_order(
            turn.bench.book.answers, turn.bench.host, proposal, how, moment, price=price
        )
        limits = (
            _whole(turn, how.max_attempts, moment, default=1),
            _whole(turn, how.cancel_after, moment, default=0),
        )
    except Exception as error:  # noqa: BLE001 - a price or a limit that is not known
        _decline(turn, proposal, rule, None, "orders", {"error": str(error)})
        return
    if draft is None:
        _too_small(turn, proposal, rule)
        return
    checks = turn.bench.book.checks[draft.side]
    judgement = judge(turn.bench.book.answers, checks, draft, desk)
    shadow_checks(turn, judgement.draft, proposal.position_id)
    if judgement.finding is not Finding.PASS:
        _rulings(turn, judgement, proposal)
        _stopped(turn, proposal, judgement)
        return
    objection = _object(turn, proposal, judgement, desk)
    if objection is not None:
        by, section, reason = objection
        _rulings(turn, judgement, proposal)
        _decline(turn, proposal, by, None, section, {"reason": reason})
        return
    _intend(turn, proposal, judgement, how, limits)


def _way(
    turn: Turn, proposal: Proposal, desk: FlowDesk
) -> tuple[How, Formula | None, Moment, str] | None:
    """Return how the order is sent, its price, the views and the rule's id."""
    book = turn.bench.book
    if proposal.purpose == Purpose.ENTRY:
        moment = Moment(desk)
        shadow_way(turn, proposal, moment)
        choice = choose(book.answers, book.rulebook.orders, book.orders, moment)
        if choice.rule is None:
            return None
        how = choice.rule.how
        turn.decide(
            Verdict.FIRED,
            section="orders",
            rule=choice.rule.id,
            place=choice.rule.place,
            symbol=proposal.symbol,
            inputs=choice.inputs,
            effect={"type": how.type, "time_in_force": how.time_in_force},
            position_id=proposal.position_id,
        )
        return how, how.limit_price, moment, choice.rule.id
    position = turn.state.positions.get(proposal.position_id)
    price = desk.price(proposal.symbol)
    if position is None or price is None:
        return None
    found = exit_named(turn.bench.exits_of(position), proposal.rule)
    resting = proposal.purpose == Purpose.TAKE_PROFIT
    if found is None or (resting and found[1].rest is None):
        return None  # the resting exit is gone: nothing else may stand in for it
    exits, rule = found
    view = view_position(
        position,
        desk.market,
        price=float(price),
        at_ms=turn.now_ms,
        peak_price=turn.bench.view.peak(position.symbol, position.opened_ms)
        or float(price),
    )
    moment = Moment(turn.desk(position.symbol, exits.rulebook), position=view)
    return rule.how, rule.rest or rule.how.limit_price, moment, rule.id


def _object(
    turn: Turn, proposal: Proposal, judgement: Judgement, desk: FlowDesk
) -> tuple[str, str, str] | None:
    """Return who objects to an order that the checks passed, its section, and why."""
    passed = {
        ruling.rule.guards
        for ruling in judgement.rulings
        if ruling.verdict is Verdict.PASSED
    }
    for guard in GUARDS:
        if guard not in passed:
            return guard, "checks", f"no check guarded the {guard} of this order"
    draft = judgement.draft
    if draft.side is Side.SELL:
        held = turn.state.sellable(proposal.position_id)
        if draft.amount > held:
            return "held", "checks", f"{draft.amount} is more than the {held} held"
    objection = _ask_plugins(turn, draft, desk)
    return None if objection is None else (objection[0], "plugins", objection[1])


def _ask_plugins(turn: Turn, draft: Draft, desk: FlowDesk) -> tuple[str, str] | None:
    """Return the first plugin that objects and why; a crash objects.

    One that was switched off lets nothing be bought any more. It does not keep what is
    held from being sold: a broken plugin must not trap a position.
    """
    host = turn.bench.host
    for answer in host.ask("check", draft=draft, desk=desk):
        if answer.off and draft.side is Side.SELL:
            continue
        if answer.error:
            return answer.plugin, f"the check failed: {answer.error}"
        if answer.value is not None:
            return answer.plugin, str(answer.value)
    return None


def _intend(
    turn: Turn,
    proposal: Proposal,
    judgement: Judgement,
    how: How,
    limits: tuple[int, int],
) -> None:
    """Make the order, with its attempts at most and how long it may rest."""
    draft = judgement.draft
    number = turn.state.orders_made + 1
    client_id = f"{turn.state.run}-{number}"
    allowed_ms = turn.state.order_deadline_ms
    intent = Intent(
        client_id=client_id,
        root_id=proposal.root_id or client_id,
        symbol=draft.symbol,
        venue_symbol=draft.venue_symbol,
        side=draft.side,
        type=how.type,
        time_in_force=how.time_in_force,
        post_only=draft.post_only,
        amount=draft.amount,
        limit_price=draft.limit_price,
        reference_price=draft.reference_price,
        purpose=Purpose(proposal.purpose),
        rule=proposal.rule,
        attempt=proposal.attempt,
        max_attempts=limits[0],
        cancel_after_ms=limits[1],
        position_id=proposal.position_id,
        made_ms=turn.now_ms,
        deadline_ms=turn.now_ms + allowed_ms if allowed_ms else 0,
    )
    _rulings(turn, judgement, proposal, client_id)
    turn.note(
        Intended(at_ms=turn.now_ms, intent=intent, confidence=proposal.confidence)
    )
    turn.act(Send(intent))
    if intent.cancel_after_ms:
        turn.act(WakeAt(turn.now_ms + intent.cancel_after_ms))


def _whole(turn: Turn, formula: Formula | None, moment: Moment, default: int) -> int:
    """Return a whole number that a rule says; raises what evaluating it raises."""
    if formula is None:
        return default
    return max(default, int(turn.bench.book.answers.value(formula, moment)))


def _rulings(
    turn: Turn, judgement: Judgement, proposal: Proposal, client_id: str = ""
) -> None:
    for ruling in judgement.rulings:
        turn.decide(
            ruling.verdict,
            section="checks",
            rule=ruling.rule.id,
            place=ruling.rule.place,
            symbol=proposal.symbol,
            inputs=ruling.inputs,
            effect=ruling.effect,
            client_id=client_id,
            position_id=proposal.position_id,
        )


def _stopped(turn: Turn, proposal: Proposal, judgement: Judgement) -> None:
    """Do what the check that stopped the order wants: wait, reallocate, write off."""
    check = judgement.by
    assert check is not None
    finding = judgement.finding
    limit_ms = judgement.give_up_ms
    # A check without a limit lets it wait for ever.
    give_up_ms = NEVER_MS if limit_ms is None else proposal.since_ms + limit_ms
    if finding is Finding.WRITE_OFF and proposal.purpose == Purpose.EXIT:
        _cannot_be_sold(turn, proposal)
    elif finding is Finding.WAIT and turn.now_ms + judgement.wait_ms <= give_up_ms:
        until_ms = turn.now_ms + judgement.wait_ms
        _delay(turn, proposal, until_ms, give_up_ms, check.id)
    elif finding is Finding.REALLOCATE and turn.now_ms < give_up_ms:
        if _reallocate(turn, proposal.symbol, check) and limit_ms is not None:
            _delay(turn, proposal, give_up_ms, give_up_ms, check.id, for_funds=True)
        else:
            _declined(turn, proposal, check.id)
    else:
        _declined(turn, proposal, check.id)


def _delay(
    turn: Turn,
    proposal: Proposal,
    until_ms: int,
    give_up_ms: int,
    why: str,
    *,
    for_funds: bool = False,
) -> None:
    turn.note(
        Delayed(
            at_ms=turn.now_ms,
            proposal=proposal,
            until_ms=until_ms,
            give_up_ms=give_up_ms,
            why=why,
            for_funds=for_funds,
        )
    )
    turn.act(WakeAt(until_ms))


def _reallocate(turn: Turn, symbol: str, check: CheckRule) -> bool:
    """Let the weakest position leave; return whether there is one that can."""
    moment = Moment(turn.desk(symbol))
    context = turn.bench.book.answers.context([WEAKEST], moment, exact=True)
    position = turn.state.positions.get(str(getattr(context, WEAKEST)))
    if position is None or position.leaving:
        return False
    begin_leaving(turn, position, check.id, ONE, check.place, {WEAKEST: position.id})
    return True


def begin_leaving(
    turn: Turn,
    position: Position,
    rule: str,
    share: Decimal,
    place: Span,
    inputs: dict[str, Value],
    rulebook: Rulebook | None = None,
) -> None:
    """Decide that a position leaves; at the end of the turn it is freed and sold.

    ``rulebook`` has the rule when it is not that of now.
    """
    turn.decide(
        Verdict.FIRED,
        section="exits",
        rule=rule,
        place=place,
        symbol=position.symbol,
        inputs=inputs,
        effect={"sell": str(share)},
        position_id=position.id,
        rulebook=rulebook,
    )
    turn.note(
        Leaving(
            at_ms=turn.now_ms,
            position_id=position.id,
            rule=rule,
            share=share,
        )
    )


def _too_small(turn: Turn, proposal: Proposal, rule: str) -> None:
    if proposal.purpose == Purpose.EXIT:
        _cannot_be_sold(turn, proposal)
    else:
        _decline(turn, proposal, rule, None, "orders", {"reason": "nothing is left"})


def _cannot_be_sold(turn: Turn, proposal: Proposal) -> None:
    """Write a remainder off; a share that is too small alone takes the rest along."""
    everything = turn.state.sellable(proposal.position_id)
    position = turn.state.positions.get(proposal.position_id)
    if proposal.amount < everything:
        pursue(turn, replace(proposal, amount=everything))
    elif position is not None and not position.is_dust:
        effect: dict[str, Value] = {
            "reason": "too small now, but it was worth an order"
        }
        _decline(turn, proposal, "no-dust", None, "orders", effect)
    else:
        write_off(turn, proposal.position_id, proposal.rule)


def _decline(
    turn: Turn,
    proposal: Proposal,
    by: str,
    place: Span | None,
    section: str,
    effect: dict[str, Value],
) -> None:
    turn.decide(
        Verdict.REFUSED,
        section=section,
        rule=by,
        place=place,
        symbol=proposal.symbol,
        effect=effect,
        position_id=proposal.position_id,
    )
    _declined(turn, proposal, by)


def _declined(turn: Turn, proposal: Proposal, by: str) -> None:
    if proposal.purpose == Purpose.TAKE_PROFIT:
        return  # the watched exits stand; there is nothing to undo
    exiting = proposal.purpose != Purpose.ENTRY
    declined = Declined(
        at_ms=turn.now_ms,
        symbol=proposal.symbol,
        rule=proposal.rule,
        by=by,
        stretch_ms=0 if exiting else turn.bench.view.stretch_ms(proposal.symbol),
        position_id=proposal.position_id if exiting else "",
    )
    if not exiting and turn.said_before(declined):
        return
    turn.note(declined)


def give_up(turn: Turn, proposal: Proposal, by: str) -> None:
    """Let go of a proposal that has waited too long."""
    _declined(turn, proposal, by)
