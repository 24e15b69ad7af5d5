"""Load bundled plugins as the engine does: as files, never by an import."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.fixture(scope="session")
def load_plugin() -> Callable[[str], ModuleType]:
    """Return a function that loads ``plugins/<name>.py`` as a module of its own."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(
            f"plugin_{name}", PLUGINS / f"{name}.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up while their class is being made.
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)
        return module

    return load
