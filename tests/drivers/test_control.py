"""What a person wants of a run crosses from one process to another whole, or halts."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.drivers.control import (
    Wish,
    mark_taken,
    pending_wish,
    read_wish,
    wish_path,
    write_wish,
)
from quorate.errors import WorkspaceError
from quorate.values.mode import Mode


def wish(mode: Mode = Mode.HALTED, why: str = "because", at_ms: int = 7) -> Wish:
    return Wish(mode=mode, why=why, at_ms=at_ms)


def test_nothing_said_is_no_wish(tmp_path: Path) -> None:
    assert read_wish(tmp_path / "live.sqlite") is None
    assert pending_wish(tmp_path / "live.sqlite") is None


@pytest.mark.parametrize("mode", Mode)
def test_a_wish_is_read_as_it_was_written(tmp_path: Path, mode: Mode) -> None:
    journal = tmp_path / "runs" / "live.sqlite"
    write_wish(journal, wish(mode))
    assert read_wish(journal) == wish(mode)
    said = json.loads(wish_path(journal).read_text())
    assert said == {"mode": str(mode), "why": "because", "at_ms": 7}
    assert [path.name for path in journal.parent.iterdir()] == ["live.sqlite-mode"]


def test_the_last_wish_counts(tmp_path: Path) -> None:
    journal = tmp_path / "live.sqlite"
    write_wish(journal, wish(Mode.HALTED))
    write_wish(journal, wish(Mode.ACTIVE, at_ms=8))
    assert read_wish(journal) == wish(Mode.ACTIVE, at_ms=8)


def test_a_wish_that_was_taken_is_pending_no_more(tmp_path: Path) -> None:
    journal = tmp_path / "live.sqlite"
    write_wish(journal, wish(at_ms=1))
    taken = pending_wish(journal)
    assert taken is not None
    mark_taken(journal, taken)
    assert pending_wish(journal) is None
    write_wish(journal, wish(at_ms=2))  # the same again is a wish of its own
    assert pending_wish(journal) == wish(at_ms=2)


def test_a_wish_that_comes_while_another_is_taken_is_not_lost(tmp_path: Path) -> None:
    journal = tmp_path / "live.sqlite"
    write_wish(journal, wish(Mode.ACTIVE, at_ms=1))
    taken = pending_wish(journal)
    assert taken is not None
    write_wish(journal, wish(Mode.HALTED, at_ms=2))
    mark_taken(journal, taken)
    assert pending_wish(journal) == wish(Mode.HALTED, at_ms=2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"halted",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"mode": "halt", "why": "", "at_ms": 1}',
        b'{"mode": "active", "why": "", "at_ms": "1"}',
        b'{"mode": "active", "why": "", "at_ms": true}',
        b'{"mode": "active", "at_ms": 1}',
        b"[" * 60_000,
    ],
)
def test_what_cannot_be_understood_halts(tmp_path: Path, data: bytes) -> None:
    journal = tmp_path / "live.sqlite"
    wish_path(journal).write_bytes(data)
    found = read_wish(journal)
    assert found is not None
    assert found.mode is Mode.HALTED
    assert "live.sqlite-mode cannot be read" in found.why
    write_wish(journal, wish(Mode.ACTIVE))
    assert read_wish(journal) == wish(Mode.ACTIVE)


@given(data=st.binary(max_size=200))
def test_no_bytes_let_a_run_go_on_by_accident(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    journal = tmp_path_factory.getbasetemp() / "any.sqlite"
    wish_path(journal).write_bytes(data)
    found = read_wish(journal)
    assert found is not None
    assert found.mode is Mode.HALTED


def test_a_folder_in_the_way_halts(tmp_path: Path) -> None:
    journal = tmp_path / "live.sqlite"
    wish_path(journal).mkdir()
    found = read_wish(journal)
    assert found is not None
    assert found.mode is Mode.HALTED


def test_a_reason_is_one_short_line(tmp_path: Path) -> None:
    journal = tmp_path / "live.sqlite"
    write_wish(journal, wish(why="one\n  two " + "x" * 900))
    found = read_wish(journal)
    assert found is not None
    assert found.why.startswith("one two xxx")
    assert len(found.why) == 500


def test_a_wish_that_cannot_be_written_says_what_else_stops_a_run(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="kill -TERM"):
        write_wish(tmp_path / "file" / "live.sqlite", wish())


def test_a_reader_never_sees_half_a_wish(tmp_path: Path) -> None:
    journal = tmp_path / "live.sqlite"
    write_wish(journal, wish(Mode.ACTIVE, why="x" * 400))
    child = os.fork()
    if not child:
        for number in range(200):
            write_wish(journal, wish(Mode.REDUCE_ONLY, why="y" * 400, at_ms=number))
        os._exit(0)
    seen = set()
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        found = read_wish(journal)
        assert found is not None
        seen.add(found.mode)
    assert seen <= {Mode.ACTIVE, Mode.REDUCE_ONLY}
