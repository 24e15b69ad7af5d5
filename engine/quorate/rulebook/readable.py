"""The parts of rule files that can be read, when other parts cannot.

One run shows everything that is wrong, once: a rule of the wrong shape is left out and
the others are read on, and a name that stands in what is left out is not reported as
unknown wherever it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from quorate.rulebook.diagnostics import Problem
from quorate.rulebook.nodes import Path
from quorate.rulebook.shape import misshapen, section_names
from quorate.rulebook.text import Document, parse_document

_KEY = re.compile(rb"([a-z][a-z0-9_]*)[\"']?[ \t]*:")


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
    documents: list[Document] = []
    problems: list[Problem] = []
    unread: set[str] = set()
    for shown, data in files:
        document, found = parse_document(data, shown)
        problems.extend(found)
        if document is None:
            unread.update(match.decode() for match in _KEY.findall(data))
            continue
        shapes = misshapen(document)
        problems.extend(problem for problem, _ in shapes)
        unread.update(_names_in(document, [path for _, path in shapes]))
        documents.append(_without(document, [path for _, path in shapes]))
    return Readable(tuple(documents), tuple(problems), frozenset(unread))


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
