"""Candles in the journal: what live trading saw, and can decide again on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from quorate import Accepted, Bar
from quorate.errors import JournalError
from quorate.journal import schema
from quorate.journal.journal import Journal
from quorate.journal.views import VIEWS

ACCEPTED = Accepted(at_ms=1, client_id="q-1", venue_id="V")


def bar(symbol: str, minute: int, close: float = 1.5) -> Bar:
    return Bar(
        symbol=symbol,
        open_ms=60_000 * minute,
        open=1.25,
        high=2.0,
        low=0.1,
        close=close,
        volume=3,
    )


def write(journal: Journal, *bars: Bar) -> None:
    journal.write([], [], cursor="", rulebook="", candles=bars)


def test_candles_read_back_in_the_order_of_time(path: Path) -> None:
    told = [bar("B/USD", 2), bar("A/USD", 1, 0.1 + 0.2), bar("B/USD", 1)]
    with Journal.create(path) as journal:
        write(journal, *told[:2])
        write(journal, told[2])
        assert list(journal.candles()) == [told[1], told[2], told[0]]
        assert list(journal.candles(symbol="B/USD")) == [told[2], told[0]]
        assert list(journal.candles(from_ms=60_001)) == [told[0]]
        assert list(journal.candles(symbol="A/USD", from_ms=60_001)) == []
    with Journal.open(path, read_only=True) as reader:
        assert len(list(reader.candles())) == 3


def test_a_candle_is_of_the_unit_of_its_records(path: Path) -> None:
    with Journal.create(path, commit_every=2) as journal:
        write(journal, bar("A/USD", 1))
        journal.write([ACCEPTED], [], cursor="", rulebook="", candles=[bar("A/USD", 2)])
    with closing(sqlite3.connect(path)) as browser:
        asked = "SELECT open_ms, unit FROM candles"
        assert browser.execute(asked).fetchall() == [(60_000, 1), (120_000, 2)]
        (unit,) = browser.execute("SELECT unit FROM events").fetchone()
        assert unit == 2


def test_a_candle_that_is_known_is_not_changed(path: Path) -> None:
    with Journal.create(path) as journal:
        write(journal, bar("A/USD", 1))
        write(journal, bar("A/USD", 1, close=9.0), bar("A/USD", 2))
        assert list(journal.candles()) == [bar("A/USD", 1), bar("A/USD", 2)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "1"])
def test_a_candle_without_its_numbers_is_refused_and_the_journal_goes_on(
    path: Path, value: object
) -> None:
    with Journal.create(path) as journal:
        with pytest.raises(JournalError, match=r"candle of A/USD .* close must be"):
            write(journal, replace(bar("A/USD", 1), close=value))  # type: ignore[arg-type]
        write(journal, bar("A/USD", 2))
        assert list(journal.candles()) == [bar("A/USD", 2)]


@pytest.mark.parametrize(
    "change", ["UPDATE candles SET close = 0", "DELETE FROM candles"]
)
def test_a_candle_cannot_be_changed(path: Path, change: str) -> None:
    with Journal.create(path) as journal:
        write(journal, bar("A/USD", 1))
    with (
        closing(sqlite3.connect(path)) as browser,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        browser.execute(change)


class TestOlderJournals:
    @pytest.fixture
    def older(self, path: Path) -> Path:
        """Return a journal as the first schema had it."""
        with Journal.create(path) as journal:
            journal.write([ACCEPTED], [], cursor="7", rulebook="")
        with closing(sqlite3.connect(path)) as browser:
            for view in ("modes", "stops", "found", "balances", "rulebook_changes"):
                browser.execute(f"DROP VIEW {view}")
            browser.execute("DROP TABLE candles")
            browser.execute("PRAGMA user_version = 1")
        return path

    def test_is_read_as_it_is(self, older: Path) -> None:
        content = older.read_bytes()
        with Journal.open(older, read_only=True) as reader:
            assert list(reader.records()) == [ACCEPTED]
            assert list(reader.candles()) == []
        assert older.read_bytes() == content

    def test_is_brought_up_to_date_when_it_is_gone_on_with(self, older: Path) -> None:
        with Journal.open(older) as journal:
            assert list(journal.candles()) == []
            write(journal, bar("A/USD", 1))
            assert list(journal.records()) == [ACCEPTED]
            assert journal.cursor() == ""
        with Journal.open(older, read_only=True) as reader:
            assert list(reader.candles()) == [bar("A/USD", 1)]

    def test_is_then_as_a_new_one(self, older: Path) -> None:
        def laid_out(path: Path) -> set[tuple[str, str]]:
            with closing(sqlite3.connect(path)) as browser:
                asked = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
                (version,) = browser.execute("PRAGMA user_version").fetchone()
                assert version == schema.VERSION
                return {
                    (name, " ".join(sql.split()))
                    for name, sql in browser.execute(asked)
                }

        Journal.open(older).close()
        new = older.with_name("new.sqlite")
        Journal.create(new).close()
        assert laid_out(older) == laid_out(new)
        assert {name for name, _ in laid_out(older)} >= set(VIEWS)
