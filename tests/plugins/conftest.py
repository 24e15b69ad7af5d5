"""Load bundled plugins as the engine does: as files, never by an import."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from quorate import RateLimits

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.fixture(scope="session")
def load_plugin() -> Callable[[str], ModuleType]:
    """Return a function that loads a plugin, file or folder, as a module of its own."""

    def load(name: str) -> ModuleType:
        folder = PLUGINS / name
        parts = [str(folder)] if folder.is_dir() else None
        main = folder / "__init__.py" if parts else PLUGINS / f"{name}.py"
        spec = importlib.util.spec_from_file_location(
            f"plugin_{name}", main, submodule_search_locations=parts
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up while their class is being made.
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)
        return module

    return load


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
