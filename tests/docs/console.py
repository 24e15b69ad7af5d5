"""Run the commands that a Markdown page shows, and hold the page to what they print.

What a page can say, apart from its prose:

- a block ``console run``: each line after ``$`` is run, in order, and what is shown
  below it must be what it prints. ``exit=1`` after ``run`` is how the last command of
  the block must end, 0 when left out. A line ``...`` stands for lines left out.
- a block ``diff edit=FILE``: the lines with ``-`` are replaced by those with ``+``;
  they must stand in the file, once.
- a block ``yaml write=FILE``: the file is written (any language will do).
- a line ``<!-- run: COMMAND -->``: run without being shown.

A page is run from top to bottom in one empty folder; ``cd`` holds for what follows, and
what follows two blanks and ``#`` in a command is for the reader.
What differs from run to run (``VARYING``) is not compared.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WIDTH = 100
TIMEOUT_S = 120
SIMILAR = 0.6
LEFT_OUT = "..."

VARYING = (
    (r"\d{8}T\d{6}", "<started>"),
    (r"\b[0-9a-f]{12}\b", "<hash>"),
    (r"\b[0-9a-f]{8}(?=-\d+\b)", "<run>"),
    (r"\bRun [0-9a-f]{8}\b", "Run <run>"),
    (r"\b\d+\.\d+ s\b", "<time>"),
    (r"\([\d,]+ a second\)", "(<speed>)"),
    (r"[ ─]{3,}", "  "),
)
"""What is not compared: a run's name and id, a rulebook's hash, how long it took,
how fast that was, and how wide a table is."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page, and the lines of the page that show what it prints.

    ``first`` and ``last`` are the places of the shown lines, from 0, the last not
    included.
    """

    text: str
    first: int
    last: int
    exit_code: int
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A file that the reader edits, or writes: ``old`` None writes the whole."""

    file: str
    old: str | None
    new: str
    line: int


@dataclass(slots=True)
class Page:
    """A Markdown page, run in a folder of its own."""

    path: Path
    lines: list[str]
    steps: list[Command | Change] = field(default_factory=list)


def read_page(path: Path) -> Page:
    """Return a page with what is to be done, in order."""
    page = Page(path, path.read_text("utf-8").splitlines())
    at = 0
    while at < len(page.lines):
        line = page.lines[at]
        hidden = re.fullmatch(r"<!-- run: (.*) -->", line)
        if hidden:
            page.steps.append(Command(hidden[1], at, at, 0, hidden=True))
        fence = re.fullmatch(r"```(\w+) ?(.*)", line)
        if fence is None:
            at += 1
            continue
        end = page.lines.index("```", at + 1)
        page.steps.extend(_steps(page, fence[1], fence[2].split(), at + 1, end))
        at = end + 1
    return page


def _steps(
    page: Page, language: str, marks: list[str], first: int, end: int
) -> Iterator[Command | Change]:
    settings = dict(mark.split("=", 1) for mark in marks if "=" in mark)
    body = page.lines[first:end]
    if language == "console" and "run" in marks:
        starts = [first + at for at, line in enumerate(body) if line[:2] == "$ "]
        for start, after in zip(starts, [*starts[1:], end], strict=True):
            code = int(settings.get("exit", 0)) if after == end else 0
            text = page.lines[start][2:].partition("  #")[0].strip()
            yield Command(text, start + 1, after, code)
    elif "edit" in settings:
        old = [line[1:] for line in body if line[:1] in "- "]
        new = [line[1:] for line in body if line[:1] in "+ "]
        yield Change(settings["edit"], "\n".join(old), "\n".join(new), first)
    elif "write" in settings:
        yield Change(settings["write"], None, "\n".join(body) + "\n", first)


@dataclass(slots=True)
class Session:
    """Where a page is run: a folder, and the folder that ``cd`` went to."""

    folder: Path

    def change(self, change: Change) -> None:
        """Make an edit.

        Raises:
            AssertionError: the old lines are not in the file, or more than once.
        """
        path = self.folder / change.file
        if change.old is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(change.new, "utf-8")
            return
        text = path.read_text("utf-8")
        count = text.count(change.old)
        assert count == 1, f"line {change.line}: found {count} times:\n{change.old}"
        path.write_text(text.replace(change.old, change.new), "utf-8")

    def run(self, command: Command) -> list[str]:
        """Return the lines that a command prints, both streams as they come.

        Raises:
            AssertionError: it ends otherwise than the page says.
        """
        words = shlex.split(command.text)
        if words[0] == "cd":
            self.folder = self.folder / words[1]
            assert self.folder.is_dir(), f"line {command.first}: {words[1]}"
            return []
        found = subprocess.run(
            ["/bin/sh", "-c", command.text],
            cwd=self.folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        told = f"line {command.first}: {command.text} ended with {found.returncode}"
        assert found.returncode == command.exit_code, f"{told}:\n{found.stdout}"
        lines = [line.rstrip() for line in found.stdout.splitlines()]
        return "\n".join(lines).strip("\n").splitlines()


def _environment() -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plain = {"PATH": programs, "COLUMNS": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    return {**os.environ, **plain}


def run_page(path: Path, folder: Path) -> Iterator[tuple[Command, list[str], str]]:
    """Yield each shown command with what it printed, and "" or how that differs."""
    page, session = read_page(path), Session(folder)
    for step in page.steps:
        if isinstance(step, Change):
            session.change(step)
            continue
        printed = session.run(step)
        if not step.hidden:
            shown = page.lines[step.first : step.last]
            yield step, printed, _difference(step, shown, printed)


def _difference(command: Command, shown: list[str], printed: list[str]) -> str:
    if fits(shown, printed):
        return ""
    diff = difflib.unified_diff(shown, printed, "the page", "the command", lineterm="")
    return "\n".join((f"line {command.first}: $ {command.text}", *diff))


def fits(shown: list[str], printed: list[str]) -> bool:
    """Return whether a page's lines show what was printed."""
    at, loose = 0, False
    found = [_plain(line) for line in printed]
    chunks = list(_chunks(shown))
    for number, chunk in enumerate(chunks, start=1):
        if chunk is None:
            loose = True
            continue
        wanted = [_plain(line) for line in chunk]
        end = len(found) - len(wanted)
        places = range(at, end + 1) if loose else range(at, at + 1)
        if loose and number == len(chunks):
            places = range(max(at, end), end + 1)
        place = next((p for p in places if found[p : p + len(wanted)] == wanted), None)
        if place is None:
            return False
        at, loose = place + len(wanted), False
    return loose or at == len(found)


def _chunks(shown: list[str]) -> Iterator[list[str] | None]:
    """Yield the lines that stand together, and None for what is left out."""
    chunk: list[str] = []
    for line in shown:
        if line.strip() != LEFT_OUT:
            chunk.append(line)
            continue
        if chunk:
            yield chunk
        yield None
        chunk = []
    if chunk:
        yield chunk


def _plain(line: str) -> str:
    for pattern, instead in VARYING:
        line = re.sub(pattern, instead, line)
    return line.strip()


def rewritten(path: Path, folder: Path) -> str:
    """Return the page with what its commands print now, the same parts left out."""
    lines = path.read_text("utf-8").splitlines()
    for command, printed, difference in reversed(list(run_page(path, folder))):
        if difference:
            shown = lines[command.first : command.last]
            lines[command.first : command.last] = _shown_now(shown, printed)
    return "\n".join(lines) + "\n"


def _shown_now(shown: list[str], printed: list[str]) -> list[str]:
    """Return what is printed, cut where the page had cut it.

    A part that was shown begins and ends at the lines most like its first and last.
    """
    chunks = list(_chunks(shown))
    if None not in chunks:
        return printed
    kept: list[str] = []
    at = 0
    for number, chunk in enumerate(chunks):
        if chunk is None:
            kept.append(LEFT_OUT)
            continue
        first = at if number == 0 else _most_like(chunk[0], printed, at)
        last = _most_like(chunk[-1], printed, first) if len(chunk) > 1 else first
        if number == len(chunks) - 1:
            last = len(printed) - 1
        kept += printed[first : last + 1]
        at = last + 1
    return kept


def _most_like(line: str, printed: list[str], start: int) -> int:
    """Return the place of the line most like ``line``, ``start`` when none is."""
    best, place = SIMILAR, start
    for at in range(start, len(printed)):
        like = difflib.SequenceMatcher(None, _plain(line), _plain(printed[at])).ratio()
        if like > best:
            best, place = like, at
    return min(place, len(printed) - 1)
