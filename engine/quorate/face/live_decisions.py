"""A decision of a live run as one line: when, where, which rule, what follows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from typing import TypeGuard

from quorate.contract.decisions import Decision, Value, Verdict
from quorate.face import text
from quorate.values.numbers import exact


def decision_line(decision: Decision) -> str:
    """Return a decision as one line, its numbers in the units that people read."""
    about = " ".join(filter(None, (decision.position_id, decision.client_id)))
    told = ", ".join(_effects(decision))
    line = f"{text.moment(decision.at_ms)} {decision.symbol} {_said(decision)}"
    return f"{line}{f' ({told})' if told else ''}{f' {about}' if about else ''}"


def answer(decision: Decision) -> str:
    """Return what a rule said and what follows, as ``fired (sell 50%)``."""
    told = ", ".join(_effects(decision))
    verdict = decision.verdict.value.replace("_", " ")
    return f"{verdict} ({told})" if told else verdict


def _said(decision: Decision) -> str:
    if decision.section == "errors":
        error = decision.inputs.get("error", "no reason given")
        if decision.verdict is Verdict.NOT_KNOWN:
            return f"errors: no rule matches {error}"
        return f"errors {decision.rule}: matches {error}"
    verdict = decision.verdict.value.replace("_", " ")
    return f"{decision.section} {decision.rule}: {verdict}"


def _effects(decision: Decision) -> Iterator[str]:
    """Yield what follows, in words; amounts of 0 say nothing."""
    effect = decision.effect
    base, _, quote = decision.symbol.partition("/")
    if decision.section == "errors":
        yield _another_attempt(decision)
        return
    for name, value in effect.items():
        if name in ("quote_amount", "amount", "was") and _is_number(value):
            if not value:
                continue
            number = exact(value)
            if name == "quote_amount":
                yield text.money(number, quote)
            else:
                before = "was " if name == "was" else ""
                yield f"{before}{text.price(number)} {base}".rstrip()
        elif name == "sell":
            yield f"sell {text.share(Decimal(str(value)))}"
        else:
            yield f"{name.removesuffix('_ms').replace('_', ' ')} {_value(name, value)}"


def _another_attempt(decision: Decision) -> str:
    if not decision.effect.get("retry"):
        return "no other attempt"
    wait_ms = decision.effect.get("wait_ms") or 0
    after = f" after {_value('wait_ms', wait_ms)}" if wait_ms else " at once"
    return f"another attempt{after}"


def _value(name: str, value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not _is_number(value):
        return "not known" if value is None else str(value)
    if name.endswith("_ms"):
        return text.duration(exact(value))
    return text.price(exact(value))


def _is_number(value: Value) -> TypeGuard[Decimal | float | int]:
    return isinstance(value, Decimal | float | int) and isfinite(value)
