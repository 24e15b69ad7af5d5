"""An explanation on a terminal: a line for each step, its rule and margins below."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from quorate.face import text
from quorate.face.explanation import Condition, Explanation, Step

_TINTS = {
    "fired": "green",
    "passed": "green",
    "refused": "red",
    "declined": "yellow",
    "not_known": "red",
    "delayed": "yellow",
}


def show_explanation(explanation: Explanation, console: Console) -> None:
    """Print an explanation: what it is about, then step by step."""
    console.print(f"[bold]{escape(explanation.title)}[/]", highlight=False)
    for line in explanation.summary:
        console.print(f"  {escape(line)}", highlight=False)
    before_ms = None
    for step in explanation.steps:
        if step.at_ms != before_ms:
            console.print(f"\n[bold]{text.moment(step.at_ms)}[/]", highlight=False)
            before_ms = step.at_ms
        _step(step, console)
    if explanation.notes:
        console.print()
    for note in explanation.notes:
        console.print(f"note: {escape(note)}", highlight=False)


def _step(step: Step, console: Console) -> None:
    tint = _TINTS.get(step.verdict, "")
    what = escape(step.what)
    place = f"  [dim]{escape(step.place)}[/]" if step.place else ""
    head = f"[{tint}]{what}[/]" if tint else what
    place += f"  [dim]{step.decision}[/]" if step.decision else ""
    console.print(f"  {head}{place}", highlight=False)
    for line in _details(step):
        console.print(Padding(line, (0, 0, 0, 6), expand=False), highlight=False)
    if step.votes:
        console.print(Padding(_votes(step), (0, 0, 0, 6), expand=False))


def _details(step: Step) -> Iterator[str]:
    for condition in step.conditions:
        yield from _condition(condition)
    if step.told:
        told = ", ".join(f"{name} {value}" for name, value in step.told.items())
        yield f"[dim]inputs:[/] {escape(told)}"
    if step.effect:
        told = ", ".join(f"{name} {value}" for name, value in step.effect.items())
        yield f"[dim]then:[/] {escape(told)}"


def _condition(condition: Condition) -> Iterator[str]:
    held = {True: "holds", False: "does not hold", None: ""}[condition.holds]
    mark = {True: "green", False: "red"}.get(condition.holds or False, "")
    told = f": [{mark}]{held}[/]" if held else ""
    yield f"[dim]{condition.part}:[/] {escape(condition.text)}{told}"
    if condition.margin:
        yield f"  {escape(condition.margin)}"


def _votes(step: Step) -> Table:
    """Return the votes as a table, with the confidence they come to."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("voter")
    table.add_column("score", justify="right")
    table.add_column("weight", justify="right")
    for vote in step.votes:
        score = "abstained" if vote.score is None else text.number(vote.score)
        table.add_row(escape(vote.voter), score, text.number(vote.weight))
    if "confidence" in step.told:
        table.add_section()
        table.add_row("confidence", step.told["confidence"], "")
    return table
