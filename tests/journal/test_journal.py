"""The journal as a record: whole units in order, found again, in no other file."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quorate.contract.decisions import Decision, Verdict
from quorate.contract.records import Accepted, Learned, Record
from quorate.errors import JournalError
from quorate.journal import schema
from quorate.journal.journal import Journal

RULEBOOK = "5e1f" * 16


def write(journal: Journal, *records: Record, cursor: str = "") -> None:
    journal.write(records, [], cursor=cursor, rulebook=RULEBOOK)


def accepted(number: int) -> Accepted:
    return Accepted(at_ms=number, client_id=f"q-{number}", venue_id="")


def ask(path: Path, query: str) -> list[dict[str, Any]]:
    """Return the rows that any SQLite program would see."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(query)]
    finally:
        connection.close()


def decision(**changes: Any) -> Decision:
    """Return a decision; what is no field of it is an input."""
    given: dict[str, Any] = {
        "at_ms": 1,
        "symbol": "BTC/USD",
        "section": "entry",
        "rule": "quorum",
        "place": "rules/entry.yaml:3",
        "verdict": Verdict.FIRED,
    }
    known = {*given, "client_id", "position_id", "effect"}
    inputs = {name: value for name, value in changes.items() if name not in known}
    given |= {name: value for name, value in changes.items() if name in known}
    return Decision(**given, inputs=inputs)


class TestRecords:
    def test_a_journal_reads_back_after_it_was_closed(self, path: Path) -> None:
        with Journal.create(path) as journal:
            write(journal, accepted(1), accepted(2), cursor="candle 1")
        with Journal.open(path) as journal:
            assert list(journal.records()) == [accepted(1), accepted(2)]
            assert journal.cursor() == "candle 1"

    def test_a_journal_in_memory_reads_back(self) -> None:
        with Journal.create(None, commit_every=100) as journal:
            write(journal, accepted(1), cursor="candle 1")
            assert journal.cursor() == ""
            assert list(journal.records()) == [accepted(1)]
            assert journal.cursor() == "candle 1"

    @pytest.mark.parametrize("commit_every", [1, 2, 7, 1000])
    def test_grouping_commits_changes_nothing_recorded(
        self, path: Path, commit_every: int
    ) -> None:
        with Journal.create(path, commit_every=commit_every) as journal:
            for number in range(20):
                write(journal, accepted(number), cursor=str(number))
        with Journal.open(path) as journal:
            assert list(journal.records()) == [accepted(number) for number in range(20)]
            assert journal.cursor() == "19"
        units = ask(path, "SELECT unit FROM events ORDER BY seq")
        assert [row["unit"] for row in units] == list(range(1, 21))

    def test_units_wait_until_a_group_is_full_or_committed(self, path: Path) -> None:
        with (
            Journal.create(path, commit_every=3) as journal,
            Journal.open(path, read_only=True) as reader,
        ):
            write(journal, accepted(1), cursor="a")
            write(journal, accepted(2), cursor="b")
            assert reader.cursor() == ""
            write(journal, accepted(3), cursor="c")
            assert reader.cursor() == "c"
            write(journal, accepted(4), cursor="d")
            assert (reader.cursor(), journal.cursor()) == ("c", "c")
            journal.commit()
            assert (reader.cursor(), journal.cursor()) == ("d", "d")

    def test_a_run_goes_on_where_the_last_one_ended(self, path: Path) -> None:
        for number in range(3):
            opened = Journal.open(path) if number else Journal.create(path)
            with opened as journal:
                write(journal, accepted(number), cursor=str(number))
        assert ask(path, "SELECT unit, seq FROM events") == [
            {"unit": number, "seq": number} for number in (1, 2, 3)
        ]

    def test_a_unit_may_move_the_cursor_alone(self, path: Path) -> None:
        with Journal.create(path) as journal:
            write(journal, cursor="quiet candle")
            assert journal.cursor() == "quiet candle"

    def test_a_row_that_cannot_be_read_is_named(self, path: Path) -> None:
        Journal.create(path).close()
        connection = sqlite3.connect(path)
        connection.execute(schema.ADD_EVENT, (1, "Melted", "", "", "", "{}", 1))
        connection.commit()
        connection.close()
        with (
            Journal.open(path) as journal,
            pytest.raises(JournalError, match="event 1: kind 'Melted' is not known"),
        ):
            list(journal.records())


class TestUnits:
    def test_nothing_of_a_unit_with_a_bad_record_is_kept(self, path: Path) -> None:
        value: Any = 0.1
        bad = Learned(
            at_ms=1, what="minimum", symbol="S", value=value, expires_ms=2, why=""
        )
        with Journal.create(path) as journal:
            write(journal, accepted(1), cursor="1")
            with pytest.raises(JournalError, match="value must be Decimal"):
                write(journal, accepted(2), bad, cursor="2")
            assert journal.cursor() == "1"
            write(journal, accepted(3), cursor="3")
        with Journal.open(path) as journal:
            assert list(journal.records()) == [accepted(1), accepted(3)]

    def test_nothing_of_a_unit_with_a_bad_decision_is_kept(self, path: Path) -> None:
        bad: Any = object()
        with Journal.create(path) as journal:
            with pytest.raises(JournalError, match="odd must be a number"):
                journal.write(
                    [accepted(1)], [decision(odd=bad)], cursor="1", rulebook=RULEBOOK
                )
            assert list(journal.records()) == []

    def test_after_a_failed_commit_the_journal_takes_no_more(self, path: Path) -> None:
        too_big = Accepted(at_ms=2**64, client_id="q", venue_id="")
        with Journal.create(path) as journal:
            write(journal, accepted(1), cursor="1")
            with pytest.raises(JournalError, match="a value cannot be stored"):
                write(journal, accepted(2), too_big, cursor="2")
            with pytest.raises(JournalError, match="an earlier write failed; restart"):
                write(journal, accepted(3), cursor="3")
        with Journal.open(path) as journal:
            assert list(journal.records()) == [accepted(1)]
            assert journal.cursor() == "1"


class TestFiles:
    def test_a_journal_that_holds_something_is_not_created_again(
        self, path: Path
    ) -> None:
        with Journal.create(path) as journal:
            write(journal, accepted(1))
        with pytest.raises(JournalError, match="is not empty; open it to go on"):
            Journal.create(path)
        assert len(ask(path, "SELECT * FROM events")) == 1

    @pytest.mark.parametrize("blank", [True, False])
    def test_an_empty_journal_may_be_created_again(
        self, path: Path, blank: bool
    ) -> None:
        if blank:
            path.parent.mkdir()
            path.touch()
        else:
            Journal.create(path).close()
        with Journal.create(path) as journal:
            write(journal, accepted(1))

    @pytest.fixture(params=["text", "database"])
    def foreign(self, path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
        path.parent.mkdir()
        if request.param == "text":
            path.write_text("dear diary, " * 1000)
        else:
            ask(path, "CREATE TABLE diary (dear TEXT)")
        before = path.read_bytes()
        yield path
        assert path.read_bytes() == before

    def test_a_file_that_is_no_journal_is_refused_untouched(
        self, foreign: Path
    ) -> None:
        for how in (Journal.create, Journal.open):
            with pytest.raises(JournalError, match="not a quorate journal"):
                how(foreign)
        with pytest.raises(JournalError, match="not a quorate journal"):
            Journal.open(foreign, read_only=True)

    def test_a_newer_journal_is_refused(self, path: Path) -> None:
        Journal.create(path).close()
        ask(path, f"PRAGMA user_version = {schema.VERSION + 1}")
        with pytest.raises(
            JournalError, match=r"by a newer quorate .* upgrade quorate"
        ):
            Journal.open(path)
        ask(path, "PRAGMA user_version = 0")
        with pytest.raises(JournalError, match="has schema 0"):
            Journal.open(path, read_only=True)

    def test_a_missing_journal_is_named(self, path: Path) -> None:
        with pytest.raises(JournalError, match="does not exist; check the path"):
            Journal.open(path)
        assert not path.exists()

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "runs").touch()
        with pytest.raises(JournalError, match="cannot be created"):
            Journal.create(tmp_path / "runs" / "paper.sqlite")

    def test_a_closed_journal_takes_and_tells_nothing(self, path: Path) -> None:
        journal = Journal.create(path)
        journal.close()
        journal.close()
        with pytest.raises(JournalError, match="it is closed"):
            write(journal, accepted(1))
        for ask_it in (journal.records, journal.cursor, journal.decisions):
            with pytest.raises(JournalError, match="is closed; open it again"):
                ask_it()

    def test_a_group_has_at_least_one_unit(self, path: Path) -> None:
        with pytest.raises(ValueError, match="commit_every must be 1 or more"):
            Journal.create(path, commit_every=0)
        Journal.create(path).close()


class TestDecisions:
    def test_a_decision_comes_back_with_its_rulebook_and_unit(self, path: Path) -> None:
        given = decision(at_ms=7, price=Decimal("0.10"), rsi=float("inf"), state=None)
        with Journal.create(path) as journal:
            write(journal, accepted(1))
            journal.write([], [given], cursor="", rulebook="abc")
            (found,) = journal.decisions()
        assert found.decision == given
        assert (found.seq, found.unit, found.rulebook) == (1, 2, "abc")
        assert isinstance(found.decision.inputs["price"], Decimal)

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, [1, 2, 3, 4]),
            ({"client_id": "q-1"}, [2]),
            ({"client_id": ""}, [1, 3, 4]),
            ({"position_id": "p-1"}, [2, 3]),
            ({"symbol": "ETH/USD"}, [4]),
            ({"section": "checks"}, [2]),
            ({"rule": "stop"}, [3]),
            ({"section": "exits", "rule": "stop", "position_id": "p-1"}, [3]),
            ({"verdict": Verdict.REFUSED}, [2]),
            ({"from_ms": 20}, [2, 3, 4]),
            ({"from_ms": 20, "until_ms": 40}, [2, 3]),
            ({"symbol": "BTC/USD", "until_ms": 20}, [1]),
            ({"symbol": "DOGE/USD"}, []),
        ],
    )
    def test_decisions_are_found_by_what_they_are_about(
        self, filters: dict[str, Any], expected: list[int]
    ) -> None:
        with Journal.create(None) as journal:
            journal.write(
                [],
                [
                    decision(at_ms=10),
                    decision(
                        at_ms=20,
                        section="checks",
                        rule="rate-limit",
                        verdict=Verdict.REFUSED,
                        client_id="q-1",
                        position_id="p-1",
                    ),
                    decision(at_ms=30, section="exits", rule="stop", position_id="p-1"),
                    decision(at_ms=40, symbol="ETH/USD"),
                ],
                cursor="",
                rulebook=RULEBOOK,
            )
            found = [row.seq for row in journal.decisions(**filters)]
        assert found == expected

    def test_a_verdict_of_a_newer_quorate_is_named(self, path: Path) -> None:
        with Journal.create(path) as journal:
            write(journal, accepted(1))
        connection = sqlite3.connect(path)
        row = (1, "S", "s", "r", "f:1", "shrugged", "{}", "{}", None, None, "", 1)
        connection.execute(schema.ADD_DECISION, row)
        connection.commit()
        connection.close()
        with (
            Journal.open(path) as journal,
            pytest.raises(JournalError, match="decision 1: verdict 'shrugged'"),
        ):
            list(journal.decisions())


FILES = {"rules/entry.yaml": "entry:\n  - id: é\n", "rules/params.yaml": ""}


class TestRulebooks:
    def test_a_rulebook_is_kept_once(self, path: Path) -> None:
        with Journal.create(path) as journal:
            journal.write([], [decision()], cursor="", rulebook="abc")
            with pytest.raises(JournalError, match="does not hold the rulebook abc"):
                journal.rulebook("abc")
            journal.keep_rulebook("abc", FILES)
            journal.keep_rulebook("abc", {})
            journal.write([], [decision()], cursor="", rulebook="abc")
        with Journal.open(path, read_only=True) as journal:
            assert journal.rulebook("abc") == FILES
            with pytest.raises(JournalError, match="does not hold the rulebook abd"):
                journal.rulebook("abd")
