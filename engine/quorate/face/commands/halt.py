"""``quorate halt`` and ``quorate resume``: what a live run may send, from outside."""

from __future__ import annotations

from pathlib import Path
from time import time

import click

from quorate.face.session import Session, pass_session

_journal_option = click.option(
    "--journal",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The journal of the live run; that of the workspace's exchange when left out.",
)
_why_option = click.option(
    "--why", metavar="TEXT", default="", help="The reason, for the journal."
)

HALTED = (
    "no order is sent, exits included; resting entries are cancelled",
    "take-profits that rest at the exchange stay; positions stay and are NOT watched "
    "into a sale",
)
REDUCE_ONLY = (
    "nothing is bought; resting entries are cancelled",
    "positions are watched and leave by their exits; take-profits stay",
)
ACTIVE = (
    "entries and exits are sent again as the rules decide; stops of symbols are lifted",
)


@click.command()
@click.option(
    "--reduce-only", is_flag=True, help="Stop purchases only; positions still leave."
)
@_why_option
@_journal_option
@pass_session
def halt(session: Session, reduce_only: bool, why: str, journal: Path | None) -> None:
    """Stop a live run from sending orders, now and after every restart.

    Resting entries are cancelled. Protective orders stay at the exchange. Nothing is
    sold. The run itself goes on watching; `quorate resume` lets it trade again. Works
    whether or not a run is alive.
    """
    from quorate.values.mode import Mode  # noqa: PLC0415

    mode = Mode.REDUCE_ONLY if reduce_only else Mode.HALTED
    _ask_for(session, mode.value, why or "quorate halt", journal)


@click.command()
@_why_option
@_journal_option
@pass_session
def resume(session: Session, why: str, journal: Path | None) -> None:
    """Let a live run trade again after a halt or a kill switch.

    Lifts the stops of symbols too, those of a quarantine included: see why they were
    stopped first (`quorate doctor`, `quorate reconcile`).
    """
    _ask_for(session, "active", why or "quorate resume", journal)


def _ask_for(session: Session, mode: str, why: str, file: Path | None) -> None:
    from quorate.drivers.control import Wish, read_wish, write_wish  # noqa: PLC0415
    from quorate.face.live_journal import asked_journal  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415
    from quorate.values.mode import Mode  # noqa: PLC0415

    journal = asked_journal(session.root, file)
    before = read_wish(journal)
    write_wish(journal, Wish(mode=Mode(mode), why=why, at_ms=int(time() * 1000)))
    again = before is not None and before.mode is Mode(mode)
    click.echo(f"{mode}{', as before' if again else ''}: {journal}")
    for line in {"halted": HALTED, "reduce_only": REDUCE_ONLY, "active": ACTIVE}[mode]:
        click.echo(f"  {line}")
    if Journal.is_written(journal):
        click.echo("  a run is alive: it takes this up within a second")
    elif journal.exists():
        click.echo("  no run is alive: the next `quorate run --live` starts like this")
    else:
        click.echo(
            "  no live run has been made yet: the first `quorate run --live` starts "
            "like this"
        )
    if mode != "active":
        click.echo("go on with: quorate resume")
