"""Shadow rules: looked at beside the live ones and put on record, never acting.

Whatever is said here is a decision with the verdict ``shadow``, whose effect tells what
the rule would have done. A watched rule says so once: for a position, for a stretch of
candles, or for the run. No order, no mode and no param depends on any of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from quorate.contract.decisions import Value, Verdict
from quorate.contract.records import Proposal, Shadowed
from quorate.contract.views import Draft, OrderView
from quorate.flow.shadows import unsaid
from quorate.flow.turn import Turn, symbol_of
from quorate.rulebook.rules import CheckRule, Formula, Headed
from quorate.stages.answers import Conditions, Moment
from quorate.stages.checks import judge_alone
from quorate.stages.exits import view_position
from quorate.stages.faults import resolve
from quorate.stages.orders import choose
from quorate.stages.tuning import Turned, tune
from quorate.values.mode import Mode
from quorate.values.trade import Order, Position

PROFIT = "net_profit"
"""The fact that says what a position would have gained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a shadow rule would have done, and to what."""

    section: str
    rule: Headed
    symbol: str
    inputs: Mapping[str, Value]
    effect: Mapping[str, Value]
    position_id: str = ""
    client_id: str = ""


def say(turn: Turn, said: Said, about: str | None = None, since_ms: int = 0) -> None:
    """Record what a shadow rule would have done; with ``about`` never again for it."""
    turn.decide(
        Verdict.SHADOW,
        section=said.section,
        rule=said.rule.id,
        place=said.rule.place,
        symbol=said.symbol,
        inputs=said.inputs,
        effect=said.effect,
        client_id=said.client_id,
        position_id=said.position_id,
    )
    if about is not None:
        turn.note(
            Shadowed(
                at_ms=turn.now_ms, rule=said.rule.id, about=about, since_ms=since_ms
            )
        )


def _holding(
    turn: Turn, conditions: Conditions, moment: Moment
) -> Iterable[tuple[Any, dict[str, Value]]]:
    """Yield the rules whose condition holds, with the inputs it used."""
    answers = turn.bench.book.answers
    context = answers.context(conditions.reads, moment, exact=conditions.exact)
    mask, _ = conditions.evaluate(context)
    for bit, (rule, part) in enumerate(conditions.keys):
        if mask >> bit & 1:
            yield rule, answers.inputs(getattr(rule, part), context)


def shadow_exits(turn: Turn, symbol: str) -> None:
    """Say of each open position, once, when a shadow exit would have let it leave."""
    exits = turn.bench.book.shadows.exits
    if not exits.keys or turn.state.mode is Mode.HALTED:
        return
    for position in list(turn.state.held_in.get(symbol, {}).values()):
        waits = position.leaving or not position.bought
        if not waits and unsaid(turn.state, exits, position.id):
            _shadow_exit(turn, exits, position)


def _shadow_exit(turn: Turn, exits: Conditions, position: Position) -> None:
    view, desk = turn.bench.view, turn.desk(position.symbol)
    price = view.price(position.symbol)
    if price is None:
        return
    seen = view_position(
        position,
        desk.market,
        price=price,
        at_ms=turn.now_ms,
        peak_price=view.peak(position.symbol, position.opened_ms) or price,
    )
    moment = Moment(desk, position=seen)
    for rule, inputs in _holding(turn, exits, moment):
        if (rule.id, position.id) in turn.state.shadowed:
            continue
        effect: dict[str, Value] = {"would": "leave"}
        if PROFIT in turn.bench.rulebook.facts:
            context = turn.bench.book.answers.context([PROFIT], moment, exact=False)
            effect[PROFIT] = getattr(context, PROFIT)
        said = Said(
            section="exits",
            rule=rule,
            symbol=position.symbol,
            inputs=inputs,
            effect=effect,
            position_id=position.id,
        )
        say(turn, said, position.id)


def shadow_entry(turn: Turn, symbol: str) -> None:
    """Say once in each stretch of candles that a shadow entry would have proposed."""
    entry = turn.bench.book.shadows.entry
    if not entry.keys:
        return
    since_ms = turn.bench.view.shadow_stretch_ms(symbol)
    if not since_ms or not unsaid(turn.state, entry, symbol, since_ms):
        return
    moment = Moment(turn.desk(symbol))
    for rule, inputs in _holding(turn, entry, moment):
        if turn.state.shadowed.get((rule.id, symbol)) == since_ms:
            continue
        effect: dict[str, Value] = {"would": "propose"}
        for name in ("quote_amount", "amount"):
            effect |= _worked_out(turn, name, getattr(rule, name), moment)
        said = Said(
            section="entry", rule=rule, symbol=symbol, inputs=inputs, effect=effect
        )
        say(turn, said, symbol, since_ms)


def _worked_out(
    turn: Turn, name: str, formula: Formula | None, moment: Moment
) -> dict[str, Value]:
    if formula is None:
        return {}
    try:
        return {name: turn.bench.book.answers.value(formula, moment)}
    except Exception:  # noqa: BLE001 - not known
        return {name: None}


def shadow_vetoes(turn: Turn, symbol: str, entry: str, position_id: str) -> None:
    """Say which shadow vetoes would have kept out an entry that was proposed."""
    vetoes = turn.bench.book.shadows.vetoes
    if not vetoes.keys:
        return
    for rule, inputs in _holding(turn, vetoes, Moment(turn.desk(symbol))):
        effect: dict[str, Value] = {"would": "decline", "entry": entry}
        said = Said(
            section="votes",
            rule=rule,
            symbol=symbol,
            inputs=inputs,
            effect=effect,
            position_id=position_id,
        )
        say(turn, said)


def shadow_way(turn: Turn, proposal: Proposal, moment: Moment) -> None:
    """Say which shadow order rule would have said how an entry is sent."""
    shadows = turn.bench.book.shadows
    rules = shadows.orders.rules
    if not rules:
        return
    choice = choose(turn.bench.book.answers, rules, shadows.orders, moment)
    if choice.rule is None:
        return
    how = choice.rule.how
    said = Said(
        section="orders",
        rule=choice.rule,
        symbol=proposal.symbol,
        inputs=choice.inputs,
        effect={
            "would": "send",
            "type": how.type,
            "time_in_force": how.time_in_force,
        },
        position_id=proposal.position_id,
    )
    say(turn, said)


def shadow_checks(turn: Turn, draft: Draft, position_id: str) -> None:
    """Say what the shadow checks would have made of an order, each on its own."""
    checks: tuple[CheckRule, ...] = turn.bench.book.shadows.checks.get(draft.side, ())
    if not checks:
        return
    desk = turn.desk(draft.symbol)
    moment = Moment(desk, order=OrderView(desk, draft))
    for rule in checks:
        found = judge_alone(turn.bench.book.answers, rule, moment)
        if found is None:
            continue
        said = Said(
            section="checks",
            rule=rule,
            symbol=draft.symbol,
            inputs=found.inputs,
            effect={"would": found.verdict.value, **found.effect},
            position_id=position_id,
        )
        say(turn, said)


def shadow_errors(turn: Turn, order: Order) -> None:
    """Say which shadow error rules would have resolved a refusal."""
    rules, desk = turn.bench.book.shadows.errors, turn.desk(order.intent.symbol)
    for error in order.errors if rules else ():
        found = resolve(turn.bench.book.answers, rules, order, error, desk)
        if found.rule is None:
            continue
        said = Said(
            section="errors",
            rule=found.rule,
            symbol=order.intent.symbol,
            inputs=found.inputs or {},
            effect={"would": "retry" if found.retry else "give up"},
            position_id=order.intent.position_id,
            client_id=order.intent.client_id,
        )
        say(turn, said)


def shadow_tuning(turn: Turn, symbol: str) -> None:
    """Say once when a shadow tuning rule would have turned a param."""
    book = turn.bench.book
    tuning = book.shadows.tuning
    if not tuning.keys or not unsaid(turn.state, tuning, ""):
        return
    turned = tune(
        book.answers, tuning, turn.desk(symbol), standing=frozenset(), last_ms={}
    )
    new: dict[str, dict[str, Value]] = {}
    first: dict[str, Turned] = {}
    for change in turned:
        if (change.rule.id, "") not in turn.state.shadowed:
            first.setdefault(change.rule.id, change)
            told = new.setdefault(change.rule.id, {"would": "turn"})
            told[change.param.name] = change.param.write(change.new)
    for name, change in first.items():
        said = Said(
            section="tuning",
            rule=change.rule,
            symbol=symbol,
            inputs=change.inputs,
            effect=new[name],
        )
        say(turn, said, "")


def shadow_switches(turn: Turn) -> None:
    """Say once when a shadow kill switch would have fired, after what was recorded."""
    switches = turn.bench.book.shadows.switches
    if not switches.keys or not unsaid(turn.state, switches, ""):
        return
    happened = [one for one in turn.outcome.records if not isinstance(one, Shadowed)]
    for symbol in dict.fromkeys(symbol_of(turn.state, one) for one in happened):
        if symbol not in turn.state.markets:
            continue
        for rule, inputs in _holding(turn, switches, Moment(turn.desk(symbol))):
            if (rule.id, "") in turn.state.shadowed:
                continue
            effect: dict[str, Value] = {"would": "switch", "mode": rule.mode.value}
            said = Said(
                section="switches",
                rule=rule,
                symbol=symbol,
                inputs=inputs,
                effect=effect,
            )
            say(turn, said, "")
