"""Disks that fill up or fail: what was not recorded is not done, and is told.

The faults are below SQLite, in the files that a real journal has open.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quorate import Accepted
from quorate.errors import JournalError
from quorate.journal.journal import Journal

IOERR_FSYNC, FULL = 1034, 13
XWRITE, XSYNC = 3, 5  # where sqlite3_io_methods has them, after its version
LOG = 28  # SQLITE_FCNTL_JOURNAL_POINTER: the file of the write-ahead log
METHODS = 19

_library = ctypes.CDLL(_sqlite3.__file__)
_control = _library.sqlite3_file_control
_control.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
Write = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
)
Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


class BrokenLog:
    """The write-ahead log of an open journal, one of whose methods fails.

    sqlite.org/c3ref/io_methods.html; the handle is the first field of a connection.
    """

    def __init__(self, connection: sqlite3.Connection, method: int, code: int) -> None:
        size = ctypes.sizeof(ctypes.c_void_p)
        head = object.__basicsize__
        handle = ctypes.c_void_p.from_address(id(connection) + head)
        file = ctypes.c_void_p()
        assert _control(handle, b"main", LOG, ctypes.byref(file)) == 0
        assert file.value
        self._slot = ctypes.c_void_p.from_address(file.value)
        assert self._slot.value
        self._sound = self._slot.value
        methods = (ctypes.c_void_p * METHODS)()
        ctypes.memmove(methods, self._sound, METHODS * size)
        fails: Callable[..., Any] = (
            Write(lambda *_: code) if method == XWRITE else Sync(lambda *_: code)
        )
        methods[method] = ctypes.cast(fails, ctypes.c_void_p)  # type: ignore[arg-type]
        self._kept = methods, fails
        self._slot.value = ctypes.addressof(methods)

    def mend(self) -> None:
        self._slot.value = self._sound


def write(journal: Journal, number: int) -> None:
    accepted = Accepted(at_ms=number, client_id=f"q-{number}", venue_id="")
    journal.write([accepted] * 3, [], cursor=str(number), rulebook="")


@pytest.mark.parametrize(
    ("method", "code", "told"),
    [
        (XSYNC, IOERR_FSYNC, "the disk cannot be read or written"),
        (XWRITE, FULL, "the disk is full; make room"),
    ],
)
def test_a_failed_commit_is_told_and_nothing_more_is_taken(
    path: Path, method: int, code: int, told: str
) -> None:
    journal = Journal.create(path)
    write(journal, 1)
    log = BrokenLog(journal._store._connection, method, code)
    try:
        with pytest.raises(JournalError, match=told):
            write(journal, 2)
    finally:
        log.mend()
    # A sync that has failed once may have dropped what it could not write, and the
    # next one may still succeed: only a restart tells what is on the disk.
    with pytest.raises(JournalError, match="takes no more: an earlier write failed"):
        write(journal, 3)
    with pytest.raises(JournalError, match="takes no more"):
        journal.keep_rulebook("d", {})
    journal.close()
    with Journal.open(path) as again:
        assert [record.at_ms for record in again.records()] == [1, 1, 1]
        write(again, 2)
        assert again.cursor() == "2"


def test_a_group_that_could_not_be_recorded_is_lost_as_a_whole(path: Path) -> None:
    journal = Journal.create(path, commit_every=3)
    write(journal, 1)
    write(journal, 2)
    log = BrokenLog(journal._store._connection, XSYNC, IOERR_FSYNC)
    with pytest.raises(JournalError, match="the disk cannot be read or written"):
        write(journal, 3)
    log.mend()
    journal.close()
    with Journal.open(path) as again:
        assert list(again.records()) == []
        assert again.cursor() == ""
