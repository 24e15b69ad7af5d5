"""Which plugins a workspace has accepted for live trading, and how they were then.

The file is written by `quorate plugins accept`, to be read in a review and kept with
the workspace. A plugin that differs in anything from what it says is not loaded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from quorate.errors import WorkspaceError
from quorate.host.find import BUNDLED, Found
from quorate.host.load import stated
from quorate.rulebook.printing import render
from quorate.rulebook.text import read_document

FILE = "plugins.lock.yaml"

_HEAD = """\
# The plugins that live trading may load, as they were when they were accepted.
# Written by `quorate plugins accept`: look at a plugin before you accept it.
"""
_FIELDS = {"source", "version", "sha256", "files"}


class Trust(StrEnum):
    """What live trading makes of a plugin."""

    BUNDLED = "bundled"
    ACCEPTED = "accepted"
    CHANGED = "changed"
    NOT_ACCEPTED = "not accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One plugin as it was accepted; ``files`` maps each of its files to its hash."""

    name: str
    source: str
    version: str
    sha256: str
    files: Mapping[str, str]


def as_found(found: Found) -> Acceptance:
    """Return what accepting a plugin as it was found would say. Nothing of it runs.

    Raises:
        WorkspaceError: what it is made of cannot be told.
    """
    content = found.content
    if found.fault or content is None:
        why = found.fault or "its files cannot be found; is it plain Python?"
        raise WorkspaceError(f"plugin {found.name} cannot be accepted: {why}")
    return Acceptance(
        name=found.name,
        source=found.source,
        version=version_of(found),
        sha256=content.sha256,
        files=dict(sorted(content.hashes.items())),
    )


def version_of(found: Found) -> str:
    """Return a plugin's version, read and not run: its package's or its file's."""
    if found.point is not None or found.content is None:
        return found.version
    try:
        version = stated(found.content, "__version__")
    except (SyntaxError, ValueError):
        return ""
    return "" if version is None else str(version)


def trust(found: Found, accepted: Mapping[str, Acceptance]) -> Trust:
    """Return whether live trading may load a plugin."""
    if found.source == BUNDLED:
        return Trust.BUNDLED
    if found.name not in accepted:
        return Trust.NOT_ACCEPTED
    return Trust.CHANGED if what_changed(found, accepted) else Trust.ACCEPTED


def objection(found: Found, accepted: Mapping[str, Acceptance]) -> str:
    """Return why live trading does not load a plugin, "" when it may."""
    known = trust(found, accepted)
    advice = f"look at it, then `quorate plugins accept {found.name}`"
    if known is Trust.NOT_ACCEPTED:
        return f"not accepted for live trading; {advice}"
    if known is Trust.CHANGED:
        return (
            f"changed since it was accepted: {what_changed(found, accepted)}; {advice}"
        )
    return ""


def what_changed(found: Found, accepted: Mapping[str, Acceptance]) -> str:
    """Return how an accepted plugin differs from what was accepted, "" for nothing."""
    before = accepted[found.name]
    try:
        now = as_found(found)
    except WorkspaceError as error:
        return str(error)
    changes = []
    for what in ("source", "version"):
        was, is_now = getattr(before, what), getattr(now, what)
        if was != is_now:
            changes.append(f"{what} was {was or 'none'}, is {is_now or 'none'}")
    changes += [f"{name} is gone" for name in before.files if name not in now.files]
    for name, digest in now.files.items():
        if name not in before.files:
            changes.append(f"{name} is new")
        elif before.files[name] != digest:
            changes.append(f"{name} has changed")
    if not changes and before.sha256 != now.sha256:
        changes.append("its hash is another than that of its files")
    return ", ".join(changes)


def read_accepted(root: Path) -> dict[str, Acceptance]:
    """Return what the workspace in ``root`` has accepted, by name; {} without a file.

    Raises:
        WorkspaceError: the file cannot be used.
    """
    path = root / FILE
    if not path.exists():
        return {}
    document, problems = read_document(path, FILE)
    if document is None or problems:
        raise WorkspaceError("\n".join(render(problem) for problem in problems))
    value: object = document.value
    plugins = value.get("plugins") if isinstance(value, dict) else None
    if plugins is None and value == {"plugins": None}:
        return {}
    if not isinstance(plugins, dict) or not isinstance(value, dict) or len(value) > 1:
        raise _unusable("it must hold `plugins:` and nothing else")
    return {name: _read(name, said) for name, said in plugins.items()}


def _read(name: str, said: object) -> Acceptance:
    if not isinstance(said, dict) or set(said) != _FIELDS:
        raise _unusable(f"plugin {name} must have {', '.join(sorted(_FIELDS))}")
    files = said["files"]
    texts = [said["source"], said["version"], said["sha256"]]
    if isinstance(files, dict):
        texts += files.values()
    if not isinstance(files, dict) or not all(isinstance(one, str) for one in texts):
        raise _unusable(f"plugin {name}: everything must be text in quotes")
    return Acceptance(
        name=name,
        source=said["source"],
        version=said["version"],
        sha256=said["sha256"],
        files=files,
    )


def _unusable(reason: str) -> WorkspaceError:
    return WorkspaceError(
        f"{FILE}: {reason}; delete it and run `quorate plugins accept` again"
    )


def write_accepted(root: Path, acceptances: Iterable[Acceptance]) -> None:
    """Write what is accepted, by name; the file is replaced as a whole.

    Raises:
        WorkspaceError: it cannot be written.
    """
    listed = sorted(acceptances, key=lambda one: one.name)
    lines = [_HEAD, "plugins:\n" if listed else "plugins: {}\n"]
    for one in listed:
        lines.append(f"  {_quoted(one.name)}:\n")
        for what in ("source", "version", "sha256"):
            lines.append(f"    {what}: {_quoted(getattr(one, what))}\n")
        lines.append("    files:\n" if one.files else "    files: {}\n")
        lines += [
            f"      {_quoted(name)}: {_quoted(digest)}\n"
            for name, digest in one.files.items()
        ]
    path = root / FILE
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text("".join(lines), "utf-8")
        fresh.replace(path)
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be written: {error.strerror}") from None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # JSON's quotes are YAML's too
