"""A progress bar for a run that takes longer than a second."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

PATIENCE_S = 1.0
"""A run that is over sooner shows no bar."""


class TapeProgress:
    """Shows how far a tape has come, on a terminal only."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._off = quiet or not console.is_terminal
        self._began = monotonic()
        self._bar: Progress | None = None

    def show(self, now_ms: int, begin_ms: int, end_ms: int) -> None:
        """Take note of where the run is."""
        if self._off or monotonic() - self._began < PATIENCE_S:
            return
        if self._bar is None:
            self._bar = self._start(end_ms - begin_ms)
        self._bar.update(self._bar.task_ids[0], completed=now_ms - begin_ms)

    def _start(self, total: int) -> Progress:
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        bar.add_task("trading", total=total)
        bar.start()
        return bar

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
