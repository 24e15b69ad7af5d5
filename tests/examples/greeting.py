"""An example plugin: a command."""

import click

from quorate import hookimpl


@hookimpl
def commands(group: click.Group) -> None:
    """Add `quorate greet`."""

    @group.command()
    @click.argument("name")
    def greet(name: str) -> None:
        """Greet NAME."""
        click.echo(f"hello {name}")
