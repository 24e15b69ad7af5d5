"""Find plugins: bundled files, installed packages, files in a workspace's folder.

All three are loaded by one path and come out as ``Found``: a module, or the reason
why there is none.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import count
from pathlib import Path
from types import ModuleType

from quorate.bundle import bundled

GROUP = "quorate"
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


def find_plugins(folder: Path | None, *, installed: bool = True) -> Iterator[Found]:
    """Yield bundled plugins, then installed ones, then those of ``folder``.

    Each group is in the order of names. A workspace that is a checkout of quorate
    itself has its plugins loaded once.
    """
    shipped = bundled("plugins")
    yield from _files(shipped, "bundled")
    if installed:
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            yield _load_entry_point(point)
    if folder is not None and folder.is_dir() and not folder.samefile(shipped):
        yield from _files(folder, "workspace")


def _files(folder: Path, source: str) -> Iterator[Found]:
    for path in sorted(folder.glob("[!_]*.py")):
        yield _load_file(path, source)


def _load_file(path: Path, source: str) -> Found:
    name = path.stem
    found = {"name": name, "source": source, "where": str(path)}
    # Each load is a module of its own, so that two hosts never share a global; it
    # stands in sys.modules because dataclasses look their module up there.
    module_name = f"quorate_plugin_{name}_{next(_loads)}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        return Found(**found, fault="not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        del sys.modules[module_name]
        return Found(**found, fault=describe(error))
    return Found(
        **found,
        version=str(getattr(module, "__version__", "")),
        module=module,
        fault=_too_new(module),
    )


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
    fault = _too_new(module) if isinstance(module, ModuleType) else ""
    return Found(**found, module=module, fault=fault)


def _too_new(module: ModuleType) -> str:
    """Return why the plugin's ``requires`` is not met, "" when it is."""
    requires = getattr(module, "requires", None)
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
    return tuple(int(part) for part in re.findall(r"\d+", text))


def describe(error: BaseException) -> str:
    """Return an error as one line that names its class and, for a file, the line."""
    line = getattr(error, "lineno", None)
    at = f" (line {line})" if isinstance(line, int) else ""
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text}{at}"
