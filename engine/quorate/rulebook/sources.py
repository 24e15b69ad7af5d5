"""The texts a rulebook is made of: gathered from folders, kept, hashed, read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.source import MAX_BYTES

Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The texts a rulebook is made of: what is kept, hashed, and read again.

    ``rules`` and each overlay are (shown path, bytes) in the order of names;
    ``settings`` are name=value pairs of the command line.
    """

    rules: Files
    overlays: tuple[Files, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    def as_texts(self) -> dict[str, str]:
        """Return everything as texts by key, for the journal."""
        texts = {f"rules:{shown}": _text(data) for shown, data in self.rules}
        for number, overlay in enumerate(self.overlays):
            # An overlay without a file is one too: the next keeps its number.
            for shown, data in overlay:
                texts[f"overlay {number}:{shown}"] = _text(data)
        for number, (name, value) in enumerate(self.settings):
            texts[f"set {number}:{name}"] = value
        return texts

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Sources:
        """Return the sources that ``as_texts`` gave, in whatever order they come."""
        rules: list[tuple[str, bytes]] = []
        overlays: dict[int, list[tuple[str, bytes]]] = {}
        settings: dict[int, tuple[str, str]] = {}
        for key, text in texts.items():
            kind, _, shown = key.partition(":")
            kind, _, number = kind.partition(" ")
            data = text.encode("utf-8", "surrogateescape")
            if kind == "rules":
                rules.append((shown, data))
            elif kind == "overlay":
                overlays.setdefault(int(number), []).append((shown, data))
            else:
                settings[int(number)] = (shown, text)
        return cls(
            rules=tuple(sorted(rules)),
            overlays=tuple(tuple(sorted(overlays[key])) for key in sorted(overlays)),
            settings=tuple(settings[key] for key in sorted(settings)),
        )

    @property
    def digest(self) -> str:
        """The hash that names this rulebook, 12 hex digits."""
        # By file names: the same rules are the same wherever their folder stands.
        groups = [
            [(PurePath(shown).name, _text(data)) for shown, data in files]
            for files in (self.rules, *self.overlays)
        ]
        text = json.dumps([groups, self.settings])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _text(data: bytes) -> str:
    # What is not UTF-8 is refused when it is read; until then no byte is lost.
    return data.decode("utf-8", "surrogateescape")


def gather_sources(
    folder: Path,
    overlays: Sequence[Path] = (),
    settings: Sequence[tuple[str, str]] = (),
    *,
    relative_to: Path | None = None,
) -> tuple[Sources, list[Problem]]:
    """Read the ``*.yaml`` files of a rules folder and its overlays, not deeper.

    ``folder`` may be a single file. Paths are shown relative to ``relative_to``.
    """
    problems: list[Problem] = []
    start = relative_to or Path.cwd()
    sources = Sources(
        rules=tuple(_files(folder, start, problems)),
        overlays=tuple(tuple(_files(overlay, start, problems)) for overlay in overlays),
        settings=tuple(settings),
    )
    return sources, problems


def _files(
    place: Path, start: Path, problems: list[Problem]
) -> Iterator[tuple[str, bytes]]:
    paths = [place]
    if place.is_dir():
        paths = sorted(path for path in place.iterdir() if _is_rules(path))
    if not paths:
        message = "there is no rule file (*.yaml) here"
        problems.append(Problem("R400", message, Span(_shown(place, start))))
    for path in paths:
        shown = _shown(path, start)
        try:
            data = _read(path)
        except OSError as error:
            reason = error.strerror or "unreadable"
            message = f"the file cannot be read: {reason}"
            problems.append(Problem("Y101", message, Span(shown)))
        else:
            yield shown, data


def _read(path: Path) -> bytes:
    # A pipe or a device would never end; a file may be larger than is read at all.
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(0, "it is not a regular file")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _is_rules(path: Path) -> bool:
    hidden = path.name.startswith(".")
    test = path.name.endswith((".test.yaml", ".test.yml"))
    return path.suffix in (".yaml", ".yml") and not hidden and not test


def _shown(path: Path, start: Path) -> str:
    try:
        return path.resolve().relative_to(start.resolve()).as_posix()
    except ValueError:
        return str(path)
