"""Calls on their way to the engine and back, faults and all; every one is tapped.

A call goes on when its caller has gone away: an order that is under way is not undone
by a closed connection.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from .core import Core
from .faults import FRAME, Fault, Faults
from .refusal import KrakenError, refused
from .replies import Outcome, Reply, reply
from .signing import verify
from .tap import Seen, Tap

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_DEFECTS = 100

_ON_THE_WAY = ("delay_before", "reply_late", "clock_skew")
"""Kinds that leave the answer as it is."""


class Calls:
    """The road between the wire and the core.

    ``restarted`` is called when the exchange restarts, after its open orders are gone.
    """

    def __init__(self, core: Core, faults: Faults) -> None:
        self.core = core
        self.faults = faults
        self.tap = Tap()
        self.restarted: Callable[[], None] = lambda: None
        self.defects: list[str] = []
        self._under_way: set[asyncio.Task[Any]] = set()

    async def public(self, method: str, query: Mapping[str, str]) -> Reply:
        """Answer a public call."""

        def ask() -> object:
            return self.core.public(method, query)

        name = f"public/{method}"
        outcome, fault = await self.outlive(self.carry(name, None, ask))
        return reply(outcome, fault)

    async def private(
        self, method: str, raw: bytes, headers: Mapping[str, str]
    ) -> Reply:
        """Answer a private call; the signature and the nonce are checked first."""
        form = read_form(raw, headers.get("Content-Type", ""))
        seen = self.tap.note(self.core.clock.now_ms(), "rest", method, form or {})
        try:
            if form is None:
                raise refused("EGeneral:Invalid arguments")
            path = f"/0/private/{method}"
            key = verify(path, raw, headers, self.core.secrets, self.core.nonces)
        except KrakenError as error:
            no = Outcome(errors=error.errors)
            seen.outcome = no.as_dict()
            return reply(no, None)
        bare = {name: value for name, value in form.items() if name != "nonce"}

        def ask() -> object:
            return self.core.private(method, bare, key)

        name = f"private/{method}"
        outcome, fault = await self.outlive(self.carry(name, seen, ask))
        return reply(outcome, fault)

    async def carry(
        self, name: str, seen: Seen | None, ask: Callable[[], object]
    ) -> tuple[Outcome, Fault | None]:
        """Take a request to the engine; return its outcome, and the fault to tell."""
        struck = self.faults.draw(name, self.tap.number(name))
        if seen is not None:
            seen.faults = [fault.kind for fault in struck]
        settling = [fault for fault in struck if fault.kind not in _ON_THE_WAY]
        told = settling[0] if settling else None
        await self._wait(struck, "delay_before")
        for fault in struck:
            if fault.kind == "clock_skew":
                self.core.clock.shift(fault.value)
        outcome = Outcome()
        if told is None or told.after:
            outcome = self._ask(ask)
            if seen is not None:
                seen.engine_ms = self.core.clock.now_ms()
                seen.outcome = outcome.as_dict()
        if told is not None and told.kind == "restart":
            self.restart()
        await self._wait(struck, "reply_late")
        return outcome, told

    def frame_faults(self, name: str) -> list[Fault]:
        """Return the faults of the next frame at ``name`` ("ws:executions")."""
        return self.faults.draw(name, self.tap.number(name), FRAME)

    def restart(self, *, forget: bool = True) -> None:
        """Lose the open orders and every connection, as a bad restart does."""
        if forget:
            self.core.forget_open_orders()
        self.restarted()

    async def outlive(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, also when whoever waits is gone."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    def note_defect(self, error: BaseException) -> None:
        """Note that this exchange itself failed: nothing that a test may overlook."""
        log.error("the loopback exchange failed", exc_info=error)
        if len(self.defects) < MOST_DEFECTS:
            self.defects.append(f"{type(error).__name__}: {error}")

    async def stop(self) -> None:
        """End what is still under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def wall_seconds(self, span_ms: int) -> float:
        """Return how long a span of exchange time takes on the wall."""
        return span_ms / 1000 / float(self.core.clock.pace)

    async def _wait(self, struck: list[Fault], kind: str) -> None:
        span_ms = sum(fault.value for fault in struck if fault.kind == kind)
        if span_ms:
            await asyncio.sleep(self.wall_seconds(span_ms))

    def _ask(self, ask: Callable[[], object]) -> Outcome:
        try:
            return Outcome(ask())
        except KrakenError as error:
            return Outcome(errors=error.errors)
        except Exception as error:  # noqa: BLE001 - to a caller it looks like Kraken's
            self.note_defect(error)
            return Outcome(errors=("EGeneral:Internal error",))


def read_form(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """Return the fields of a request's body, None when it cannot be read."""
    try:
        if content_type.startswith("application/json"):
            form = json.loads(raw, parse_float=Decimal)
            return form if isinstance(form, dict) else None
        return dict(parse_qsl(raw.decode(), keep_blank_values=True))
    except ValueError:
        return None
