"""``quorate reconcile``: how the journal and the exchange differ."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quorate.face.options import counted, json_option, print_json
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.drivers.reconcile import Reconciliation


@click.command()
@click.option(
    "--journal",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The journal to compare; that of the workspace's exchange when left out.",
)
@json_option
@pass_session
def reconcile(session: Session, journal: Path | None, as_json: bool) -> None:
    """Compare the journal with the exchange. Sends no order and writes nothing.

    Open orders, closed orders, trades and balances. What is shown as done is what the
    next `quorate run --live` does about it before it trades. Exits with 1 when there
    are differences; rules and fees of a market that have changed are told as notes.
    """
    from quorate.drivers.secrecy import guarded  # noqa: PLC0415
    from quorate.face.live_journal import asked_journal  # noqa: PLC0415
    from quorate.face.live_plan import (  # noqa: PLC0415
        LiveWish,
        keys_of,
        live_setup,
    )
    from quorate.face.live_reconcile import compare_now  # noqa: PLC0415

    workspace = session.workspace()
    file = asked_journal(session.root, journal)
    keys = keys_of(workspace)
    with guarded(keys):
        setup = live_setup(workspace, LiveWish(), keys)
        with closing(setup.host):
            found = asyncio.run(compare_now(setup, file))
    if as_json:
        print_json(_as_dict(file, found))
    else:
        _print(session, file, found)
    click.get_current_context().exit(0 if _clean(found) else 1)


def _clean(found: Reconciliation) -> bool:
    return not (found.refusal or any(one.wrong for one in found.differences))


def _as_dict(file: Path, found: Reconciliation) -> dict[str, Any]:
    return {
        "journal": str(file),
        "clean": _clean(found),
        "differences": [asdict(one) for one in found.differences],
        "waits": list(found.waits),
        "refusal": found.refusal,
    }


def _print(session: Session, file: Path, found: Reconciliation) -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = session.console()
    click.echo(f"journal {file}")
    if found.refusal:
        click.echo(f"error: {found.refusal}", err=True)
    wrong = [one for one in found.differences if one.wrong]
    for one in found.differences:
        if not one.wrong:
            click.echo(f"note: {one.of}: {one.journal} -> {one.exchange}, {one.done}")
    if not wrong:
        if not found.refusal:
            click.echo("no differences: the journal and the exchange agree")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "about", "symbol", "journal", "exchange", "done"):
        table.add_column(heading, overflow="fold")
    for one in wrong:
        symbol = "" if one.symbol == one.about else one.symbol
        cells = (one.what, one.about, symbol, one.journal, one.exchange, one.done)
        table.add_row(*map(Text, cells))
    console.print(table)
    click.echo(
        f"{counted(len(wrong), 'difference')}; the next `quorate run "
        f"--live` does what is shown before it trades"
    )
