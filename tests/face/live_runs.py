"""A workspace that trades at the loopback exchange, and live runs in it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from click.testing import CliRunner

from quorate.face.cli import cli

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT / "engine"),
    "COLUMNS": "160",
    "XDG_STATE_HOME": "",
}
MOST_S = 60


def make(root: Path, exchange: Any, **changes: str) -> Path:
    """Make ``root`` a workspace that trades at a process of ``quorate exchange``."""
    assert CliRunner().invoke(cli, ["init", str(root)]).exit_code == 0
    section = str(exchange.ready["workspace"])
    for name, value in changes.items():
        lines = [x for x in section.splitlines() if not x.startswith(f"  {name}:")]
        section = "\n".join([lines[0], f"  {name}: {value}", *lines[1:]])
    with (root / "quorate.yaml").open("a") as file:
        file.write(f"\n{section}\n")
    write_keys(root / "kraken.key", exchange.key, exchange.secret)
    # Every candle is a candidate, so that a test need not wait for a signal.
    entry = root / "rules" / "entry.yaml"
    entry.write_text(
        entry.read_text().replace("confidence > min_confidence", "close > 0")
    )
    return root


def write_keys(path: Path, key: str, secret: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{key}\n{secret}\n")


def quorate(
    root: Path, *words: str, text: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "quorate", *words],
        cwd=root,
        env={**ENVIRONMENT, "XDG_STATE_HOME": str(root / "state"), **environment},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=MOST_S,
    )


@dataclass
class Run:
    """A live run in a process of its own, read line by line."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    reader: threading.Thread = field(init=False)
    _coming: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._coming.put(line)
        self._coming.put("")

    def wait_for(self, text: str) -> str:
        """Return the next line that holds ``text``."""
        until_s = monotonic() + MOST_S
        while monotonic() < until_s:
            try:
                line = self._coming.get(timeout=1)
            except queue.Empty:
                continue
            if not line:
                break
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} did not come:\n{''.join(self.lines)}")

    def signal(self, which: signal.Signals) -> None:
        self.process.send_signal(which)

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(MOST_S)
        while line := self._coming.get(timeout=MOST_S):
            self.lines.append(line)
        return code

    @property
    def told(self) -> str:
        """Everything it has said."""
        return "".join(self.lines)


@contextmanager
def live(root: Path, *words: str, code: str = "", **environment: str) -> Iterator[Run]:
    """Start ``quorate run --live``; kill it at the end, whatever happens."""
    start = ["-c", code] if code else ["-m", "quorate"]
    process = subprocess.Popen(
        [sys.executable, *start, "run", "--live", "--yes-really", *words],
        cwd=root,
        env={**ENVIRONMENT, "XDG_STATE_HOME": str(root / "state"), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    run = Run(process)
    try:
        yield run
    finally:
        process.kill()
        process.wait()
        run.reader.join()
