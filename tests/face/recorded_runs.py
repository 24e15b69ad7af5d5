"""Runs on tapes that lie beside their journals, and what deciding them again gives."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from quorate.drivers.demo_tape import generate
from quorate.drivers.run import TapeSetup, load_tapes, run_tape
from quorate.drivers.tape_file import write_tape
from quorate.face.cli import cli
from quorate.face.replay import Replay, ReplayWish, replay
from quorate.face.workspace import Workspace
from quorate.journal.journal import Journal

ROOT = Path(__file__).parents[2]
BEGIN_MS = 1_641_340_800_000  # 2022-01-05 00:00 UTC
MINUTES = 2 * 1440 + 720


def write_tapes(folder: Path) -> None:
    """Write two and a half days in two symbols."""
    for symbol, price, own in (("BTC/USD", 46_000.0, 0.4), ("ETH/USD", 3_800.0, 0.6)):
        tape = generate(symbol, BEGIN_MS, MINUTES, 7, price, own=own)
        write_tape(tape, folder / f"{symbol.replace('/', '_')}-1m.csv.gz")


def tapes_of(file: Path) -> list[str]:
    return [str(path) for path in sorted(file.parent.glob("*.csv.gz"))]


def edited(folder: Path, *edits: tuple[str, str, str]) -> Path:
    """Return the shipped rules with texts of files replaced."""
    shutil.copytree(ROOT / "rules", folder)
    for name, old, new in edits:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    return folder


def again(workspace: Workspace, file: Path, **wish: Any) -> Replay:
    return replay(workspace, ReplayWish(journal=file, **wish))


def quorate(*words: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(ROOT), *words])


def run_into(file: Path, workspace: Workspace, steps: int | None = None) -> Path:
    """Write the journal of a run of the tapes beside it, or of its first steps."""
    sources, host = tapes_of(file), workspace.host()
    setup = TapeSetup(
        rulebook=workspace.rulebook(host),
        host=host,
        venue=workspace.venue,
        tier=workspace.tier,
        settings=workspace.settings,
        sources=sources,
    )
    tapes, source = load_tapes(sources)
    with Journal.create(file) as journal:
        run_tape(setup, tapes, source, journal, stop_after=steps)
    return file
