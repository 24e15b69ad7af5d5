"""The ``exchange`` section of quorate.yaml: what no schema can say, and its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import DURATION
from quorate.drivers.keys import flaw_of
from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.literals import read_quantity, write_quantity
from quorate.rulebook.nodes import Path
from quorate.rulebook.shape import source_line
from quorate.rulebook.text import Document

DURATIONS = {
    "deadline": "5s",
    "clock_margin": "2s",
    "stale_after": "30s",
    "dead_man_switch": "",
}
"""The durations of the section, and what they are when left out."""

LONGEST_MS = 86_400_000
_RANGES = {
    "deadline": (2_000, 60_000),
    "clock_margin": (1_000, 60_000),
    "stale_after": (1_000, LONGEST_MS),
    "dead_man_switch": (15_000, LONGEST_MS),
}
_SYMBOL = re.compile(r"[A-Z0-9]+/[A-Z0-9]+")
_CREDENTIAL = re.compile(
    r"api-?_?key|api-?_?sign|secret|password|passphrase|private-?_?key|two-?fa|"
    r"authorization|^uid$|^login$|^token$",
    re.IGNORECASE,
)


def exchange_problems(document: Document) -> list[Problem]:
    """Return what is wrong in the section beyond its shape, each with its place."""
    section = document.value.get("exchange")
    if not isinstance(section, dict):
        return []
    return [
        *_durations(document, section),
        *_symbols(document, section),
        *_keys(document, section),
        *_credentials(document, ("exchange", "ccxt"), section.get("ccxt")),
    ]


def resolve_exchange(section: Mapping[str, Any], tier: str) -> dict[str, Any]:
    """Return the section with durations in ms and what was left out filled in.

    What stands under ``ccxt`` and ``adapter`` stays as it is written. ``tier`` is the
    workspace's. Nothing for no section.
    """
    if not section:
        return {}
    durations = {}
    for name, default in DURATIONS.items():
        quantity = read_quantity(str(section.get(name, default)))
        durations[name] = int(quantity[0]) if quantity else 0
    return {
        "name": section["name"],
        "tier": section.get("tier", tier),
        "symbols": tuple(section["symbols"]),
        "keys": section.get("keys", ""),
        "aliases": dict(section.get("aliases", {})),
        "feed": section.get("feed", "websocket"),
        "pace": _plain(section.get("pace", 1)),
        "adapter": dict(section.get("adapter", {})),
        "ccxt": _plain(section.get("ccxt", {})),
        **durations,
    }


def _plain(value: Any) -> Any:
    """Return a value with the number types that ccxt knows: int and float."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _durations(document: Document, section: Mapping[str, Any]) -> Iterator[Problem]:
    for name, (least, most) in _RANGES.items():
        said = section.get(name)
        if not isinstance(said, str):
            continue
        quantity = read_quantity(said)
        path = ("exchange", name)
        if quantity is None or quantity[1] != DURATION:
            message = f"`{name}` must be a duration such as 5s or 500ms, was {said!r}"
            yield _problem(document, "S203", message, path)
        elif not least <= quantity[0] <= most:
            low, high = (
                write_quantity(Decimal(one), DURATION) for one in (least, most)
            )
            message = f"`{name}` must be from {low} to {high}, was {said}"
            yield _problem(document, "S205", message, path)


def _symbols(document: Document, section: Mapping[str, Any]) -> Iterator[Problem]:
    symbols = section.get("symbols")
    seen: set[str] = set()
    for index, symbol in enumerate(symbols if isinstance(symbols, list) else ()):
        if not isinstance(symbol, str):
            continue
        path = ("exchange", "symbols", index)
        if not _SYMBOL.fullmatch(symbol):
            message = f"a symbol reads BASE/QUOTE, such as BTC/USD; was {symbol!r}"
            yield _problem(document, "S206", message, path)
        elif symbol in seen:
            yield _problem(document, "S206", f"{symbol} is listed twice", path)
        seen.add(symbol)


def _keys(document: Document, section: Mapping[str, Any]) -> Iterator[Problem]:
    said = section.get("keys")
    flaw = flaw_of(said) if isinstance(said, str) else ""
    if flaw:
        # Without the source line: it may be the key.
        yield Problem("S206", f"`keys` {flaw}", document.span(("exchange", "keys")))


def _credentials(document: Document, path: Path, value: Any) -> Iterator[Problem]:
    """Yield every place in ``value``, what ccxt is given, that names or shows a key."""
    items: Any = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        place = (*path, key)
        yield from _credentials(document, place, item)
        if not isinstance(key, str):
            continue
        if isinstance(item, str) and _CREDENTIAL.search(key):
            # Without the source line: it may hold the key.
            message = (
                f"`{key}` cannot be set here: keys never stand in this file; say where "
                f"they are with `keys`"
            )
            yield Problem("S206", message, document.span(place))
        elif key == "verbose" and item:
            message = "`verbose` cannot be set: ccxt would print keys"
            yield _problem(document, "S206", message, place)


def _problem(document: Document, code: str, message: str, path: Path) -> Problem:
    span = document.span(path)
    return Problem(code, message, span, source=source_line(document, span))
