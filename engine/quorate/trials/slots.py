"""What a test of each section may give, and what it may expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from quorate.contract.vocabulary import (
    AMOUNT,
    DURATION,
    MONEY,
    PRICE,
    Fact,
    Kind,
    Stage,
)
from quorate.rulebook.cross import formulas
from quorate.rulebook.params import Param
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.sections import STAGES
from quorate.rulebook.terms import Call
from quorate.stages.checks import Finding
from quorate.trials.book import NONE, Slot
from quorate.values.mode import Mode
from quorate.values.trade import OrderType, Purpose, Side, TimeInForce

SECTIONS = (*STAGES, "params", "symbols")
"""The sections that can be tested; ``vetoes`` are the votes of risk."""

_ZERO = Decimal(0)
_FLAG, _TEXT = Slot(kind=Kind.FLAG), Slot(kind=Kind.TEXT)
_NUMBER = Slot()
_PRICE, _AMOUNT = Slot(unit=PRICE), Slot(unit=AMOUNT)
_TIME = Slot(unit=DURATION)


def _words(*values: str) -> Slot:
    return Slot(kind=Kind.TEXT, values=values)


MARKET: Mapping[str, Slot] = {
    "market.price_step": Slot(unit=PRICE, low=_ZERO),
    "market.amount_step": Slot(unit=AMOUNT, low=_ZERO),
    "market.min_amount": Slot(unit=AMOUNT, low=_ZERO),
    "market.min_cost": Slot(unit=MONEY, low=_ZERO),
    "market.maker_fee": Slot(low=_ZERO, high=Decimal(1)),
    "market.taker_fee": Slot(low=_ZERO, high=Decimal(1)),
}

_DRAFT: Mapping[str, Slot] = {
    "side": _words(*(side.value for side in Side)),
    "purpose": _words(*(purpose.value for purpose in Purpose)),
    "amount": Slot(unit=AMOUNT, low=_ZERO),
    "limit_price": Slot(unit=PRICE, low=_ZERO),
    "reference_price": Slot(unit=PRICE, low=_ZERO),
    "attempt": Slot(low=Decimal(1)),
}

_HOW: Mapping[str, Slot] = {
    "type": _words(*(kind.value for kind in OrderType)),
    "time_in_force": _words(*(kind.value for kind in TimeInForce)),
    "post_only": _FLAG,
    "limit_price": _PRICE,
    "cancel_after": _TIME,
    "max_attempts": _NUMBER,
}


def given_slots(section: str, rulebook: Rulebook) -> dict[str, Slot]:
    """Return every name that a test of ``section`` may give a value to."""
    if section == "params":
        names = tuple(rulebook.params.by_name)
        return {"param": _words(*names), "symbol": _TEXT}
    if section == "symbols":
        return {"symbol": _TEXT}
    slots = {"symbol": _TEXT, **MARKET}
    stages = STAGES[section]
    for fact in rulebook.facts.values():
        if fact.stage in stages:
            slots[fact.name] = _of_fact(fact)
    for call in calls(rulebook):
        slots[bare(call.text)] = Slot(unit=call.unit)
    for param in rulebook.params.by_name.values():
        slots[param.name] = of_param(param)
    if Stage.ACCOUNT in stages:
        slots["now"] = Slot(date=True)
    if Stage.ORDER in stages:
        slots.update(_DRAFT)
    return slots | _own(section, rulebook)


def _own(section: str, rulebook: Rulebook) -> dict[str, Slot]:
    """Return what only tests of one section give."""
    if section == "votes":
        return _one_vote(rulebook)
    if section == "errors":
        return {"error": _TEXT}
    if section == "exits":
        sold = Slot(kind=Kind.TEXT, values=_ids(rulebook, "exits"), many=True)
        price = Slot(unit=PRICE, low=_ZERO)
        return {"price": price, "unit_cost": price, "sold": sold}
    if section == "tuning":
        ids = _ids(rulebook, "tuning")
        standing = Slot(kind=Kind.TEXT, values=ids, many=True)
        return {"standing": standing} | {
            f"turned.{name}": Slot(unit=DURATION, low=_ZERO) for name in ids
        }
    return {}


def _one_vote(rulebook: Rulebook) -> dict[str, Slot]:
    """Return what is given to a single vote: its own names, and calls by their text."""
    scored = [rule for rule in rulebook.votes if rule.score is not None]
    slots = {"vote": _words(*(rule.id for rule in scored))}
    for rule in scored:
        for name, formula in rule.lets:
            shape = formula.expression
            slots.setdefault(name, Slot(kind=shape.kind, unit=shape.unit))
        for part in (rule.when, rule.score):
            for call in part.expression.calls if part else ():
                slots[bare(call.text)] = Slot(unit=call.unit)
    return slots


def expected_slots(section: str, rulebook: Rulebook) -> dict[str, Slot]:
    """Return everything that a test of ``section`` may expect."""
    if section == "votes":
        return _votes(rulebook)
    if section == "params":
        loose = Slot(loose=True)
        return {"value": loose, "min": loose, "max": loose}
    if section == "symbols":
        matches = tuple(one.match for one in rulebook.symbols)
        return {"means": _TEXT, "alias": _words(*matches, NONE)}
    ids = _ids(rulebook, "votes" if section == "vetoes" else section)
    one = _words(*ids, NONE)
    many = Slot(kind=Kind.TEXT, values=ids, many=True)
    return _OUTCOMES[section](rulebook, one, many)


def _votes(rulebook: Rulebook) -> dict[str, Slot]:
    scored = [rule.id for rule in rulebook.votes if rule.score is not None]
    slots = {"score": _NUMBER} | {f"scores.{name}": _NUMBER for name in scored}
    for rule in rulebook.votes:
        for name, formula in rule.lets:
            shape = formula.expression
            slots[f"let.{name}"] = Slot(kind=shape.kind, unit=shape.unit)
    for fact in rulebook.facts.values():
        if fact.stage is Stage.QUORUM:
            slots[fact.name] = _of_fact(fact)
    return slots


def _vetoes(_rulebook: Rulebook, _one: Slot, many: Slot) -> dict[str, Slot]:
    return {"vetoed": many, "unknown": many, "risk_approved": _FLAG}


def _entry(_rulebook: Rulebook, one: Slot, many: Slot) -> dict[str, Slot]:
    money = Slot(unit=MONEY)
    return {"fires": one, "quote_amount": money, "amount": _AMOUNT, "unknown": many}


def _checks(_rulebook: Rulebook, one: Slot, many: Slot) -> dict[str, Slot]:
    return {
        "finding": _words(*(finding.value for finding in Finding)),
        "by": one,
        "known": _FLAG,
        "amount": _AMOUNT,
        "adjusted": many,
        "passed": many,
        "wait": _TIME,
        "give_up_after": _TIME,
    }


def _orders(_rulebook: Rulebook, one: Slot, many: Slot) -> dict[str, Slot]:
    return {"fires": one, "unknown": many} | dict(_HOW)


def _errors(_rulebook: Rulebook, one: Slot, _many: Slot) -> dict[str, Slot]:
    return {
        "fires": one,
        "retry": _FLAG,
        "wait": _TIME,
        "amount": _AMOUNT,
        "learn": _words("minimum", NONE),
        "stop": _words("symbol", "all", NONE),
        "stop_for": _TIME,
    }


def _exits(rulebook: Rulebook, one: Slot, many: Slot) -> dict[str, Slot]:
    slots = {"fires": one, "sell": _NUMBER, "unknown": many} | dict(_HOW)
    slots |= {"step": Slot(low=Decimal(1)), "after": _TIME}
    for rule in rulebook.exits:
        if rule.rest is not None:
            slots[f"rests.{rule.id}"] = _PRICE
            slots[f"sells.{rule.id}"] = _NUMBER
    return slots


def _tuning(rulebook: Rulebook, _one: Slot, many: Slot) -> dict[str, Slot]:
    slots = {"fires": many, "back": many}
    for param in rulebook.params.by_name.values():
        slots[f"sets.{param.name}"] = of_param(param)
    return slots


def _switches(_rulebook: Rulebook, _one: Slot, many: Slot) -> dict[str, Slot]:
    modes = _words(*(mode.value for mode in Mode))
    return {"fires": many, "unknown": many, "mode": modes}


_OUTCOMES: Mapping[str, Callable[[Rulebook, Slot, Slot], dict[str, Slot]]] = {
    "vetoes": _vetoes,
    "entry": _entry,
    "checks": _checks,
    "orders": _orders,
    "errors": _errors,
    "exits": _exits,
    "tuning": _tuning,
    "switches": _switches,
}


def calls(rulebook: Rulebook) -> Iterator[Call]:
    """Yield the indicator calls that rules outside of votes read as columns."""
    for section in ("entry", "checks", "orders", "errors", "exits"):
        for rule in getattr(rulebook, section):
            for formula in formulas(rule):
                yield from formula.expression.calls


def bare(text: str) -> str:
    """Return the text of a call without its blanks: one call is written many ways."""
    return text.replace(" ", "")


def _ids(rulebook: Rulebook, section: str) -> tuple[str, ...]:
    return tuple(rule.id for rule in getattr(rulebook, section))


def _of_fact(fact: Fact) -> Slot:
    return Slot(
        kind=fact.kind,
        unit=fact.unit,
        values=fact.values,
        low=fact.low,
        high=fact.high,
    )


def of_param(param: Param) -> Slot:
    """Return what a value of a param must be."""
    return Slot(kind=param.kind, unit=param.unit, low=param.low, high=param.high)


def unit_of_series(slot: Slot) -> bool:
    """Return whether a slot's values can be written as a series."""
    return slot.kind is Kind.NUMBER and not slot.many and not slot.loose
