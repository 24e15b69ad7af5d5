"""Load a bundled plugin as the engine does: as files, never by an import."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

PLUGINS = Path(__file__).parents[1] / "plugins"


@cache
def load_plugin(name: str) -> ModuleType:
    """Return a plugin, file or folder, as a module of its own."""
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


def part_of(plugin: str, name: str) -> ModuleType:
    """Return a module of a plugin that is a folder."""
    return importlib.import_module(f"{load_plugin(plugin).__name__}.{name}")
