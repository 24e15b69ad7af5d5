"""``quorate run --live``: real orders, asked for twice."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from quorate.errors import QuorateError
from quorate.face.cli import INTERRUPTED
from quorate.face.session import Session

if TYPE_CHECKING:
    from quorate.face.live_plan import LivePlan
    from quorate.face.live_trade import LiveTrade

PAPER_ONLY = {
    "sources": "TAPE or --tape",
    "balances": "--balance",
    "go_on": "--continue",
    "walk": "--no-skip",
    "as_json": "--json",
}
"""What means something on a tape only, and how it is written."""


def trade_live(session: Session, said: dict[str, Any]) -> None:
    """Say what will be done, ask, trade, and say what stays open."""
    from quorate.drivers.secrecy import guarded  # noqa: PLC0415
    from quorate.face.live_plan import (  # noqa: PLC0415
        LiveWish,
        journal_of,
        keys_of,
        live_setup,
        must_be_free,
        plan_live,
    )
    from quorate.face.tape_run import must_know_plugins  # noqa: PLC0415

    _refuse_paper_options(said)
    workspace = session.workspace()
    wish = LiveWish(
        overlays=said["overlays"],
        settings=said["settings"],
        without=said["without"],
        journal=said["journal"],
        unverified_key=said["unverified_key"],
    )
    journal = journal_of(workspace, wish)
    _must_be_able_to_ask(said, str(workspace.exchange["name"]))
    must_be_free(journal)
    must_know_plugins(workspace, wish.without)
    keys = keys_of(workspace)
    with guarded(keys):
        setup = live_setup(workspace, wish, keys)
        with closing(setup.host):
            plan = asyncio.run(plan_live(workspace, wish, setup, journal))
            if plan.errors:
                _print_troubles(plan)
                click.echo("error: nothing was started; see the errors above", err=True)
                click.get_current_context().exit(2)
            _print_plan(plan)
            _confirm(plan, said)
            _trade(session, plan, said)


def _refuse_paper_options(said: dict[str, Any]) -> None:
    used = [written for name, written in PAPER_ONLY.items() if said[name]]
    if said["volume_in"] != "base":
        used.append("--volume-in")
    if used:
        raise click.UsageError(
            f"--live trades at the exchange of quorate.yaml, with the balances of its "
            f"account; it takes no {', '.join(used)}"
        )


def _must_be_able_to_ask(said: dict[str, Any], name: str) -> None:
    """Refuse early what could not be confirmed."""
    if not (said["really"] or sys.stdin.isatty()):
        raise click.UsageError(
            f"--live sends real orders to {name}; without a terminal to confirm it "
            f"on, say it twice: --live --yes-really"
        )


def _print_plan(plan: LivePlan) -> None:
    from quorate.drivers.secrecy import redact  # noqa: PLC0415
    from quorate.face.live_words import plan_lines  # noqa: PLC0415

    click.echo(f"LIVE trading at {plan.setup.name}: real orders")
    for label, line in plan_lines(plan):
        click.echo(redact(f"  {label:<10} {line}"))
    _print_troubles(plan)


def _print_troubles(plan: LivePlan) -> None:
    """Print what is not in order."""
    from quorate.drivers.secrecy import redact  # noqa: PLC0415
    from quorate.face.live_words import troubles  # noqa: PLC0415

    for line in troubles(plan.findings):
        click.echo(redact(line), err=line.startswith("error"))
    sys.stdout.flush()


def _confirm(plan: LivePlan, said: dict[str, Any]) -> None:
    """Ask once more, on a terminal; the flag has been given."""
    if said["really"]:
        return
    name = plan.setup.name
    try:
        typed: str = click.prompt(
            f"Type the exchange's name, {name}, to trade with real orders",
            default="",
            show_default=False,
        )
    except click.Abort:  # the end of input, or Ctrl-C
        click.echo(err=True)
        typed = ""
    if typed.strip().casefold() != name.casefold():
        click.echo("not confirmed; nothing was sent", err=True)
        click.get_current_context().exit(2)


def _trade(session: Session, plan: LivePlan, said: dict[str, Any]) -> None:
    from quorate.drivers.secrecy import redact  # noqa: PLC0415
    from quorate.face.live_status import LiveLines, LiveStatus  # noqa: PLC0415
    from quorate.face.live_trade import LiveTrade  # noqa: PLC0415
    from quorate.face.live_words import closing_lines  # noqa: PLC0415
    from quorate.values.trade import OrderStatus  # noqa: PLC0415

    console = session.console()
    show: LiveStatus | LiveLines
    if console.is_terminal and not said["quiet"]:
        show = LiveStatus(f"live at {plan.setup.name}", console)
    else:
        show = LiveLines(_line)
    again = _again(session, said)

    def end_at_once(trade: LiveTrade) -> NoReturn:
        click.echo(f"ended at once; the journal {plan.journal} is safe", err=True)
        _tell_left(trade, again)
        sys.stdout.flush()
        os._exit(INTERRUPTED)

    gather = None if said["reload"] is False else plan.gather
    trade = LiveTrade(plan.setup, plan.journal, show, end_at_once, gather)
    try:
        finished = trade.run()
    except QuorateError:
        _tell_left(trade, again)
        raise
    for line in closing_lines(finished, plan.journal, again, trouble=trade.trouble):
        click.echo(redact(line))
    doubtful = any(one.status is not OrderStatus.OPEN for one in finished.orders)
    click.get_current_context().exit(1 if doubtful else 0)


def _tell_left(trade: LiveTrade, again: str) -> None:
    """Say what is open after a run that did not leave in order."""
    from quorate.drivers.secrecy import redact  # noqa: PLC0415
    from quorate.face.live_words import left_lines  # noqa: PLC0415

    left = trade.left
    if left is None:
        click.echo(f"it had not begun to trade. Try again with: {again}", err=True)
        return
    for line in left_lines(left, trouble=trade.trouble):
        click.echo(redact(line), err=True)
    click.echo(f"the next start asks what became of it: {again}", err=True)


def _line(line: str) -> None:
    """Print a line at once; a run whose reader is gone goes on."""
    with suppress(BrokenPipeError):
        click.echo(line)
        sys.stdout.flush()


def _again(session: Session, said: dict[str, Any]) -> str:
    words = ["quorate"]
    if session.root != Path():
        words += ["-w", str(session.root)]
    words += ["run", "--live"]
    if said["journal"]:
        words += ["--journal", str(said["journal"])]
    for overlay in said["overlays"]:
        words += ["--overlay", str(overlay)]
    for name, value in said["settings"]:
        words += ["--set", f"{name}={value}"]
    for plugin in said["without"]:
        words += ["--without", plugin]
    if said["unverified_key"]:
        words.append("--accept-unverified-key")
    if said["reload"] is False:
        words.append("--no-reload")
    return shlex.join(words)
