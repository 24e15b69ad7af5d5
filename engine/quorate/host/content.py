"""What a plugin is made of: files read once, so that what is hashed is what runs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAIN = "__init__.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The files of one plugin: a hash of each, and the bytes of those that can run.

    ``where`` is the file or the folder they were read from. Names are relative to it,
    with slashes; a plugin of one file has one name.
    """

    where: Path
    hashes: Mapping[str, str]
    sources: Mapping[str, bytes] = field(repr=False)

    @property
    def main(self) -> str:
        """The name of the file that is imported first."""
        return MAIN if self.where.name not in self.sources else self.where.name

    @property
    def sha256(self) -> str:
        """One hash for all: that of a single file's bytes, else of names and hashes."""
        if self.main == self.where.name:
            return self.hashes[self.main]
        whole = hashlib.sha256()
        for name, digest in sorted(self.hashes.items()):
            whole.update(f"{name} {digest}\n".encode("utf-8", "surrogateescape"))
        return whole.hexdigest()

    def path(self, name: str) -> Path:
        """Return where a file of this plugin was read from."""
        return self.where if name == self.where.name else self.where / name


def read_content(where: Path) -> Content:
    """Read a plugin's file, or every file in its folder.

    Left out are hidden files and caches: nothing of them is ever imported. A link to a
    folder is not followed; a link to a file counts as that file.

    Raises:
        OSError: something cannot be read.
    """
    where = where.absolute()
    if where.suffix == ".py":
        data = where.read_bytes()
        return Content(
            where=where, hashes={where.name: _hash(data)}, sources={where.name: data}
        )
    hashes, sources = {}, {}
    for path in _files(where):
        name, data = path.relative_to(where).as_posix(), path.read_bytes()
        hashes[name] = _hash(data)
        if path.suffix == ".py":
            sources[name] = data
    return Content(where=where, hashes=hashes, sources=sources)


def _files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if _counts(one))
        for name in sorted(filter(_counts, names)):
            path = Path(at, name)
            if path.is_file():  # no pipe, no device: they would never end
                yield path


def _counts(name: str) -> bool:
    return not name.startswith(".") and name != "__pycache__"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
