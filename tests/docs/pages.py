"""Markdown pages as tests read them: fenced blocks and tables, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"(`{3,})(\w*) ?(.*)")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. ``line`` is that of its first line of text, from 1.

    ``marks`` are the words after the language, ``section`` the second-level heading
    it stands under.
    """

    language: str
    marks: tuple[str, ...]
    text: str
    line: int
    section: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, with its table's header."""

    header: tuple[str, ...]
    cells: tuple[str, ...]
    line: int
    section: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found, section = [], ""
    lines = iter(enumerate(page.read_text("utf-8").splitlines(), start=1))
    for number, line in lines:
        if line.startswith("## "):
            section = line.removeprefix("## ").strip("` ")
        opened = _FENCE.fullmatch(line)
        if opened is None:
            continue
        fence, language, marks = opened.groups()
        text = []
        for _, inner in lines:
            if inner == fence:
                break
            text.append(inner + "\n")
        else:
            raise AssertionError(f"{page.name}:{number}: the block never ends")
        words = tuple(marks.split())
        found.append(Block(language, words, "".join(text), number + 1, section))
    return found


def rows(page: Path) -> Iterator[Row]:
    """Yield the rows of the tables of a page."""
    section, header, fenced = "", tuple[str, ...](), False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        fenced ^= line.startswith("```")
        if line.startswith("## "):
            section = line.removeprefix("## ").strip("` ")
        if fenced or not line.startswith("|"):
            header = ()
            continue
        cells = tuple(one.strip() for one in _CELL.split(line)[1:-1])
        if not header:
            header = cells
        elif set(line) - set("|-: "):
            yield Row(header, cells, number, section)


def sections(page: Path) -> dict[str, str]:
    """Return the text below each second-level heading."""
    parts = re.split(r"^## (.*)$", page.read_text("utf-8"), flags=re.MULTILINE)
    names = [name.strip("` ") for name in parts[1::2]]
    return dict(zip(names, parts[2::2], strict=True))


def quoted(cell: str) -> list[str]:
    """Return what stands in backquotes in a cell."""
    return [one.replace("\\|", "|") for one in re.findall(r"`([^`]+)`", cell)]
