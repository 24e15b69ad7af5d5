"""``quorate test``: put the tests beside the rules to the rules."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

from quorate.errors import QuorateError
from quorate.face.options import counted, json_option, print_json, rulebook_options
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.face.testing import Trial
    from quorate.trials.run import Result


@click.command()
@click.argument(
    "paths", metavar="[PATH]...", nargs=-1, type=click.Path(exists=True, path_type=Path)
)
@rulebook_options
@click.option(
    "-k", "words", metavar="WORDS", help="Only tests whose name has all these words."
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
    layout: str,
    as_json: bool,
) -> None:
    """Put the tests beside the rules (*.test.yaml) to the rules.

    PATHs are test files, and folders of them; the workspace's rules and the overlays
    below them when left out. Exits with 1 when a test fails, 2 when none could run.
    """
    from quorate.face.testing import open_trials, selected  # noqa: PLC0415

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
    started = perf_counter()
    results = [one for trial in trials for one in trial.run(host)]
    took = perf_counter() - started
    _print(results, trials, "json" if as_json else layout, took)
    failed = any(not one.passed for one in results)
    click.get_current_context().exit(1 if failed else 0)


def _nothing(trials: list[Trial], words: str | None) -> str:
    known = sum(trial.all_tests for trial in trials)
    if known:
        return f"none of the {counted(known, 'test')} has {words!r} in its name"
    return "there are no tests here: write them beside the rules, in *.test.yaml"


def _print(
    results: list[Result], trials: list[Trial], layout: str, took: float
) -> None:
    from quorate.face import test_pages  # noqa: PLC0415

    if layout == "json":
        print_json(_as_dict(results, trials))
    elif layout == "junit":
        click.echo(test_pages.junit(results))
    elif layout == "github":
        for line in test_pages.github(results):
            click.echo(line)
    else:
        _print_full(results, trials, took)


def _as_dict(results: list[Result], trials: list[Trial]) -> dict[str, object]:
    from quorate.face.test_pages import as_dict  # noqa: PLC0415

    return {
        "ok": all(one.passed for one in results),
        "cases": len(results),
        "failed": sum(not one.passed for one in results),
        "rulebooks": [trial.rulebook.digest for trial in trials],
        "results": [as_dict(one) for one in results],
    }


def _print_full(results: list[Result], trials: list[Trial], took: float) -> None:
    from quorate.face.test_pages import failure_lines  # noqa: PLC0415

    files: dict[str, list[Result]] = {}
    for result in results:
        files.setdefault(result.case.place.path, []).append(result)
    width = max(map(len, files))
    for path, under in files.items():
        marks = "".join("." if one.passed else "F" for one in under)
        click.echo(f"{path:<{width}}  {marks}")
    failed = [one for one in results if not one.passed]
    for result in failed:
        click.echo()
        for line in failure_lines(result):
            click.echo(line)
    tests = sum(len(trial.tests) for trial in trials)
    looked = f"{counted(len(results), 'case')} of {counted(tests, 'test')}"
    if failed:
        click.echo()
        click.echo(f"{len(failed)} of {looked} failed, in {took:.2f} s")
    else:
        click.echo(f"ok: {looked} passed, in {took:.2f} s")
