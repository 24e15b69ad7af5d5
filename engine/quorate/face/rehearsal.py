"""Serve a loopback exchange: its options, its ledger, a workspace that trades there."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from quorate.contract.live import Keys, LoopbackExchange
from quorate.contract.vocabulary import DURATION
from quorate.errors import QuorateError, WorkspaceError
from quorate.face.quiet import host_unlogged
from quorate.face.workspace import FILE, Workspace
from quorate.rulebook.literals import read_quantity
from quorate.rulebook.printing import render
from quorate.rulebook.text import parse_document, read_document

log = logging.getLogger(__name__)

_FAULT = re.compile(r"fault (?P<number>\d+): (?P<told>.*)", re.DOTALL)

MARK = "# ---- written by `quorate exchange`: what follows is replaced the next time\n"
"""Stands above the section in a quorate.yaml, so that it can be found again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """An exchange that was asked for, and where it is to be reached."""

    exchange: LoopbackExchange
    host: str
    port: int
    ledger: Path | None
    for_ms: int | None

    async def serve(self, ready: Callable[[str], None]) -> Mapping[str, Any]:
        """Serve until a signal or the end of the time; return the last ledger.

        ``ready`` is called with the URL when requests are answered.
        """
        self.write_ledger()  # what is wrong with the file is said at the beginning
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, ended.set)
        if hasattr(signal, "SIGUSR1"):
            loop.add_signal_handler(signal.SIGUSR1, self._write_while_serving)
        url = await self.exchange.start(self.host, self.port)
        try:
            ready(url)
            span = None if self.for_ms is None else self.for_ms / 1000
            await asyncio.wait_for(ended.wait(), span)
        except TimeoutError:
            pass
        finally:
            ledger = self.exchange.ledger()
            await self.exchange.stop()
        self.write_ledger(ledger)
        return ledger

    def write_ledger(self, ledger: Mapping[str, Any] | None = None) -> None:
        """Write the ledger, that of now if None, whole or not at all.

        Raises:
            WorkspaceError: it cannot be written where it was asked for.
        """
        if self.ledger is None:
            return
        told = self.exchange.ledger() if ledger is None else ledger
        part = self.ledger.with_name(self.ledger.name + ".part")
        try:
            part.write_text(json.dumps(told, indent=1, default=str) + "\n", "utf-8")
            part.replace(self.ledger)
        except OSError as error:
            raise WorkspaceError(
                f"--ledger {self.ledger}: cannot be written: {error.strerror}"
            ) from None

    def _write_while_serving(self) -> None:
        """Write the ledger; a disk that is full ends nothing."""
        try:
            self.write_ledger()
        except WorkspaceError as error:
            log.warning("%s", error)


def open_exchange(
    workspace: Workspace,
    name: str,
    settings: Mapping[str, Any],
    fault_places: Sequence[str] = (),
) -> LoopbackExchange:
    """Return the exchange that a plugin brings.

    ``fault_places`` say where each fault of the settings is written.

    Raises:
        WorkspaceError: no plugin has it, or the settings cannot be used.
    """
    host = workspace.host()
    with host_unlogged():  # what is wrong is told below
        answer = host.ask_first("exchange", name=name, settings=settings)
    if answer is None:
        what = f"the exchange {name!r}" if name else "an exchange"
        raise WorkspaceError(f"no plugin brings {what}; see `quorate plugins`")
    if answer.error:
        kind, _, text = answer.error.partition(": ")
        told = text if kind.endswith(("VenueError", "TapeError")) else answer.error
        fault = _FAULT.fullmatch(told)
        if fault and int(fault["number"]) <= len(fault_places):
            place = fault_places[int(fault["number"]) - 1]
            raise WorkspaceError(f"{place}: {fault['told']}")
        raise WorkspaceError(f"plugin {answer.plugin}: {told}")
    exchange: LoopbackExchange = answer.value
    return exchange


def must_be_loopback(host: str) -> str:
    """Return a host that only this machine can reach.

    Raises:
        WorkspaceError: others could reach it.
    """
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise WorkspaceError(
            f"--host {host}: the exchange is for this machine only; "
            f"leave it out, or give 127.0.0.1 or ::1"
        )
    return host


def read_balances(pairs: Sequence[tuple[str, str]]) -> dict[str, Decimal]:
    """Return opening balances.

    Raises:
        WorkspaceError: an amount is none.
    """
    balances = {}
    for currency, text in pairs:
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not (amount.is_finite() and amount >= 0):
            raise WorkspaceError(
                f"--balance {currency}={text}: the amount must be a number, 0 or more"
            )
        balances[currency.upper()] = amount
    return balances


def read_duration(text: str) -> int:
    """Return a duration in milliseconds.

    Raises:
        WorkspaceError: it is none.
    """
    quantity = read_quantity(text)
    if quantity is None or quantity[1] != DURATION or quantity[0] <= 0:
        raise WorkspaceError(f"--for {text}: must be a duration such as 90s or 2h")
    return int(quantity[0])


def read_fault_file(path: Path) -> tuple[list[Any], list[str]]:
    """Return the faults of a YAML file, quantities resolved, and each one's place.

    What they mean is for the exchange to say.

    Raises:
        WorkspaceError: the file cannot be read, or holds no such list.
    """
    document, problems = read_document(path)
    if document is None:
        raise WorkspaceError("\n".join(render(problem) for problem in problems))
    faults = document.value.get("faults")
    if set(document.value) != {"faults"} or not isinstance(faults, list):
        raise WorkspaceError(
            f"{path}: must hold one list under `faults`, such as\n"
            f"faults:\n  - {{at: AddOrder, kind: reply_lost, share: 5%}}"
        )
    spans = [document.span(("faults", number)) for number in range(len(faults))]
    places = [f"{path}:{span.line}" for span in spans]
    return [_resolved(fault) for fault in faults], places


def _resolved(fault: Any) -> Any:
    """Return a fault with 5% as 0.05 and 300ms as 300."""
    if not isinstance(fault, dict):
        return fault
    resolved = dict(fault)
    for key in ("share", "value"):
        said = fault.get(key)
        quantity = read_quantity(said) if isinstance(said, str) else None
        if quantity is not None:
            resolved[key] = quantity[0]
    return resolved


def section_of(exchange: LoopbackExchange, url: str) -> tuple[str, Mapping[str, Any]]:
    """Return the ``exchange`` section as text, and what it says."""
    text = exchange.workspace(url)
    document, problems = parse_document(text.encode(), FILE)
    if document is None:
        raise QuorateError("\n".join(render(problem) for problem in problems))
    section: Mapping[str, Any] = document.value["exchange"]
    return text, section


def write_workspace(root: Path, exchange: LoopbackExchange, url: str) -> Path:
    """Make ``root`` a workspace that trades at ``url``; return the file of its keys.

    Everything else that is there already is kept.

    Raises:
        WorkspaceError: it trades elsewhere already, or cannot be written.
    """
    text, section = section_of(exchange, url)
    file = root / FILE
    try:
        said = file.read_text("utf-8")
        kept, mark, _ = said.partition(MARK)
        if not mark and any(line.startswith("exchange:") for line in said.splitlines()):
            raise WorkspaceError(
                f"{file}: has an `exchange` section of its own, which is not touched; "
                f"give another folder"
            )
        kept = kept.replace(_example(), "")
        file.write_text(f"{kept.rstrip()}\n\n{MARK}{text}", "utf-8")
        place = str(section.get("keys", "")).removeprefix("file:") or "exchange.key"
        _write_keys(root / place, exchange.keys)
    except OSError as error:
        raise WorkspaceError(f"{root}: {error.strerror or error}") from error
    return root / place


def _example() -> str:
    """Return the commented section of a new quorate.yaml: its last paragraph."""
    written = (Path(__file__).parent / "template" / FILE).read_text("utf-8")
    return written.rpartition("\n\n")[2].rstrip()


def _write_keys(path: Path, keys: Keys) -> None:
    """Write a key and its secret to a file that is its owner's alone."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{keys.key}\n{keys.secret}\n")
    part.replace(path)
