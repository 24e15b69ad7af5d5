"""``quorate rules``: which rules a run is under, and accepting those that wait."""

from __future__ import annotations

from pathlib import Path
from time import time

import click

from quorate.face.options import json_option, print_json
from quorate.face.session import Session, pass_session

_journal_option = click.option(
    "--journal",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The journal of the run; when left out that of the workspace's exchange, or "
    "the newest one.",
)


def _journal_of(session: Session) -> Path:
    """Return the live journal of the workspace, or else the newest one."""
    from quorate.face.live_journal import live_journal  # noqa: PLC0415
    from quorate.face.tape_run import newest_journal  # noqa: PLC0415

    workspace = session.workspace()
    if workspace.exchange and live_journal(workspace).exists():
        return live_journal(workspace)
    return newest_journal(workspace)


@click.group()
def rules() -> None:
    """Say which rules a run is under, and accept edited ones that wait.

    A run takes edited rules up while it trades, unless they have errors. Rules that
    permit what was refused before wait until they are accepted.
    """


@rules.command()
@_journal_option
@json_option
@pass_session
def status(session: Session, journal: Path | None, as_json: bool) -> None:
    """Say which rules are in force, which wait, and which were refused.

    Exit codes: 0 the edited rules are in force, 1 some wait or were refused, 2 could
    not run.
    """
    from quorate.face.rules_status import as_dict, lines, rules_status  # noqa: PLC0415

    found = rules_status(journal or _journal_of(session))
    if as_json:
        print_json(as_dict(found))
    else:
        for line in lines(found):
            click.echo(line)
    click.get_current_context().exit(1 if found.held or found.refused else 0)


@rules.command()
@click.argument("rulebook", required=False)
@_journal_option
@pass_session
def accept(session: Session, rulebook: str | None, journal: Path | None) -> None:
    """Accept the edited rules that wait because they permit more than before.

    RULEBOOK is their hash, or its beginning; the rules that wait when left out. Edits
    made afterwards are not accepted by it.
    """
    from quorate.drivers.acceptance import accept_rules  # noqa: PLC0415
    from quorate.errors import QuorateError  # noqa: PLC0415
    from quorate.face.rules_status import rules_status  # noqa: PLC0415

    found = rules_status(journal or _journal_of(session))
    held = found.held
    if held is None:
        raise QuorateError(
            f"no rules wait to be accepted; {found.active} are in force. "
            "See `quorate rules status`"
        )
    if rulebook and not held.rulebook.startswith(rulebook):
        raise QuorateError(
            f"{rulebook} does not wait; {held.rulebook} does. See `quorate diff "
            f"{found.journal}`, then accept that"
        )
    accept_rules(found.journal, held.rulebook, int(time() * 1000))
    click.echo(f"accepted {held.rulebook}:")
    for line in held.loosened:
        click.echo(f"  {line}")
    if found.alive:
        click.echo("a run is alive: it goes on under them within two seconds")
    else:
        click.echo("no run is alive: a start uses the rules of the files, and says so")
