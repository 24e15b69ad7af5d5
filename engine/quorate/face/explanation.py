"""What an explanation says: steps, each with its rule, its inputs and the margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quorate.contract.decisions import Value
from quorate.face.figures import json_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be explained.

    ``kind`` is order, position or moment; ``name`` is the id, or the text asked for.
    A moment is the stretch of ``symbol`` from ``at_ms`` to before ``until_ms``.
    """

    kind: str
    name: str
    symbol: str = ""
    at_ms: int = 0
    until_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One expression of a rule as written, and by how much it passed or failed.

    ``holds`` is None when the recorded inputs cannot tell.
    """

    part: str
    text: str
    margin: str
    holds: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteCast:
    """One voter's score (None: abstained) and weight (None: not known any more)."""

    voter: str
    score: float | None
    weight: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened, or one rule's answer.

    ``inputs`` are as recorded, ``told`` the same values in units people read.
    ``decision`` names a rule's answer, for ``quorate explain d12``.
    """

    at_ms: int
    what: str
    verdict: str = ""
    section: str = ""
    rule: str = ""
    place: str = ""
    conditions: tuple[Condition, ...] = ()
    inputs: Mapping[str, Value] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    effect: Mapping[str, str] = field(default_factory=dict)
    votes: tuple[VoteCast, ...] = ()
    decision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer: what it is about, in a line or two, and how it came about."""

    subject: Subject
    title: str
    summary: tuple[str, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


def as_dict(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON values; times stand as ms and as ISO text."""
    plain: dict[str, Any] = json_value(explanation)
    return plain
