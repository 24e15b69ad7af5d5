"""``quorate run`` and ``quorate backtest``: trade, on recorded candles or live."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import fields
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quorate.face.cli import INTERRUPTED
from quorate.face.options import (
    counted,
    json_option,
    pairs,
    print_json,
    rulebook_options,
)
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.drivers.run import Finished
    from quorate.face.tape_run import Plan


def _tape_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says which tapes are traded."""
    paths = click.argument("paths", metavar="[TAPE]...", nargs=-1)
    tapes = click.option(
        "--tape",
        "tapes",
        multiple=True,
        metavar="PATH",
        help="Candles (csv, csv.gz, parquet, feather); SYMBOL=PATH names the symbol. "
        "Repeatable, and the same as TAPE.",
    )
    volume_in = click.option(
        "--volume-in",
        type=click.Choice(["base", "quote"]),
        default="base",
        help="The currency in which the tapes count volume; base when left out.",
    )
    return paths(tapes(volume_in(command)))


def _run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what both commands take; the function gets ``said``, a dict of it."""

    @_tape_options
    @rulebook_options
    @click.option(
        "--balance",
        "balances",
        multiple=True,
        metavar="CUR=AMOUNT",
        callback=pairs,
        help="What the paper account holds at the start; repeatable.",
    )
    @click.option(
        "--journal",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Where the run is recorded: a new file in runs/ when left out, or the one "
        "journal of the account with --live.",
    )
    @click.option(
        "--continue",
        "go_on",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="Go on with a stopped run, under the rules it began with.",
    )
    @click.option(
        "--without",
        multiple=True,
        metavar="PLUGIN",
        help="Leave a plugin out; repeatable.",
    )
    @click.option("--no-skip", "walk", is_flag=True, help="Decide at every candle.")
    @click.option(
        "--reload/--no-reload",
        default=None,
        help="Take edited rules up while running: with --live that is so unless "
        "--no-reload is said, on a tape only when --reload is.",
    )
    @click.option("-q", "--quiet", is_flag=True, help="Print the journal's path only.")
    @json_option
    @pass_session
    def optioned(session: Session, /, **said: Any) -> None:
        command(session, said)

    return update_wrapper(optioned, command)


def _live_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what asks for real orders."""
    live = click.option(
        "--live", is_flag=True, help="Send REAL orders to the workspace's exchange."
    )
    really = click.option(
        "--yes-really",
        "really",
        is_flag=True,
        help="With --live: do not ask once more, for services without a terminal.",
    )
    unverified = click.option(
        "--accept-unverified-key",
        "unverified_key",
        is_flag=True,
        help="With --live: you have seen at the exchange that the key may not withdraw "
        "where quorate cannot see it.",
    )
    return live(really(unverified(command)))


@click.command()
@_live_options
@_run_options
def run(session: Session, said: dict[str, Any]) -> None:
    """Trade on paper, on recorded candles; or for real, with --live.

    Without a TAPE the bundled demo tapes are used, which are synthetic. Nothing is
    sent anywhere unless --live is given: then orders go to the exchange of
    quorate.yaml, after you have confirmed what is shown.
    """
    said["sources"] = (*said["tapes"], *said["paths"])
    if said["live"]:
        from quorate.face.commands.run_live import trade_live  # noqa: PLC0415

        trade_live(session, said)
        return
    if said["really"] or said["unverified_key"]:
        raise click.UsageError(
            "--yes-really and --accept-unverified-key go with --live; without it "
            "nothing is sent anywhere"
        )
    _trade(session, said, in_full=False)


@click.command()
@_run_options
def backtest(session: Session, said: dict[str, Any]) -> None:
    """Trade a tape of your own, report in full.

    The same road as `quorate run`, which is the same as live: one flow for all.
    """
    if not (said["paths"] or said["tapes"] or said["go_on"]):
        raise click.UsageError(
            "a backtest needs a tape, as in `quorate backtest BTC_USD-1m.csv.gz`; "
            "`quorate run` uses the bundled synthetic one"
        )
    _trade(session, said, in_full=True)


def _trade(session: Session, said: dict[str, Any], *, in_full: bool) -> None:
    from quorate.face.progress import TapeProgress  # noqa: PLC0415
    from quorate.face.tape_run import Wish, must_know_plugins, plan  # noqa: PLC0415

    if said["journal"] is not None and not said["journal"].name:
        raise click.UsageError("--journal needs the name of a file")
    talk = not (said["quiet"] or said["as_json"])
    if said["go_on"] and (said["overlays"] or said["settings"] or said["journal"]):
        raise click.UsageError(
            "--continue goes on under the rules of that run, in its journal; "
            "it takes no --overlay, --set or --journal"
        )
    said["sources"] = (*said["tapes"], *said["paths"])
    wish = Wish(**{field.name: said[field.name] for field in fields(Wish)})
    workspace = session.workspace()
    must_know_plugins(workspace, wish.without)
    made = plan(workspace, wish)
    if talk:
        _print_plan(made)
    try:
        with TapeProgress(session.console(stderr=True), quiet=not talk) as progress:
            finished, seconds = made.run(progress.show)
    except KeyboardInterrupt:
        _stopped(session, made, said)
    if said["as_json"]:
        print_json(_as_dict(made, finished, seconds))
    elif said["quiet"]:
        click.echo(str(made.journal))
    else:
        _print_result(session, made, finished, seconds, in_full=in_full)


def _print_plan(made: Plan) -> None:
    setup = made.setup
    rulebook, plugins = setup.rulebook, setup.host.plugins.values()
    own = [plugin.name for plugin in plugins if plugin.source != "bundled"]
    refused = [plugin.name for plugin in plugins if plugin.fault]
    verb = "going on" if made.goes_on else "paper trading"
    click.echo(
        f"{verb} on the venue {setup.venue!r}: simulated, offline, no real orders"
    )
    for candles in made.tapes:
        click.echo(f"  tape      {_tape_line(candles)}")
    if made.synthetic:
        click.echo("            synthetic: made up by a generator, not a real market")
    files = counted(len(rulebook.sources.rules), "file")
    rules = counted(sum(rulebook.counts().values()), "rule")
    changes = [f"{name}={value}" for name, value in rulebook.sources.settings]
    overlays = [
        f"overlay {shown}" for files in rulebook.sources.overlays for shown, _ in files
    ]
    laid = "".join(f", {one}" for one in (*overlays, *changes))
    click.echo(f"  rulebook  {rulebook.digest}: {rules} in {files}{laid}")
    bundled = counted(len(plugins) - len(own), "plugin")
    click.echo(f"  plugins   {bundled} bundled; of yours: {', '.join(own) or 'none'}")
    if refused:
        click.echo(f"            refused: {', '.join(refused)}; see `quorate plugins`")
    click.echo(f"  journal   {made.journal}")


def _tape_line(candles: Any) -> str:
    from quorate.face.text import time  # noqa: PLC0415
    from quorate.values.timeframes import format_timeframe  # noqa: PLC0415

    first, last = int(candles.time_ms[0]), int(candles.close_ms[-1])
    frame = format_timeframe(candles.timeframe_ms)
    return (
        f"{candles.symbol}, {len(candles):,} candles of {frame}, "
        f"{time(first)} to {time(last)}"
    )


def _stopped(session: Session, made: Plan, said: dict[str, Any]) -> None:
    """Say what stands and how to go on; end with the code of an interrupt."""
    words = ["quorate"]
    if session.root != Path():
        words += ["-w", str(session.root)]
    words += ["run", "--continue", str(made.journal)]
    for source in said["sources"]:
        words += ["--tape", source]
    for currency, amount in said["balances"]:
        words += ["--balance", f"{currency}={amount}"]
    for plugin in said["without"]:
        words += ["--without", plugin]
    if made.journal.exists():
        click.echo(
            f"stopped; what was committed stands. Go on with: {shlex.join(words)}",
            err=True,
        )
    else:
        click.echo("stopped before anything was recorded; run it again", err=True)
    click.get_current_context().exit(INTERRUPTED)


def _as_dict(made: Plan, finished: Finished, seconds: float) -> dict[str, Any]:
    from quorate.face.report import as_dict, measure  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415

    with Journal.open(made.journal, read_only=True) as journal:
        report = as_dict(measure(journal))
    return {
        "journal": str(made.journal),
        "run": finished.run,
        "rulebook": made.setup.rulebook.digest,
        "synthetic": made.synthetic,
        "candles": finished.candles,
        "seconds": round(seconds, 3),
        "report": report,
    }


def _print_result(
    session: Session,
    made: Plan,
    finished: Finished,
    seconds: float,
    *,
    in_full: bool,
) -> None:
    from quorate.face.commands.report import print_report  # noqa: PLC0415

    pace = finished.candles / seconds if seconds else 0
    click.echo(
        f"  done      {finished.candles:,} candles in {seconds:.1f} s "
        f"({pace:,.0f} a second)\n"
    )
    first = print_report(session, made.journal, in_full=in_full)
    click.echo("next:")
    file = shlex.quote(str(made.journal))
    click.echo(f"  quorate report {file}")
    if first:
        click.echo(f"  quorate explain {first} --journal {file}")
