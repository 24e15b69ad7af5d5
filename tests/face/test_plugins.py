"""`quorate plugins`: what is listed, accepted, changed and forgotten."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quorate.face.cli import cli
from quorate.face.workspace import open_workspace
from quorate.host.accepted import FILE, read_accepted

ROOT = Path(__file__).parents[2]
HOOK = "from quorate import hookimpl\n\n@hookimpl\ndef check():\n    return None\n"


def quorate(where: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(where), "plugins", *words])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "calm.py").write_text(f'__version__ = "1.2"\n{HOOK}')
    (tmp_path / "plugins" / "shy.py").write_text(HOOK)
    return tmp_path


def trusted(where: Path) -> dict[str, str]:
    listed = json.loads(quorate(where, "--json").output)
    return {one["name"]: one["trust"] for one in listed if one["trust"] != "bundled"}


def test_plugins_are_listed_with_what_live_trading_makes_of_them(
    workspace: Path,
) -> None:
    assert trusted(workspace) == {"calm": "not accepted", "shy": "not accepted"}
    shown = quorate(workspace)
    assert shown.exit_code == 0  # on paper they take part
    assert "calm" in shown.output
    assert "is not accepted for live trading; look at it, then" in shown.output
    rows = [line.split() for line in shown.output.splitlines()]
    assert ["risk", "bundled", "-", "active", "bundled"] in [row[:5] for row in rows]


def test_all_are_accepted_when_none_is_named(workspace: Path) -> None:
    done = quorate(workspace, "accept", "--yes")
    assert done.exit_code == 0
    assert "calm (1.2) from" in done.output
    assert f"accepted 2 plugins in {FILE}" in done.output
    assert trusted(workspace) == {"calm": "accepted", "shy": "accepted"}
    assert "it is accepted as it is" in quorate(workspace, "accept", "--yes").output
    assert "accepted for live" not in quorate(workspace).output


def test_one_is_accepted_by_name_and_a_changed_one_says_so(workspace: Path) -> None:
    assert quorate(workspace, "accept", "calm", "--yes").exit_code == 0
    assert trusted(workspace) == {"calm": "accepted", "shy": "not accepted"}
    (workspace / "plugins" / "calm.py").write_text(f'__version__ = "1.3"\n{HOOK}')
    assert trusted(workspace)["calm"] == "changed"
    told = "version was 1.2, is 1.3, calm.py has changed"
    assert told in quorate(workspace).output
    again = quorate(workspace, "accept", "calm", "--yes")
    assert f"changed: {told}" in again.output
    assert trusted(workspace)["calm"] == "accepted"


def test_live_trading_loads_what_was_accepted(workspace: Path) -> None:
    quorate(workspace, "accept", "calm", "--yes")
    host = open_workspace(workspace).host(live=True)
    try:
        assert host.plugins["calm"].active
        assert host.plugins["calm"].apart
        assert "not accepted" in host.plugins["shy"].fault
    finally:
        host.close()


def test_forgetting_takes_it_back(workspace: Path) -> None:
    quorate(workspace, "accept", "--yes")
    done = quorate(workspace, "forget", "calm")
    assert done.output == "calm is not accepted any more\n"
    assert trusted(workspace) == {"calm": "not accepted", "shy": "accepted"}
    again = quorate(workspace, "forget", "shi")
    assert again.exit_code == 2
    assert "did you mean 'shy'?" in again.output


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (["accept", "clam", "--yes"], "did you mean 'calm'?", 2),
        (["accept", "risk", "--yes"], "risk is bundled: it needs no acceptance", 2),
        (["accept"], "add --yes where nobody can be asked", 2),
        (["forget", "calm"], "no plugin 'calm' was accepted", 2),
        (["accpt"], "No such command", 2),
    ],
)
def test_what_cannot_be_done_says_why(
    workspace: Path, words: list[str], told: str, code: int
) -> None:
    done = quorate(workspace, *words)
    assert told in done.output
    assert done.exit_code == code
    assert not (workspace / FILE).exists()


def test_nothing_of_a_plugin_runs_while_it_is_accepted(workspace: Path) -> None:
    ran = workspace / "ran"
    text = f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n{HOOK}"
    (workspace / "plugins" / "calm.py").write_text(text)
    assert quorate(workspace, "accept", "--yes").exit_code == 0
    assert not ran.exists()


def test_a_file_that_cannot_be_used_stops_what_needs_it(workspace: Path) -> None:
    (workspace / FILE).write_text("plugins: 5\n")
    done = quorate(workspace, "accept", "--yes")
    assert done.exit_code == 2
    assert f"{FILE}: it must hold `plugins:`" in done.output


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_a_person_is_asked(workspace: Path, answer: str, code: int) -> None:
    person, terminal = pty.openpty()
    try:
        os.write(person, f"{answer}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "quorate", "plugins", "accept", "shy"],
            cwd=workspace,
            env={**os.environ, "PYTHONPATH": str(ROOT / "engine")},
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        os.close(person)
        os.close(terminal)
    assert "Let live trading load 1 plugin as shown?" in done.stdout
    assert done.returncode == code
    assert set(read_accepted(workspace)) == ({"shy"} if code == 0 else set())
