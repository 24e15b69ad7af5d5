"""Time whole tape runs: every check, decision, trade and journal row, on disk.

The tape is a year of one-minute candles (525,600) made by repeating a month: a made-up
one, or the file given by --tape. Four runs in one process: the default rulebook as it
is; the same with the drawdown guard lifted, so that it trades to the end; and, on the
first days of the tape, the driver that walks every look and candle (the baseline)
beside the one that jumps.
Run ``python benchmarks/tape.py [--tape FILE] [--candles N] [--json]``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "engine"))

from quorate import Bar
from quorate.contract.decisions import Decision
from quorate.contract.records import Closed, Record
from quorate.drivers.demo_tape import DEMO_SEED, DEMO_START_MS, generate
from quorate.drivers.run import TapeSetup, run_tape
from quorate.drivers.tape import TapeDriver
from quorate.drivers.tape_file import fill_gaps, read_tape
from quorate.face.workspace import open_workspace
from quorate.flow.flow import Flow
from quorate.journal.journal import Journal
from quorate.values.market import Candles

GOAL_PER_SECOND = 300_000
YEAR = 525_600
MONTH = 43_200
WALKED = 2_880
COLUMNS = ("open", "high", "low", "close", "volume", "stale")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One run: its candles, trades and rows, and where its seconds went."""

    name: str
    candles: int
    trades: int
    rows: int
    seconds: float
    parts: dict[str, float]

    @property
    def per_second(self) -> float:
        """Candles a second."""
        return self.candles / self.seconds


class TimedJournal(Journal):
    """A journal that knows how long it took and what it was given."""

    spent = 0.0
    rows = 0
    trades = 0

    def write(
        self,
        records: Sequence[Record],
        decisions: Sequence[Decision],
        *,
        cursor: str,
        rulebook: str,
        candles: Sequence[Bar] = (),
    ) -> None:
        """Write a unit, and count."""
        begun = perf_counter()
        super().write(
            records, decisions, cursor=cursor, rulebook=rulebook, candles=candles
        )
        self.spent += perf_counter() - begun
        self.rows += len(records) + len(decisions)
        self.trades += sum(isinstance(record, Closed) for record in records)

    def commit(self) -> None:
        """Commit what waits, and count."""
        begun = perf_counter()
        super().commit()
        self.spent += perf_counter() - begun


def repeat(candles: Candles, count: int) -> Candles:
    """Return ``count`` candles: the given ones over and over, time going on."""
    times = -(-count // len(candles))
    columns: dict[str, Any] = {
        name: np.tile(getattr(candles, name), times)[:count] for name in COLUMNS
    }
    start = int(candles.time_ms[0])
    time_ms = start + np.arange(count, dtype=np.int64) * candles.timeframe_ms
    return dataclasses.replace(candles, time_ms=time_ms, **columns)


def timed_run(
    name: str, candles: Candles, settings: list[tuple[str, str]], *, walk: bool = False
) -> Timed:
    """Run the default rulebook over a tape, into a journal on disk."""
    workspace = open_workspace(ROOT)
    host = workspace.host()
    setup = TapeSetup(
        rulebook=workspace.rulebook(host, settings),
        host=host,
        venue=workspace.venue,
        tier=workspace.tier,
        settings=workspace.settings,
        sources=[],
    )
    spent: dict[str, float] = {"columns": 0.0, "deciding": 0.0}
    undo = [
        _timed(TapeDriver, "prepare", "columns", spent),
        _timed(Flow, "handle", "deciding", spent),
    ]
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.sqlite"
            with TimedJournal.create(path, commit_every=2_000) as journal:
                begun = perf_counter()
                run_tape(setup, [candles], name, journal, walk=walk)
                seconds = perf_counter() - begun
    finally:
        for put_back in undo:
            put_back()
    spent["journal"] = journal.spent
    spent["looking ahead, venue"] = seconds - sum(spent.values())
    return Timed(
        name=name,
        candles=len(candles),
        trades=journal.trades,
        rows=journal.rows,
        seconds=seconds,
        parts=spent,
    )


def _timed(owner: Any, method: str, part: str, spent: dict[str, float]) -> Any:
    plain = getattr(owner, method)

    def timed(*given: Any, **named: Any) -> Any:
        begun = perf_counter()
        try:
            return plain(*given, **named)
        finally:
            spent[part] += perf_counter() - begun

    setattr(owner, method, timed)
    return lambda: setattr(owner, method, plain)


def measure(tape: Path | None, count: int) -> list[Timed]:
    """Return the four runs."""
    if tape is None:
        month = generate("BTC/USD", DEMO_START_MS, MONTH, DEMO_SEED, 84_000.0)
    else:
        month = fill_gaps(read_tape(tape))
    year = repeat(month, count)
    lifted = [("max_drawdown", "90%"), ("kill_drawdown", "95%")]
    return [
        timed_run("default rulebook", year, []),
        timed_run("drawdown guard lifted", year, lifted),
        timed_run("walking (baseline)", repeat(month, WALKED), lifted, walk=True),
        timed_run("jumping, same candles", repeat(month, WALKED), lifted),
    ]


def show(runs: list[Timed]) -> None:
    """Print a table, the goal and the ratio to the baseline."""
    print(f"{'run':24}{'candles':>9}{'trades':>8}{'rows':>9}{'s':>8}{'candles/s':>12}")
    for run in runs:
        print(
            f"{run.name:24}{run.candles:>9,}{run.trades:>8,}{run.rows:>9,}"
            f"{run.seconds:>8.2f}{run.per_second:>12,.0f}"
        )
        parts = ", ".join(
            f"{part} {100 * seconds / run.seconds:.0f}%"
            for part, seconds in run.parts.items()
        )
        print(f"{'':24}{parts}")
    walked, jumped = runs[-2], runs[-1]
    print(f"\njumping is {walked.seconds / jumped.seconds:,.0f}x as fast as walking")
    verdict = "met" if runs[0].per_second >= GOAL_PER_SECOND else "missed"
    print(f"goal {GOAL_PER_SECOND:,} candles/s with the default rulebook: {verdict}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tape", type=Path, help="one-minute candles to repeat")
    parser.add_argument("--candles", type=int, default=YEAR)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    runs = measure(given.tape, max(WALKED, min(given.candles, 4 * YEAR)))
    if given.json:
        rows = [
            dataclasses.asdict(run) | {"per_second": run.per_second} for run in runs
        ]
        print(json.dumps(rows, indent=2))
    else:
        show(runs)


if __name__ == "__main__":
    main()
