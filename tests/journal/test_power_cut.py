"""Power cuts below SQLite: what the journal said is recorded is there afterwards.

The SQL is what a real journal sends to SQLite; it is sent again over a VFS that notes
every write and sync. A cut keeps, of each file, what was synced, a random part of the
writes since, and the last of those torn. What is left is opened by a real journal.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

from quorate import Accepted, Bar
from quorate.contract.decisions import Decision, Verdict
from quorate.errors import JournalError
from quorate.journal.journal import Journal

CUTS = int(os.environ.get("QUORATE_POWER_CUTS", "200"))
UNITS = 60
NORMAL = 1
VFS = "noting"
FEW_PAGES = 12  # so that the log is folded into the file every few units


def write_unit(journal: Journal, number: int) -> None:
    reason = Decision(
        at_ms=number,
        symbol="S",
        section="s",
        rule="r",
        place="f:1",
        verdict=Verdict.FIRED,
        inputs={"text": "x" * (number * 97 % 3000)},
    )
    bar = Bar(
        symbol="S", open_ms=number, open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0
    )
    accepted = Accepted(at_ms=number, client_id=f"q-{number}", venue_id="")
    journal.write(
        [accepted] * 3, [reason], cursor=str(number), rulebook="d", candles=[bar]
    )


@dataclass
class Written:
    """A new journal, what a real one then sends to SQLite, unit by unit, and how."""

    start: bytes
    units: list[list[str]]
    pragmas: dict[str, object]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    path = tmp_path_factory.mktemp("written") / "j.sqlite"
    Journal.create(path).close()
    start, units = path.read_bytes(), []
    with Journal.open(path) as journal:
        store = journal._store
        pragmas = {
            name: next(store.rows(f"PRAGMA {name}"))[0]
            for name in ("journal_mode", "synchronous", "wal_autocheckpoint")
        }
        for number in range(1, UNITS + 1):
            said: list[str] = []
            store._connection.set_trace_callback(said.append)
            write_unit(journal, number)
            store._connection.set_trace_callback(None)
            assert (said[0], said[-1]) == ("BEGIN IMMEDIATE", "COMMIT")
            units.append(said)
    return Written(start, units, pragmas)


@dataclass(frozen=True)
class Write:
    """Bytes that were handed to a file."""

    file: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """A file was cut short, or padded, to a size."""

    file: str
    size: int


@dataclass(frozen=True)
class Sync:
    """Everything written to a file until here is on the disk."""

    file: str


@dataclass(frozen=True)
class Committed:
    """SQLite has said that a unit is recorded."""


Step = Write | Cut | Sync | Committed


class NotedFile(apsw.VFSFile):
    """A file whose writes and syncs are noted; it is written all the same."""

    def __init__(self, name: str, flags: list[int], steps: list[Step]) -> None:
        super().__init__("", name, flags)
        self._file = Path(name).name
        self._steps = steps

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._steps.append(Write(self._file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._steps.append(Cut(self._file, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._steps.append(Sync(self._file))


class NotingVFS(apsw.VFS):
    """The usual file system, with every write and sync noted."""

    def __init__(self, name: str, steps: list[Step]) -> None:
        super().__init__(name, base="")
        self._steps = steps

    def xOpen(  # noqa: N802
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        if isinstance(name, apsw.URIFilename):
            name = name.filename()
        assert name is not None
        return NotedFile(name, flags, self._steps)


def run(written: Written, path: Path, **pragmas: object) -> list[Step]:
    """Send the journal's SQL over the noting VFS; return what reached the files."""
    path.write_bytes(written.start)
    steps: list[Step] = []
    vfs = NotingVFS(VFS, steps)
    connection = apsw.Connection(str(path), vfs=VFS)
    for name, value in (written.pragmas | pragmas).items():
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        (found,) = connection.execute(f"PRAGMA {name}").fetchone() or (None,)
        assert found == value, f"{name} is {found}"
    for unit in written.units:
        for statement in unit:
            connection.execute(statement)
        steps.append(Committed())
    connection.close()
    vfs.unregister()
    return steps[: max(n for n, s in enumerate(steps) if s == Committed()) + 1]


@dataclass
class File:
    """A file as the disk has it, and what was written to it since."""

    synced: bytearray = field(default_factory=bytearray)
    later: list[Write | Cut] = field(default_factory=list)

    def sync(self) -> None:
        for step in self.later:
            put(self.synced, step)
        self.later.clear()

    def after_a_cut(self, chance: random.Random) -> bytes:
        """Return what may be left: any of what was not synced, the last of it torn."""
        left = bytearray(self.synced)
        kept = [step for step in self.later if chance.random() < 0.5]
        if kept and isinstance(last := kept[-1], Write):
            torn = last.data[: chance.randrange(len(last.data) + 1)]
            kept[-1] = Write(last.file, last.offset, torn)
        for step in kept:
            put(left, step)
        return bytes(left)


def put(content: bytearray, step: Write | Cut) -> None:
    if isinstance(step, Cut):
        del content[step.size :]
        content.extend(bytes(step.size - len(content)))
        return
    end = step.offset + len(step.data)
    content.extend(bytes(max(0, end - len(content))))
    content[step.offset : end] = step.data


def cuts(
    steps: Sequence[Step], start: bytes, name: str, count: int, seed: int
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Yield how many units were recorded at a moment, and what a cut there leaves."""
    chance = random.Random(seed)
    moments = sorted(chance.randrange(1, len(steps) + 1) for _ in range(count))
    files: dict[str, File] = {name: File(bytearray(start))}
    recorded = done = 0
    for moment in moments:
        for step in steps[done:moment]:
            if isinstance(step, Committed):
                recorded += 1
                continue
            file = files.setdefault(step.file, File())
            if isinstance(step, Sync):
                file.sync()
            else:
                file.later.append(step)
        done = moment
        yield recorded, {name: file.after_a_cut(chance) for name, file in files.items()}


@dataclass
class Tally:
    """What came of some cuts: units that were recorded and lost, journals damaged."""

    lost: int = 0
    corrupt: int = 0
    between: int = 0

    def count(self, path: Path, recorded: int) -> None:
        """Open what a cut left, and see that whole units are there, in order."""
        try:
            with Journal.open(path) as journal:
                units = int(journal.cursor() or 0)
                numbers = [record.at_ms for record in journal.records()]
                whole = [n for n in range(1, units + 1) for _ in range(3)]
                reasons = [row.decision.at_ms for row in journal.decisions()]
                bars = [bar.open_ms for bar in journal.candles()]
                sound = next(journal._store.rows("PRAGMA integrity_check"))[0]
        except JournalError:
            self.corrupt += 1
            return
        every = list(range(1, units + 1))
        fits = (numbers, reasons, bars) == (whole, every, every)
        self.corrupt += sound != "ok" or not fits
        self.lost += units < recorded
        self.between += units > recorded


def tally(written: Written, folder: Path, seed: int, **pragmas: object) -> Tally:
    (folder / "run").mkdir()
    steps = run(written, folder / "run" / "j.sqlite", **pragmas)
    if "wal_autocheckpoint" in pragmas:
        assert any(isinstance(s, Write) and s.file == "j.sqlite" for s in steps)
    found = Tally()
    for number, (recorded, left) in enumerate(
        cuts(steps, written.start, "j.sqlite", CUTS, seed)
    ):
        after = folder / f"{number}"
        after.mkdir()
        for name, content in left.items():
            (after / name).write_bytes(content)
        found.count(after / "j.sqlite", recorded)
        shutil.rmtree(after)
    return found


def test_the_journal_waits_for_the_disk(written: Written) -> None:
    assert written.pragmas["journal_mode"] == "wal"
    assert written.pragmas["synchronous"] == 2  # FULL


@pytest.mark.parametrize("pages", [None, FEW_PAGES])
def test_a_power_cut_loses_nothing_that_was_recorded(
    written: Written, tmp_path: Path, pages: int | None
) -> None:
    folding = {"wal_autocheckpoint": pages} if pages else {}
    found = tally(written, tmp_path, 1, **folding)
    assert (found.lost, found.corrupt) == (0, 0)


def test_without_waiting_for_the_disk_units_are_lost(
    written: Written, tmp_path: Path
) -> None:
    """The cuts above find what they look for: laxer settings do lose units."""
    found = tally(written, tmp_path, 1, synchronous=NORMAL)
    assert found.lost > CUTS / 2
    assert found.corrupt == 0


def test_without_any_sync_the_file_is_damaged(written: Written, tmp_path: Path) -> None:
    """Nor would damage go unseen."""
    found = tally(written, tmp_path, 1, synchronous=0, wal_autocheckpoint=FEW_PAGES)
    assert found.corrupt > CUTS / 10
