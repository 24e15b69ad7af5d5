"""A plugin in a process of its own: start it, ask it within a budget, kill it.

The engine never waits longer than the budget of a call. A process that misses it, ends
or talks nonsense is killed; another one is started and is not waited for.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from quorate.contract.views import FaultView, OrderView
from quorate.host.far_desk import FarDesk, answer
from quorate.host.find import Found, Told, describe
from quorate.host.line import Line, start_process
from quorate.host.memory import apply
from quorate.host.plain import NotPlain, decode
from quorate.host.talk import (
    ANSWER,
    ASK,
    CALL,
    FAULT,
    READY,
    REMEMBER,
    REMEMBERED,
    TOLD,
    Load,
)

STARTING = "its process is starting again"
"""Why a call is not answered that comes before a new process is ready: no fault."""


MOST_TOLD = 400
"""How long the text of a fault may be."""
MOST_WAITING = 1000
"""How many records may wait for a process before that is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long the engine waits for a plugin, in milliseconds.

    ``call_ms`` for a call, and ``row_ms`` more for each candle it is given;
    ``first_ms`` for the first call of each hook, fact or function, which may have to
    warm up; ``start_ms`` for a new process, which is not waited for once trading has
    begun, except for ``patience_ms`` at each call.
    """

    call_ms: float = 50.0
    row_ms: float = 0.02
    first_ms: float = 500.0
    start_ms: float = 15_000.0
    patience_ms: float = 0.0


class Lost(Told):
    """The process had to be killed, or is gone."""


@dataclass(slots=True, eq=False)
class _Record:
    """A record to be remembered, and what the hook is given with it.

    ``at`` is where among its arguments the memory stands, None for nowhere.
    """

    memory: MutableMapping[str, Any]
    given: list[Any]
    at: int | None
    desk: Any


class Worker:
    """The engine's side of one plugin's process.

    ``brings`` is what the plugin said it brings; ``deaths`` counts the processes that
    were lost. ``blame`` is told of a fault that belongs to no call under way.
    """

    def __init__(self, load: Load, budget: Budget) -> None:
        self.load, self.budget = load, budget
        self.brings: Mapping[str, Any] = {}
        self.deaths = 0
        self.closed = False
        self.blame: Callable[[str, str], None] = lambda _where, _error: None
        self._line: Line | None = None
        self._at_the_end: Callable[[], object] = lambda: None
        self._dying: list[subprocess.Popen[bytes]] = []
        self._warm: set[str] = set()
        self._calls = count(1)
        self._mirrored: object = None
        self._waiting: list[_Record] = []

    # -- its life

    def start(self) -> None:
        """Start a process if there is none, and do not wait for it."""
        self._reap()
        if self.closed or self._line is not None:
            return
        self._line = start_process(self.load.content.where.parent)
        self._at_the_end = weakref.finalize(self, self._line.close).detach
        self._line.send(self.load)
        self._mirrored = None

    def wait(self) -> str:
        """Wait for the first process; return why the plugin cannot be used, or ""."""
        self.start()
        try:
            self.brings, fault = self._await_ready(self.budget.start_ms)
        except Told as told:
            return str(told)
        return fault

    def close(self) -> None:
        """End the process for good, and see it gone."""
        self.closed = True
        self._waiting.clear()
        self._kill()
        for process in self._dying:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
        self._reap()

    def _kill(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()
            self._at_the_end()
            self._dying.append(line.process)
        self._reap()

    def _reap(self) -> None:
        self._dying = [one for one in self._dying if one.poll() is None]

    def _lose(self, line: Line, why: str) -> Lost:
        """Kill a process; return what to raise."""
        if line is self._line:
            self.deaths += 1
            self._kill()
        return Lost(why)

    # -- calls

    def call(
        self, where: str, given: list[Any], *, rows: int = 0, desk: Any = None
    ) -> Any:
        """Return what a hook, a fact or a function answers.

        Raises:
            Told: it failed, or there is no process to ask.
        """
        line = self._be_ready(self.budget.patience_ms)
        kind, *told = self._ask(line, CALL, where, given, desk, rows=rows)
        if kind == ANSWER and len(told) == 1:
            return told[0]
        raise self._lose(line, "its process answered what nobody asked")

    def remember(
        self,
        memory: MutableMapping[str, Any],
        given: list[Any],
        at: int | None,
        desk: Any,
    ) -> None:
        """Fold a record into ``memory``, now or as soon as there is a process.

        ``given`` are the hook's arguments but for the memory, which stands ``at``. A
        record that a killed process was folding is folded again by the next one: a
        replay of the journal would remember it too.

        Raises:
            Told: the hook failed.
        """
        record = _Record(memory, given, at, desk)
        crowded = len(self._waiting) >= MOST_WAITING  # as in a long recovery
        patience_ms = self.budget.start_ms if crowded else self.budget.patience_ms
        try:
            self._fold(self._be_ready(patience_ms), record)
        except Lost:
            self._keep(record)
            raise
        except Told as told:
            if str(told) != STARTING:
                raise
            self._keep(record)

    def _keep(self, record: _Record) -> None:
        freeze = getattr(record.desk, "frozen", None)
        if freeze is not None:
            frozen = freeze()
            record.given = [
                frozen if one is record.desk else one for one in record.given
            ]
            record.desk = frozen
        self._waiting.append(record)

    def _be_ready(self, patience_ms: float) -> Line:
        """Return a process that is ready and has remembered all it was told.

        Raises:
            Told: there is none.
        """
        if self.closed:
            raise Told("its process was ended")
        self.start()
        line = self._line
        assert line is not None
        if not line.ready:
            brings, fault = self._await_ready(patience_ms)
            if fault or brings != self.brings:
                raise self._lose(line, fault or "it brings something else than before")
        while self._waiting:
            record = self._waiting[0]
            try:
                self._fold(line, record)
            except Lost:
                raise
            except Told as told:
                self.blame("remember", str(told))
            if record in self._waiting:
                self._waiting.remove(record)
        return line

    def _await_ready(self, patience_ms: float) -> tuple[Mapping[str, Any], str]:
        line = self._line
        assert line is not None
        reply = self._receive(line, monotonic() + patience_ms / 1e3)
        if reply is None:
            if (monotonic() - line.begun_s) * 1e3 >= self.budget.start_ms:
                start_s = self.budget.start_ms / 1e3
                raise self._lose(line, f"its process did not start in {start_s:g} s")
            raise Told(STARTING)
        match reply:
            case [str(kind), dict(brings), str(fault)] if kind == READY:
                line.ready = True
                return brings, fault
        raise self._lose(line, "its process began with nonsense")

    def _fold(self, line: Line, record: _Record) -> None:
        whole = None if self._mirrored is record.memory else dict(record.memory)
        more = (record.at, whole)
        self._mirrored = None
        reply = self._ask(
            line, REMEMBER, "remember", record.given, record.desk, more=more
        )
        match reply:
            case [str(kind), str(fault), list(gone), list(changed)] if (
                kind == REMEMBERED
            ):
                try:
                    apply(record.memory, gone, changed)
                except (TypeError, ValueError):
                    raise self._lose(line, "its process remembers nonsense") from None
                self._mirrored = record.memory
                if fault:
                    raise Told(fault)
            case _:
                raise self._lose(line, "its process answered what nobody asked")

    def _ask(
        self,
        line: Line,
        kind: str,
        where: str,
        given: list[Any],
        desk: Any,
        *,
        rows: int = 0,
        more: tuple[Any, ...] = (),
    ) -> list[Any]:
        """Send a call; return what it gave, the kind of reply first.

        Raises:
            Told: it failed.
        """
        number = next(self._calls)
        budget_ms = self.budget.call_ms + rows * self.budget.row_ms
        if where not in self._warm:
            budget_ms = max(budget_ms, self.budget.first_ms)
        self._warm.add(where)
        until_s, stood_still = monotonic() + budget_ms / 1e3, False
        self._send(line, (kind, number, where, _far(given, number, desk), *more))
        while True:
            reply = self._receive(line, until_s)
            match reply:
                case None:
                    raise self._lose(line, f"no answer within {budget_ms:g} ms")
                case [str(said), int(called), *rest] if called == number:
                    if said == ASK:
                        began_s = monotonic()
                        self._tell(line, desk, rest)
                        if not stood_still and "risk_approved" in rest:
                            # Its rules may ask other plugins: not this one's time.
                            until_s += monotonic() - began_s
                            stood_still = True
                    elif said == FAULT:
                        raise Told(str(rest[0])[:MOST_TOLD] if rest else "no message")
                    else:
                        return [said, *rest]
                case _:
                    raise self._lose(line, "its process answered what nobody asked")

    def _tell(self, line: Line, desk: Any, question: list[Any]) -> None:
        """Answer a question to the desk."""
        value, error, kind = None, "", ""
        try:
            asked, arguments = question
            value = answer(desk, asked, tuple(arguments))
            if asked == "recall" and arguments == [self.load.name]:
                kind = "memory"
                if value is self._mirrored:
                    value = None
                else:
                    self._mirrored, value = value, dict(value)
        except Exception as caught:  # noqa: BLE001 - the plugin asked for it
            error, kind = describe(caught), type(caught).__name__
        if line is not self._line:
            raise Lost("its process was ended meanwhile")
        try:
            line.send((TOLD, value, error, kind))
        except Exception as caught:  # noqa: BLE001 - what others remember may be anything
            line.send((TOLD, None, describe(caught), type(caught).__name__))

    def _send(self, line: Line, message: object) -> None:
        try:
            line.send(message)
        except Exception as error:
            raise Told(f"cannot be asked: {describe(error)}") from error

    def _receive(self, line: Line, until_s: float) -> Any:
        """Return the next message, None when there is none in time."""
        try:
            data = line.receive(until_s)
            return None if data is None else decode(data)
        except NotPlain as error:
            raise self._lose(line, f"its process answered with {error}") from None
        except (OSError, ValueError) as error:
            raise self._lose(line, " ".join(str(error).split())) from None


def _far(given: list[Any], call: int, desk: Any) -> list[Any]:
    """Return arguments as they can be sent: the desk stays here and is asked."""
    if desk is None:
        return given
    far = FarDesk(call, desk.now_ms, desk.symbol)
    sent: list[Any] = []
    for one in given:
        match one:
            case OrderView():
                sent.append(OrderView(far, one.draft))
            case FaultView():
                sent.append(FaultView(far, one.order, one.error))
            case _:
                sent.append(far if one is desk else one)
    return sent


def to_load(found: Found) -> Load:
    """Return what a process needs to load a plugin that was accepted."""
    content = found.content
    assert content is not None
    module, attribute = f"quorate_plugin_{found.name}", ""
    if found.point is not None:
        module, attribute = found.point.module, found.point.attr or ""
    here = Path.cwd()
    return Load(
        name=found.name,
        content=content,
        module=module,
        attribute=attribute,
        # Nothing is imported from the folder that a run happens to stand in.
        sys_path=[one for one in sys.path if one and not here.is_relative_to(one)],
        readable=(str(content.where.parent), sys.prefix, sys.base_prefix),
    )
