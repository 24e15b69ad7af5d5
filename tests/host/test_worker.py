"""A plugin's process: the same answers as here, within a budget, whatever happens."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quorate import Candles, Draft, OrderView, PositionView, Resumed, Side
from quorate.host.accepted import as_found
from quorate.host.find import find_plugins
from quorate.host.host import Host, open_host
from quorate.host.worker import STARTING, Budget, Worker

HEAD = """
import numpy as np, os, time
from decimal import Decimal
from quorate import *
from quorate import Fact, Function, Stage, hookimpl
"""
PATIENT = Budget(call_ms=2000, first_ms=3000, patience_ms=10_000)
HASTY = Budget(call_ms=100, first_ms=100)
Load = Callable[..., Host]


@dataclass
class StandIn:
    """A desk that knows a few things."""

    now_ms: int = 1_700_000_000_000
    symbol: str = "BTC/USD"
    memories: dict[str, dict[str, Any]] = field(default_factory=dict)
    approve: Callable[[], bool | None] = lambda: True

    def price(self, symbol: str) -> Decimal | None:
        return Decimal("42.50") if symbol == self.symbol else None

    def param(self, name: str) -> Decimal:
        return {"target": Decimal("0.005")}[name]

    def positions(self) -> Iterator[Any]:
        return iter(())

    def recall(self, plugin: str) -> Mapping[str, Any]:
        return self.memories.get(plugin, {})

    def risk_approved(self) -> bool | None:
        return self.approve()


def ours(folder: Path) -> dict[str, Any]:
    found = find_plugins(folder, installed=False)
    return {one.name: as_found(one) for one in found if one.source == "workspace"}


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Return a function that opens a live host over these files, all accepted."""
    hosts: list[Host] = []

    def open_over(*, budget: Budget = PATIENT, live: bool = True, **files: str) -> Host:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(HEAD + text)
        host = open_host(
            tmp_path,
            installed=False,
            live=live,
            accepted=ours(tmp_path),
            budget=budget,
        )
        hosts.append(host)
        return host

    yield open_over
    for host in hosts:
        host.close()


def worker(host: Host, name: str = "mine") -> Worker:
    return host._workers[name]


def process_id(host: Host, name: str = "mine") -> int:
    line = worker(host, name)._line
    assert line is not None
    return line.process.pid


def candles(rows: int = 500) -> Candles:
    rng = np.random.default_rng(3)
    close = 100 + rng.normal(size=rows).cumsum()
    close[7] = np.nan
    return Candles(
        symbol="BTC/USD",
        timeframe_ms=60_000,
        time_ms=np.arange(rows, dtype=np.int64) * 60_000,
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=np.ones(rows),
        stale=np.zeros(rows, dtype=np.bool_),
    )


DRAFT = Draft(
    symbol="BTC/USD",
    venue_symbol="BTC/USD",
    side=Side.BUY,
    purpose="entry",
    rule="r",
    type="limit",
    time_in_force="GTC",
    post_only=False,
    quote_amount=Decimal(100),
    amount=Decimal("1.50"),
    limit_price=Decimal(60),
    reference_price=Decimal(60),
    attempt=1,
)

RICH = """
def ratio(view): return view.draft.amount / view.desk.price("BTC/USD")
def gain(view): return (view.price - view.entry_price) / view.entry_price

@hookimpl
def facts():
    def fact(name, stage, compute, **more):
        return Fact(name=name, stage=stage, help="h", compute=compute, **more)
    return [
        fact("m_change", Stage.MARKET, lambda c: np.diff(c.close, prepend=np.nan)),
        fact("m_mean", Stage.QUORUM, lambda bs: np.mean([b.scores for b in bs], 0)),
        fact("m_price", Stage.ACCOUNT, lambda d: d.price(d.symbol), low=Decimal(0)),
        fact("m_none", Stage.ACCOUNT, lambda d: d.price("X/Y")),
        fact("m_word", Stage.ACCOUNT, lambda d: "yes", kind=Kind.TEXT, values=("yes",)),
        fact("m_ratio", Stage.ORDER, ratio, unit=AMOUNT),
        fact("m_gain", Stage.POSITION, gain),
    ]

@hookimpl
def functions():
    def lag(column, by):
        return np.concatenate((np.full(int(by), np.nan), column[:-int(by)]))
    more = {"numbers": ("by",), "defaults": (1.0,), "compute": lag}
    return [Function(name="m_lag", help="h", series=1, **more)]

@hookimpl
def vote(candles):
    return np.tanh(np.diff(candles.close, prepend=0.1)).astype(np.float32)

@hookimpl
def coordinate(draft, desk):
    from dataclasses import replace
    return replace(draft, amount=draft.amount / 3 * desk.price("BTC/USD"))

@hookimpl
def check(desk, draft):
    return f"{draft.amount} at {desk.now_ms}" if draft.side is Side.BUY else None

@hookimpl
def map_symbol(symbol, aliases):
    return aliases.get(symbol)
"""


def test_answers_are_those_of_a_plugin_that_is_imported(load: Load) -> None:
    here, apart = load(live=False, mine=RICH), load(mine=RICH)
    assert not here.plugins["mine"].apart
    assert apart.plugins["mine"].apart
    desk, tape = StandIn(), candles()
    position = PositionView(
        price=np.array([1.0, 1.1]),
        at_ms=np.array([1, 2]),
        peak_price=np.array([1.0, 1.1]),
        opened_ms=0,
        entry_price=0.3,
        unit_cost=0.3,
        held=1.0,
        maker_fee=0.0,
        taker_fee=0.0,
    )
    views: dict[str, Any] = {
        "m_change": tape,
        "m_price": desk,
        "m_none": desk,
        "m_word": desk,
        "m_ratio": OrderView(desk, DRAFT),  # type: ignore[arg-type]
        "m_gain": position,
    }
    for name, view in views.items():
        one, other = here.facts[name], apart.facts[name]
        assert same(one.compute(view), other.compute(view)), name
        for part in ("stage", "kind", "unit", "low", "high", "values", "moves"):
            assert getattr(one, part) == getattr(other, part)
    lags = [host.functions["m_lag"].compute(tape.close, 3.0) for host in (here, apart)]
    assert same(*lags)
    for hook, given in (
        ("vote", {"candles": tape}),
        ("coordinate", {"draft": DRAFT, "desk": desk}),
        ("check", {"draft": DRAFT, "desk": desk}),
        ("map_symbol", {"symbol": "a", "aliases": {"a": "b"}}),
    ):
        both = [answer_of(host, hook, given) for host in (here, apart)]
        assert [one.error for one in both] == ["", ""]
        assert same(
            *(np.asarray(one.value) if hook == "vote" else one.value for one in both)
        )
    assert apart.voters() == {"mine"}
    assert apart.identity() == here.identity()


def answer_of(host: Host, hook: str, given: dict[str, Any]) -> Any:
    return next(one for one in host.ask(hook, **given) if one.plugin == "mine")


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(one.astype(float).tobytes() == other.astype(float).tobytes())
    return type(one) is type(other) and repr(one) == repr(other)


def test_a_desk_raises_from_afar_as_here(load: Load) -> None:
    text = """
@hookimpl
def check(desk):
    try:
        desk.param("nonsense")
    except KeyError as error:
        return str(error)
"""
    assert answer_of(load(mine=text), "check", {"draft": 0, "desk": StandIn()}).value


def test_hooks_that_live_trading_does_not_ask_are_left_out(load: Load) -> None:
    text = "@hookimpl\ndef venue(name): return 1\n"
    host = load(only=text, mine=text + "@hookimpl\ndef check(): return None\n")
    assert host.plugins["mine"].left_out == ("venue",)
    assert host.plugins["mine"].active
    assert "asks only quorate's own plugins for venue" in host.plugins["only"].fault
    assert {one.plugin for one in host.ask("venue", name="x", settings={}, limits=None)}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero (line 6)"),
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("os._exit(7)", "its process ended with status 7"),
        ("x = 1", "it implements no hook"),
        ("requires = 'quorate>=99'", "needs quorate>=99"),
        ("@hookimpl\ndef facts(): return [1]", "facts: must list Facts, was int"),
        ("while True: pass", "its process did not start in 1.5 s"),
        ("import ctypes\nctypes.CDLL(None)", "PermissionError: a plugin in live"),
    ],
)
def test_plugin_that_cannot_be_loaded_says_why(
    load: Load, text: str, fault: str
) -> None:
    start_ms = 1500 if "while" in text else 15_000
    host = load(budget=Budget(start_ms=start_ms), mine=text)
    assert fault in host.plugins["mine"].fault
    assert "mine" not in host._workers


# -- misses and deaths


def test_a_miss_blocks_for_the_budget_and_no_longer(load: Load) -> None:
    text = "@hookimpl\ndef check(): time.sleep(60)\n"
    host = load(budget=HASTY, mine=text)
    began = time.monotonic()
    first = answer_of(host, "check", {"draft": 0, "desk": StandIn()})
    second = answer_of(host, "check", {"draft": 0, "desk": StandIn()})
    took_s = time.monotonic() - began
    assert first.error == "no answer within 100 ms"
    assert second.error == STARTING
    assert took_s < 60
    assert host.plugins["mine"].faults == 1  # to start again is no fault
    assert worker(host).deaths == 1


def test_a_killed_process_is_followed_by_another(load: Load) -> None:
    host = load(mine="@hookimpl\ndef vote(candles): return candles.close * 0\n")
    for _ in range(2):
        os.kill(process_id(host), signal.SIGKILL)
        failed = answer_of(host, "vote", {"candles": candles()})
        assert "its process" in failed.error
        assert answer_of(host, "vote", {"candles": candles()}).error == ""
    assert host.plugins["mine"].active


def test_three_misses_in_a_row_switch_it_off_and_end_its_process(load: Load) -> None:
    host = load(mine="@hookimpl\ndef check(): os._exit(1)\n")
    for _ in range(3):
        assert answer_of(host, "check", {"draft": 0, "desk": StandIn()}).error
    assert not host.plugins["mine"].active
    assert answer_of(host, "check", {"draft": 0, "desk": StandIn()}).off
    assert worker(host).closed
    assert worker(host)._line is None


def test_other_plugins_are_not_touched(load: Load) -> None:
    good = "calls = []\n@hookimpl\ndef check(): calls.append(1); return str(len(calls))"
    host = load(bad="@hookimpl\ndef check(): os._exit(1)\n", mine=good)
    values = [
        answer_of(host, "check", {"draft": 0, "desk": StandIn()}).value
        for _ in range(4)
    ]
    assert values == ["1", "2", "3", "4"]


# -- desks within desks


NESTED = """
def inner(desk): return {inner}
def outer(desk): return desk.risk_approved()

@hookimpl
def facts():
    return [
        Fact(name=one.__name__, stage=Stage.ACCOUNT, help="h", compute=one)
        for one in (outer, inner)
    ]
"""


def test_calls_nest(load: Load) -> None:
    text = NESTED.replace("{inner}", "desk.price(desk.symbol)")
    host = load(mine=text)
    desk = StandIn()
    desk.approve = lambda: host.facts["inner"].compute(desk) == Decimal("42.50")
    assert host.facts["outer"].compute(desk) is True


def test_an_inner_miss_ends_the_outer_call_too(load: Load) -> None:
    text = NESTED.replace("{inner}", "time.sleep(60)")
    host = load(budget=HASTY, mine=text)
    desk = StandIn()

    def approve() -> bool | None:
        with pytest.raises(Exception, match="no answer within"):
            host.facts["inner"].compute(desk)
        return None

    desk.approve = approve
    with pytest.raises(Exception, match="ended meanwhile"):
        host.facts["outer"].compute(desk)


# -- memory

MEMORY = """
@hookimpl
def remember(memory, record: Resumed, desk):
    memory.setdefault("keys", []).append(record.key)
    memory[record.key] = (memory.get(record.key, (0,))[0] + 1, Decimal("0.10"))
    if len(memory["keys"]) % 5 == 0:
        memory.pop("a", None)
    if record.key == "bad":
        raise RuntimeError("half done")

@hookimpl
def facts():
    count = lambda desk: len(desk.recall("mine").get("keys", ()))
    return [Fact(name="m_count", stage=Stage.ACCOUNT, help="h", compute=count)]
"""


def tell(host: Host, memory: dict[str, Any], key: str) -> list[str]:
    record = Resumed(at_ms=1, key=key)
    desk = StandIn(memories={"mine": memory})
    given = {"memory": memory, "record": record, "desk": desk}
    told = host.tell("remember", record, lambda name: given if name == "mine" else {})
    return [one.error for one in told if one.plugin == "mine"]


KEYS = ["a", "b", "a", "bad", "c", "a", "b", "d", "a", "bad", "e", "f"]


def folded(host: Host, keys: list[str]) -> dict[str, Any]:
    memory: dict[str, Any] = {}
    for key in keys:
        tell(host, memory, key)
    return memory


def without_bundled(load: Load, **more: Any) -> Host:
    host = load(**more)
    for hook in ("remember", "learn"):
        mine = [one for one in host._hooks[hook] if one.plugin.name == "mine"]
        host._hooks[hook] = mine
    return host


def test_a_memory_is_that_of_a_replay(load: Load) -> None:
    here = folded(without_bundled(load, live=False, mine=MEMORY), KEYS)
    apart = folded(without_bundled(load, mine=MEMORY), KEYS)
    assert apart == here
    assert list(apart) == list(here)


@pytest.mark.parametrize("at", range(0, len(KEYS), 3))
def test_a_record_that_a_death_interrupted_is_remembered(load: Load, at: int) -> None:
    here = folded(without_bundled(load, live=False, mine=MEMORY), KEYS)
    host = without_bundled(load, mine=MEMORY)
    memory: dict[str, Any] = {}
    for number, key in enumerate(KEYS):
        if number == at:
            os.kill(process_id(host), signal.SIGKILL)
        tell(host, memory, key)
    desk: Any = StandIn(memories={"mine": memory})
    assert host.facts["m_count"].compute(desk) == len(KEYS)  # folds what waits
    assert memory == here
    assert list(memory) == list(here)
    assert host.plugins["mine"].active


def test_records_wait_for_a_process_and_are_no_fault(load: Load) -> None:
    host = without_bundled(load, budget=Budget(call_ms=5000), mine=MEMORY)
    memory: dict[str, Any] = {}
    os.kill(process_id(host), signal.SIGKILL)
    errors = [tell(host, memory, "a") for _ in range(4)]
    assert ["its process" in one for [one] in errors] == [True, False, False, False]
    assert host.plugins["mine"].faults == 1
    desk: Any = StandIn(memories={"mine": memory})
    worker(host).budget = PATIENT
    assert host.facts["m_count"].compute(desk) == 4
    assert memory["keys"] == ["a"] * 4


def test_two_states_have_two_memories(load: Load) -> None:
    host = without_bundled(load, mine=MEMORY)
    one, other = folded(host, ["x", "y"]), folded(host, ["z"])
    tell(host, one, "w")
    assert one["keys"] == ["x", "y", "w"]
    assert other["keys"] == ["z"]


def test_a_memory_that_cannot_be_kept_is_a_fault_and_changes_nothing(
    load: Load,
) -> None:
    text = "@hookimpl\ndef remember(memory): memory['f'] = open\n"
    host = without_bundled(load, mine=text)
    memory = {"kept": 1}
    [error] = tell(host, memory, "a")
    assert error.startswith("the memory holds a builtin_function")
    assert memory == {"kept": 1}
