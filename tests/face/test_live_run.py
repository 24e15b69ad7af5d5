"""A live run as people meet it, against the loopback exchange over a real wire."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from click.testing import CliRunner

from quorate.face.cli import cli

loopback = import_module("loopback")
live_runs = import_module("live_runs")


@pytest.fixture(scope="module")
def exchange() -> Iterator[Any]:
    with loopback.exchange_process("--pace", 60, "--balance", "USD=10000") as process:
        yield process


@pytest.fixture
def untouched() -> Iterator[Any]:
    """An exchange whose account nobody has traded yet."""
    with loopback.exchange_process("--pace", 60, "--balance", "USD=10000") as process:
        yield process


@pytest.fixture
def root(tmp_path: Path, exchange: Any) -> Path:
    made: Path = live_runs.make(tmp_path / "w", exchange)
    return made


def orders(exchange: Any) -> int:
    return len(exchange.requests("AddOrder"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--live"], "say it twice: --live --yes-really"),
        (["--yes-really"], "go with --live"),
        (["--accept-unverified-key"], "go with --live"),
        (["--live", "--yes-really", "x.csv"], "takes no TAPE or --tape"),
        (["--live", "--yes-really", "--balance", "USD=1"], "takes no --balance"),
        (["--live", "--yes-really", "--no-skip"], "takes no --no-skip"),
        (["--live", "--yes-really", "--volume-in", "quote"], "--volume-in"),
    ],
)
def test_what_is_not_asked_for_twice_or_means_paper_is_refused(
    tmp_path: Path, words: list[str], why: str
) -> None:
    section = "exchange:\n  name: someplace\n  symbols: [BTC/USD]\n"
    (tmp_path / "quorate.yaml").write_text(section)
    done = CliRunner().invoke(cli, ["-w", str(tmp_path), "run", *words])
    assert done.exit_code == 2
    assert why in " ".join(done.output.split())
    assert not (tmp_path / "runs").exists()


def test_backtest_is_never_live() -> None:
    done = CliRunner().invoke(cli, ["backtest", "--live"])
    assert done.exit_code == 2
    assert "No such option" in done.output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no exchange"),
        ("exchange:\n  name: x\n  symbols: [BTC/USD]\n", "where the keys"),
        (
            "exchange:\n  name: x\n  symbols: [BTC/USD]\n  keys: file:no.key\n",
            "no such file",
        ),
    ],
)
def test_a_workspace_that_cannot_trade_says_what_is_missing(
    tmp_path: Path, text: str, why: str
) -> None:
    (tmp_path / "quorate.yaml").write_text(text or "venue: paper\n")
    done = CliRunner().invoke(
        cli, ["-w", str(tmp_path), "run", "--live", "--yes-really"]
    )
    assert done.exit_code == 2
    assert why in done.stderr
    assert "Traceback" not in done.output


def test_a_plan_is_told_before_anything_is_sent_and_asked_about(
    tmp_path: Path, untouched: Any
) -> None:
    """On a terminal another word than the exchange's name sends nothing."""
    root = live_runs.make(tmp_path, untouched)
    shown, code = on_a_terminal(root, b"yes\n")
    assert code == 2
    for told in (
        "LIVE trading at kraken: real orders",
        "this machine: a rehearsal",
        "BTC/USD, ETH/USD",
        "rules/entry.yaml",
        "live-kraken.sqlite: new",
        "10,000 USD",
        "spends up to 2,000.00 USD in BTC/USD",
        "max_position 25%",
        "stop_loss ",
        "profit_target ",
        "take-profits stay at the exchange",
        "the fees are more than the profit aimed at",
        "Type the exchange's name, kraken",
        "not confirmed; nothing was sent",
    ):
        assert told in shown
    assert orders(untouched) == 0
    assert not (root / "runs" / "live-kraken.sqlite").exists()


def test_the_end_of_input_confirms_nothing(tmp_path: Path, untouched: Any) -> None:
    shown, code = on_a_terminal(live_runs.make(tmp_path, untouched), b"\x04")
    assert code == 2
    assert "not confirmed; nothing was sent" in shown
    assert "Aborted" not in shown
    assert orders(untouched) == 0


def test_a_terminal_shows_a_page(root: Path) -> None:
    shown, code = on_a_terminal(root, b"kraken\n", stop_at="market ok")
    assert code == 0
    assert "live at kraken" in shown
    assert "active" in shown
    assert "market ok" in shown
    assert "stopped; journal" in shown
    assert "go on with: quorate run --live" in shown


def on_a_terminal(root: Path, typed: bytes, stop_at: str = "") -> tuple[str, int]:
    """Run ``quorate run --live`` on a terminal; return what it showed, and its code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "quorate", "run", "--live"],
        cwd=root,
        env={
            **live_runs.ENVIRONMENT,
            "XDG_STATE_HOME": str(root / "state"),
            "TERM": "xterm",
        },
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, until_s = b"", monotonic() + live_runs.MOST_S
    try:
        while monotonic() < until_s:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                part = os.read(ours, 65_536)
            except OSError:  # how Linux says that the other side is closed
                break
            shown += part
            if typed and b"to trade with real orders" in shown:
                os.write(ours, typed)
                typed = b""
            if stop_at and stop_at.encode() in shown:
                process.send_signal(signal.SIGINT)
                stop_at = ""
        return plain(shown), process.wait(5)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def plain(shown: bytes) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).split())


def test_a_run_trades_is_halted_resumed_and_left_in_order(
    tmp_path: Path, untouched: Any
) -> None:
    root = live_runs.make(tmp_path, untouched)
    with live_runs.live(root) as run:
        run.wait_for("started, mode active")
        run.wait_for("buy")
        second = live_runs.quorate(root, "run", "--live", "--yes-really")
        assert second.returncode == 2
        assert "one run trades an account" in second.stderr
        told = live_runs.quorate(root, "halt", "--why", "lunch")
        assert "a run is alive" in told.stdout
        run.wait_for("mode halted: lunch")
        sleep(0.5)
        before = orders(untouched)
        sleep(1.5)  # a minute and a half of the exchange
        assert orders(untouched) == before
        live_runs.quorate(root, "resume")
        run.wait_for("mode active: quorate resume")
        run.signal(signal.SIGTERM)
        run.wait_for("stopping: no more entries")
        run.wait_for("stopped; journal runs/live-kraken.sqlite")
        assert run.end() == 0
    assert "go on with: quorate run --live" in run.told
    ledger = untouched.ledger()
    resting = {one["cl_ord_id"] for one in ledger["orders"] if one["status"] == "open"}
    for client_id in resting:
        assert f"rests       {client_id} sell" in run.told
    reconciled = live_runs.quorate(root, "reconcile", "--json")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    assert json.loads(reconciled.stdout)["differences"] == []


def test_a_run_that_was_killed_goes_on(root: Path) -> None:
    with live_runs.live(root) as run:
        run.wait_for("started, mode active")
        run.signal(signal.SIGKILL)
        run.end()
    assert live_runs.quorate(root, "halt").stdout.count("no run is alive") == 1
    with live_runs.live(root) as again:
        again.wait_for("goes on with run")
        again.wait_for("mode       halted, as asked for")
        again.wait_for("mode halted: quorate halt")
        again.signal(signal.SIGTERM)
        assert again.end() == 0


def test_a_second_signal_ends_at_once(tmp_path: Path, untouched: Any) -> None:
    root = live_runs.make(tmp_path, untouched)
    # The answer takes ten seconds of the wall clock: the quiet end waits for it.
    untouched.add_faults({"at": "AddOrder", "kind": "reply_late", "value": 600_000})
    with live_runs.live(root) as run:
        run.wait_for("orders default: fired")
        run.signal(signal.SIGINT)
        run.wait_for("stopping: no more entries")
        run.signal(signal.SIGINT)  # wrappers send it twice: that is one wish
        sleep(1.5)
        assert run.process.poll() is None
        run.signal(signal.SIGINT)
        assert run.end() == 130
    assert "ended at once; the journal runs/live-kraken.sqlite is safe" in run.told
    assert "no answer" in run.told
    assert "Traceback" not in run.told


def test_doctor_finds_a_rehearsal_in_order(root: Path) -> None:
    done = live_runs.quorate(root, "doctor", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    subjects = {one["subject"]: one for one in told["findings"]}
    assert told["ok"]
    for subject in ("keys", "rights", "clock", "BTC/USD", "tier", "disk", "plugins"):
        assert subjects[subject]["level"] == "ok", subject
    assert subjects["fees"]["level"] == "warning"
    strict = live_runs.quorate(root, "doctor", "--strict")
    assert strict.returncode == 1
    assert "0 errors, " in strict.stdout


def test_doctor_finds_what_is_wrong(root: Path) -> None:
    (root / "kraken.key").chmod(0o644)
    (root / "plugins" / "new.py").write_text(
        "from quorate import hookimpl\n@hookimpl\ndef check(draft, desk): return None\n"
    )
    done = live_runs.quorate(root, "doctor")
    assert done.returncode == 1
    assert "chmod 600" in done.stdout
    assert "new is not used: not accepted for live trading" in done.stdout
    (root / "kraken.key").chmod(0o600)
    refused = live_runs.quorate(root, "run", "--live", "--yes-really")
    assert refused.returncode == 2
    assert "nothing was started" in refused.stderr
    assert not (root / "runs").exists()


def test_doctor_finds_a_damaged_journal(root: Path) -> None:
    (root / "runs").mkdir()
    (root / "runs" / "live-kraken.sqlite").write_bytes(b"no journal" * 500)
    done = live_runs.quorate(root, "doctor")
    assert done.returncode == 1
    assert "not a quorate journal" in done.stdout


def test_an_exchange_that_is_not_there_is_said_in_one_sentence(
    root: Path, exchange: Any
) -> None:
    yaml = root / "quorate.yaml"
    yaml.write_text(yaml.read_text().replace(exchange.url, "http://127.0.0.1:9"))
    for words in (["run", "--live", "--yes-really"], ["reconcile"]):
        done = live_runs.quorate(root, *words)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
    done = live_runs.quorate(root, "doctor")
    assert done.returncode == 1
    assert "error    exchange" in done.stdout


def test_reconcile_without_a_run_says_that_there_is_nothing(root: Path) -> None:
    done = live_runs.quorate(root, "reconcile")
    assert done.returncode == 2
    assert "nothing to compare" in done.stderr
