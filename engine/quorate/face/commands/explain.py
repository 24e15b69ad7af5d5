"""``quorate explain``: the reasons of an order, a position, a moment, or a rule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quorate.face.options import json_option, pairs, print_json, rulebook_options
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.face.workspace import Workspace

Pairs = tuple[tuple[str, str], ...]


@click.command()
@click.argument("subject")
@click.option(
    "--journal",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The run to look in; the newest one when left out.",
)
@click.option(
    "--given",
    multiple=True,
    metavar="NAME=VALUE",
    callback=pairs,
    help="A fact that SUBJECT, a rule, is explained on; repeatable.",
)
@click.option(
    "--given-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file of such facts, as `given` of a test has them.",
)
@click.option("--symbol", help="With --given: the symbol, whose params are taken.")
@click.option("--from", "begin", metavar="TIME", help="With a SYMBOL: from when on.")
@click.option("--to", "end", metavar="TIME", help="With a SYMBOL: to before when.")
@click.option(
    "--tape",
    "tapes",
    multiple=True,
    metavar="PATH",
    help="With a SYMBOL: where the run's tape is now; repeatable.",
)
@rulebook_options
@json_option
@pass_session
def explain(
    session: Session,
    subject: str,
    file: Path | None,
    given: tuple[tuple[str, str], ...],
    given_file: Path | None,
    symbol: str | None,
    begin: str | None,
    end: str | None,
    tapes: tuple[str, ...],
    overlays: tuple[Any, ...],
    settings: tuple[tuple[str, str], ...],
    as_json: bool,
) -> None:
    """Say why it traded, or why not, or what a rule makes of given facts.

    SUBJECT is an order, a position (p1), a decision (d12) or SYMBOL@TIME, from a
    journal; a SYMBOL alone, for the whole way from its candles to its trades and
    what became of the rest; or the id of a rule, with the facts it is to be
    explained on.

    \b
    Examples:
      quorate explain p1
      quorate explain d12
      quorate explain BTC/USD@2022-01-05T10:15 --journal runs/RUN.sqlite
      quorate explain BTC/USD --from 2022-01-05 --to 2022-01-06
      quorate explain quorum --given confidence=0.71 --given risk_approved=true
      quorate explain stop-loss --given-file facts.yaml --symbol BTC/USD

    A rule is told with the value of every part, what was not evaluated, where every
    number comes from, what fires and what that shadows, and the nearest change that
    flips it. --overlay and --set count for rules only.
    """
    if given or given_file is not None:
        at = session.workspace().with_overlays(overlays)
        facts = (given, given_file, symbol)
        _explain_rule(session, at, subject, facts, settings, as_json=as_json)
    elif "/" in subject and "@" not in subject:
        _explain_symbol(session, subject, file, (begin, end), tapes, as_json=as_json)
    else:
        _explain_journal(session, subject, file, as_json=as_json)


def _explain_symbol(
    session: Session,
    subject: str,
    file: Path | None,
    times: tuple[str | None, str | None],
    tapes: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Explain what became of every candle of a symbol."""
    from quorate.face.funnel_page import as_dict, show_funnel  # noqa: PLC0415
    from quorate.face.subject import read_time  # noqa: PLC0415
    from quorate.face.tape_run import newest_journal  # noqa: PLC0415
    from quorate.face.why_not import FOR_EVER_MS, why_not  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415

    begin, end = times
    from_ms = read_time(begin)[0] if begin else 0
    until_ms = read_time(end)[0] if end else FOR_EVER_MS
    if from_ms >= until_ms:
        raise click.UsageError("--from must be before --to")
    workspace = session.workspace()
    found = file or newest_journal(workspace)
    with Journal.open(found, read_only=True) as journal:
        symbol, span = subject.strip().upper(), (from_ms, until_ms)
        funnel = why_not(workspace, journal, found, symbol, span, tapes)
    if as_json:
        print_json({"journal": str(found), **as_dict(funnel)})
        return
    if file is None:
        click.echo(f"journal {found}")
    show_funnel(funnel, session.console())


def _explain_rule(
    session: Session,
    workspace: Workspace,
    name: str,
    facts: tuple[Pairs, Path | None, str | None],
    settings: Pairs,
    *,
    as_json: bool,
) -> None:
    """Explain a rule on given facts."""
    from quorate.face.given import explain_rule, read_given  # noqa: PLC0415
    from quorate.face.given_page import as_dict, show_rule  # noqa: PLC0415

    pairs_given, file, symbol = facts
    host = workspace.host()
    rulebook = workspace.rulebook(host, settings)
    given = read_given(pairs_given, file)
    told = explain_rule(rulebook, host, name, given, symbol)
    if as_json:
        print_json(as_dict(told))
    else:
        show_rule(told, session.console())


def _explain_journal(
    session: Session, subject: str, file: Path | None, *, as_json: bool
) -> None:
    """Explain what a journal recorded."""
    from quorate.face import decided, given_page  # noqa: PLC0415
    from quorate.face import explain as reasons  # noqa: PLC0415
    from quorate.face.tape_run import newest_journal  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415

    workspace = session.workspace()
    found = file or newest_journal(workspace)
    with Journal.open(found, read_only=True) as journal:
        number = decided.number_of(subject)
        if number is not None:
            decision = decided.explain_decision(journal, number, workspace.host())
            if as_json:
                print_json({"journal": str(found), **given_page.as_dict(decision)})
            else:
                given_page.show_rule(decision, session.console())
            return
        asked = reasons.find_subject(journal, subject)
        told = reasons.explain(journal, asked, host=workspace.host())
    if as_json:
        print_json({"journal": str(found), **reasons.as_dict(told)})
        return
    if file is None:
        click.echo(f"journal {found}")
    reasons.show_explanation(told, session.console())
