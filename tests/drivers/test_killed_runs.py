"""kill -9 at random moments of a live run, faults on: nothing doubled, nothing lost.

Twenty kills here; QUORATE_KILLS says how many, and `make soak` does two hundred.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.drivers.killed_runs import (
    differences,
    kill_times,
    killed_runs,
    misreported,
    settle,
    ungated,
)

from quorate.host.host import open_host
from quorate.rulebook.rulebook import gather_sources, read_rulebook

KILLS = int(os.environ.get("QUORATE_KILLS", "20"))
SEED = int(os.environ.get("QUORATE_KILL_SEED", "1"))


def test_a_run_that_is_killed_again_and_again_keeps_the_exchanges_books(
    tmp_path: Path,
) -> None:
    with killed_runs(tmp_path, seed=SEED) as runs:
        for after_s in kill_times(SEED, KILLS):
            runs.start()
            runs.kill(after_s)
            assert runs.unrecorded() == []
        settle(runs, patience_s=90)
        assert differences(runs) == []
        assert misreported(runs) == []
        host = open_host(None, installed=False)
        sources, _ = gather_sources(tmp_path / "rules", relative_to=tmp_path)
        rulebook = read_rulebook(sources, host.facts, host.functions).rulebook
        assert rulebook is not None
        assert ungated(runs, rulebook) == []
        sent = {one["form"]["cl_ord_id"] for one in runs.exchange.requests("AddOrder")}
        assert len(sent) >= KILLS // 2, "the runs have hardly traded"
