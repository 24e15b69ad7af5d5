"""``quorate test``: put the tests beside the rules to the rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quorate.errors import QuorateError
from quorate.face.options import counted, json_option, print_json, rulebook_options
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.face.testing import Report, Trial
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
@json_option
@pass_session
def test(
    session: Session,
    paths: tuple[Path, ...],
    overlays: tuple[Path, ...],
    settings: tuple[tuple[str, str], ...],
    words: str | None,
    coverage: bool,
    least: Decimal | None,
    mutate: bool,
    suggest: bool,
    layout: str,
    as_json: bool,
) -> None:
    """Put the tests beside the rules (*.test.yaml) to the rules.

    PATHs are test files, and folders of them; the workspace's rules and the overlays
    below them when left out. Exits with 1 when a test fails, a mutant survives or too
    little is covered, 2 when no test could run.
    """
    from quorate.face.testing import open_trials, run_trials, selected  # noqa: PLC0415

    workspace = session.workspace()
    host = workspace.host()
    trials = open_trials(
        workspace,
        host,
        paths,
        overlays=overlays,
        settings=settings,
        words=(words or "").split(),
    )
    if not selected(trials):
        raise QuorateError(_nothing(trials, words))
    report = run_trials(trials, host)
    whole = not words and not paths
    if coverage or least is not None:
        report.measure(whole=whole)
    if mutate and not report.failed:
        report.fates = list(_mutate(trials, host))
    if suggest:
        report.suggest(host, whole=whole)
    _print(report, "json" if as_json else layout)
    click.get_current_context().exit(0 if report.fine(least) else 1)


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
