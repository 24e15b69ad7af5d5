"""CSV tapes as text: the header, and which line a fault is on."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TextIO


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a plain or gzipped CSV file for reading."""
    # The name decides, as it does for the fast reader.
    packed = path.name.lower().endswith(".gz")
    with gzip.open(path, "rb") if packed else path.open("rb") as data:
        yield io.TextIOWrapper(data, encoding="utf-8-sig", newline="")


def read_header(path: Path) -> tuple[list[str], list[str]]:
    """Return the cells of the header and of the first row; [] for what is not there."""
    with opened(path) as text:
        rows = csv.reader(text)
        return next(rows, []), next(filter(None, rows), [])


def line_of_row(path: Path, row: int) -> int:
    """Return the line, from 1, of a row counted from 0 after the header."""
    with opened(path) as text:
        lines = csv.reader(text)
        # Blank lines are not rows.
        filled = (lines.line_num for cells in lines if cells)
        return next(islice(filled, row + 1, None))


def first_bad_cell(path: Path, wanted: dict[int, str]) -> tuple[int, str] | None:
    """Return the line of the first cell that cannot be read, and what it holds.

    ``wanted`` are the columns by place; the time is written in one way throughout.
    None when every cell reads.
    """
    way = ""
    with opened(path) as text:
        lines = csv.reader(text)
        names = next(lines, [])
        for cells in filter(None, lines):
            if len(cells) != len(names):
                found = f"{len(cells)} columns, the header has {len(names)}"
                return lines.line_num, f"the row has {found}"
            for at, name in wanted.items():
                cell = cells[at].strip()
                if name == "time":
                    way = way or time_way(cell)
                if fault := _cell_fault(name, cell, way):
                    return lines.line_num, fault
    return None


def time_way(cell: str) -> str:
    """Return how a time is written: "whole", "number", "zoned", "text" or "unknown"."""
    try:
        int(cell)
    except ValueError:
        pass
    else:
        return "whole"
    try:
        float(cell)
    except ValueError:
        pass
    else:
        return "number"
    try:
        zone = datetime.fromisoformat(cell.strip()).tzinfo
    except ValueError:
        return "unknown"
    return "zoned" if zone else "text"


def _cell_fault(name: str, cell: str, way: str) -> str | None:
    if name == "time":
        if way == "unknown" or time_way(cell) != way:
            expected = "" if way == "unknown" else " like those above it"
            return f"time {cell!r} is not a time{expected}"
        return None
    try:
        float(cell or "nan")
    except ValueError:
        return f"{name} {cell!r} is not a number"
    return None
