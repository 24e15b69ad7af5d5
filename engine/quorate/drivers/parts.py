"""The parts of a live run are tasks: all of them run, or none does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from quorate.drivers.secrecy import redact
from quorate.errors import QuorateError

CANCELS, CANCEL_EVERY_MS = 5, 3_000
"""How often a part that does not end is told to."""


async def end_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are over: a library may have lost the first cancel."""
    left = set(tasks)
    for _ in range(CANCELS):
        for task in left:
            task.cancel()
        if left:
            done, left = await asyncio.wait(left, timeout=CANCEL_EVERY_MS / 1000)
            for task in done:
                error_of(task)


def error_of(part: asyncio.Task[Any]) -> BaseException | None:
    """Return what a task failed with, None when it did not."""
    return None if part.cancelled() else part.exception()


def raise_failure(part: asyncio.Task[Any]) -> None:
    """Raise why a part of a run is over: none of them ends by itself.

    Raises:
        QuorateError: always.
    """
    error = error_of(part)
    if isinstance(error, QuorateError):
        raise error
    told = "ended by itself" if error is None else f"{type(error).__name__}: {error}"
    raise QuorateError(
        f"{part.get_name()} failed ({redact(told)}); what was decided is in the "
        "journal, and the next start goes on from it"
    ) from error
