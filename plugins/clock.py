"""The clock assistant: knows when an event happened, in UTC.

It reads the moment of the event and no clock, so that a replay sees the same hours.
Only ``% // +`` here: the same line then holds for one moment and for an array of them.
"""

from __future__ import annotations

from decimal import Decimal

from quorate import DURATION, Desk, Fact, Moves, Stage, hookimpl

DAY_MS = 86_400_000
THURSDAY = 4  # 1 January 1970 was one


def weekday(desk: Desk) -> int:
    """Return the day of the week, 1 for Monday to 7 for Sunday."""
    return (desk.now_ms // DAY_MS + THURSDAY - 1) % 7 + 1


def time_of_day(desk: Desk) -> int:
    """Return the time since midnight, in milliseconds."""
    return desk.now_ms % DAY_MS


def unix_time(desk: Desk) -> int:
    """Return the time since 1 January 1970, in milliseconds."""
    return desk.now_ms


FACTS = [
    Fact(
        name="weekday",
        stage=Stage.ACCOUNT,
        low=Decimal(1),
        high=Decimal(7),
        moves=Moves.TIME,
        help="day of the week in UTC, 1 for Monday to 7 for Sunday",
        compute=weekday,
    ),
    Fact(
        name="time_of_day",
        stage=Stage.ACCOUNT,
        unit=DURATION,
        low=Decimal(0),
        high=Decimal(DAY_MS),
        moves=Moves.TIME,
        help="time since midnight in UTC",
        compute=time_of_day,
    ),
    Fact(
        name="unix_time",
        stage=Stage.ACCOUNT,
        unit=DURATION,
        low=Decimal(0),
        moves=Moves.TIME,
        help="time since 1 January 1970 in UTC",
        compute=unix_time,
    ),
]


@hookimpl
def facts() -> list[Fact]:
    """Return the facts of time."""
    return FACTS
