"""``quorate replay``: what other rules would have decided on a recorded run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from quorate.face.cli import FINDINGS
from quorate.face.options import json_option, print_json, rulebook_options
from quorate.face.session import Session, pass_session

LISTED = 20
"""How many changes are listed when not all are asked for."""


@click.command(
    epilog="Example: quorate replay --set profit_target=0.8% runs/BTC_USD.sqlite. "
    "Exit codes: 0 nothing changes, 1 something does, 2 it could not be decided again."
)
@click.argument(
    "journal",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--rules",
    metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    help="The edited rules, a folder or a file; those of the workspace when left out.",
)
@rulebook_options
@click.option(
    "--recorded",
    is_flag=True,
    help="Decide under the rules that the journal keeps: nothing should change.",
)
@click.option(
    "--tape",
    "sources",
    multiple=True,
    metavar="PATH",
    help="Where the run's tape is, when it has been moved; repeatable.",
)
@click.option(
    "--without",
    multiple=True,
    metavar="PLUGIN",
    help="Leave a plugin out, as the run did; repeatable.",
)
@click.option("--all", "everything", is_flag=True, help="List every change.")
@json_option
@pass_session
def replay(session: Session, /, everything: bool, as_json: bool, **said: Any) -> None:
    """Decide a recorded run again under edited rules; show what would change.

    JOURNAL is the file of a run; the newest one when left out. Nothing is written and
    nothing is sent. The run's tape is run again under both rulebooks: which decisions,
    orders and trades change, and what that does to net profit.

    A live run is decided again decision by decision, on the inputs it recorded; and run
    again on paper, on the candles it recorded.
    """
    from quorate.face import replay as deciding  # noqa: PLC0415
    from quorate.face.progress import TapeProgress  # noqa: PLC0415
    from quorate.face.replay_page import as_dict, show_replay  # noqa: PLC0415
    from quorate.face.tape_run import must_know_plugins, newest_journal  # noqa: PLC0415

    if said["recorded"] and (said["rules"] or said["overlays"] or said["settings"]):
        raise click.UsageError(
            "--recorded takes the rules of the journal; leave out --rules, --overlay "
            "and --set"
        )
    workspace = session.workspace()
    must_know_plugins(workspace, said["without"])
    said["journal"] = said["journal"] or newest_journal(workspace)
    most = None if everything or as_json else LISTED
    wish = deciding.ReplayWish(**said, most=most)
    with TapeProgress(session.console(stderr=True), quiet=as_json) as progress:
        found = deciding.replay(workspace, wish, progress.show)
    if as_json:
        print_json(as_dict(found))
    else:
        show_replay(found, session.console(), most=most)
    if found.differs:
        click.get_current_context().exit(FINDINGS)
