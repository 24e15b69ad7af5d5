"""``quorate schema``: what editors complete and underline by."""

from __future__ import annotations

import json
from pathlib import Path

import click

from quorate.bundle import bundled
from quorate.errors import WorkspaceError


@click.command()
@click.argument("name", required=False, default="rulebook")
@click.option(
    "--write",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write all schemas into a folder.",
)
def schema(name: str, folder: Path | None) -> None:
    """Print the JSON Schema of rule files, or of one section, for an editor.

    In a file: # yaml-language-server: $schema=schemas/rulebook.schema.json
    """
    found = {
        path.name.removesuffix(".schema.json"): path
        for path in sorted(bundled("schemas").glob("*.schema.json"))
    }
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in found.values():
                (folder / path.name).write_bytes(path.read_bytes())
        except OSError as error:
            raise WorkspaceError(f"{folder}: {error.strerror}") from error
        click.echo(f"wrote {len(found)} schemas to {folder}")
        return
    if name not in found:
        raise click.BadParameter(f"there are schemas of {', '.join(found)}; not {name}")
    click.echo(json.dumps(json.loads(found[name].read_text("utf-8")), indent=2))
