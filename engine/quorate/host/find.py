"""Find plugins: bundled files, installed packages, files in a workspace's folder.

All three are loaded by one path and come out as ``Found``: a module, or the reason
why there is none.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import count
from pathlib import Path
from types import ModuleType

from quorate.bundle import bundled

GROUP = "quorate"
LONGEST = 300
"""How much of an error's own text is kept."""

_REQUIRES = re.compile(r"^quorate\s*>=\s*(\d+(?:\.\d+)*)$")
_loads = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One plugin that was found: loaded, or with the ``fault`` that prevented it.

    ``source`` is "bundled", "workspace" or the distribution's name; ``where`` its file
    or entry point; ``version`` "" when it has none.
    """

    name: str
    source: str
    where: str
    version: str = ""
    module: object | None = None
    fault: str = ""


def find_plugins(
    folder: Path | None, *, installed: bool = True, without: Collection[str] = ()
) -> Iterator[Found]:
    """Yield bundled plugins, then installed ones, then those of ``folder``.

    Each group is in the order of names. A workspace that is a checkout of quorate
    itself has its plugins loaded once. Those named in ``without`` are not loaded.
    """
    shipped = bundled("plugins")
    yield from _files(shipped, "bundled", without)
    if installed:
        points = sorted(
            entry_points(group=GROUP), key=lambda one: (one.name, one.value)
        )
        for point in points:
            if point.name in without:
                yield Found(name=point.name, source="installed", where=point.value)
            else:
                yield _load_entry_point(point)
    if folder is not None and folder.is_dir() and not folder.samefile(shipped):
        yield from _files(folder, "workspace", without)


def _files(folder: Path, source: str, without: Collection[str]) -> Iterator[Found]:
    """Yield the plugins of a folder: each a file, or a folder with an __init__.py."""
    for path in sorted(folder.glob("[!_.]*")):
        main = path if path.suffix == ".py" else path / "__init__.py"
        if main is not path and not main.is_file():
            continue
        if path.stem in without:
            yield Found(name=path.stem, source=source, where=str(path))
        else:
            yield _load_file(path, main, source)


def _load_file(path: Path, main: Path, source: str) -> Found:
    name = path.stem
    found = {"name": name, "source": source, "where": str(path)}
    # Each load is a module of its own, so that two hosts never share a global; it
    # stands in sys.modules because dataclasses look their module up there.
    module_name = f"quorate_plugin_{name}_{next(_loads)}"
    parts = [str(path)] if main is not path else None
    spec = importlib.util.spec_from_file_location(
        module_name, main, submodule_search_locations=parts
    )
    if spec is None or spec.loader is None:
        return Found(**found, fault="not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        source_text = main.read_bytes()
        # What a newer quorate has might be missing here: looked at before it runs.
        if fault := _too_new(_stated_requires(source_text)):
            _forget(module_name)
            return Found(**found, fault=fault)
        # Compiled here and not by the loader, which may take an older file's bytecode.
        exec(compile(source_text, str(main), "exec"), module.__dict__)
    except BaseException as error:
        _forget(module_name)
        if isinstance(error, Exception | SystemExit):
            return Found(**found, fault=describe(error, main))
        raise
    version = str(getattr(module, "__version__", ""))
    return Found(**found, version=version, module=module)


def _forget(module_name: str) -> None:
    """Take a module and its parts out of what is imported."""
    for name in list(sys.modules):
        if name == module_name or name.startswith(f"{module_name}."):
            del sys.modules[name]


def _stated_requires(source: bytes) -> object:
    """Return what a file's top level says after ``requires =``, None for nothing."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(
            statement.value, ast.Constant
        ):
            names = [
                part.id for part in statement.targets if isinstance(part, ast.Name)
            ]
            if "requires" in names:
                return statement.value.value
    return None


def _load_entry_point(point: EntryPoint) -> Found:
    distribution = point.dist
    found = {
        "name": point.name,
        "source": distribution.name if distribution else "installed",
        "where": point.value,
        "version": distribution.version if distribution else "",
    }
    try:
        module = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        return Found(**found, fault=describe(error))
    requires = getattr(module, "requires", None)
    fault = _too_new(requires) if isinstance(module, ModuleType) else ""
    return Found(**found, module=module, fault=fault)


def _too_new(requires: object) -> str:
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


def describe(error: BaseException, path: Path | None = None) -> str:
    """Return an error as one line: its class, its text, and the line in ``path``."""
    line = getattr(error, "lineno", None)
    for frame, number in traceback.walk_tb(error.__traceback__):
        if path is not None and frame.f_code.co_filename == str(path):
            line = number
    at = f" (line {line})" if isinstance(line, int) else ""
    try:
        text = " ".join(str(error).split()) or "no message"
    except Exception:  # noqa: BLE001 - an error of a plugin may fail to say what it is
        text = "no readable message"
    if len(text) > LONGEST:
        text = text[: LONGEST - 3] + "..."
    return f"{type(error).__name__}: {text}{at}"
