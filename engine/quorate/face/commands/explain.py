"""``quorate explain``: the reasons of an order, a position, or a moment."""

from __future__ import annotations

from pathlib import Path

import click

from quorate.face.options import json_option, print_json
from quorate.face.session import Session, pass_session


@click.command()
@click.argument("subject")
@click.option(
    "--journal",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The run to look in; the newest one when left out.",
)
@json_option
@pass_session
def explain(session: Session, subject: str, file: Path | None, as_json: bool) -> None:
    """Say why it traded, or why not.

    SUBJECT is an order, a position (p1), or SYMBOL@TIME.
    """
    from quorate.face import explain as reasons  # noqa: PLC0415
    from quorate.face.tape_run import newest_journal  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415

    workspace = session.workspace()
    found = file or newest_journal(workspace)
    with Journal.open(found, read_only=True) as journal:
        asked = reasons.find_subject(journal, subject)
        told = reasons.explain(journal, asked, host=workspace.host())
    if as_json:
        print_json({"journal": str(found), **reasons.as_dict(told)})
        return
    if file is None:
        click.echo(f"journal {found}")
    reasons.show_explanation(told, session.console())
