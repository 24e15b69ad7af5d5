"""``quorate report``: what came of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from quorate.face.options import json_option, print_json
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from rich.console import Console

    from quorate.values.trade import Trade

PERIODS = ("day", "week", "month")
_DAY_MS = 86_400_000
_DAYS = ((45, "day"), (270, "week"))
"""Up to how many days of tape a report in full goes by what."""


@click.command()
@click.argument(
    "journal",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--by", type=click.Choice(PERIODS), help="Add a table by period.")
@click.option("--trades", is_flag=True, help="List every trade, with its id.")
@json_option
@pass_session
def report(
    session: Session,
    journal: Path | None,
    by: str | None,
    trades: bool,
    as_json: bool,
) -> None:
    """Show what came of a run, and why not more.

    JOURNAL is the file of a run; the newest one when left out.
    """
    from quorate.face.tape_run import newest_journal  # noqa: PLC0415

    file = journal or newest_journal(session.workspace())
    if as_json:
        _print_json(file, by or "", trades=trades)
        return
    click.echo(f"journal {file}")
    print_report(session, file, by=by or "")
    if trades:
        _print_trades(session.console(), closed_trades(file))


def print_report(
    session: Session, file: Path, *, by: str = "", in_full: bool = False
) -> str:
    """Print the report of a journal; return a position to explain, "" for none."""
    from quorate.face.report import measure, show_report  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415

    with Journal.open(file, read_only=True) as journal:
        measured = measure(journal, by=by)
        if in_full and not by:
            span_ms = measured.run.until_ms - measured.run.from_ms
            measured = measure(journal, by=_period(span_ms))
    show_report(measured, session.console())
    trades = closed_trades(file)
    return trades[0].position_id if trades else ""


def closed_trades(file: Path) -> list[Trade]:
    """Return the trades of a journal in the order they closed."""
    from quorate.contract.records import Closed  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415

    with Journal.open(file, read_only=True) as journal:
        return [one.trade for one in journal.records() if isinstance(one, Closed)]


def _period(span_ms: int) -> str:
    for days, name in _DAYS:
        if span_ms <= days * _DAY_MS:
            return name
    return "month"


def _print_json(file: Path, by: str, *, trades: bool) -> None:
    from quorate.face.figures import json_value  # noqa: PLC0415
    from quorate.face.report import as_dict, measure  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415

    with Journal.open(file, read_only=True) as journal:
        found = {"journal": str(file), **as_dict(measure(journal, by=by))}
    if trades:
        found["trades"] = json_value(closed_trades(file))
    print_json(found)


def _print_trades(console: Console, trades: list[Trade]) -> None:
    from rich.table import Table  # noqa: PLC0415

    from quorate.face import text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, title="\nTrades", title_justify="left")
    for heading in ("id", "symbol", "opened", "closed"):
        table.add_column(heading, no_wrap=True)
    for heading in ("amount", "profit", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("entry")
    table.add_column("exit")
    for trade in trades:
        table.add_row(
            trade.position_id,
            trade.symbol,
            text.time(trade.opened_ms),
            text.time(trade.closed_ms),
            text.price(trade.amount),
            text.money(trade.profit_quote, signed=True),
            text.percent(trade.profit_ratio, signed=True),
            trade.rule,
            trade.exit_rule,
        )
    console.print(table)
