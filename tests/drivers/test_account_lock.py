"""One run for an account on a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from quorate.drivers.account_lock import lock_account
from quorate.errors import JournalError


def test_an_account_is_held_by_one_until_it_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    held = lock_account("exchange", "0123abcd")
    with pytest.raises(JournalError, match="account 0123abcd of exchange is traded by"):
        lock_account("exchange", "0123abcd")
    lock_account("exchange", "another").release()
    held.release()
    lock_account("exchange", "0123abcd").release()
    assert (tmp_path / "quorate").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(JournalError, match=r"quorate cannot be created: .*XDG_STATE"):
        lock_account("exchange", "0123abcd")
