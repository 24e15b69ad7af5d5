"""Where the journals of these tests live."""

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "paper.sqlite"
