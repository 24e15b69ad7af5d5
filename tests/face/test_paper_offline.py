"""Paper trading reaches nobody: no socket is opened, and no key is read."""

import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quorate.contract.live import Keys
from quorate.drivers.demo_tape import generate
from quorate.drivers.tape_file import write_tape
from quorate.face.cli import cli

SECTION = """
exchange:
  name: {name}
  symbols: [BTC/USD]
  keys: file:live.key
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace that could trade live: an exchange, and keys where they belong."""
    assert CliRunner().invoke(cli, ["init", str(tmp_path)]).exit_code == 0
    with (tmp_path / "quorate.yaml").open("a") as file:
        file.write(SECTION.format(name="kraken"))
    (tmp_path / "live.key").write_text("a key\na secret\n")
    (tmp_path / "live.key").chmod(0o600)
    tape = generate("BTC/USD", 1_641_340_800_000, 720, 7, 46_000.0)
    write_tape(tape, tmp_path / "BTC_USD-1m.csv.gz")
    return tmp_path


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was tried to be reached; every way out is closed."""
    tried: list[str] = []

    def refuse(name: str) -> Any:
        def refused(*given: object, **named: object) -> None:
            tried.append(f"{name} {given[1:]} {named}")
            raise OSError("there is no network in this test")

        return refused

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse(name))
    monkeypatch.setattr(socket, "getaddrinfo", refuse("getaddrinfo"))
    monkeypatch.setattr(socket, "create_connection", refuse("create_connection"))
    monkeypatch.setattr("quorate.face.live_plan.load_keys", refuse("load_keys"))
    return tried


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--quiet", "BTC_USD-1m.csv.gz"],
        ["run", "--json"],
        ["backtest", "BTC_USD-1m.csv.gz"],
        ["check"],
        ["names"],
        ["plugins"],
        ["halt"],
        ["resume"],
    ],
    ids=" ".join,
)
def test_nothing_but_live_trading_opens_a_socket(
    workspace: Path,
    reached: list[str],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(workspace)
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert reached == []


def test_the_net_would_show_a_way_out(
    workspace: Path, reached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What asks the exchange is seen: the tests above can fail."""
    monkeypatch.chdir(workspace)
    monkeypatch.setattr("quorate.face.live_plan.load_keys", _keys)
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == 1, done.output
    assert reached


def _keys(reference: str, root: Path) -> Keys:
    return Keys("a key", "YSBzZWNyZXQ=")
