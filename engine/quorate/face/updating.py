"""Write into tests what was found in place of what they expect: ``test --update``.

Only expectations are written, each in its own place; what is given, comments and
layout stay. What cannot be written so is refused, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from quorate.contract.vocabulary import DURATION, RATIO
from quorate.rulebook.diagnostics import Edit, Span
from quorate.rulebook.literals import write_quantity
from quorate.rulebook.mending import mend
from quorate.trials.book import NONE, Slot
from quorate.trials.quantities import write
from quorate.trials.run import Difference, Result

_PLAIN = re.compile(r"[A-Za-z][\w-]*")
_NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True)
class Refused:
    """A test that is not rewritten, and why."""

    result: Result
    why: str


@dataclass(frozen=True, slots=True)
class Update:
    """What failing tests come to: new contents of files, and what is left as it is.

    ``written`` counts the expectations that changed.
    """

    before: Mapping[str, bytes]
    contents: Mapping[str, bytes]
    written: int
    refused: tuple[Refused, ...]


@dataclass(slots=True)
class _Edits:
    """The edits of all files, held against each other.

    ``met`` are the places of expectations that were met, and stay.
    """

    files: Mapping[str, bytes]
    met: frozenset[Span]
    made: dict[Span, Edit] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def update(results: Sequence[Result], root: Path) -> Update:
    """Return the test files with what was found in place of what was expected.

    ``results`` are those of all tests that were run. Each case is rewritten whole or
    not at all. Nothing is written to the disk.
    """
    failed = [one for one in results if not one.passed]
    names = dict.fromkeys(one.case.place.path for one in failed)
    files = {name: (root / name).read_bytes() for name in names}
    edits = _Edits(files, frozenset(span for one in results for span in _met(one)))
    for result in failed:
        _rewrite(result, edits)
    contents, written = {}, 0
    for name, data in edits.files.items():
        own = [edit for span, edit in edits.made.items() if span.path == name]
        changed, made = mend(data, own)
        if made:
            contents[name], written = changed, written + len(made)
    return Update(edits.files, contents, written, tuple(edits.refused))


def _met(result: Result) -> Iterator[Span]:
    """Yield the places of expectations that were met."""
    missed = {one.key for one in result.differences}
    for key, written in result.case.expected.items():
        if key not in missed and not result.missing and not result.error:
            yield written.span


def _rewrite(result: Result, edits: _Edits) -> None:
    """Note the edits of one failing case, or why there are none."""
    why = _not_told(result)
    found: dict[Span, Edit] = {}
    for one in result.differences if not why else ():
        span = one.expected.span
        old = _text(edits.files[span.path], span)
        edit = Edit(span, old, _yaml(one.found, one.expected.slot, old))
        known = edits.made.get(span, edit)
        why = _not_written(one, old)
        if known != edit or span in edits.met:
            why = f"`{one.key}` is shared with a test that finds something else"
        if why:
            break
        found[span] = edit
    if why:
        edits.refused.append(Refused(result, why))
    else:
        edits.made.update(found)


def _not_told(result: Result) -> str:
    """Return why what was found is no answer, "" when it is one."""
    if result.error:
        return "it could not run"
    if result.missing:
        return f"it does not give {', '.join(result.missing)}"
    return ""


def _not_written(one: Difference, old: str) -> str:
    """Return why an expectation cannot be written in its place, "" when it can."""
    if one.expected.slot.counted:
        return f"`{one.key}` is the length of a list: write the items that are missing"
    if old[:1] in ("*", "&"):
        return f"`{one.key}` is an alias or an anchor: others share it"
    if "\n" in old or "#" in old:
        return f"`{one.key}` is written over several lines, or has a comment within"
    return ""


def _text(data: bytes, span: Span) -> str:
    """Return what stands at a place of a file."""
    lines = data.decode("utf-8-sig").splitlines()[span.line - 1 : span.end_line]
    if span.end_line == span.line:
        return lines[0][span.column - 1 : span.end_column - 1]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def _yaml(value: Any, slot: Slot, old: str) -> str:
    """Return a value as YAML, in the unit that it had."""
    if value is None:
        return f"[{NONE}]" if slot.many else "null"
    if isinstance(value, bool):
        return write(value, slot)
    if isinstance(value, tuple | str):
        items = (value,) if isinstance(value, str) else value
        texts = [_quoted(str(one)) for one in items]
        return texts[0] if isinstance(value, str) else f"[{', '.join(texts)}]"
    if slot.unit == DURATION and not slot.loose:
        return write_quantity(Decimal(value), DURATION)
    if old.strip("'\"").endswith("%"):
        return write_quantity(Decimal(f"{value:.12g}"), RATIO)
    return write(value, slot)


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return "'" + text.replace("'", "''") + "'"


def refused_lines(update: Update) -> Iterator[str]:
    """Yield a line for each test that was left as it is."""
    for one in update.refused:
        yield f"{one.result.case.place}: not updated: {one.result.name}: {one.why}"
