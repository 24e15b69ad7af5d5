"""halt and resume: quick, idempotent, and clear about what happens."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quorate.drivers.control import read_wish
from quorate.face.cli import cli
from quorate.journal.journal import Journal
from quorate.values.mode import Mode

SECTION = "exchange:\n  name: someplace\n  symbols: [BTC/USD]\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "quorate.yaml").write_text(SECTION)
    return tmp_path


def quorate(root: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["-w", str(root), *words])


def mode_of(journal: Path) -> Mode:
    wish = read_wish(journal)
    assert wish is not None
    return wish.mode


def journal_of(root: Path) -> Path:
    return root / "runs" / "live-someplace.sqlite"


def test_a_halt_before_the_first_run_holds_for_it(workspace: Path) -> None:
    done = quorate(workspace, "halt", "--why", "going away")
    assert done.exit_code == 0
    assert done.output.startswith("halted: ")
    assert "no live run has been made yet" in done.output
    assert "quorate resume" in done.output
    wish = read_wish(journal_of(workspace))
    assert wish is not None
    assert (wish.mode, wish.why) == (Mode.HALTED, "going away")


def test_a_halt_is_idempotent(workspace: Path) -> None:
    for told in ("halted: ", "halted, as before: "):
        done = quorate(workspace, "halt")
        assert done.exit_code == 0
        assert done.output.startswith(told)
    assert mode_of(journal_of(workspace)) is Mode.HALTED


def test_reduce_only_and_resume_say_what_happens(workspace: Path) -> None:
    done = quorate(workspace, "halt", "--reduce-only")
    assert "nothing is bought" in done.output
    assert mode_of(journal_of(workspace)) is Mode.REDUCE_ONLY
    done = quorate(workspace, "resume")
    assert done.exit_code == 0
    assert "quorate resume" not in done.output
    assert mode_of(journal_of(workspace)) is Mode.ACTIVE


def test_a_run_that_is_alive_is_told_apart(workspace: Path) -> None:
    journal = journal_of(workspace)
    with Journal.create(journal):
        assert "a run is alive" in quorate(workspace, "halt").output
    assert "no run is alive" in quorate(workspace, "halt").output


def test_halting_does_not_get_in_the_way_of_a_run(workspace: Path) -> None:
    Journal.create(journal_of(workspace)).close()
    quorate(workspace, "halt")
    with Journal.open(journal_of(workspace)) as journal:
        assert list(journal.records()) == []


def test_a_journal_that_is_named_is_the_one(workspace: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    done = quorate(workspace, "halt", "--journal", str(other))
    assert done.exit_code == 2
    assert "no such journal" in done.stderr
    assert read_wish(other) is None
    Journal.create(other).close()
    assert quorate(workspace, "halt", "--journal", str(other)).exit_code == 0
    assert mode_of(other) is Mode.HALTED
    assert read_wish(journal_of(workspace)) is None


def test_broken_settings_do_not_keep_a_run_from_being_halted(workspace: Path) -> None:
    journal = journal_of(workspace)
    Journal.create(journal).close()
    (workspace / "quorate.yaml").write_text("exchange: [broken\n")
    assert quorate(workspace, "halt").exit_code == 0
    assert mode_of(journal) is Mode.HALTED
    shutil.copy(journal, journal.with_name("live-other.sqlite"))
    done = quorate(workspace, "resume")
    assert done.exit_code == 2
    assert "name the journal" in done.stderr
    assert mode_of(journal) is Mode.HALTED


def test_a_workspace_without_an_exchange_says_so(tmp_path: Path) -> None:
    done = quorate(tmp_path, "halt")
    assert done.exit_code == 2
    assert "names no exchange" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_wish_that_cannot_be_written_is_an_error(workspace: Path) -> None:
    (workspace / "runs").write_text("in the way")
    done = quorate(workspace, "halt")
    assert done.exit_code == 2
    assert "nothing was told to a run" in done.stderr
