"""``quorate init``: write a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from quorate.bundle import bundled
from quorate.errors import WorkspaceError
from quorate.face.session import Session, pass_session

_TEMPLATE = Path(__file__).parents[1] / "template"
_IGNORED = (
    "# What runs leave behind.\nruns/\n__pycache__/\n"
    "# Keys belong in no repository.\n*.key\n"
)


@click.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path)
)
@pass_session
def init(session: Session, folder: Path | None) -> None:
    """Write a workspace: rules, plugins, settings.

    DIR gets rules/, plugins/, schemas/ and quorate.yaml. What is there already is
    kept as it is.
    """
    root = session.root if folder is None else session.root / folder
    written, kept = write_workspace_files(root)
    click.echo(f"{root}: {written} files written, {len(kept)} kept")
    if kept:
        click.echo(f"kept as they were: {', '.join(kept)}")
    click.echo("next:")
    steps = [
        ("quorate check", "prove the rules in rules/*.yaml"),
        ("quorate run", "trade on paper on the bundled synthetic tape, offline"),
        ("quorate report", "see what came of it"),
    ]
    if root.resolve() != Path.cwd():
        steps.insert(0, (f"cd {root}", ""))
    for command, why in steps:
        click.echo(f"  {command:<16} {f'# {why}' if why else ''}".rstrip())


def write_workspace_files(root: Path) -> tuple[int, list[str]]:
    """Write a workspace; return how many files were written, and which were kept.

    Raises:
        WorkspaceError: a file cannot be written.
    """
    written, kept = 0, []
    for path, data in _files(root):
        if _write(path, data):
            written += 1
        else:
            kept.append(path.relative_to(root).as_posix())
    return written, kept


def _files(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield everything a workspace has: path and content."""
    for kind, pattern in (("rules", "**/*.yaml"), ("schemas", "*.schema.json")):
        shipped = bundled(kind)
        for path in sorted(shipped.glob(pattern)):
            yield root / kind / path.relative_to(shipped), path.read_bytes()
    example = _TEMPLATE / "example_plugin.py"
    yield root / "plugins" / "_example.py", example.read_bytes()
    yield root / "quorate.yaml", (_TEMPLATE / "quorate.yaml").read_bytes()
    yield root / ".gitignore", _IGNORED.encode()


def _write(path: Path, data: bytes) -> bool:
    """Write a file unless there is one; return whether it was written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        if path.exists():
            return False
        raise WorkspaceError(f"{path.parent}: is a file, not a folder") from None
    except OSError as error:
        reason = error.strerror or "it cannot be written"
        raise WorkspaceError(f"{path}: {reason}") from error
    return True
