"""A journal that can record no more ends a run before anything else is sent."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quorate import Intended
from quorate.errors import JournalError
from quorate.journal.journal import Journal

runs = import_module("tape_runs")


@pytest.mark.parametrize("pages", [40, 48, 55])
def test_nothing_is_sent_that_was_not_recorded(
    pages: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "full.sqlite"
    tapes = runs.made_up(3, 1, "BTC/USD", "ETH/USD")
    sent: list[str] = []
    tell = runs.Watched._tell

    def telling(driver: Any, action: Any, at_ms: int) -> Any:
        if hasattr(action, "intent"):
            sent.append(action.intent.client_id)
        return tell(driver, action, at_ms)

    keep = Journal.keep_rulebook

    def filling(journal: Journal, *given: Any) -> None:
        keep(journal, *given)
        list(journal._store.rows(f"PRAGMA max_page_count = {pages}"))

    monkeypatch.setattr(runs.Watched, "_tell", telling)
    monkeypatch.setattr(Journal, "keep_rulebook", filling)
    with pytest.raises(JournalError, match="the disk is full; make room"):
        runs.run(tapes, journal=path)
    with Journal.open(path, read_only=True) as journal:
        records = list(journal.records())
    intended = [r.intent.client_id for r in records if isinstance(r, Intended)]
    assert sent
    assert sent == intended[: len(sent)]

    monkeypatch.undo()
    continued = runs.run(tapes, journal=path)
    difference = runs.first_difference(continued.records, runs.run(tapes).records)
    assert not difference
