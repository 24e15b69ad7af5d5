"""What the README's table says that commands print, they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pages = import_module("pages")

README = Path(__file__).parents[2] / "README.md"
PRINTS = "prints, among more"
ROWS = [row for row in pages.rows(README) if row.header[-1] == PRINTS]
ENVIRONMENT = {**os.environ, "COLUMNS": "140", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace in which one run was made."""
    folder = tmp_path_factory.mktemp("readme") / "mine"
    quorate(folder.parent, "init", folder.name)
    ran = quorate(folder, "run", "--quiet")
    assert ran.returncode == 0, ran.stderr
    return folder


def quorate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quorate", *words],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def plain(text: str) -> str:
    """Return a text with its runs of blanks as one: tables are wider and narrower."""
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.cells[0].strip("`"))
def test_a_command_prints_what_the_table_says(row: Any, workspace: Path) -> None:
    (command,), (line,) = pages.quoted(row.cells[0]), pages.quoted(row.cells[-1])
    done = quorate(workspace, *shlex.split(command)[1:])
    assert "Traceback" not in done.stderr
    assert plain(line) in plain(done.stdout + done.stderr), done.stdout


def test_the_table_is_there() -> None:
    assert len(ROWS) >= 15
