"""``quorate explain``: the reasons of an order, a position, or a moment."""

from __future__ import annotations

from pathlib import Path

import click

from quorate.face.options import json_option
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
    raise NotImplementedError
