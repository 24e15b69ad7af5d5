"""The journal on a real disk: kills, full disks, second writers and damage."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import quorate
from quorate.contract.decisions import Decision, Verdict
from quorate.contract.records import Accepted, Record
from quorate.errors import JournalError
from quorate.journal.journal import Journal

SOURCE = Path(quorate.__file__).parents[1]
REASON = Decision(
    at_ms=1, symbol="S", section="s", rule="r", place="f:1", verdict=Verdict.FIRED
)


def write(journal: Journal, *records: Record, cursor: str = "") -> None:
    journal.write(records, [], cursor=cursor, rulebook="")


def accepted(number: int) -> Accepted:
    return Accepted(at_ms=number, client_id=f"q-{number}", venue_id="")


_ENDLESS = """
import resource
import sys
from itertools import count
from pathlib import Path
from quorate.contract.decisions import Decision, Verdict
from quorate.contract.records import Accepted
from quorate.errors import JournalError
from quorate.journal.journal import Journal

reason = Decision(
    at_ms=1, symbol="S", section="s", rule="r", place="f:1", verdict=Verdict.FIRED
)
commit_every, limit = map(int, sys.argv[2:])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    journal = Journal.create(Path(sys.argv[1]), commit_every=commit_every)
    for number in count():
        record = Accepted(at_ms=number, client_id=f"q-{number}", venue_id="")
        journal.write([record] * 3, [reason], cursor=str(number + 1), rulebook="")
        print(number, flush=True)
except JournalError as error:
    print("JournalError:", error)
    sys.exit(3)
"""
_HOLD = """
import sys
from contextlib import closing
from pathlib import Path
from quorate.journal.journal import Journal

journal = Journal.create(Path(sys.argv[1]))
print("writing", flush=True)
sys.stdin.read()
"""


def _run(code: str, path: Path, *given: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), *map(str, given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )


class TestCrashes:
    @pytest.mark.parametrize("commit_every", [1, 8])
    @pytest.mark.parametrize("after", [3, 57, 200])
    def test_a_kill_leaves_whole_units(
        self, path: Path, commit_every: int, after: int
    ) -> None:
        writer = _run(_ENDLESS, path, commit_every, 0)
        assert writer.stdout
        for _ in range(after):
            writer.stdout.readline()
        writer.kill()
        more, _ = writer.communicate()
        said = after + len(more.splitlines())
        assert writer.returncode == -signal.SIGKILL
        with Journal.open(path) as journal:
            records = list(journal.records())
            units = int(journal.cursor() or 0)  # none before the first group
            assert len(records) == 3 * units
            assert records == [accepted(n // 3) for n in range(3 * units)]
            # A unit is on the disk before write returns; a group may lose its rest.
            assert units >= said - said % commit_every
            assert len(list(journal.decisions())) == units
            write(journal, accepted(0), cursor="on")
            assert journal.cursor() == "on"

    def test_a_full_disk_is_told_and_leaves_whole_units(self, path: Path) -> None:
        writer = _run(_ENDLESS, path, 1, 600_000)
        out, _ = writer.communicate(timeout=60)
        assert "JournalError: journal" in out
        assert "disk" in out
        assert "Traceback" not in out
        assert writer.returncode == 3
        with Journal.open(path) as journal:
            assert len(list(journal.records())) == 3 * int(journal.cursor())

    def test_a_journal_that_may_not_grow_is_told(self, path: Path) -> None:
        with Journal.create(path) as journal:
            write(journal, accepted(0), cursor="before")
            list(journal._store.rows("PRAGMA max_page_count = 30"))
            with pytest.raises(JournalError, match="the disk is full; make room"):
                write(journal, *map(accepted, range(5000)), cursor="after")
        with Journal.open(path) as journal:
            assert list(journal.records()) == [accepted(0)]
            assert journal.cursor() == "before"


class TestOneWriter:
    def test_a_refused_journal_is_let_go(self, path: Path) -> None:
        with Journal.create(path) as journal:
            write(journal, accepted(1))
        for _ in range(2):
            with pytest.raises(JournalError, match="is not empty"):
                Journal.create(path)
            with pytest.raises(ValueError, match="commit_every"):
                Journal.open(path, commit_every=0)
        Journal.open(path).close()
        assert {file.name for file in path.parent.iterdir()} == {
            "paper.sqlite",
            "paper.sqlite-lock",
        }

    def test_a_second_writer_is_refused_at_once(self, path: Path) -> None:
        message = "is being written by another run; stop that run"
        with Journal.create(path):
            with pytest.raises(JournalError, match=message):
                Journal.open(path)
            with pytest.raises(JournalError, match=message):
                Journal.create(path)
        Journal.open(path).close()

    def test_a_writer_in_another_process_keeps_others_out_until_it_dies(
        self, path: Path
    ) -> None:
        writer = _run(_HOLD, path)
        assert writer.stdout
        assert writer.stdout.readline() == "writing\n"
        try:
            with pytest.raises(JournalError, match="is being written"):
                Journal.open(path)
            Journal.open(path, read_only=True).close()
        finally:
            writer.kill()
            writer.communicate()
        Journal.open(path).close()

    def test_a_path_through_a_link_is_the_same_journal(self, path: Path) -> None:
        with Journal.create(path):
            link = path.with_name("other.sqlite")
            link.symlink_to(path)
            with pytest.raises(JournalError, match="is being written"):
                Journal.open(link)

    def test_a_reader_sees_each_unit_once_it_is_committed(self, path: Path) -> None:
        with (
            Journal.create(path) as journal,
            Journal.open(path, read_only=True) as reader,
        ):
            for number in range(5):
                write(journal, accepted(number), cursor=str(number))
                assert len(list(reader.records())) == number + 1
                assert reader.cursor() == str(number)

    def test_a_reader_in_the_middle_keeps_what_it_began_with(self, path: Path) -> None:
        with (
            Journal.create(path) as journal,
            Journal.open(path, read_only=True) as reader,
        ):
            write(journal, *map(accepted, range(2000)), cursor="1")
            seen = reader.records()
            next(seen)
            write(journal, accepted(2000), cursor="2")
            assert len(list(seen)) == 1999
            assert len(list(reader.records())) == 2001

    def test_a_reader_writes_nothing(self, path: Path) -> None:
        Journal.create(path).close()
        with Journal.open(path, read_only=True) as reader:
            with pytest.raises(JournalError, match="open for reading only"):
                write(reader, accepted(1))
            with pytest.raises(JournalError, match="open for reading only"):
                reader.keep_rulebook("d", {})

    def test_a_program_that_holds_the_file_is_told(self, path: Path) -> None:
        with Journal.create(path) as journal:
            browser = sqlite3.connect(path, isolation_level=None)
            browser.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError, match="another program holds the file"):
                write(journal, accepted(1))
            browser.close()


class TestDurability:
    def test_the_pragmas_are_set(self, path: Path) -> None:
        with Journal.create(path) as journal:
            store = journal._store
            assert list(store.rows("PRAGMA journal_mode")) == [("wal",)]
            assert list(store.rows("PRAGMA synchronous")) == [(2,)]
            assert list(store.rows("PRAGMA foreign_keys")) == [(1,)]
        with Journal.create(None) as journal:
            assert list(journal._store.rows("PRAGMA journal_mode")) == [("memory",)]

    def test_a_pragma_that_does_not_take_refuses_the_journal(self, path: Path) -> None:
        with (
            Journal.create(None) as journal,
            pytest.raises(JournalError, match="SQLite refused journal_mode=WAL"),
        ):
            journal._store._prepare("wal")

    @pytest.mark.parametrize("there", [False, True])
    def test_the_files_are_for_their_owner_alone(self, path: Path, there: bool) -> None:
        before = os.umask(0o022)
        try:
            if there:
                path.parent.mkdir()
                path.touch(mode=0o666)
            with Journal.create(path) as journal:
                write(journal, accepted(1))
                modes = {
                    file.name.removeprefix(path.name): file.stat().st_mode & 0o777
                    for file in path.parent.iterdir()
                }
        finally:
            os.umask(before)
        assert modes == dict.fromkeys(("", "-lock", "-shm", "-wal"), 0o600)

    @pytest.mark.parametrize("table", ["events", "decisions"])
    @pytest.mark.parametrize(
        "change", ["UPDATE {} SET at_ms = 0", "DELETE FROM {} WHERE seq = 1"]
    )
    def test_what_is_recorded_cannot_be_changed(
        self, path: Path, table: str, change: str
    ) -> None:
        with Journal.create(path) as journal:
            journal.write([accepted(1)], [REASON], cursor="", rulebook="")
        with (
            closing(sqlite3.connect(path)) as browser,
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
        ):
            browser.execute(change.format(table))

    def test_a_damaged_journal_is_told(self, path: Path) -> None:
        with Journal.create(path) as journal:
            write(journal, *map(accepted, range(3000)))
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[4096:middle] = b"\xa5" * (middle - 4096)
        path.write_bytes(content)

        def read() -> list[Record]:
            with Journal.open(path) as journal:
                return list(journal.records())

        with pytest.raises(JournalError, match="the file is damaged") as caught:
            read()
        assert ".recover" in str(caught.value)
