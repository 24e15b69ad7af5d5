"""``quorate names``: the vocabulary of rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from quorate.errors import RulebookError
from quorate.face.options import json_option, print_json
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.contract.vocabulary import Fact, Function
    from quorate.face.workspace import Workspace
    from quorate.host.host import Host

STAGES = ("market", "quorum", "account", "order", "position", "fault")
COLUMNS = {
    "stage": ("name", "kind", "range", "owner", "help"),
    "functions": ("call", "unit", "owner", "help"),
    "params": ("name", "value", "bounds", "by", "origin", "about"),
}


@click.command()
@click.argument(
    "what",
    metavar="[STAGE|functions|params]",
    required=False,
    type=click.Choice([*STAGES, "functions", "params"]),
)
@click.argument("text", metavar="[FILTER]", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["full", "json", "markdown"]),
    default="full",
    help="markdown writes all of it as one page: quorate names --format markdown.",
)
@json_option
@pass_session
def names(
    session: Session, what: str | None, text: str | None, form: str, as_json: bool
) -> None:
    """List the names that rules may use.

    STAGE is market, quorum, account, order, position or fault. `quorate names
    functions` lists what rules may call, `quorate names params` the rulebook's params.
    FILTER keeps the rows that contain it.
    """
    workspace = session.workspace()
    host = workspace.host()
    if form == "markdown":
        _print_page(host, what)
        return
    groups = {what: _rows(workspace, host, what)} if what else _facts(host, STAGES)
    kept = {
        title: [row for row in rows if _contains(row, text)]
        for title, rows in groups.items()
    }
    if as_json or form == "json":
        print_json([row for rows in kept.values() for row in rows])
        return
    shown = {title: rows for title, rows in kept.items() if rows}
    for title, rows in shown.items():
        _print(session, title, rows)
    if not shown:
        click.echo(f"no name contains {text!r}" if text else "there are none")


def _print_page(host: Host, what: str | None) -> None:
    from quorate.face.vocabulary_page import page  # noqa: PLC0415

    if what is not None:
        raise click.UsageError(f"the page is of all names: leave out {what!r}")
    functions = [_function(host, one) for one in host.functions.values()]
    click.echo(page(_facts(host, STAGES), functions), nl=False)


def _rows(workspace: Workspace, host: Host, what: str) -> list[dict[str, Any]]:
    if what == "functions":
        return [_function(host, one) for one in host.functions.values()]
    if what == "params":
        return _params(workspace, host)
    return _facts(host, (what,))[what]


def _contains(row: dict[str, Any], text: str | None) -> bool:
    return not text or any(text.lower() in str(cell).lower() for cell in row.values())


def _facts(host: Host, stages: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    return {
        stage: [_fact(host, one) for one in host.facts.values() if one.stage == stage]
        for stage in stages
    }


def _fact(host: Host, fact: Fact) -> dict[str, Any]:
    number = str(fact.kind) == "number"
    return {
        "name": fact.name,
        "stage": str(fact.stage),
        "kind": str(fact.unit) if number else str(fact.kind),
        "range": _range(fact),
        "owner": host.owners[fact.name],
        "help": fact.help,
    }


def _range(fact: Fact) -> str:
    from quorate.rulebook.literals import write_quantity  # noqa: PLC0415

    if fact.values:
        return " | ".join(fact.values)
    low, high = (
        None
        if bound is None
        else write_quantity(bound, fact.unit)
        if fact.unit.time
        else f"{bound:f}"
        for bound in (fact.low, fact.high)
    )
    if low is None and high is None:
        return ""
    if high is None:
        return f"{low} or more"
    return f"{high} or less" if low is None else f"{low} to {high}"


def _function(host: Host, function: Function) -> dict[str, Any]:
    series = ["series"] if function.series == 1 else [f"{function.series} series"]
    required = len(function.numbers) - len(function.defaults)
    numbers = [
        name if place < required else f"{name}={function.defaults[place - required]:g}"
        for place, name in enumerate(function.numbers)
    ]
    return {
        "call": f"{function.name}({', '.join((*series, *numbers))})",
        "unit": "as the series" if function.unit is None else str(function.unit),
        "owner": host.owners[function.name],
        "help": function.help,
    }


def _params(workspace: Workspace, host: Host) -> list[dict[str, Any]]:
    reading = workspace.read(host)
    if reading.rulebook is None:
        raise RulebookError("the rulebook has problems; see them with `quorate check`")
    rows = []
    for param in reading.rulebook.params.by_name.values():
        bounds = [
            param.write(one) for one in (param.low, param.high) if one is not None
        ]
        for scope, setting in ((None, param.settings[-1]), *param.by_symbol):
            rows.append(
                {
                    "name": param.name
                    if scope is None
                    else f"{param.name} for {scope}",
                    "value": param.write(setting.value),
                    "bounds": " to ".join(bounds),
                    "by": setting.by,
                    "origin": str(setting.origin),
                    "about": param.about,
                }
            )
    return rows


def _print(session: Session, title: str, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    columns = COLUMNS.get(title, COLUMNS["stage"])
    table = Table(box=None, pad_edge=False, title_justify="left", title=Text(title))
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(Text(str(row[column])) for column in columns))
    console = session.console()
    console.print(table)
    console.print()
