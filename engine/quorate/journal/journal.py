"""The durable record of a run: written in whole units, read in order, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from quorate.contract.decisions import Decision, Verdict
from quorate.contract.live import Bar
from quorate.contract.records import Record
from quorate.errors import JournalError
from quorate.journal import rows, schema
from quorate.journal.rows import RecordedDecision, Row
from quorate.journal.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """What one event caused, ready to be stored."""

    events: list[Row]
    decisions: list[Row]
    candles: list[Row]
    cursor: str
    rulebook: str


class Journal:
    """The records and decisions of one account's run, in one SQLite file.

    What is written together is one unit: after a crash all of it is there, or none.
    With ``commit_every`` above 1, that many units wait in memory and are committed
    together; a crash loses those that wait, never a part of one. After a failed commit
    the journal takes no more: what was committed stands, and a restart goes on from it.
    """

    def __init__(self, store: Store, *, commit_every: int, read_only: bool) -> None:
        try:
            if commit_every < 1:
                raise ValueError(f"commit_every must be 1 or more, was {commit_every}")
            self._unit: int = store.meta("unit") or 0
        except BaseException:
            store.close()
            raise
        self._store = store
        self._commit_every = commit_every
        self._refusal = "it is open for reading only" if read_only else ""
        self._closed = False
        self._waiting: list[_Unit] = []
        self._digests: set[str] = set()  # those that this journal holds for certain

    @classmethod
    def create(cls, path: Path | None, *, commit_every: int = 1) -> Self:
        """Return a new journal at ``path``, or in memory when that is None.

        Raises:
            JournalError: the file holds anything already, cannot be written, or
                another run is writing it.
        """
        store = Store.memory() if path is None else Store.create(path)
        return cls(store, commit_every=commit_every, read_only=False)

    @classmethod
    def open(
        cls, path: Path, *, commit_every: int = 1, read_only: bool = False
    ) -> Self:
        """Return the journal at ``path``, to go on with it or, ``read_only``, to look.

        One run may write; any number may read meanwhile.

        Raises:
            JournalError: the file is missing, damaged, of a newer quorate or not a
                journal; or another run is writing it and ``read_only`` is not set.
        """
        store = Store.open(path, read_only=read_only)
        return cls(store, commit_every=commit_every, read_only=read_only)

    @staticmethod
    def is_written(path: Path) -> bool:
        """Return whether a run writes the journal at ``path`` now."""
        return Store.is_written(path)

    def write(
        self,
        records: Sequence[Record],
        decisions: Sequence[Decision],
        *,
        cursor: str,
        rulebook: str,
        candles: Sequence[Bar] = (),
    ) -> None:
        """Record one unit: everything that one event caused, or nothing of it.

        ``candles`` have closed since the unit before; one that is known already is
        not changed. ``cursor`` says how far the run's input has been consumed;
        ``rulebook`` is the hash of the rules that decided. With ``commit_every=1`` the
        unit is on the disk when this returns.

        Raises:
            JournalError: the unit was not recorded; nothing may be sent on its account.
        """
        self._must_write()
        number = self._unit + len(self._waiting) + 1
        unit = _Unit(
            events=[rows.event_row(record, number) for record in records],
            decisions=[rows.decision_row(item, rulebook, number) for item in decisions],
            candles=[rows.candle_row(bar, number) for bar in candles],
            cursor=cursor,
            rulebook=rulebook,
        )
        # One step, so that an interrupt cannot leave a part of a unit waiting.
        self._waiting.append(unit)
        if len(self._waiting) >= self._commit_every:
            self.commit()

    def commit(self) -> None:
        """Make all units that wait durable, together.

        Raises:
            JournalError: none of them was recorded, and the journal takes no more.
        """
        if not self._waiting:
            return
        units, self._waiting = self._waiting, []
        last = self._unit + len(units)
        # Until it has worked, it has failed: an interrupt counts as a failure too.
        self._refusal = "an earlier write failed; restart to go on from what stands"
        digests = {unit.rulebook for unit in units} - self._digests
        self._store.add(
            (
                (schema.ADD_DIGEST, [(digest,) for digest in digests]),
                (schema.ADD_EVENT, [row for unit in units for row in unit.events]),
                (
                    schema.ADD_DECISION,
                    [row for unit in units for row in unit.decisions],
                ),
                (schema.ADD_CANDLE, [row for unit in units for row in unit.candles]),
                (schema.SET_META, (("cursor", units[-1].cursor), ("unit", last))),
            )
        )
        self._unit = last
        self._digests |= digests
        self._refusal = ""

    def close(self) -> None:
        """Commit what waits and close the file; a second call does nothing.

        Raises:
            JournalError: what waited was not recorded. The file is closed all the same.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self.commit()
        finally:
            self._refusal = "it is closed"
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def damage(self) -> tuple[str, ...]:
        """Return what is wrong with the file, nothing when it is sound; reads it all.

        Raises:
            JournalError: it is too damaged to be looked at.
        """
        self._must_be_open()
        return self._store.damage()

    def cursor(self) -> str:
        """Return the cursor of the last committed unit, "" when there is none."""
        self._must_be_open()
        return self._store.meta("cursor") or ""

    def records(self) -> Iterator[Record]:
        """Yield all records in the order they were written; what waits is committed.

        Raises:
            JournalError: a row cannot be read; the message names it.
        """
        self._must_be_open()
        self.commit()
        return map(rows.read_event, self._store.rows(rows.EVENTS))

    def decisions(
        self,
        *,
        client_id: str | None = None,
        position_id: str | None = None,
        symbol: str | None = None,
        section: str | None = None,
        rule: str | None = None,
        verdict: Verdict | None = None,
        from_ms: int | None = None,
        until_ms: int | None = None,
    ) -> Iterator[RecordedDecision]:
        """Yield the decisions that meet all that is given, in order; None asks nothing.

        ``from_ms`` is the first moment, ``until_ms`` the first one after. What waits
        is committed.

        Raises:
            JournalError: a row cannot be read; the message names it.
        """
        self._must_be_open()
        self.commit()
        wanted = {
            "client_id": client_id,
            "position_id": position_id,
            "symbol": symbol,
            "section": section,
            "rule": rule,
            "verdict": verdict.value if verdict else None,
        }
        query, values = _question(wanted, from_ms, until_ms)
        return map(rows.read_decision, self._store.rows(query, values))

    def candles(
        self, *, symbol: str | None = None, from_ms: int | None = None
    ) -> Iterator[Bar]:
        """Yield the recorded candles by the time they opened; None asks nothing.

        ``from_ms`` is the first such time. What waits is committed.
        """
        self._must_be_open()
        self.commit()
        if self._store.version < schema.VERSION:
            return iter(())  # an older journal, open for reading only, has none
        conditions = {"symbol = ?": symbol, "open_ms >= ?": from_ms}
        asked = {text: value for text, value in conditions.items() if value is not None}
        where = f" WHERE {' AND '.join(asked)}" if asked else ""
        query = f"{rows.CANDLES}{where} ORDER BY open_ms, symbol"
        return map(rows.read_candle, self._store.rows(query, [*asked.values()]))

    def keep_rulebook(self, digest: str, files: Mapping[str, str]) -> None:
        """Keep the text of a rulebook's files, by path; once for each hash.

        Raises:
            JournalError: it was not recorded.
        """
        self._must_write()
        text = json.dumps(dict(files))
        self._store.add([(schema.KEEP_RULEBOOK, [(digest, text)])])

    def rulebook(self, digest: str) -> Mapping[str, str]:
        """Return the files of the rulebook with that hash: path to text.

        Raises:
            JournalError: they were not kept.
        """
        self._must_be_open()
        query = "SELECT files FROM rulebooks WHERE digest = ?"
        for (text,) in self._store.rows(query, (digest,)):
            if text is not None:
                files: dict[str, str] = json.loads(text)
                return files
        raise JournalError(
            f"{self._store.name} does not hold the rulebook {digest}; "
            "only the rulebooks of its own runs are kept"
        )

    def _must_be_open(self) -> None:
        if self._closed:
            raise JournalError(f"{self._store.name} is closed; open it again")

    def _must_write(self) -> None:
        if self._refusal:
            raise JournalError(f"{self._store.name} takes no more: {self._refusal}")


def _question(
    wanted: Mapping[str, str | None], from_ms: int | None, until_ms: int | None
) -> tuple[str, list[str | int]]:
    conditions: list[str] = []
    values: list[str | int] = []

    def require(condition: str, value: str | int | None) -> None:
        if value is not None:
            conditions.append(condition)
            values.append(value)

    for column, value in wanted.items():
        if value == "":
            conditions.append(f"{column} IS NULL")
        else:
            require(f"{column} = ?", value)
    require("at_ms >= ?", from_ms)
    require("at_ms < ?", until_ms)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"{rows.DECISIONS}{where} ORDER BY seq", values
