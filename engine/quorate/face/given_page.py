"""A rule on given facts on a terminal: the answer, the trees, what would flip it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape

from quorate.face.figures import json_value
from quorate.face.given import RuleOnFacts
from quorate.face.reasoning import Branch, Reasoning
from quorate.rulebook.printing import visible


def show_rule(told: RuleOnFacts, console: Console) -> None:
    """Print a rule on given facts."""
    for line in lines(told):
        console.print(line, highlight=False, soft_wrap=True)


def lines(told: RuleOnFacts) -> Iterator[str]:
    """Yield the explanation as lines with rich's markup."""
    yield f"[bold]{escape(told.answer)}[/]  [dim]{escape(told.place)}[/]"
    for line in told.beside:
        yield f"  {escape(line)}"
    yield f"  [dim]{escape(told.section)}: {escape(told.policy)}[/]"
    for reasoning in told.reasonings:
        yield ""
        yield from _reasoning(reasoning)


def _reasoning(reasoning: Reasoning) -> Iterator[str]:
    held = {True: "[green]holds[/]", False: "[red]does not hold[/]"}
    said = f": {held[reasoning.holds]}" if reasoning.holds is not None else ""
    yield f"{reasoning.part}{said}"
    yield from _branches(reasoning.tree, 1)
    if reasoning.changes:
        word = "does not hold" if reasoning.holds else "holds"
        yield f"  [dim]nearest change with which it {word}:[/]"
        yield from (f"    {escape(line)}" for line in reasoning.changes)


def _branches(branch: Branch, depth: int) -> Iterator[str]:
    tint = {True: "green", False: "red"}.get(branch.value, "")
    told = escape(visible(branch.told))
    shown = f"[{tint}]{told}[/]" if tint and branch.evaluated else told
    beside = "; ".join(filter(None, (branch.margin, branch.origin)))
    note = f"  [dim]{escape(beside)}[/]" if beside else ""
    text = escape(visible(branch.text))
    equals = "" if branch.told == branch.text else f" = {shown}"
    yield f"{'  ' * depth}{text}{equals}{note}"
    for part in branch.parts:
        yield from _branches(part, depth + 1)


def as_dict(told: RuleOnFacts) -> dict[str, Any]:
    """Return a rule on given facts as JSON values."""
    plain: dict[str, Any] = json_value(told)
    return plain
