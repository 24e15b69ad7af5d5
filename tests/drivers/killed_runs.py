"""A live run that is killed again and again, against an exchange that misbehaves.

Everything is as a user has it: ``quorate exchange`` and ``quorate run --live`` in
processes of their own, ccxt between them, the journal on disk. What is asserted is read
from the exchange's own books and from the journal, never from the engine.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.loopback import ExchangeProcess, exchange_process

from quorate import Fill, Filled, Intended, Record
from quorate.contract.decisions import Verdict
from quorate.flow.state import State
from quorate.journal.journal import Journal
from quorate.rulebook.rulebook import Rulebook

ROOT = Path(__file__).parents[2]
PACE = 60
START_PATIENCE_S = 60.0

FAULTS: tuple[Mapping[str, Any], ...] = (
    {"at": "AddOrder", "kind": "reply_lost", "share": 0.04},
    {"at": "AddOrder", "kind": "http", "value": 524, "share": 0.03, "after": True},
    {"at": "AddOrder", "kind": "truncated", "share": 0.02},
    {"at": "AddOrder", "kind": "close_mid_body", "share": 0.02},
    {"at": "AddOrder", "kind": "delay_before", "value": 90_000, "share": 0.02},
    {"at": "AddOrder", "kind": "error", "value": "EService:Busy", "share": 0.02},
    {"at": "CancelOrder", "kind": "reply_lost", "share": 0.05},
    {"at": "CancelOrder", "kind": "http", "value": 502, "share": 0.03},
    {"at": "QueryOrders", "kind": "garbage", "share": 0.04},
    {"at": "OpenOrders", "kind": "html", "share": 0.04},
    {"at": "TradesHistory", "kind": "empty", "share": 0.04},
    {"at": "ws:executions", "kind": "ws_drop", "share": 0.05},
    {"at": "ws:executions", "kind": "ws_duplicate", "share": 0.05},
    {"at": "ws:executions", "kind": "ws_reorder", "share": 0.05},
)
"""What goes wrong while runs are killed: answers lost, late, broken, misleading."""

EAGER = (
    "max_age=3m",
    "cool_down=0s",
    "losses_pause=0s",
    "refusals_pause=0s",
    "max_drawdown=90%",
    "kill_drawdown=95%",
    "kill_refusals=200",
    "entry_share=5%",
    "max_positions_here=3",
    "entry_patience=20s",
)
"""Params that make the default rulebook trade all the time, for a loss."""


@dataclass(slots=True)
class Killed:
    """A workspace that trades at a loopback exchange, to be killed."""

    exchange: ExchangeProcess
    folder: Path
    process: subprocess.Popen[str] | None = None
    told: list[str] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        """The account's journal."""
        return self.folder / "runs" / "live-kraken.sqlite"

    def start(self) -> None:
        """Start a run, as a service would."""
        words = [sys.executable, "-m", "quorate", "-w", str(self.folder)]
        words += ["run", "--live", "--yes-really"]
        for setting in EAGER:
            words += ["--set", setting]
        out = (self.folder / "run.log").open("a")
        self.process = subprocess.Popen(
            words,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "engine"),
                "XDG_STATE_HOME": str(self.folder / "state"),
            },
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
        out.close()

    def kill(self, after_s: float) -> None:
        """Kill the run as a power switch would, some time after its start."""
        assert self.process is not None
        try:
            code = self.process.wait(after_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        else:
            raise AssertionError(f"the run ended by itself ({code}): {self.log()}")

    def stop(self) -> int:
        """Ask the run to end, and return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_PATIENCE_S)

    def log(self) -> str:
        """Return the end of what the runs have printed."""
        return (self.folder / "run.log").read_text()[-3_000:]

    def begun(self) -> int:
        """Return how often a run has got as far as to trade."""
        return (self.folder / "run.log").read_text().count(" started, mode ")

    def records(self) -> list[Record]:
        """Return the journal's records."""
        with Journal.open(self.journal, read_only=True) as journal:
            return list(journal.records())

    def unrecorded(self) -> list[str]:
        """Return the orders that the exchange saw and the journal does not have.

        To be asked right after a kill: an intent is durable before its first byte.
        """
        if not self.journal.exists():
            intended: set[str] = set()
        else:
            intended = {
                record.intent.client_id
                for record in self.records()
                if isinstance(record, Intended)
            }
        return [
            one["form"]["cl_ord_id"]
            for one in self.exchange.requests("AddOrder")
            if one["form"]["cl_ord_id"] not in intended
        ]


@contextmanager
def killed_runs(folder: Path, *, seed: int, faults: bool = True) -> Iterator[Killed]:
    """Open an exchange with faults and a workspace of eager rules beside it."""
    options = ["--pace", PACE, "--tier", "pro", "--seed", seed]
    with exchange_process(*options, "--write-workspace", folder) as exchange:
        _make_eager(folder)
        if faults:
            exchange.add_faults(*FAULTS)
        runs = Killed(exchange, folder)
        try:
            yield runs
        finally:
            if runs.process is not None and runs.process.poll() is None:
                runs.process.kill()
                runs.process.wait()


def _make_eager(folder: Path) -> None:
    """Let an entry be wanted at every candle."""
    entry = folder / "rules" / "entry.yaml"
    text = entry.read_text()
    wanted = "confidence > min_confidence and risk_approved"
    assert wanted in text
    entry.write_text(text.replace(wanted, "close > 0 and risk_approved"))
    shutil.rmtree(folder / "runs", ignore_errors=True)


def kill_times(seed: int, count: int) -> list[float]:
    """Return when each run is killed, in seconds after its start."""
    draw = random.Random(seed)
    return [draw.uniform(0.3, 7.0) for _ in range(count)]


def settle(runs: Killed, patience_s: float) -> None:
    """Heal the exchange, run once more, and end in order when all is answered."""
    runs.exchange.clear_faults()
    begun = runs.begun()
    runs.start()
    assert runs.process is not None
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        time.sleep(2)
        assert runs.process.poll() is None, runs.log()
        if runs.begun() > begun and not _unanswered(runs.records()):
            break
    assert runs.stop() == 0, runs.log()


def _unanswered(records: list[Record]) -> list[str]:
    state = fold(records)
    return [one for one, order in state.live.items() if not order.venue_id]


def fold(records: list[Record]) -> State:
    """Return the state that records come to."""
    state = State()
    for record in records:
        state.apply(record)
    return state


def differences(runs: Killed) -> list[str]:
    """Return everything in which the exchange's books and the journal differ."""
    return differences_of(runs.exchange.ledger(), runs.records())


def differences_of(ledger: Mapping[str, Any], records: list[Record]) -> list[str]:
    """Return everything in which an exchange's ledger and records differ."""
    state = fold(records)
    intents = {
        record.intent.client_id: record.intent
        for record in records
        if isinstance(record, Intended)
    }
    orders = [order for order in ledger["orders"] if order["cl_ord_id"]]
    counted = Counter(order["cl_ord_id"] for order in orders)
    found = [f"duplicated: {one}" for one, times in counted.items() if times > 1]
    found += [f"unknown to the journal: {one}" for one in counted if one not in intents]
    for order in orders:
        found += _compare(order, state)
    there = {order["cl_ord_id"] for order in orders}
    found += [
        f"phantom: {client_id} is {order.status} with {order.filled} filled"
        for client_id, order in {**state.live, **state.finished}.items()
        if client_id not in there and (order.venue_id or order.filled)
    ]
    found += [f"unresolved: {one}" for one in _unanswered(records)]
    found += _trades(ledger, records)
    for currency, amount in ledger["balances"].items():
        ours = state.balances.get(currency)
        if ours is not None and ours != Decimal(amount):
            found.append(f"balance of {currency}: {ours} here, {amount} there")
    return found


def _compare(theirs: Mapping[str, Any], state: State) -> list[str]:
    client_id = theirs["cl_ord_id"]
    ours = state.order(client_id)
    if ours is None:
        return []  # over for so long that it is forgotten; its trades are compared
    rests = theirs["status"] == "open"
    if rests != ours.live:
        told = "open" if rests else "over"
        return [f"forgotten: {client_id} is {ours.status} here, {told} there"]
    if ours.filled != Decimal(theirs["filled"]):
        return [f"{client_id}: {ours.filled} filled here, {theirs['filled']} there"]
    return []


def _trades(ledger: Mapping[str, Any], records: list[Record]) -> list[str]:
    booked: dict[str, Fill] = {}
    found = []
    for record in records:
        if isinstance(record, Filled):
            if record.fill.trade_id in booked:
                found.append(f"booked twice: {record.fill.trade_id}")
            booked[record.fill.trade_id] = record.fill
    for trade in ledger["trades"]:
        ours = booked.pop(trade["txid"], None)
        theirs = tuple(Decimal(trade[name]) for name in ("price", "amount", "fee"))
        if ours is None:
            found.append(f"not booked: {trade['txid']} of {trade['order_txid']}")
        elif (ours.price, ours.amount, ours.fee) != theirs:
            found.append(f"{trade['txid']}: {ours} here, {theirs} there")
    return found + [f"booked, but never traded: {one}" for one in booked]


def ungated(runs: Killed, rulebook: Rulebook) -> list[str]:
    """Return the orders on the wire without passed guards in the journal before them.

    The unit that holds an intent is committed before its first byte, so the guards
    that passed in the same unit were there before the exchange saw anything.
    """
    guarded = {rule.id: rule.guards for rule in rulebook.checks if rule.guards}
    with Journal.open(runs.journal, read_only=True) as journal:
        passed: dict[str, set[str]] = {}
        for recorded in journal.decisions(section="checks", verdict=Verdict.PASSED):
            decision = recorded.decision
            if decision.rule in guarded:
                guards = passed.setdefault(decision.client_id, set())
                guards.add(guarded[decision.rule])
    return [
        one["form"]["cl_ord_id"]
        for one in runs.exchange.requests("AddOrder")
        if passed.get(one["form"]["cl_ord_id"], set()) != {"rate_limit", "portfolio"}
    ]


def misreported(runs: Killed) -> list[str]:
    """Return in what ``quorate report`` differs from the exchange's ledger, in USD."""
    words = [sys.executable, "-m", "quorate", "report", str(runs.journal), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}
    told = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=True
    )
    report = json.loads(told.stdout, parse_float=Decimal, parse_int=Decimal)
    (result,) = report["results"]
    ledger = runs.exchange.ledger()
    fees = sum(Decimal(trade["fee"]) for trade in ledger["trades"])
    figures = {
        "money": (
            result["final"] - (result["at_cost"] or 0),
            Decimal(ledger["balances"]["USD"]),
        ),
        "fees": (result["fees"], fees),
    }
    return [
        f"{name}: {ours} in the report, {theirs} in the ledger"
        for name, (ours, theirs) in figures.items()
        if ours != theirs
    ]
