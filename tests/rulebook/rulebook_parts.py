"""The default rulebook for tests, with parts laid in and taken out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

from quorate.host.host import Host, open_host
from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.economy import Fees, economy
from quorate.rulebook.proving import prove
from quorate.rulebook.rulebook import Reading, Rulebook, Sources, read_rulebook
from quorate.rulebook.table_proof import table_problems

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules"
FEES = Fees(maker=Decimal("0.0025"), taker=Decimal("0.004"))
HOSTILE = Path(__file__).parent / "hostile"


@cache
def bundled_host() -> Host:
    return open_host(installed=False)


def default_files() -> dict[str, str]:
    rules = [path for path in RULES.glob("*.yaml") if ".test." not in path.name]
    return {path.name: path.read_text("utf-8") for path in sorted(rules)}


def read(
    more: Mapping[str, str | bytes] | None = None,
    *,
    overlays: Collection[Mapping[str, str]] = (),
    settings: tuple[tuple[str, str], ...] = (),
    voters: Collection[str] | None = None,
    alone: bool = False,
) -> Reading:
    """Read the default rulebook with ``more`` files laid in, or these ``alone``."""
    files: dict[str, str | bytes] = {} if alone else {**default_files()}
    files |= more or {}
    return read_rulebook(
        Sources(
            rules=tuple((name, as_bytes(files[name])) for name in sorted(files)),
            overlays=tuple(
                tuple((name, text.encode()) for name, text in sorted(overlay.items()))
                for overlay in overlays
            ),
            settings=settings,
        ),
        bundled_host().facts,
        bundled_host().functions,
        voters=voters,
    )


def as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def good(reading: Reading) -> Rulebook:
    assert reading.rulebook is not None, told(reading)
    return reading.rulebook


def told(reading: Reading) -> list[str]:
    return [problem.concise() for problem in reading.problems]


def codes(reading: Reading) -> list[str]:
    return [problem.code for problem in reading.problems]


def only(reading: Reading) -> Problem:
    assert len(reading.problems) == 1, told(reading)
    return reading.problems[0]


def all_problems(reading: Reading) -> list[Problem]:
    """Return the problems of a reading, and what only the whole shows."""
    found = list(reading.problems)
    if reading.rulebook is not None:
        found += prove(reading.rulebook).problems
        found += table_problems(reading.rulebook)
        found += economy(reading.rulebook, FEES)
    return found
