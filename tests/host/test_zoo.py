"""Bad plugins in live trading: the orders stay the same, and nothing gets out."""

from __future__ import annotations

import base64
import ctypes
import importlib.util
import os
import shutil
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quorate import Accepted, Candles, Ended, Intended, Intent, PluginFault, Side
from quorate.flow.events import Candle, Look
from quorate.host import plain
from quorate.host.accepted import as_found
from quorate.host.find import find_plugins
from quorate.host.host import FAULTS_IN_A_ROW, Host, open_host
from quorate.host.pins import pin
from quorate.host.worker import Budget
from quorate.stages.votes import count_votes

ROOT = Path(__file__).parents[2]
ZOO = sorted((Path(__file__).parent / "zoo").glob("*.py"))
CANARY = "canary-6b1f0c-secret"
BUDGET = Budget(call_ms=400, first_ms=800, patience_ms=10_000)
ROUNDS = 5
ROWS = 1200
SEED = 0

REFUSES = {"raises_in_check", "hangs_in_check"}
"""A check that fails lets nothing be bought."""
HARMLESS = {"prints", "mutates", "patches"}
"""What they do reaches nobody, so nobody complains."""
RULE = """
orders:
  - id: zoo-rule
    when: zoo > 0
    then: {type: limit, time_in_force: IOC, limit_price: close}
"""
"""Asks for the fact at every purchase; it is never above 0."""


def _driven() -> Any:
    """Import the flow's hand-driven market, which stands beside other tests."""
    name = "hand_driven"
    if name not in sys.modules:
        path = ROOT / "tests" / "flow" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


driven = _driven()


@cache
def rising(symbol: str) -> Candles:
    """Return candles that speak for buying."""
    steps = np.random.default_rng(SEED).normal(0.0001, 0.0008, ROWS)
    close = 100 * np.exp(np.cumsum(steps))
    first = driven.START_MS - ROWS * 60_000
    return Candles(
        symbol=symbol,
        timeframe_ms=60_000,
        time_ms=np.arange(ROWS, dtype=np.int64) * 60_000 + first,
        open=np.concatenate(([100.0], close[:-1])),
        high=close * 1.0002,
        low=close * 0.9998,
        close=close,
        volume=np.full(ROWS, 10.0),
        stale=np.zeros(ROWS, dtype=np.bool_),
    )


@dataclass
class Ride:
    """What a few trades came to."""

    intents: list[Intent]
    balances: dict[str, Any]
    confidence: list[float]
    records: list[Any]
    faults: list[PluginFault]


def ride(host: Host, monkeypatch: pytest.MonkeyPatch, rules: dict[str, str]) -> Ride:
    """Enter and leave a few times; the votes of the host decide what is bought."""
    monkeypatch.setattr(driven, "open_host", lambda *_, **__: host)
    hand = driven.Hand(files=rules)
    seen: list[float] = []
    for number in range(ROUNDS):
        symbol = ("BTC/USD", "ETH/USD")[number % 2]
        mapped = host.ask_first("map_symbol", symbol=symbol, aliases={})
        assert mapped is not None
        go_to(hand, symbol, 60_000 + number * 14_400_000, 100.0)
        bench = hand.flow.bench
        signals = count_votes(
            bench.rulebook, host, rising(symbol), bench.params(symbol)
        )
        column = signals.column("confidence")
        assert column is not None
        seen.append(float(column[-1]))
        hand.view.columns[symbol] |= {"confidence": seen[-1]}
        hand.view.stretches[symbol] = hand.view.now_ms
        trade(hand, symbol)
    return Ride(
        intents=[one.intent for one in hand.records if isinstance(one, Intended)],
        balances=dict(hand.state.balances),
        confidence=seen,
        records=hand.records,
        faults=[one for one in hand.records if isinstance(one, PluginFault)],
    )


def go_to(hand: Any, symbol: str, after_ms: int, price: float) -> None:
    hand.view.now_ms = driven.START_MS + after_ms
    hand.view.seen.setdefault(symbol, []).append((hand.view.now_ms, price))
    columns = hand.view.columns.setdefault(symbol, {})
    columns |= {"close": price, "data_age": 0.0}


def trade(hand: Any, symbol: str) -> None:
    """Let a candle close; fill what is bought, then its take-profit, or stop it."""
    before = set(hand.state.live)
    hand.take(Candle(symbol, hand.view.now_ms))
    for client_id in [one for one in hand.state.live if one not in before]:
        complete(hand, client_id)
    resting = [one for one in hand.state.live if one not in before]
    if symbol == "ETH/USD":
        for client_id in resting:
            complete(hand, client_id)
        return
    for client_id in resting:
        hand.take(accepted(hand, client_id))
    go_to(hand, symbol, hand.view.now_ms - driven.START_MS + 60_000, 97.0)
    hand.take(Look(symbol, hand.view.now_ms))  # the stop asks for a cancel first
    for client_id in resting:
        now_ms = hand.view.now_ms
        hand.take(Ended(at_ms=now_ms, client_id=client_id, reason="cancelled"))
    for client_id in [one for one in hand.state.live if one not in before]:
        complete(hand, client_id)


def accepted(hand: Any, client_id: str) -> Accepted:
    return Accepted(
        at_ms=hand.view.now_ms, client_id=client_id, venue_id=f"v{client_id}"
    )


def complete(hand: Any, client_id: str) -> None:
    hand.take(accepted(hand, client_id))
    hand.take(hand.fill(int(client_id.rpartition("-")[2])))
    if client_id in hand.state.live:
        now_ms = hand.view.now_ms
        hand.take(Ended(at_ms=now_ms, client_id=client_id, reason="filled"))


def live(folder: Path) -> Host:
    found = find_plugins(folder, installed=False)
    known = {one.name: as_found(one) for one in found if one.source == "workspace"}
    return open_host(folder, installed=False, live=True, accepted=known, budget=BUDGET)


@pytest.fixture(scope="module")
def alone() -> Ride:
    """Return the trades without any plugin of ours."""
    with pytest.MonkeyPatch.context() as patch:
        return ride(open_host(installed=False), patch, {})


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a workspace with a key, in an environment with another."""
    monkeypatch.setenv("EXCHANGE_SECRET", CANARY)
    key = tmp_path / "exchange.key"
    key.write_text(CANARY)
    key.chmod(0o600)
    (tmp_path / "quorate.yaml").write_text(f"# {CANARY}\n")
    (tmp_path / "plugins").mkdir()
    shutil.copy(key, tmp_path / "plugins")
    yield tmp_path
    assert processes_in(tmp_path) == []


def processes_in(folder: Path) -> list[int]:
    """Return the processes that stand in a folder: every plugin's and its children."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            place = str((entry / "cwd").readlink())
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        mine = int(entry.name) == os.getpid()
        if place.startswith(str(folder)) and state != "Z" and not mine:
            found.append(int(entry.name))
    return found


def spelled(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [
        raw,
        raw[::-1],
        base64.b64encode(raw)[:-4],
        raw.hex().encode(),
        urllib.parse.quote(secret, safe="").encode(),
        np.frombuffer(raw, np.uint8).astype(float).tobytes(),
    ]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return every message that a plugin's process has sent."""
    messages: list[bytes] = []
    decode = plain.decode

    def listening(data: bytes) -> Any:
        messages.append(bytes(data))
        return decode(data)

    monkeypatch.setattr("quorate.host.worker.decode", listening)
    return messages


def test_the_ride_trades(alone: Ride) -> None:
    bought = [one for one in alone.intents if one.side is Side.BUY]
    exits = [one for one in alone.intents if one.purpose == "exit"]
    assert (len(bought), len(exits)) == (ROUNDS, ROUNDS // 2 + 1)
    assert min(alone.confidence) > 0.75


@pytest.mark.parametrize("path", ZOO, ids=lambda one: one.stem)
def test_bad_plugin_changes_no_order(
    path: Path,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    alone: Ride,
    heard: list[bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = path.stem
    if name == "lowers_the_fence" and not has_landlock():
        pytest.skip("the kernel has no Landlock")
    shutil.copy(path, workspace / "plugins")
    pins = pin(*guarded())
    host = live(workspace / "plugins")
    try:
        plugin = host.plugins[name]
        assert plugin.fault == ""
        assert plugin.apart
        rules = {"a_zoo.yaml": RULE} if "zoo" in host.facts else {}
        ridden = ride(host, monkeypatch, rules)
        if name in REFUSES:
            assert ridden.intents == []
        else:
            assert ridden.intents == alone.intents
            assert ridden.balances == alone.balances
            assert ridden.confidence == alone.confidence
        rows = in_a_row(ridden.faults)
        assert (rows == []) == (name in HARMLESS), rows
        assert max(rows, default=0) <= FAULTS_IN_A_ROW
        assert plugin.active == (name in HARMLESS), plugin.fault
    finally:
        host.close()
    assert pins.changed() == []
    assert (workspace / "plugins.lock.yaml").exists() is False
    assert {one.name for one in (workspace / "plugins").iterdir()} == {
        path.name,
        "exchange.key",
    }
    told = [*heard, repr(ridden.records).encode(), caplog.text.encode()]
    assert [one for one in spelled(CANARY) if any(one in text for text in told)] == []
    assert heard


def has_landlock() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(444, None, ctypes.c_size_t(0), 1)) >= 6  # signals too


def in_a_row(faults: Sequence[PluginFault]) -> list[int]:
    """Return how often it failed at each place."""
    places = [one.where for one in faults]
    return [places.count(place) for place in set(places)]


def guarded() -> list[Any]:
    import ccxt

    from quorate.host.host import Host
    from quorate.values import numbers

    return [ccxt.Exchange, ccxt.kraken, Host, numbers]


def test_what_leaks_does_leak_where_nothing_holds_it(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [leaks] = [path for path in ZOO if path.stem == "leaks"]
    shutil.copy(leaks, workspace / "plugins")
    monkeypatch.chdir(workspace / "plugins")
    host = open_host(workspace / "plugins", installed=False)
    answer = host.ask_first("map_symbol", symbol="BTC/USD", aliases={})
    assert answer is not None
    assert CANARY in answer.value


def test_the_zoo_is_large() -> None:
    assert len(ZOO) >= 20
    assert {*REFUSES, *HARMLESS} <= {path.stem for path in ZOO}
