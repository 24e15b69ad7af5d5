"""Read one value of a test, held to the kind, unit and range of its name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import DURATION, Kind
from quorate.rulebook.diagnostics import did_you_mean
from quorate.rulebook.literals import read_quantity, write_quantity
from quorate.rulebook.params import read_value
from quorate.rulebook.windows import read_moment
from quorate.trials.book import Slot


class Misread(Exception):  # noqa: N818 - what happened to the value
    """A value cannot be what it is written for; the message says why.

    ``code`` is the problem's code, ``advice`` what to write instead.
    """

    def __init__(self, code: str, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.advice = advice


def read(raw: Any, key: str, slot: Slot) -> Any:
    """Return a value as the engine holds it; None stays None: it is not known.

    Raises:
        Misread: it has another kind or unit, or is out of range.
    """
    if raw is None:
        return None
    if slot.loose:
        return _loose(raw, key)
    if slot.date:
        return _date(raw, key)
    if slot.many:
        items = raw if isinstance(raw, list) else [raw]
        return tuple(_text(item, key, slot) for item in items)
    if slot.kind is Kind.FLAG:
        if isinstance(raw, bool):
            return raw
        raise Misread("T502", f"`{key}` must be true or false, was {_show(raw)}")
    if slot.kind is Kind.TEXT:
        return _text(raw, key, slot)
    return _in_range(_number(raw, key, slot), key, slot)


def _loose(raw: Any, key: str) -> Any:
    found = read_value(raw)
    if found is not None:
        return found[0]
    raise Misread("T502", f"`{key}` must be a value of a param, was {_show(raw)}")


def _date(raw: Any, key: str) -> Decimal:
    moment_ms = read_moment(raw) if isinstance(raw, str) else None
    if moment_ms is None:
        message = f"`{key}` must be a date, was {_show(raw)}"
        raise Misread("T502", message, "write it like '2026-01-31T12:00Z'")
    return Decimal(moment_ms)


def _text(raw: Any, key: str, slot: Slot) -> str:
    if not isinstance(raw, str):
        raise Misread("T502", f"`{key}` must be a text, was {_show(raw)}")
    if slot.values and raw not in slot.values:
        near = did_you_mean(raw, slot.values)
        advice = f'did you mean "{near}"?' if near else ""
        if not near and len(slot.values) <= 8:
            advice = f"write {' or '.join(slot.values)}"
        raise Misread("T501", f"`{key}` cannot be {_show(raw)}", advice)
    return raw


def _number(raw: Any, key: str, slot: Slot) -> Decimal:
    noun = "number" if slot.unit.time == 0 else str(slot.unit)
    if isinstance(raw, str):
        quantity = read_quantity(raw)
        if quantity is None:
            raise Misread("T502", f"`{key}` must be a {noun}, was {_show(raw)}")
        if quantity[1] != slot.unit:
            message = f"`{key}` is a {slot.unit}, {raw} is a {quantity[1]}"
            raise Misread("T502", message)
        return quantity[0]
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise Misread("T502", f"`{key}` must be a {noun}, was {_show(raw)}")
    if slot.unit == DURATION and raw:
        message = f"`{key}` is a duration without a unit, was {raw}"
        raise Misread("T502", message, f"write {raw}s for seconds")
    return Decimal(raw)


def _in_range(value: Decimal, key: str, slot: Slot) -> Decimal:
    for bound, word in ((slot.low, "least"), (slot.high, "most")):
        outside = bound is not None and (
            value < bound if word == "least" else value > bound
        )
        if bound is not None and outside:
            shown = write(bound, slot)
            raise Misread(
                "T503", f"`{key}` is at {word} {shown}, was {write(value, slot)}"
            )
    return value


def write(value: Any, slot: Slot) -> str:
    """Return a value as a test writes it."""
    if value is None:
        return "not known" if not slot.many else "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, float):
        value = Decimal(f"{value:.12g}")
    if isinstance(value, int | Decimal):
        if slot.unit == DURATION:
            return write_quantity(Decimal(value), DURATION)
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def _show(raw: object) -> str:
    if isinstance(raw, dict | list):
        return "a mapping" if isinstance(raw, dict) else "a list"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return repr(raw) if isinstance(raw, str) else str(raw)
