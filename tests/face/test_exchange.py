"""``quorate exchange`` as people meet it: opened, traded at, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import ccxt.async_support as ccxt
import pytest
from click.testing import CliRunner, Result

from quorate.drivers.demo_tape import generate
from quorate.drivers.keys import load_keys
from quorate.drivers.tape_file import write_tape
from quorate.face.cli import cli
from quorate.face.workspace import open_workspace

lo = import_module("loopback")
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}


def quorate(*words: object, where: Path = ROOT) -> Result:
    return CliRunner().invoke(cli, ["-w", str(where), *map(str, words)])


@contextmanager
def opened(*words: object) -> Iterator[subprocess.Popen[str]]:
    """Start ``quorate exchange`` as in a terminal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "quorate", "exchange", "--port", "0", *map(str, words)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines_until(process: subprocess.Popen[str], end: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or end not in lines[-1]:
        line = process.stdout.readline()
        assert line, lines
        lines.append(line)
    return lines


def buy(url: str, key: str, secret: str) -> str:
    """Buy with ccxt, whose URLs alone lead elsewhere; return the id of the order."""

    async def placed() -> str:
        kraken = ccxt.kraken(lo.ccxt_settings(url, key, secret))
        try:
            order = await kraken.create_order(
                "BTC/USD", "market", "buy", 0.01, None, {"clientOrderId": "1a2b3c4d-9"}
            )
            return str(order["id"])
        finally:
            await kraken.close()

    return asyncio.run(placed())


def test_it_is_traded_at_told_of_and_stopped_with_its_books(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    with opened("--ledger", file, "--balance", "usd=5000") as process:
        welcome = "".join(lines_until(process, "Ctrl-C stops it"))
        said = {
            words[0]: words[1]
            for words in map(str.split, welcome.splitlines())
            if len(words) == 2
        }
        url = welcome.splitlines()[0].rpartition(" ")[2]
        txid = buy(url, said["key"], said["secret"])
        log = "".join(lines_until(process, "fill"))
        assert f"order  buy  0.01 BTC/USD @ market  {txid} (1a2b3c4d-9)" in log
        assert "taker, fee" in log
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "stopped: 1 order, 1 fill" in rest
        assert str(file) in rest
    ledger = json.loads(file.read_text())
    assert [one["txid"] for one in ledger["orders"]] == [txid]
    assert set(ledger["deposits"]) == {"USD"}


def test_a_signal_has_the_ledger_written_while_it_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    with lo.exchange_process("--ledger", file) as exchange:
        buy(exchange.url, exchange.key, exchange.secret)
        exchange.process.send_signal(signal.SIGUSR1)
        for _ in range(1_000):
            if json.loads(file.read_text())["orders"]:
                break
            exchange.control("clock")
        assert json.loads(file.read_text())["orders"] == exchange.ledger()["orders"]


def test_one_line_of_json_says_all_that_a_program_needs() -> None:
    shown = quorate("exchange", "--json", "--port", 0, "--for", "100ms")
    assert shown.exit_code == 0, shown.output
    ready = json.loads(shown.stdout)
    assert ready["symbols"] == ["BTC/USD", "ETH/USD"]
    assert ready["urls"] == lo.ccxt_urls(ready["url"])["api"]
    assert ready["workspace"].startswith("exchange:\n")


def test_another_process_reaches_it_by_its_control_calls() -> None:
    with lo.exchange_process("--pace", 60, "--seed", 3) as exchange:
        exchange.add_faults({"at": "AddOrder", "kind": "no_txid", "times": 1})
        assert buy(exchange.url, exchange.key, exchange.secret) == "None"
        seen = exchange.requests("AddOrder")
        assert [one["faults"] for one in seen] == [["no_txid"]]
        assert len(exchange.ledger()["orders"]) == 1
        assert exchange.requests(since=seen[-1]["number"]) == []
        assert exchange.control("clock")["pace"] == 60


def test_a_workspace_is_written_that_trades_there(tmp_path: Path) -> None:
    folder = tmp_path / "trade"
    for _ in range(2):
        shown = quorate(
            "exchange", "--port", 0, "--for", "50ms", "--pace", 60,
            "--key", "mine", "--secret", "c2VjcmV0", "--write-workspace", folder,
        )  # fmt: skip
        assert shown.exit_code == 0, shown.output
        assert f"quorate -w {folder} run --live" in shown.output
    url = shown.output.splitlines()[0].rpartition(" ")[2]
    workspace = open_workspace(folder)
    section: Any = workspace.exchange
    assert section["ccxt"]["urls"]["api"]["private"] == url
    assert section["pace"] == 60
    assert section["deadline"] == 50_000
    keys = load_keys(section["keys"], folder)
    assert (keys.key, keys.secret) == ("mine", "c2VjcmV0")
    assert stat.S_IMODE((folder / "kraken.key").stat().st_mode) == 0o600
    text = (folder / "quorate.yaml").read_text()
    assert text.count("\nexchange:") == 1
    assert "# exchange:" not in text
    assert "participation: 10%" in text
    assert "it ends by itself in 50ms, at 20" in shown.output
    assert "mine" not in text
    assert quorate("check", where=folder).exit_code == 0


def test_a_section_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "quorate.yaml"
    own = "venue: paper\nexchange: {name: kraken, symbols: [BTC/USD]}\n"
    file.write_text(own)
    shown = quorate(
        "exchange", "--port", 0, "--for", "9s", "--write-workspace", tmp_path
    )
    assert shown.exit_code == 2
    assert "has an `exchange` section of its own" in shown.stderr
    assert file.read_text() == own
    assert not (tmp_path / "kraken.key").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--host", "0.0.0.0"), "for this machine only"),
        (("--host", "example.org"), "for this machine only"),
        (("--balance", "USD=much"), "the amount must be a number"),
        (("--balance", "USD=-1"), "the amount must be a number"),
        (("--for", "soon"), "must be a duration such as 90s"),
        (("--for", "0s"), "must be a duration such as 90s"),
        (("--tier", "gold"), "there is no tier 'gold'"),
        (("--key", "only"), "belong together"),
        (("--secret", "not base64!", "--key", "k"), "base64"),
        (("--tape", "nowhere.csv"), "nowhere.csv"),
        (("--pace", "0.1"), "range"),
        (("--ledger", "/nowhere/at/all.json"), "cannot be written"),
        (("nasdaq",), "no plugin brings the exchange 'nasdaq'"),
    ],
)
def test_what_cannot_be_opened_is_said(words: tuple[str, ...], why: str) -> None:
    shown = quorate("exchange", "--port", 0, "--for", "50ms", *words)
    assert shown.exit_code == 2, shown.output
    assert why in shown.output
    assert "defect" not in shown.output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("faults: [{at: AddOrder, kind: reply_lots}]", "did you mean 'reply_lost'"),
        ("faults: [{at: AddOrder, kind: oops}]", "faults.yaml:1: there is no kind"),
        ("faults: [{at: AddOrder, kind: oops}]", "the kinds are error, http"),
        ("faults: {at: AddOrder}", "must hold one list under `faults`"),
        ("fault: []", "must hold one list under `faults`"),
        ("faults: [{at: Time, kind: reply_late, value: 3%}]", "whole number"),
        ("faults: [", "faults.yaml"),
    ],
)
def test_a_fault_file_is_checked(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text + "\n")
    shown = quorate("exchange", "--port", 0, "--for", "50ms", "--faults", file)
    assert shown.exit_code == 2, shown.output
    assert why in shown.output
    assert "WARNING" not in shown.output


def test_faults_of_a_file_strike(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        "faults:\n"
        "  - {at: AddOrder, kind: error, value: 'EService:Busy', share: 100%}\n"
        "  - {at: Time, kind: reply_late, value: 1s, times: 2}\n"
    )
    with lo.exchange_process("--faults", file) as exchange:
        error, late = exchange.control("faults")
        assert error["value"] == ["EService:Busy"]
        assert (late["value"], late["times"]) == (1000, 2)
        with pytest.raises(ccxt.ExchangeNotAvailable, match="EService:Busy"):
            buy(exchange.url, exchange.key, exchange.secret)


def test_a_tape_must_have_candles_of_one_minute(tmp_path: Path) -> None:
    hours = generate("BTC/USD", 1_740_960_000_000, 600, 7, 50_000.0)
    file = tmp_path / "BTC_USD-1h.csv"
    stretched = hours.time_ms[0] + (hours.time_ms - hours.time_ms[0]) * 60
    write_tape(replace(hours, timeframe_ms=3_600_000, time_ms=stretched), file)
    shown = quorate("exchange", "--port", 0, "--for", "50ms", "--tape", file)
    assert shown.exit_code == 2
    assert "must have candles of one minute" in shown.stderr


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shown = quorate("exchange", "--port", port, "--for", "50ms")
    assert shown.exit_code == 2
    assert f"port {port} of 127.0.0.1 cannot be used" in shown.stderr
