"""Import a plugin from the bytes that were read and hashed, never from the disk.

Python's own import would take a cache of bytecode, or a file that was changed after it
was hashed.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source
from itertools import count
from pathlib import Path, PurePosixPath
from types import ModuleType

from quorate.host.content import MAIN, Content
from quorate.host.find import Found, describe

_REQUIRES = re.compile(r"^quorate\s*>=\s*(\d+(?:\.\d+)*)$")
_loads = count()


@dataclass(frozen=True, slots=True)
class _Part:
    """One module: where its source was read, the source, and if it holds others."""

    path: Path
    source: bytes
    package: bool


class _HeldModules(MetaPathFinder, InspectLoader):
    """Imports what it holds. What is beneath such a module is held too, or is not."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, _Part]] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - importlib gives it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return how to import a module that is held, None for all others."""
        parts = self.held.get(fullname.partition(".")[0])
        if parts is None:
            return None
        part = parts.get(fullname)
        if part is None:
            # No other finder is asked: it would look on the disk.
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        spec = ModuleSpec(
            fullname, self, origin=str(part.path), is_package=part.package
        )
        spec.has_location = True
        if part.package:
            spec.submodule_search_locations = [str(part.path.parent)]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Run the source that is held."""
        part = self._part(module.__name__)
        exec(compile(part.source, str(part.path), "exec"), module.__dict__)

    def is_package(self, fullname: str) -> bool:
        """Return whether a module may hold others."""
        return self._part(fullname).package

    def get_source(self, fullname: str) -> str:
        """Return a module's text, for tracebacks."""
        return decode_source(self._part(fullname).source)

    def _part(self, fullname: str) -> _Part:
        return self.held[fullname.partition(".")[0]][fullname]


_finder = _HeldModules()


def load(found: Found) -> Found:
    """Return a plugin with its module, or with the fault that prevented it."""
    if found.fault:
        return found
    if found.point is not None:
        return _load_entry_point(found)
    content = found.content
    assert content is not None
    main = content.path(content.main)
    try:
        # What a newer quorate has might be missing here: looked at before it runs.
        if fault := too_new(stated(content, "requires")):
            return replace(found, fault=fault)
        # Each load is a module of its own, so that two hosts never share a global; it
        # stands in sys.modules because dataclasses look their module up there.
        module = import_held(f"quorate_plugin_{found.name}_{next(_loads)}", content)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        return replace(found, fault=describe(error, main))
    version = str(getattr(module, "__version__", ""))
    return replace(found, version=version, module=module)


def _load_entry_point(found: Found) -> Found:
    assert found.point is not None
    try:
        module = found.point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        return replace(found, fault=describe(error))
    requires = getattr(module, "requires", None)
    fault = too_new(requires) if isinstance(module, ModuleType) else ""
    return replace(found, module=module, fault=fault)


def import_held(root: str, content: Content, name: str = "") -> ModuleType:
    """Import a plugin's bytes as the module ``root``; return it, or ``name`` in it.

    Raises:
        Exception: whatever the plugin raises; nothing of it is left behind.
    """
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _finder.held[root] = _parts(root, content)
    try:
        importlib.import_module(root)
        return importlib.import_module(name or root)
    except BaseException:
        del _finder.held[root]
        for known in list(sys.modules):
            if known == root or known.startswith(f"{root}."):
                del sys.modules[known]
        raise


def _parts(root: str, content: Content) -> dict[str, _Part]:
    parts: dict[str, _Part] = {}
    for name, source in content.sources.items():
        inner = PurePosixPath(name)
        main = name == content.main or inner.name == MAIN
        folders = [root, *inner.parent.parts]
        module = ".".join(folders if main else [*folders, inner.stem])
        package = inner.name == MAIN
        parts[module] = _Part(content.path(name), source, package)
        for depth in range(1, len(folders)):  # a folder without an __init__.py
            above = ".".join(folders[: depth + 1])
            place = content.where.joinpath(*folders[1 : depth + 1], MAIN)
            parts.setdefault(above, _Part(place, b"", True))
    return parts


def stated(content: Content, name: str) -> object:
    """Return what a plugin's top level says after ``name =``, without running it.

    None when it says nothing, or says it by more than a constant.

    Raises:
        SyntaxError: the file is not Python.
    """
    for statement in ast.parse(content.sources[content.main]).body:
        if isinstance(statement, ast.Assign) and isinstance(
            statement.value, ast.Constant
        ):
            names = [
                part.id for part in statement.targets if isinstance(part, ast.Name)
            ]
            if name in names:
                return statement.value.value
    return None


def too_new(requires: object) -> str:
    """Return why ``requires`` is not met, "" when it is or nothing is required."""
    if requires is None:
        return ""
    match = _REQUIRES.match(str(requires))
    if match is None:
        return f'`requires` must read like "quorate>=0.1", was {requires!r}'
    if _numbers(match[1]) > _numbers(_own_version()):
        return f"needs {requires}, this is quorate {_own_version()}"
    return ""


def _own_version() -> str:
    import quorate  # noqa: PLC0415 - at import time the package is not complete yet

    return quorate.__version__


def _numbers(text: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", text)]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
