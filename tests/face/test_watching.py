"""Watching: a run for each change of content, and an end with the last exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from quorate.face.watching import contents, watch
from quorate.face.workspace import open_workspace


def told(codes: list[int], states: Iterator[str]) -> tuple[int, int]:
    """Return the exit code and the number of runs over what is seen in turn."""
    runs = 0
    seen = ""

    def run() -> int:
        nonlocal runs
        runs += 1
        return codes[runs - 1]

    def look() -> dict[Path, str]:
        nonlocal seen
        seen = next(states, "end")
        if seen == "end":
            raise KeyboardInterrupt
        return {Path("x"): seen}

    return watch(run, look, wait=lambda _: None), runs


def test_it_runs_once_while_nothing_changes() -> None:
    assert told([1], iter("aaaaaa")) == (1, 1)


def test_a_change_runs_again_and_the_last_code_counts() -> None:
    # seen, changed, settling twice, seen again
    assert told([1, 0], iter("aabbbbbb")) == (0, 2)


def test_a_change_in_steps_is_one() -> None:
    assert told([1, 0], iter("aabcdddddd")) == (0, 2)


def test_a_change_during_the_run_is_seen() -> None:
    assert told([1, 2], iter("abbbbbb")) == (2, 2)


def test_only_content_counts(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (tmp_path / "quorate.yaml").write_text("venue: paper\n", "utf-8")
    file = rules / "a.yaml"
    file.write_text("params: {}\n", "utf-8")
    workspace = open_workspace(tmp_path)
    before = contents(workspace, ())
    os.utime(file, (1, 1))
    assert contents(workspace, ()) == before
    file.write_text("params: {a: {value: 1}}\n", "utf-8")
    assert contents(workspace, ()) != before
    (rules / "b.test.yaml").write_text("tests: []\n", "utf-8")
    assert rules / "b.test.yaml" in contents(workspace, ())


def test_ctrl_c_ends_it_with_the_code_of_the_last_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "quorate"]
    made = subprocess.run(
        [*command, "init", str(tmp_path / "w")], capture_output=True, check=False
    )
    assert made.returncode == 0
    with subprocess.Popen(
        [*command, "-w", str(tmp_path / "w"), "test", "--watch", "-k", "surer"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As a terminal does: what runs in the background has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        try:
            assert process.stderr is not None
            assert "Ctrl-C" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert "ok: 5 cases of 1 test passed" in output
    assert "Traceback" not in errors
