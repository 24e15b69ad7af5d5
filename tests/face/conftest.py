"""Journals of real runs on a synthetic tape, and one written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from quorate.drivers.demo_tape import generate
from quorate.drivers.run import TapeSetup, load_tapes, run_tape
from quorate.drivers.tape_file import write_tape
from quorate.face.workspace import Workspace, open_workspace
from quorate.host.host import Host
from quorate.journal.journal import Journal

ROOT = Path(__file__).parents[2]
BEGIN_MS = 1_641_340_800_000  # 2022-01-05 00:00 UTC
MINUTES = 2 * 1440 + 720


@pytest.fixture(scope="session")
def workspace() -> Workspace:
    return open_workspace(ROOT)


@pytest.fixture(scope="session")
def host(workspace: Workspace) -> Host:
    return workspace.host()


@pytest.fixture(scope="session")
def ran(
    workspace: Workspace, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> Journal:
    """The journal of two and a half days in two symbols, under the shipped rules."""
    folder = tmp_path_factory.mktemp("ran")
    btc, eth = folder / "BTC_USD-1m.csv.gz", folder / "ETH_USD-1m.csv.gz"
    write_tape(generate("BTC/USD", BEGIN_MS, MINUTES, 7, 46_000.0, own=0.4), btc)
    tame = generate("ETH/USD", BEGIN_MS, MINUTES, 7, 3_800.0, decimals=2, own=0.6)
    write_tape(tame, eth)
    journal = Journal.create(folder / "run.sqlite", commit_every=2000)
    sources = [str(btc), str(eth)]
    setup = TapeSetup(
        rulebook=workspace.rulebook(host),
        host=host,
        venue=workspace.venue,
        tier=workspace.tier,
        settings=workspace.settings,
        sources=sources,
    )
    tapes, source = load_tapes(sources)
    run_tape(setup, tapes, source, journal)
    return journal
