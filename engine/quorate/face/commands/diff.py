"""``quorate diff``: what changed between two rulebooks, in meaning."""

from __future__ import annotations

import sys
from typing import Any

import click

from quorate.face.options import (
    asked_solver,
    json_option,
    print_json,
    rulebook_options,
)
from quorate.face.session import Session, pass_session


@click.command()
@click.argument("old")
@click.argument("new", required=False)
@rulebook_options
@click.option(
    "--prove",
    is_flag=True,
    help="Look for differences with a solver too; needs quorate[prove].",
)
@json_option
@pass_session
def diff(
    session: Session,
    old: str,
    new: str | None,
    overlays: tuple[Any, ...],
    settings: tuple[tuple[str, str], ...],
    prove: bool,
    as_json: bool,
) -> None:
    """Say what changed between two rulebooks, in meaning and not in text.

    OLD and NEW are folders of rules, single files, or journals (the rules a run began
    with; JOURNAL@HASH for later ones). Without NEW: the rules of the workspace, with
    --overlay and --set laid on.

    A condition is looser when it holds where it did not, tighter when it no longer
    holds where it did; each comes with a moment in which the two differ.

    \b
    Example:
      quorate diff runs/LAST.sqlite            what was edited since that run
      quorate diff rules/ --set profit_target=1%

    Exit codes: 0 no difference in meaning, 1 differences, 2 could not run.
    """
    from quorate.face.differing import as_dict, lines  # noqa: PLC0415
    from quorate.face.rulebooks import named_rulebook  # noqa: PLC0415
    from quorate.rulebook.comparing import compare  # noqa: PLC0415

    solver = asked_solver() if prove else None
    workspace = session.workspace()
    host = workspace.host()
    laid = (*workspace.overlays, *overlays)
    found = compare(
        named_rulebook(old, workspace, host),
        named_rulebook(
            new or str(workspace.rules),
            workspace,
            host,
            overlays=laid if new is None else overlays,
            settings=settings,
        ),
        solver,
    )
    if as_json:
        print_json(as_dict(found))
    else:
        for line in lines(found, solver):
            click.echo(line)
    sys.exit(1 if found.changes else 0)
