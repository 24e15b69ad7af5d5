"""``quorate check``: prove the rules before they trade."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quorate.face.options import asked_solver, rulebook_options
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.face.checking import Inputs
    from quorate.rulebook.diagnostics import Problem

_TOGETHER = (
    "--stdin and --stdin-filename go together, with --diff but not --fix; "
    "--fix and --diff exclude each other"
)

FORMATS = ("full", "concise", "json", "github", "sarif", "junit")


def prefixes(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the codes and beginnings of codes in ``R4,Y101``; refuse unknown ones."""
    from quorate.rulebook.codes import TITLES  # noqa: PLC0415

    found = [word.strip() for text in values for word in text.split(",")]
    for word in found:
        if not word or not any(code.startswith(word) for code in TITLES):
            raise click.BadParameter(
                f"no code begins with {word!r}; codes look like R4"
            )
    return tuple(found)


def explain(context: click.Context, _parameter: click.Parameter, code: str) -> None:
    """Print what a code means and end."""
    if not code:
        return
    from quorate.rulebook.codes import as_page, catalogue  # noqa: PLC0415
    from quorate.rulebook.diagnostics import did_you_mean  # noqa: PLC0415

    if code == "all":
        click.echo(as_page(), nl=False)
        context.exit(0)
    known = catalogue()
    found = known.get(code.upper())
    if found is None:
        near = did_you_mean(code.upper(), known)
        advice = f"did you mean {near}?" if near else f"codes are {', '.join(known)}"
        raise click.BadParameter(f"there is no code {code}; {advice}")
    click.echo(str(found))
    context.exit(0)


@click.command()
@click.argument(
    "paths", metavar="[PATH]...", nargs=-1, type=click.Path(exists=True, path_type=Path)
)
@rulebook_options
@click.option(
    "--format",
    "layout",
    type=click.Choice(FORMATS),
    default="full",
    help="full shows the source with carets, concise one line a problem.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--without",
    multiple=True,
    metavar="PLUGIN",
    help="Leave a plugin out, and see which rules need it; repeatable.",
)
@click.option(
    "--prove",
    is_flag=True,
    help="Prove what is else sought by drawing moments; needs quorate[prove].",
)
@click.option("--strict", is_flag=True, help="Warnings count as findings.")
@click.option(
    "--select",
    multiple=True,
    metavar="CODES",
    callback=prefixes,
    help="Show only codes that begin so, as in R4,Y101.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="CODES",
    callback=prefixes,
    help="Do not show codes that begin so.",
)
@click.option("--fix", is_flag=True, help="Make the edits that problems come with.")
@click.option("--diff", is_flag=True, help="Show these edits, and change no file.")
@click.option("--stdin", is_flag=True, help="Check a file that an editor sends.")
@click.option(
    "--stdin-filename",
    "shown",
    metavar="PATH",
    help="The file that --stdin is in place of.",
)
@click.option(
    "--explain-code",
    metavar="CODE",
    expose_value=False,
    is_eager=True,
    callback=explain,
    help="Say what a code means, with a bad and a good example; all: every code.",
)
@pass_session
def check(
    session: Session,
    paths: tuple[Path, ...],
    overlays: tuple[Path, ...],
    settings: tuple[tuple[str, str], ...],
    layout: str,
    as_json: bool,
    without: tuple[str, ...],
    prove: bool,
    strict: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fix: bool,
    diff: bool,
    stdin: bool,
    shown: str | None,
) -> None:
    """Prove the rules before they trade; say every problem of every file at once.

    PATHs are rule files and folders that make one rulebook together; the workspace's
    rules and overlays when left out. Exits with 1 when there are findings, 2 when
    nothing could be checked.
    """
    from quorate.face import check_output, checking  # noqa: PLC0415

    if stdin != (shown is not None) or fix + (stdin or diff) > 1:
        raise click.UsageError(_TOGETHER)
    workspace = session.workspace().with_overlays(overlays).leaving_out(without)
    if paths:
        workspace = replace(workspace, overlays=overlays)
    inputs = checking.gather(workspace, paths, settings)
    wanted = _wanted(select, ignore)
    if shown is not None:
        name = checking.shown_name(workspace, Path(shown))
        inputs = inputs.with_file(name, sys.stdin.buffer.read())
        wanted = _wanted(select, ignore, only=name)
    solver = asked_solver() if prove else None
    rounds = checking.MOST_ROUNDS if fix or diff else 0
    checked, contents, count = checking.mend_all(
        inputs, workspace.host(), wanted, rounds, solver
    )
    if diff:
        _print_diff(inputs, contents)
    else:
        checking.write(workspace, contents)
        check_output.write(checked, "json" if as_json else layout, count)
    found = checked.errors + (checked.warnings if strict else 0)
    changed = diff and bool(contents)
    click.get_current_context().exit(1 if found or changed else 0)


def _wanted(
    select: tuple[str, ...], ignore: tuple[str, ...], only: str | None = None
) -> Callable[[Problem], bool]:
    def wanted(problem: Problem) -> bool:
        return (
            (not select or problem.code.startswith(select))
            and not (ignore and problem.code.startswith(ignore))
            and only in (None, problem.span.path)
        )

    return wanted


def _print_diff(inputs: Inputs, contents: dict[str, bytes]) -> None:
    from quorate.rulebook.mending import difference  # noqa: PLC0415

    for name, data in contents.items():
        click.echo(difference(name, inputs.content(name) or b"", data), nl=False)
