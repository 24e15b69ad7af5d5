"""The command line: global options, commands found by name, and how a command ends.

A command's module is imported when the command is named or listed, and imports what it
needs when it runs. Exit codes: 0 fine, 1 findings, 2 could not run.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from pathlib import Path

import click

from quorate import __version__
from quorate.errors import QuorateError
from quorate.face.session import Session

FINDINGS, COULD_NOT_RUN, INTERRUPTED = 1, 2, 130

MODULES = {
    "init": "init",
    "check": "check",
    "diff": "diff",
    "render": "render",
    "schema": "schema",
    "test": "test",
    "names": "names",
    "plugins": "plugins",
    "run": "run",
    "backtest": "run",
    "report": "report",
    "explain": "explain",
    "replay": "replay",
    "exchange": "exchange",
    "rules": "rules",
    "halt": "halt",
    "resume": "halt",
    "reconcile": "reconcile",
    "doctor": "doctor",
}
"""The commands in the order they are met, and the module of each."""

_ADDED = "quorate.commands_of_plugins"


class Commands(click.Group):
    """The commands of quorate, then those that plugins add."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of --help."""
        return [*MODULES, *sorted(self._plugin_commands(ctx, listing=True))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name; plugins are asked when it is not one of ours.

        The name of the argument is click's.
        """
        module_name = MODULES.get(cmd_name)
        if module_name is None:
            return self._plugin_commands(ctx, listing=False).get(cmd_name)
        module = importlib.import_module(f"quorate.face.commands.{module_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that ``args`` begin with, or say which was meant."""
        if args and self.get_command(ctx, args[0]) is None and args[0][0] != "-":
            ctx.fail(_no_such_command(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; turn whatever ends it into one sentence and an exit code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _silence_stdout()
            ctx.exit(0)
        except KeyboardInterrupt:
            click.echo("interrupted; nothing is half-written", err=True)
            ctx.exit(INTERRUPTED)
        except QuorateError as error:
            click.echo(_clean(f"error: {error}"), err=True)
            _show_traceback(ctx)
            ctx.exit(COULD_NOT_RUN)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the last resort of the command line
            click.echo(_clean(_defect(error)), err=True)
            _show_traceback(ctx)
            ctx.exit(COULD_NOT_RUN)
        return result

    def _plugin_commands(
        self, ctx: click.Context, *, listing: bool
    ) -> dict[str, click.Command]:
        from quorate.face import plugin_commands  # noqa: PLC0415

        root = ctx.params.get("workspace") or Path()
        added: dict[str, click.Command] | None = ctx.meta.get(_ADDED)
        if added is None:
            if listing and not plugin_commands.may_add(root):
                return {}
            added = ctx.meta[_ADDED] = plugin_commands.commands(root, MODULES)
        return added


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine, 1 findings, 2 could not run.",
)
@click.option(
    "-w",
    "--workspace",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    is_eager=True,
    help="The workspace folder; the current folder when left out.",
)
@click.option("--no-color", is_flag=True, help="Print without colours, as NO_COLOR=1.")
@click.option("-v", "--verbose", is_flag=True, help="Show what is logged; tracebacks.")
@click.version_option(__version__, prog_name="quorate")
@click.pass_context
def cli(ctx: click.Context, workspace: Path, no_color: bool, verbose: bool) -> None:
    """Assistants know, rules decide, the engine acts.

    A trade execution engine for crypto spot markets. `quorate run` trades on paper,
    offline, on recorded candles; `quorate run --live` sends real orders.
    """
    color = not no_color and not os.environ.get("NO_COLOR")
    ctx.color = None if color else False
    ctx.obj = Session(root=workspace, color=color, verbose=verbose)
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s: %(message)s",
    )


def main() -> None:
    """Run the command line of this process."""
    cli(prog_name="quorate")


def _no_such_command(name: str, known: list[str]) -> str:
    from quorate.rulebook.diagnostics import did_you_mean  # noqa: PLC0415

    near = did_you_mean(name, known)
    advice = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
    return f"there is no command {name!r}; {advice}"


def _defect(error: Exception) -> str:
    told = " ".join(str(error).split()) or "no message"
    return (
        f"error: this is a defect of quorate, please report it: "
        f"{type(error).__name__}: {told}; "
        f"see where with `quorate -v` or QUORATE_DEBUG=1"
    )


def _show_traceback(ctx: click.Context) -> None:
    debug = os.environ.get("QUORATE_DEBUG", "") not in ("", "0")
    if ctx.params.get("verbose") or debug:
        click.echo(_clean(traceback.format_exc()), err=True, nl=False)


def _clean(text: str) -> str:
    """Return a text without the keys of a live run, if there is one."""
    from quorate.drivers.secrecy import redact  # noqa: PLC0415

    return redact(text)


def _silence_stdout() -> None:
    """Let nothing complain about the closed pipe when Python ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        return
