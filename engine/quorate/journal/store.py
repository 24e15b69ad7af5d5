"""One SQLite file: opened safely, written in whole transactions, by one writer.

The only module that touches SQLite. What goes wrong below becomes a JournalError that
says what to do; a transaction that fails is rolled back.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

from sqlite_utils import Database

from quorate.errors import JournalError
from quorate.journal import schema
from quorate.journal.rows import Row
from quorate.journal.views import VIEWS

_LEASE_PATIENCE_S: Final = 0.1  # for who looks whether it is taken
_WRITER_PATIENCE_S: Final = 2.0  # for a browser that holds the file for a moment
_READER_PATIENCE_S: Final = 5.0
_ROWS_AT_ONCE: Final = 500
# 16 MB: folding the log in less often halves the slowest hundredth of live commits.
_WAL_PAGES: Final = 4000
_FULL: Final = 2  # how SQLite reports PRAGMA synchronous=FULL

_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; make room, then start again",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written; check its space and "
    "health, then start again",
    sqlite3.SQLITE_BUSY: "another program holds the file; close it, then start again",
    sqlite3.SQLITE_LOCKED: "another program holds the file; close it, then start again",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; keep it, restore a copy, or recover "
    "it with the sqlite3 program's .recover",
    sqlite3.SQLITE_NOTADB: "this is not a quorate journal, or it is damaged; name "
    "another file, or restore a copy",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; check that its folder exists "
    "and may be read and written",
    sqlite3.SQLITE_READONLY: "the file may not be written; check its permissions, or "
    "open it read-only",
    sqlite3.SQLITE_PERM: "access is denied; check the file's permissions",
    sqlite3.SQLITE_CONSTRAINT: "a change was refused; the journal is append-only",
}


class Store:
    """An open journal file, for writing or for reading only."""

    def __init__(self, database: Database, name: str, lease: Lease | None) -> None:
        self.name = name
        self.version = schema.VERSION
        self._database = database
        self._connection = database.conn
        self._lease = lease

    @classmethod
    def memory(cls) -> Store:
        """Return a new journal in memory; it is gone when it is closed."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        store = cls(_wrap(connection), "journal in memory", None)
        store._prepare("memory")
        store._lay_out()
        return store

    @classmethod
    def create(cls, path: Path) -> Store:
        """Return a new journal at ``path``, empty, for this process alone to write.

        Raises:
            JournalError: something else is there, or another process writes it.
        """
        path = path.resolve()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(
                f"journal {path} cannot be created: {error.strerror}; "
                "name a file in a folder that may be written"
            ) from None
        _make_private(path)  # balances are nobody else's business
        store = cls._connect(path, "rw")
        with store._closed_on_failure():
            if store._blank():
                store._own(path)
                store._prepare("wal")
                store._lay_out()
            else:
                store._identify()
                store._refuse_rows()
                store._prepare("wal")
                store._upgrade()
        return store

    @classmethod
    def open(cls, path: Path, *, read_only: bool) -> Store:
        """Return the journal at ``path``.

        Raises:
            JournalError: it is missing, damaged, newer than this quorate, not a
                journal, or (for writing) another process writes it.
        """
        path = path.resolve()
        if not path.is_file():
            raise JournalError(f"journal {path} does not exist; check the path")
        store = cls._connect(path, "ro" if read_only else "rw")
        with store._closed_on_failure():
            store._identify()
            if read_only:
                store._pragma("query_only", "ON", 1)
            else:
                store._prepare("wal")
                store._upgrade()
        return store

    @staticmethod
    def is_written(path: Path) -> bool:
        """Return whether a process writes the journal at ``path`` now."""
        path = path.resolve()
        if not _lock_of(path).exists():
            return False  # nobody ever did
        try:
            _lease_of(path).release()
        except JournalError:
            return True
        return False

    @classmethod
    def _connect(cls, path: Path, mode: str) -> Store:
        name = f"journal {path}"
        lease = _lease_of(path) if mode == "rw" else None
        try:
            with _told(name):
                connection = sqlite3.connect(
                    f"{path.as_uri()}?mode={mode}",
                    uri=True,
                    isolation_level=None,
                    timeout=_WRITER_PATIENCE_S if lease else _READER_PATIENCE_S,
                )
        except JournalError:
            if lease:
                lease.release()
            raise
        return cls(_wrap(connection), name, lease)

    def add(self, statements: Iterable[tuple[str, Sequence[Row]]]) -> None:
        """Run each statement with each of its rows, durably, all or nothing.

        Raises:
            JournalError: nothing was written.
        """
        with _told(self.name), self._transaction():
            for statement, rows in statements:
                if rows:
                    self._connection.executemany(statement, rows)

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield the rows of a query, few at a time, as of when it began."""
        with _told(self.name):
            cursor = self._database.execute(query, values)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield from rows

    def meta(self, key: str) -> Any:
        """Return a value of the journal about itself, None when it was never set."""
        for (value,) in self.rows("SELECT value FROM meta WHERE key = ?", (key,)):
            return value
        return None

    def damage(self) -> tuple[str, ...]:
        """Return what SQLite finds wrong with the file, nothing when it is sound."""
        told = (str(row[0]) for row in self.rows("PRAGMA integrity_check(5)"))
        return tuple(line for line in told if line != "ok")

    def close(self) -> None:
        """Close the file and let another process write it."""
        try:
            with _told(self.name):
                self._database.close()
        finally:
            if self._lease:
                self._lease.release()

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # SQLite has already rolled back when the disk is full.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _value(self, query: str) -> Any:
        return next(self.rows(query))[0]

    def _blank(self) -> bool:
        tables: int = self._value("SELECT count(*) FROM sqlite_master")
        return not tables and self._value("PRAGMA application_id") == 0

    def _own(self, path: Path) -> None:
        """Shut others out of a file that was there already; its -wal follows it."""
        try:
            path.chmod(0o600)
        except OSError as error:
            raise JournalError(
                f"{self.name} cannot be kept from others: {error.strerror}; "
                "name a new file"
            ) from None

    def _identify(self) -> None:
        """Refuse a file that is not ours before anything in it is changed."""
        if self._value("PRAGMA application_id") != schema.APPLICATION_ID:
            raise JournalError(f"{self.name} is not a quorate journal; name another")
        version = self._value("PRAGMA user_version")
        if version > schema.VERSION:
            raise JournalError(
                f"{self.name} was written by a newer quorate (schema {version}, this "
                f"one knows {schema.VERSION}); upgrade quorate to read it"
            )
        if version < schema.OLDEST:
            raise JournalError(
                f"{self.name} has schema {version}, which was never released; "
                "restore a copy"
            )
        self.version = version

    def _upgrade(self) -> None:
        """Give an older journal what it lacks; what it holds stays as it is."""
        if self.version == schema.VERSION:
            return
        with _told(self.name), self._transaction():
            for statement in (schema.CANDLES, *schema.CANDLE_TRIGGERS):
                self._database.execute(statement)
            for name in VIEWS:
                self._database.execute(f"DROP VIEW IF EXISTS {name}")
            self._lay_out_views()
        self.version = schema.VERSION

    def _refuse_rows(self) -> None:
        for table in ("events", "decisions"):
            if self._value(f"SELECT EXISTS (SELECT 1 FROM {table})"):
                raise JournalError(
                    f"{self.name} is not empty; open it to go on with it, "
                    "or name a new file"
                )

    def _prepare(self, journal_mode: str) -> None:
        """Set what durability rests on, and see that SQLite took it."""
        self._pragma("journal_mode", journal_mode.upper(), journal_mode)
        self._pragma("synchronous", "FULL", _FULL)
        self._pragma("foreign_keys", "ON", 1)
        self._pragma("wal_autocheckpoint", str(_WAL_PAGES), _WAL_PAGES)

    def _pragma(self, name: str, wanted: str, reported: str | int) -> None:
        with _told(self.name):
            self._database.execute(f"PRAGMA {name} = {wanted}")
        if (found := self._value(f"PRAGMA {name}")) != reported:
            raise JournalError(
                f"{self.name}: SQLite refused {name}={wanted}, it stays {found}; "
                "keep the journal on a local disk"
            )

    def _lay_out(self) -> None:
        with _told(self.name), self._transaction():
            for statement in (*schema.TABLES, *schema.INDEXES, *schema.TRIGGERS):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self._lay_out_views()

    def _lay_out_views(self) -> None:
        """Lay out what is made of the tables, and say which version all of it is.

        The header changes with the tables: half a journal cannot be seen.
        """
        for name, query in VIEWS.items():
            self._database.create_view(name, query)
        self._database.execute(f"PRAGMA user_version = {schema.VERSION}")


class Lease:
    """A right that one process has at a time, held by a lock on a file of its own.

    The operating system gives the lock back when the process dies, however it dies. The
    file stays: whoever had opened it just before it was removed would hold a lock on a
    file without a name, while the next one locks a new file of that name, and both
    would believe to be alone.
    """

    def __init__(self, path: Path, message: str) -> None:
        _make_private(path)
        with _told(f"lock {path}"):
            self._connection = sqlite3.connect(
                path, isolation_level=None, timeout=_LEASE_PATIENCE_S
            )
        try:
            with _told(f"lock {path}"):
                self._take(message)
        except BaseException:
            self.release()
            raise

    def _take(self, message: str) -> None:
        try:
            # Nothing is written to this file, so it needs no journal of its own.
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise JournalError(message) from None

    def release(self) -> None:
        """Let another process have it; a second call does nothing."""
        self._connection.close()


def take_lease(path: Path, message: str) -> Lease:
    """Return the right that the lock file at ``path`` stands for, for this process.

    Raises:
        JournalError: another holds it, which ``message`` tells; or there can be no
            such file.
    """
    return Lease(path, message)


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-lock")


def _lease_of(path: Path) -> Lease:
    """Return the right to write a journal, whose own lock would shut readers out."""
    return take_lease(
        _lock_of(path),
        f"journal {path} is being written by another run; stop that run, "
        "or open the journal read-only",
    )


def _make_private(path: Path) -> None:
    """Make a file that only its owner can read, unless there is one."""
    try:
        # One that exists is not even opened: closing it would give up a lock that
        # this process may hold on it (POSIX locks; sqlite.org/howtocorrupt.html, 2.2).
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise JournalError(
            f"{path} cannot be created: {error.strerror}; "
            "it has to be in a folder that may be written"
        ) from None


def _wrap(connection: sqlite3.Connection) -> Database:
    # Plugins of sqlite-utils are nobody's choice here: none may touch the journal.
    return Database(connection, execute_plugins=False)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what SQLite raises into a JournalError that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        _tell(name, error)
    except (OverflowError, UnicodeError) as error:
        raise JournalError(f"{name}: a value cannot be stored: {error}") from None


def _tell(name: str, error: sqlite3.Error) -> NoReturn:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the family
    advice = _ADVICE.get(code, "check the file, then start again")
    raise JournalError(f"{name}: {error}: {advice}") from None
