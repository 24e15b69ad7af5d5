"""``quorate test``: put the tests beside the rules to the rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quorate.errors import QuorateError
from quorate.face.options import counted, json_option, print_json, rulebook_options
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.face.testing import Report, Trial
    from quorate.face.workspace import Workspace
    from quorate.host.host import Host
    from quorate.trials.mutation import Fate


def share(
    ctx: click.Context, _parameter: click.Parameter, text: str | None
) -> Decimal | None:
    """Return a share such as ``95%`` as a ratio; refuse what is none."""
    from quorate.contract.vocabulary import RATIO  # noqa: PLC0415
    from quorate.rulebook.literals import read_quantity  # noqa: PLC0415

    if text is None:
        return None
    quantity = read_quantity(text)
    if quantity is None or quantity[1] != RATIO or not 0 <= quantity[0] <= 1:
        raise click.BadParameter(f"{text!r} is not a share such as 95%", ctx)
    return quantity[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line."""

    paths: tuple[Path, ...]
    overlays: tuple[Path, ...]
    settings: tuple[tuple[str, str], ...]
    words: str | None
    coverage: bool
    least: Decimal | None
    mutate: bool
    suggest: bool
    layout: str
    update: bool
    watch: bool
    as_json: bool

    @property
    def machine(self) -> bool:
        """Whether a program reads the report."""
        return self.as_json or self.layout != "full"


@click.command()
@click.argument(
    "paths", metavar="[PATH]...", nargs=-1, type=click.Path(exists=True, path_type=Path)
)
@rulebook_options
@click.option(
    "-k", "words", metavar="WORDS", help="Only tests whose name has all these words."
)
@click.option(
    "--coverage", is_flag=True, help="Say which rules and conditions no test has seen."
)
@click.option(
    "--min-coverage",
    "least",
    callback=share,
    metavar="PERCENT",
    help="Fail when less of the rules or of the conditions is covered.",
)
@click.option(
    "--mutate",
    is_flag=True,
    help="Change the rules, one place at a time, and list what no test notices.",
)
@click.option(
    "--suggest",
    is_flag=True,
    help="Write the cases at the boundary that are missing, as YAML to look over.",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["full", "json", "junit", "github"]),
    default="full",
    help="full is for people; junit and github are for build servers.",
)
@click.option(
    "--update",
    is_flag=True,
    help="Write what was found in place of what failing tests expect; shows a diff.",
)
@click.option(
    "--watch", is_flag=True, help="Run again when rules or tests change, until Ctrl-C."
)
@json_option
@pass_session
def test(session: Session, /, **said: Any) -> None:
    """Put the tests beside the rules (*.test.yaml) to the rules.

    PATHs are test files, and folders of them; the workspace's rules and the overlays
    below them when left out. Exits with 1 when a test fails, a mutant survives or too
    little is covered, 2 when no test could run.

    \b
    Example:
      quorate test -k "take-profit" --watch
    """
    wish = Wish(**said)
    code = _watched(session, wish) if wish.watch else _once(session, wish)
    click.get_current_context().exit(code)


def _watched(session: Session, wish: Wish) -> int:
    """Run again after every change; return the exit code of the last run."""
    from quorate.face.watching import contents, watch  # noqa: PLC0415

    if wish.update or wish.machine:
        raise click.UsageError("--watch goes without --update, --json and --format")
    workspace = session.workspace()

    def run() -> int:
        if sys.stdout.isatty():
            click.clear()
        try:
            code = _once(session, wish)
        except QuorateError as error:
            click.echo(f"error: {error}", err=True)
            code = 2
        click.echo("watching rules and tests; Ctrl-C ends it", err=True)
        return code

    return watch(run, lambda: contents(workspace, wish.paths))


def _once(session: Session, wish: Wish) -> int:
    """Run the tests once, print the report and return the exit code."""
    from quorate.face.testing import run_trials, selected  # noqa: PLC0415

    workspace = session.workspace()
    host = workspace.host()
    trials = _opened(workspace, host, wish)
    if not selected(trials):
        raise QuorateError(_nothing(trials, wish.words))
    report = run_trials(trials, host)
    if wish.update and report.failed:
        _update(workspace, report, wish)
        trials = _opened(workspace, host, wish)
        report = run_trials(trials, host)
    whole = not wish.words and not wish.paths
    if wish.coverage or wish.least is not None:
        report.measure(whole=whole)
    if wish.mutate and not report.failed:
        report.fates = list(_mutate(trials, host))
    if wish.suggest:
        report.suggest(host, whole=whole)
    _print(report, "json" if wish.as_json else wish.layout)
    return 0 if report.fine(wish.least) else 1


def _opened(workspace: Workspace, host: Host, wish: Wish) -> list[Trial]:
    from quorate.face.testing import open_trials  # noqa: PLC0415

    return open_trials(
        workspace,
        host,
        wish.paths,
        overlays=wish.overlays,
        settings=wish.settings,
        words=(wish.words or "").split(),
    )


def _update(workspace: Workspace, report: Report, wish: Wish) -> None:
    """Write what was found into the tests; show what changed and what could not."""
    from quorate.face.checking import write  # noqa: PLC0415
    from quorate.face.updating import refused_lines, update  # noqa: PLC0415
    from quorate.rulebook.mending import difference  # noqa: PLC0415

    made = update(report.results, workspace.root)
    write(workspace, made.contents)
    for name, data in made.contents.items():
        changes = difference(name, made.before[name], data)
        click.echo(changes, nl=False, err=wish.machine)
    for line in refused_lines(made):
        click.echo(line, err=wish.machine)


def _nothing(trials: list[Trial], words: str | None) -> str:
    known = sum(trial.all_tests for trial in trials)
    if known:
        return f"none of the {counted(known, 'test')} has {words!r} in its name"
    return "there are no tests here: write them beside the rules, in *.test.yaml"


def _mutate(trials: list[Trial], host: Host) -> Iterator[Fate]:
    from quorate.trials.mutation import chosen, put_to_test  # noqa: PLC0415

    for trial in trials:
        book, sources, tests = trial.rulebook, trial.sources, trial.tests
        found = chosen(book, sources, tests)
        with click.progressbar(
            put_to_test(found, book, sources, tests, host),
            length=len(found),
            label=f"{len(found)} mutants",
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
        ) as fates:
            yield from fates


def _print(report: Report, layout: str) -> None:
    from quorate.face import test_pages  # noqa: PLC0415

    if layout == "json":
        print_json(test_pages.report_dict(report))
    elif layout == "junit":
        click.echo(test_pages.junit(report.results))
    elif layout == "github":
        for line in test_pages.github(report.results):
            click.echo(line)
    else:
        for line in test_pages.report_lines(report):
            click.echo(line)
