"""Commands that plugins add to the command line."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import entry_points
from pathlib import Path

import click

from quorate.bundle import bundled
from quorate.errors import QuorateError


class _Offered(click.Group):
    """Takes a plugin's commands; refuses a name that is taken."""

    def __init__(self, taken: Collection[str]) -> None:
        super().__init__("quorate")
        self.taken = taken

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Take a command; the names of the arguments are click's."""
        called = name or cmd.name
        if called in self.taken or called in self.commands:
            raise ValueError(f"there is a command {called!r} already")
        super().add_command(cmd, name)


def may_add(root: Path) -> bool:
    """Return whether any plugin could add commands, without loading one.

    A file that never says "commands" cannot implement that hook.
    """
    if (root / "quorate.yaml").is_file():
        text = (root / "quorate.yaml").read_bytes()
        if b"\nplugins:" in text or text.startswith(b"plugins:"):
            return True
    if any(True for _ in entry_points(group="quorate")):
        return True
    return any(
        b"commands" in path.read_bytes()
        for folder in (bundled("plugins"), root / "plugins")
        for path in folder.glob("[!_]*.py")
    )


def commands(root: Path, taken: Collection[str]) -> dict[str, click.Command]:
    """Load the plugins and return their commands by name.

    A plugin that fails in the hook is reported by the host, in one line, and skipped.
    """
    from quorate.face.workspace import open_workspace  # noqa: PLC0415

    offered = _Offered(taken)
    try:
        host = open_workspace(root).host()
    except QuorateError as error:
        first = str(error).splitlines()[0]
        click.echo(f"warning: plugins were not asked for commands: {first}", err=True)
        return {}
    host.ask("commands", group=offered)
    return dict(offered.commands)
