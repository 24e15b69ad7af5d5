"""Find the tests of rules, read them beside the rulebook they test, and select some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from quorate.drivers.tape_trial import Ground, run_tapes
from quorate.errors import RulebookError
from quorate.face.workspace import Workspace
from quorate.host.host import Host
from quorate.rulebook.diagnostics import Problem, Severity
from quorate.rulebook.printing import render
from quorate.rulebook.rulebook import Rulebook, Sources, gather_sources, read_rulebook
from quorate.rulebook.source import MAX_BYTES
from quorate.rulebook.sources import Files
from quorate.trials.book import RuleTest
from quorate.trials.coverage import Coverage, measure, sections_of
from quorate.trials.mutation import SURVIVED, Fate
from quorate.trials.reading import read_tests
from quorate.trials.run import Result, run_tests
from quorate.trials.suggesting import suggest

ENDINGS = (".test.yaml", ".test.yml")
"""How the name of a test file ends; it stands beside the rules that it tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The tests of one folder, and the rulebook they are put to.

    The tests in an overlay's folder are put to the rules with that overlay laid on.
    ``tapes`` are those that run the whole flow. ``all_tests`` counts the tests before
    some were selected.
    """

    sources: Sources
    rulebook: Rulebook
    files: tuple[str, ...]
    tests: tuple[RuleTest, ...]
    tapes: tuple[RuleTest, ...]
    all_tests: int
    ground: Ground

    def run(self, host: Host) -> Iterator[Result]:
        """Yield the result of each case, then of each tape."""
        yield from run_tests(self.tests, self.rulebook, host)
        yield from run_tapes(self.tapes, self.ground)


def open_trials(
    workspace: Workspace,
    host: Host,
    paths: Sequence[Path],
    *,
    overlays: Sequence[Path] = (),
    settings: Sequence[tuple[str, str]] = (),
    words: Sequence[str] = (),
) -> list[Trial]:
    """Return the tests in ``paths`` that have all the ``words`` in their names.

    Without paths, those beside the workspace's rules and in the folders of its
    overlays. ``overlays`` and ``settings`` change the rulebook of all of them.

    Raises:
        RulebookError: rules or tests have errors; the message shows all of them.
    """
    trials, problems = [], list[Problem]()
    for folder, files in _by_folder(workspace, paths):
        laid = [*_overlay_of(workspace, folder), *overlays]
        sources, found = gather_sources(
            _rules_of(workspace, folder), laid, settings, relative_to=workspace.root
        )
        reading = read_rulebook(
            sources, host.facts, host.functions, voters=host.voters()
        )
        problems += [*found, *reading.errors]
        if reading.rulebook is None:
            continue
        book = read_tests(_read(files, workspace.root), reading.rulebook)
        problems += book.problems
        trials.append(
            Trial(
                sources=sources,
                rulebook=reading.rulebook,
                files=book.files,
                tests=tuple(one for one in book.tests if _named(one, words)),
                tapes=tuple(one for one in book.tapes if _named(one, words)),
                all_tests=len(book.tests) + len(book.tapes),
                ground=_ground(workspace, sources, host),
            )
        )
    if problems:
        _refuse(problems)
    return trials


def _ground(workspace: Workspace, sources: Sources, host: Host) -> Ground:
    return Ground(
        sources=sources,
        host=host,
        venue=workspace.venue,
        tier=workspace.tier,
        settings=workspace.settings,
    )


def _refuse(problems: Iterable[Problem]) -> None:
    errors = [one for one in problems if one.severity is Severity.ERROR]
    shown = "\n".join(render(one) for one in dict.fromkeys(errors))
    raise RulebookError(f"the tests could not run\n{shown}")


def _by_folder(
    workspace: Workspace, paths: Sequence[Path]
) -> Iterator[tuple[Path, list[Path]]]:
    """Yield each folder with its test files, in the order of their names."""
    found: dict[Path, dict[Path, None]] = {}
    for path in paths or _standard(workspace):
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in files:
            wanted = file.name.endswith(ENDINGS) and not file.name.startswith(".")
            if file == path or wanted:
                found.setdefault(file.parent.resolve(), {})[file.resolve()] = None
    for folder, under in found.items():
        yield folder, list(under)


def _standard(workspace: Workspace) -> Iterator[Path]:
    yield workspace.rules
    if workspace.rules.is_dir():
        yield from sorted(one for one in workspace.rules.iterdir() if one.is_dir())
    yield from (one for one in workspace.overlays if one.is_dir())


def _rules_of(workspace: Workspace, folder: Path) -> Path:
    """Return the rules that a folder's tests are put to: its own, or the workspace's.

    A folder below the workspace's rules is an overlay.
    """
    base = workspace.rules.resolve()
    own = any(
        file.suffix in (".yaml", ".yml") and not file.name.endswith(ENDINGS)
        for file in folder.iterdir()
    )
    if folder == base or base in folder.parents or not own:
        return workspace.rules
    return workspace.rules if _overlay_of(workspace, folder) else folder


def _overlay_of(workspace: Workspace, folder: Path) -> list[Path]:
    known = {one.resolve() for one in workspace.overlays}
    base = workspace.rules.resolve()
    return [folder] if folder in known or base in folder.parents else []


def _read(files: Iterable[Path], root: Path) -> Files:
    found = []
    for path in files:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise RulebookError(
                f"{path}: the tests cannot be read: {error.strerror or 'unreadable'}"
            ) from error
        inside = path.is_relative_to(root.resolve())
        shown = path.relative_to(root.resolve()) if inside else path
        found.append((shown.as_posix(), data))
    return tuple(found)


def _named(test: RuleTest, words: Sequence[str]) -> bool:
    name = f"{test.place.path} {test.section} {test.name}".casefold()
    return all(word.casefold() in name for word in words)


@dataclass(slots=True)
class Report:
    """What came of all trials. ``fates`` is None when no mutant was tried."""

    trials: list[Trial]
    results: list[Result]
    by_trial: list[list[Result]]
    took_s: float
    coverage: list[Coverage] = field(default_factory=list)
    fates: list[Fate] | None = None
    suggestions: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[Result]:
        """The cases that failed."""
        return [one for one in self.results if not one.passed]

    @property
    def survivors(self) -> list[Fate]:
        """The mutants that no test has noticed."""
        return [one for one in self.fates or () if one.fate == SURVIVED]

    def measure(self, *, whole: bool) -> None:
        """Measure what the tests have seen of each set of rule files.

        The tests of an overlay ask the same rules as those of its base. Unless all
        tests were run, only the sections that were asked count.
        """
        under: dict[Files, tuple[Rulebook, list[Result]]] = {}
        for trial, results in zip(self.trials, self.by_trial, strict=True):
            known = under.setdefault(trial.sources.rules, (trial.rulebook, []))
            known[1].extend(results)
        self.coverage = [
            measure(book, results, sections_of(results, whole=whole))
            for book, results in under.values()
        ]

    def suggest(self, host: Host, *, whole: bool) -> None:
        """Work out the cases at the boundary that are missing."""
        for trial, results in zip(self.trials, self.by_trial, strict=True):
            sections = sections_of(results, whole=whole)
            found = suggest(trial.rulebook, results, host, sections)
            self.suggestions.extend(found)

    def fine(self, least: Decimal | None) -> bool:
        """Whether all passed, no mutant survived, and enough was covered."""
        enough = least is None or all(
            min(one.rules_share, one.atoms_share) >= least for one in self.coverage
        )
        return not self.failed and not self.survivors and enough


def run_trials(trials: list[Trial], host: Host) -> Report:
    """Run every test of every trial."""
    started = perf_counter()
    by_trial = [list(trial.run(host)) for trial in trials]
    took_s = perf_counter() - started
    results = [one for under in by_trial for one in under]
    return Report(trials, results, by_trial, took_s)


def selected(trials: Iterable[Trial]) -> int:
    """Return how many tests there are to run."""
    return sum(len(trial.tests) + len(trial.tapes) for trial in trials)
