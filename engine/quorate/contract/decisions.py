"""One answer of one rule, with the inputs it used: what ``explain`` reads back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

Value = Decimal | float | int | bool | str | None


class Verdict(StrEnum):
    """What a rule said.

    FIRED: its condition held and it decided something. PASSED / REFUSED: a check.
    ADJUSTED: it changed an order. DECLINED: a candidate entry was not taken.
    DELAYED: wait and look again. NOT_KNOWN: an input was missing or not a number.
    SHADOW: it never acts; ``effect`` says what it ``would`` have done.
    """

    FIRED = "fired"
    PASSED = "passed"
    REFUSED = "refused"
    ADJUSTED = "adjusted"
    DECLINED = "declined"
    DELAYED = "delayed"
    NOT_KNOWN = "not_known"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One rule's answer at one moment.

    ``section`` is the rulebook section ("entry", "checks", ...) or "plugins" for a
    plugin's own check; ``place`` is ``file:line``; ``inputs`` are the names the rule
    mentions and their values; ``effect`` is what followed. ``client_id`` and
    ``position_id`` tie it to the order and position it was about, "" for none.
    ``rulebook`` is the hash of the rules that decided, "" for those in force then.
    """

    at_ms: int
    symbol: str
    section: str
    rule: str
    place: str
    verdict: Verdict
    inputs: Mapping[str, Value] = field(default_factory=dict)
    effect: Mapping[str, Value] = field(default_factory=dict)
    client_id: str = ""
    position_id: str = ""
    rulebook: str = ""
