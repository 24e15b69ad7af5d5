"""One SQLite file: opened safely, written in whole transactions, by one writer.

The only module that touches SQLite. What goes wrong below becomes a JournalError that
says what to do; a transaction that fails is rolled back.
"""

from __future__ import annotations

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

    def __init__(self, database: Database, name: str, lease: _Lease | None) -> None:
        self.name = name
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
            if not path.exists():
                path.touch(mode=0o600)  # balances are nobody else's business
        except OSError as error:
            raise JournalError(
                f"journal {path} cannot be created: {error.strerror}; "
                "name a file in a folder that may be written"
            ) from None
        store = cls._connect(path, "rw")
        with store._closed_on_failure():
            if store._blank():
                store._prepare("wal")
                store._lay_out()
            else:
                store._identify()
                store._refuse_rows()
                store._prepare("wal")
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
        return store

    @staticmethod
    def is_written(path: Path) -> bool:
        """Return whether a process writes the journal at ``path`` now."""
        if not path.exists():
            return False
        try:
            _Lease(path.resolve()).release()
        except JournalError:
            return True
        return False

    @classmethod
    def _connect(cls, path: Path, mode: str) -> Store:
        name = f"journal {path}"
        lease = _Lease(path) if mode == "rw" else None
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

    def add(self, statements: Iterable[tuple[str, Iterable[Row]]]) -> None:
        """Run each statement with each of its rows, durably, all or nothing.

        Raises:
            JournalError: nothing was written.
        """
        with _told(self.name), self._transaction():
            for statement, rows in statements:
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
        if version != schema.VERSION:
            raise JournalError(
                f"{self.name} has schema {version}, which was never released; "
                "restore a copy"
            )

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
            for name, query in VIEWS.items():
                self._database.create_view(name, query)
            # The header changes with the tables: half a journal cannot be seen.
            self._database.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self._database.execute(f"PRAGMA user_version = {schema.VERSION}")


class _Lease:
    """The right to write one journal, held by a lock on a file beside it.

    The journal itself cannot be locked: readers would be shut out. The operating
    system gives the lock back when the process dies, however it dies.
    """

    def __init__(self, path: Path) -> None:
        lock = path.with_name(f"{path.name}-lock")
        with _told(f"journal {path}"):
            self._connection = sqlite3.connect(lock, isolation_level=None, timeout=0)
        try:
            with _told(f"journal {path}"):
                self._take(path)
        except BaseException:
            self.release()
            raise

    def _take(self, path: Path) -> None:
        try:
            # Nothing is written to this file, so it needs no journal of its own.
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise JournalError(
                f"journal {path} is being written by another run; stop that run, "
                "or open the journal read-only"
            ) from None

    def release(self) -> None:
        """Let another process write."""
        self._connection.close()


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
