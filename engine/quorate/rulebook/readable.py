"""The parts of rule files that can be read, when other parts cannot.

One run shows everything that is wrong, once: a rule of the wrong shape is left out and
the others are read on, and a name that stands in what is left out is not reported as
unknown wherever it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.nodes import Path
from quorate.rulebook.shape import misshapen, section_names
from quorate.rulebook.tables import expanded
from quorate.rulebook.text import Document, parse_document

_KEY = re.compile(rb"(?<![a-z0-9_])([a-z][a-z0-9_]*)[\"']?[ \t]*:")
"""A key, looked for where a word begins only: else a long word takes for ever."""

MOST_KEPT = 256
"""How many files are kept as they were read, those that were used last."""


@dataclass(frozen=True, slots=True)
class Readable:
    """What can be read: ``documents`` hold None where a rule has a wrong shape.

    ``unread`` are the names that stand in what is left out.
    """

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    unread: frozenset[str]


def read_documents(files: Iterable[tuple[str, bytes]]) -> Readable:
    """Return what can be read of some files, and everything wrong with the rest."""
    read = [_read(shown, data) for shown, data in files]
    return Readable(
        documents=tuple(document for one in read for document in one.documents),
        problems=tuple(problem for one in read for problem in one.problems),
        unread=frozenset().union(*(one.unread for one in read)),
    )


@lru_cache(maxsize=MOST_KEPT)
def _read(shown: str, data: bytes) -> Readable:
    """Return what can be read of one file.

    It is kept by content: the same files are read again below each overlay, for each
    mutant, and whenever one of them changes. Nobody changes a document.
    """
    document, problems = parse_document(data, shown)
    if document is None:
        names = (match.decode() for match in _KEY.findall(data))
        return Readable((), tuple(problems), frozenset(names))
    shapes = misshapen(document)
    paths = [path for _, path in shapes]
    unread = frozenset(_names_in(document, paths))
    problems = [*problems, *(problem for problem, _ in shapes)]
    document, unfit = expanded(_without(document, paths))
    problems.extend(unfit)
    document = _without_made(document, problems)
    return Readable(
        documents=(document,),
        problems=tuple(problems),
        unread=unread,
    )


def forget() -> None:
    """Forget what was read of files: the next reading begins anew."""
    _read.cache_clear()


def _without_made(document: Document, problems: list[Problem]) -> Document:
    """Note the rows of tables that have a wrong shape as rules; leave them out."""
    if not document.made:
        return document
    shapes = [one for one in misshapen(document) if one[1][:2] in document.made]
    problems.extend(problem for problem, _ in shapes)
    return _without(document, [path for _, path in shapes])


def _without(document: Document, paths: list[Path]) -> Document:
    """Return the document without the rules, params or sections at ``paths``."""
    if not isinstance(document.value, dict):
        return replace(document, value={})
    known = section_names()
    value: dict[str, Any] = {}
    for section, content in document.value.items():
        if section not in known or (section,) in paths:
            continue
        wrong = {path[1] for path in paths if len(path) > 1 and path[0] == section}
        if isinstance(content, dict):
            kept = {key: item for key, item in content.items() if key not in wrong}
            value[section] = kept
        elif isinstance(content, list):
            value[section] = [
                None if index in wrong else item for index, item in enumerate(content)
            ]
    return replace(document, value=value)


def _names_in(document: Document, paths: list[Path]) -> Iterator[str]:
    """Yield the params that a document declares in what is left out."""
    if not isinstance(document.value, dict):
        return
    known = section_names()
    for section, content in document.value.items():
        if not isinstance(content, dict):
            continue
        if section not in known:  # a misspelt params, it may be
            yield from content
        elif section == "params":
            wrong = {path[1] for path in paths if len(path) > 1 and path[0] == section}
            whole = (section,) in paths
            yield from (key for key in content if whole or key in wrong)
