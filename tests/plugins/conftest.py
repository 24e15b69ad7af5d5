"""Load bundled plugins as the engine does: as files, never by an import."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from tests import plugin_files

from quorate import RateLimits


@pytest.fixture(scope="session")
def load_plugin() -> Callable[[str], ModuleType]:
    """Return a function that loads a plugin, file or folder, as a module of its own."""

    return plugin_files.load_plugin


@pytest.fixture(scope="session")
def open_venue(load_plugin: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """Return a function that opens the paper venue, with some settings changed."""
    plugin, paper = load_plugin("paper_venue"), import_module("paper_orders")

    def open_one(limits: RateLimits | None = None, **changes: Any) -> Any:
        venue = plugin.venue("paper", {**paper.PAPER, **changes}, limits)
        venue.open_markets(("BTC/USD", "DOGE/USD"))
        return venue

    return open_one


@pytest.fixture
def venue(open_venue: Callable[..., Any]) -> Any:
    """Return a paper venue without rate limits."""
    return open_venue()
