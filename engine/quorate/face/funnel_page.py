"""Why no trade, on a terminal and as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

from quorate.face import text
from quorate.face.funnel import Funnel, Level, Part
from quorate.face.funnel_candles import Miss

_WIDTH = 12


def show_funnel(found: Funnel, console: Console) -> None:
    """Print the road of a symbol, level by level."""
    console.print(
        f"[bold]{escape(found.symbol)}[/] from {text.moment(found.from_ms)} to "
        f"{text.moment(found.until_ms)}",
        highlight=False,
    )
    for number, level in enumerate(found.levels):
        _level(level, console)
        if number == 0:
            for miss in found.misses:
                line = f"{'':>{_WIDTH}}    {_miss(miss)}"
                console.print(escape(line), highlight=False)
    for note in found.notes:
        console.print(f"note: {escape(note)}", highlight=False)


def _level(level: Level, console: Console) -> None:
    count = text.count(level.count)
    console.print(f"[bold]{count:>{_WIDTH}}[/]  {level.name}", highlight=False)
    for part in level.parts:
        share = text.percent(part.count / level.count) if level.count else ""
        sign = "+" if part.on else "-"
        line = f"{text.count(part.count):>{_WIDTH}}  {sign} {_part(part)}  {share}"
        place = f"  [dim]{escape(part.place)}[/]" if part.place else ""
        console.print(f"{escape(line)}{place}", highlight=False)


def _part(part: Part) -> str:
    return f"{part.what} by {part.by}" if part.by else part.what


def _miss(miss: Miss) -> str:
    told = f"{miss.text} failed at {text.count(miss.failed)}"
    if miss.left is None or miss.right is None:
        return f"{told}  ({miss.place})"
    left, right = text.number(miss.left), text.number(miss.right)
    return f"{told}, nearest {left} against {right}  ({miss.place})"


def as_dict(found: Funnel) -> dict[str, Any]:
    """Return the road, JSON-ready."""
    return {
        "symbol": found.symbol,
        "from_ms": found.from_ms,
        "until_ms": found.until_ms,
        "levels": [
            {
                "name": level.name,
                "count": level.count,
                "parts": [
                    {
                        "what": part.what,
                        "count": part.count,
                        "by": part.by or None,
                        "place": part.place or None,
                        "goes_on": part.on,
                    }
                    for part in level.parts
                ],
            }
            for level in found.levels
        ],
        "misses": [
            {
                "rule": miss.rule,
                "place": miss.place,
                "condition": miss.text,
                "failed": miss.failed,
                "nearest": None if miss.left is None else [miss.left, miss.right],
            }
            for miss in found.misses
        ],
        "notes": list(found.notes),
    }
