"""The error resolver: knows the venue's errors, and how often each was seen.

What an error means and what follows from it stands in the error rules; here is what
such a rule may look at besides the error text.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from decimal import Decimal
from typing import Any

from quorate import (
    Desk,
    ErrorSeen,
    Fact,
    FaultView,
    Kind,
    Stage,
    hookimpl,
)

ZERO = Decimal(0)
ONE = Decimal(1)
# Some venues put a number that always differs into the text: old texts must go.
TEXTS_KEPT = 500


@hookimpl
def remember(memory: MutableMapping[str, Any], record: ErrorSeen) -> None:
    """Count each error text, and the errors that no rule matched."""
    seen = memory.setdefault("seen", {})
    # Taken out and put back, so that the dict runs from longest unseen to latest.
    seen[record.error] = seen.pop(record.error, 0) + 1
    if len(seen) > TEXTS_KEPT:
        del seen[next(iter(seen))]
    if not record.rule:
        memory["unmatched"] = memory.get("unmatched", 0) + 1


def times_seen(view: FaultView) -> int:
    """Return how often this very error text was seen before."""
    return int(view.desk.recall("error_resolver").get("seen", {}).get(view.error, 0))


def unmatched_errors(desk: Desk) -> int:
    """Return how many errors no rule matched."""
    return int(desk.recall("error_resolver").get("unmatched", 0))


FACTS = [
    Fact(
        name="error",
        stage=Stage.FAULT,
        kind=Kind.TEXT,
        help="the venue's error text, as it came",
        compute=lambda view: view.error,
    ),
    Fact(
        name="attempts",
        stage=Stage.FAULT,
        low=ONE,
        help="attempts made at this order so far, the refused one included",
        compute=lambda view: view.order.intent.attempt,
    ),
    Fact(
        name="times_seen",
        stage=Stage.FAULT,
        low=ZERO,
        help="how often this very error text was seen before",
        compute=times_seen,
    ),
    Fact(
        name="unmatched_errors",
        stage=Stage.ACCOUNT,
        low=ZERO,
        help="errors of the venue that no rule matched",
        compute=unmatched_errors,
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of a refused order and of the errors seen."""
    return FACTS
