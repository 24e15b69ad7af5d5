"""What the global options of the command line say, and the console they lead to."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # imported when a command needs them: --help stays quick
    from rich.console import Console

    from quorate.face.workspace import Workspace

WIDTH_IN_A_PIPE = 120
"""Columns of a table that no terminal limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call of the command line: where it works and how it prints."""

    root: Path
    color: bool = True
    verbose: bool = False

    def workspace(self) -> Workspace:
        """Return the workspace.

        Raises:
            WorkspaceError: there is none that can be used.
        """
        from quorate.face.workspace import open_workspace  # noqa: PLC0415

        return open_workspace(self.root)

    def console(self, *, stderr: bool = False) -> Console:
        """Return a console on stdout or stderr."""
        from rich.console import Console  # noqa: PLC0415

        stream = sys.stderr if stderr else sys.stdout
        free = not stream.isatty() and "COLUMNS" not in os.environ
        return Console(
            stderr=stderr,
            no_color=not self.color,
            highlight=False,
            width=WIDTH_IN_A_PIPE if free else None,
        )


pass_session = click.make_pass_decorator(Session)
