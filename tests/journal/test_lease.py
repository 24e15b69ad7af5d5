"""A right that one process has at a time, whatever its lock file is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import quorate
from quorate.errors import JournalError
from quorate.journal.journal import Journal
from quorate.journal.store import take_lease

SOURCE = Path(quorate.__file__).parents[1]
HOLD = """
import sys
from pathlib import Path
from quorate.errors import JournalError
from quorate.journal.store import take_lease

try:
    lease = take_lease(Path(sys.argv[1]), "another run trades this account")
except JournalError as error:
    print(error, flush=True)
else:
    print("held", flush=True)
    sys.stdin.read()
"""


def another(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )


def asked(path: Path) -> str:
    """Return what another process is told that wants the lease and lets it go."""
    told, _ = another(path).communicate(timeout=60)
    return told.strip()


def test_one_process_has_it_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / "account.lock"
    lease = take_lease(lock, "mine")
    assert asked(lock) == "another run trades this account"
    with pytest.raises(JournalError, match=r"^busy$"):
        take_lease(lock, "busy")
    # Being refused here has not given up what is held.
    assert asked(lock) == "another run trades this account"
    lease.release()
    lease.release()
    assert asked(lock) == "held"
    take_lease(lock, "busy").release()


def test_a_killed_process_lets_it_go(tmp_path: Path) -> None:
    lock = tmp_path / "account.lock"
    holder = another(lock)
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(JournalError, match="busy"):
            take_lease(lock, "busy")
    finally:
        holder.kill()
        holder.communicate()
    take_lease(lock, "busy").release()


def test_its_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    lock = tmp_path / "account.lock"
    take_lease(lock, "busy").release()
    assert lock.stat().st_mode & 0o777 == 0o600
    assert lock.stat().st_size == 0


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="has to be in a folder that may be written"):
        take_lease(tmp_path / "no" / "account.lock", "busy")


class TestIsWritten:
    def test_while_a_run_writes_it(self, path: Path) -> None:
        assert not Journal.is_written(path)
        with Journal.create(path):
            assert Journal.is_written(path)
            assert Journal.is_written(path)
        assert not Journal.is_written(path)

    def test_looking_leaves_nothing_behind(self, path: Path) -> None:
        with Journal.create(path):
            pass
        path.with_name(f"{path.name}-lock").unlink()
        assert not Journal.is_written(path)
        assert [file.name for file in path.parent.iterdir()] == [path.name]
