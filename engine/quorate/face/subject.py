"""What a user asks about: an order, a position, or a symbol at a time."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from quorate.contract.records import Intended, Started
from quorate.errors import QuorateError
from quorate.face import text as write
from quorate.face.explanation import Subject
from quorate.journal.journal import Journal

_POSITION = re.compile(r"p\d+")
_EPOCH = re.compile(r"\d{11,}")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?)?"
    r"(Z|[+-]\d\d:\d\d)?"
)
_HOW = (
    "An order reads RUN-12, a position p12, a moment BTC/USD@2022-01-05T10:15. "
    "`quorate report` shows what is in a journal"
)


def find_subject(journal: Journal, text: str) -> Subject:
    """Return what ``text`` names in this journal.

    Raises:
        QuorateError: it names nothing; the message says what would.
    """
    asked = text.strip()
    if "@" in asked:
        return _moment(journal, asked)
    orders: dict[str, str] = {}
    for record in journal.records():
        if isinstance(record, Intended):
            orders[record.intent.client_id] = record.intent.position_id
    positions = list(dict.fromkeys(orders.values()))
    if asked in orders:
        return Subject(kind="order", name=asked)
    if asked in positions:
        return Subject(kind="position", name=asked)
    raise QuorateError(_unknown(asked, list(orders), positions))


def _unknown(asked: str, orders: Sequence[str], positions: Sequence[str]) -> str:
    if not orders:
        return f"there is no {asked!r}: this journal holds no order at all. {_HOW}"
    if _POSITION.fullmatch(asked):
        kind, ids = "position", positions
        near = _near_number(asked, positions)
    else:
        kind, ids = "order or position", [*orders, *positions]
        near = difflib.get_close_matches(asked, ids, n=3, cutoff=0.5)
    hint = f"; the nearest are {', '.join(near)}" if near else ""
    have = (
        f"orders run from {orders[0]} to {orders[-1]}, "
        f"positions from {positions[0]} to {positions[-1]}"
    )
    return f"there is no {kind} {asked!r} in this journal{hint}: {have}. {_HOW}"


def _near_number(asked: str, positions: Iterable[str]) -> list[str]:
    wanted = int(asked[1:])
    numbered = [name for name in positions if _POSITION.fullmatch(name)]
    nearest = sorted(numbered, key=lambda name: abs(int(name[1:]) - wanted))[:3]
    return sorted(nearest, key=lambda name: int(name[1:]))


def _moment(journal: Journal, asked: str) -> Subject:
    name, _, when = asked.partition("@")
    symbols = _symbols(journal)
    symbol = name.strip().upper()
    if symbol not in symbols:
        known = ", ".join(symbols) or "none"
        raise QuorateError(f"this journal does not trade {name!r}; it trades {known}")
    at_ms, until_ms = read_time(when.strip())
    return Subject(
        kind="moment", name=asked, symbol=symbol, at_ms=at_ms, until_ms=until_ms
    )


def _symbols(journal: Journal) -> list[str]:
    symbols: dict[str, None] = {}
    for record in journal.records():
        if not isinstance(record, Started):
            break
        symbols.update(dict.fromkeys(market.symbol for market in record.markets))
    return list(symbols)


def read_time(asked: str) -> tuple[int, int]:
    """Return a time's first millisecond and the first one after: as exact as written.

    A date is a whole day, minutes are a minute, seconds a second; UTC unless it has
    an offset. Eleven digits or more are milliseconds since 1970.

    Raises:
        QuorateError: it is not a time.
    """
    if _EPOCH.fullmatch(asked):
        return int(asked), int(asked) + 1
    match = _TIME.fullmatch(asked)
    try:
        if match is None:
            raise ValueError(asked)
        date, minute, second, fraction, offset = match.groups()
        zone = "+00:00" if offset in (None, "Z") else offset
        clock = f"{minute or '00:00'}:{second or '00'}"
        when = datetime.fromisoformat(f"{date}T{clock}{zone}").astimezone(UTC)
    except ValueError:
        raise QuorateError(
            f"{asked!r} is not a time; write 2022-01-05T10:15, 2022-01-05 or "
            f"1641377700000, for example BTC/USD@{write.time(1_641_377_700_000)}"
        ) from None
    at_ms = round(when.timestamp()) * 1000 + int((fraction or "0").ljust(3, "0"))
    if fraction:
        return at_ms, at_ms + 1
    span_ms = 1_000 if second else 60_000 if minute else 86_400_000
    return at_ms, at_ms + span_ms
