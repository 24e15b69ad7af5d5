"""``quorate exchange``: an exchange on this machine, to rehearse live trading at."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import click

from quorate.face.options import counted, pairs
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.contract.live import LoopbackExchange

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("name", required=False, default="")
@click.option(
    "--tape",
    "tapes",
    multiple=True,
    metavar="PATH",
    help="One-minute candles that the market follows; SYMBOL=PATH names the symbol. "
    "Repeatable; the bundled synthetic tapes when left out.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8417,
    show_default=True,
    help="Where it listens; 0 takes any free port.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="A loopback address."
)
@click.option(
    "--pace",
    type=click.FloatRange(1, 10_000),
    default=1,
    show_default=True,
    help="How many times faster than the wall clock its time runs.",
)
@click.option(
    "--balance",
    "balances",
    multiple=True,
    metavar="CUR=AMOUNT",
    callback=pairs,
    help="What the account holds at the start; repeatable.",
)
@click.option("--tier", default="", help="The account's tier; rate limits follow it.")
@click.option(
    "--faults",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="What goes wrong: YAML with a list under `faults`.",
)
@click.option("--seed", type=int, default=0, help="What the draws of faults go by.")
@click.option(
    "--key", default="", help="The key of its account; one for rehearsals if left out."
)
@click.option("--secret", default="", help="The secret that belongs to the key.")
@click.option(
    "--ledger",
    metavar="FILE",
    type=FILE,
    help="Write the ledger there as JSON: at the start, on SIGUSR1, at the end.",
)
@click.option(
    "--write-workspace",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make DIR a workspace that trades here, with the keys in it (mode 0600).",
)
@click.option("--for", "duration", metavar="DURATION", help="Stop after e.g. 90s, 2h.")
@click.option(
    "--json", "as_json", is_flag=True, help="One line of JSON when it is ready."
)
@pass_session
def exchange(session: Session, /, **said: Any) -> None:
    """Open an exchange on this machine.

    It speaks the protocol of a real one, NAME (any when left out), to the same
    client: for rehearsals of live trading. Its market follows recorded candles, its
    money is made up, and nothing can be reached from other machines. Ctrl-C stops it.

    A file of faults lets calls and streams go wrong; a kind that is none gets an error
    with all there are:

    \b
    faults:
      - {at: AddOrder, kind: reply_lost, share: 5%, times: 3}
      - {at: "private/*", kind: error, value: "EService:Busy", skip: 10}
      - {at: "ws:executions", kind: ws_silence, value: 90s}
    """
    from quorate.face.rehearsal import (  # noqa: PLC0415
        Rehearsal,
        must_be_loopback,
        open_exchange,
        read_duration,
    )

    if bool(said["key"]) != bool(said["secret"]):
        raise click.UsageError("--key and --secret belong together; give both")
    host = must_be_loopback(said["host"])
    for_ms = read_duration(said["duration"]) if said["duration"] else None
    settings, places = _settings(said)
    opened = open_exchange(session.workspace(), said["name"], settings, places)
    port, ledger_file = said["port"], said["ledger"]
    rehearsal = Rehearsal(
        exchange=opened, host=host, port=port, ledger=ledger_file, for_ms=for_ms
    )

    def ready(url: str) -> None:
        folder = said["folder"]
        if folder is not None:
            _write_workspace(folder, opened, url)
        if said["as_json"]:
            _print_ready(opened, url)
        else:
            _print_welcome(opened, url, said)
            click.echo(_end_line(for_ms))

    ledger = asyncio.run(rehearsal.serve(ready))
    if not said["as_json"]:
        _print_summary(ledger, ledger_file)


def _settings(said: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[str]]:
    """Return what the plugin is told, and where each of its faults is written."""
    from quorate.drivers.demo_tape import demo_tapes  # noqa: PLC0415
    from quorate.drivers.tape_file import fill_gaps, read_tapes  # noqa: PLC0415
    from quorate.face.rehearsal import (  # noqa: PLC0415
        read_balances,
        read_fault_file,
    )

    file = said["faults"]
    faults, places = ([], []) if file is None else read_fault_file(file)
    settings = {
        "tapes": [fill_gaps(one) for one in read_tapes(said["tapes"] or demo_tapes())],
        "pace": said["pace"],
        "faults": faults,
        "seed": said["seed"],
        "key": said["key"],
        "secret": said["secret"],
        "tell": (lambda _: None) if said["as_json"] else _tell,
    }
    if said["balances"]:
        settings["balances"] = read_balances(said["balances"])
    if said["tier"]:
        settings["tier"] = said["tier"]
    return settings, places


def _tell(line: str) -> None:
    """Print a line of the log as it comes; click flushes, also into a pipe."""
    click.echo(line)


def _write_workspace(folder: Path, opened: LoopbackExchange, url: str) -> None:
    from quorate.face.commands.init import write_workspace_files  # noqa: PLC0415
    from quorate.face.rehearsal import write_workspace  # noqa: PLC0415

    write_workspace_files(folder)
    write_workspace(folder, opened, url)


def _print_ready(opened: LoopbackExchange, url: str) -> None:
    from quorate.face.rehearsal import section_of  # noqa: PLC0415

    text, section = section_of(opened, url)
    api = section.get("ccxt", {}).get("urls", {}).get("api", {})
    ready = {
        "exchange": opened.name,
        "url": url,
        "urls": api,
        "key": opened.keys.key,
        "secret": opened.keys.secret,
        "symbols": section.get("symbols", []),
        "workspace": text,
    }
    click.echo(json.dumps(ready, default=str))


def _print_welcome(opened: LoopbackExchange, url: str, said: Mapping[str, Any]) -> None:
    from quorate.face.rehearsal import section_of  # noqa: PLC0415

    click.echo(f"an exchange that speaks like {opened.name}, on this machine: {url}")
    click.echo(f"  key     {opened.keys.key}")
    click.echo(f"  secret  {opened.keys.secret}")
    if not said["tapes"]:
        click.echo("  market  synthetic: made up by a generator, not a real market")
    folder = said["folder"]
    if folder is None:
        click.echo("\ntrade here with this in quorate.yaml, and the key and secret in")
        click.echo("a file of two lines and mode 0600 (--write-workspace does both):\n")
        click.echo(section_of(opened, url)[0])
    else:
        click.echo("\nin another terminal:")
        click.echo(f"  quorate -w {shlex.quote(str(folder))} run --live\n")


def _end_line(for_ms: int | None) -> str:
    """Return how it ends; the wall clock counts, however fast its own time runs."""
    from quorate.face.text import duration, moment  # noqa: PLC0415

    if for_ms is None:
        return "Ctrl-C stops it"
    end = moment(int(time() + for_ms / 1000) * 1000)
    return f"it ends by itself in {duration(for_ms)}, at {end}; Ctrl-C stops it before"


def _print_summary(ledger: Mapping[str, Any], file: Path | None) -> None:
    orders, trades = ledger.get("orders", ()), ledger.get("trades", ())
    click.echo(
        f"\nstopped: {counted(len(orders), 'order')}, {counted(len(trades), 'fill')}"
    )
    for currency, amount in sorted(ledger.get("balances", {}).items()):
        click.echo(f"  {currency:<6} {_amount(amount)}")
    if file is not None:
        click.echo(f"the ledger is in {file}")


def _amount(amount: Any) -> str:
    """Return an amount of a ledger, which may be told with what is held of it."""
    if isinstance(amount, Mapping):
        return ", ".join(f"{name} {value}" for name, value in amount.items())
    return str(amount)
