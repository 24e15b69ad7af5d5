"""Fuzz the reader of rules for some time: ``python -m tests.fuzz --seconds 600``.

What goes wrong is written into a folder, one file for each input, and named by its
seed: ``--seed N --count 1`` tries it again.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time

from tests.fuzz.targets import Input, try_one

HANGS_AFTER_S = 30
TOLD_EVERY_S = 30.0


@dataclass
class Battery:
    """What was tried so far."""

    folder: Path
    tried: int = 0
    evaluated: int = 0
    found: dict[str, int] = field(default_factory=dict)
    slowest_s: float = 0.0
    slowest: int = -1

    def run(self, first: int, seconds: float, count: int) -> None:
        """Try inputs from a seed on, for so long, or so many."""
        begin_s = told_s = monotonic()
        while self.tried < count and monotonic() - begin_s < seconds:
            self.one(first + self.tried)
            if monotonic() - told_s > TOLD_EVERY_S:
                told_s = monotonic()
                say(self.told())

    def one(self, seed: int) -> None:
        """Try one input; a hang ends the process, and ``under-way.txt`` names it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "under-way.txt").write_text(f"--seed {seed} --count 1\n")
        faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
        begin_s, made = monotonic(), Input(seed)
        try:
            self.evaluated += try_one(made)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._keep(made, error)
        finally:
            faulthandler.cancel_dump_traceback_later()
        took_s = monotonic() - begin_s
        if took_s > self.slowest_s:
            self.slowest_s, self.slowest = took_s, seed
        self.tried += 1

    def _keep(self, made: Input, error: Exception) -> None:
        """Write an input down, the first of each kind of failure only."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        self.found.setdefault(kind, made.seed)
        if self.found[kind] != made.seed:
            return
        for name, data in made.changed().items():
            (self.folder / f"{made.seed}-{name}").write_bytes(data)
        lines = traceback.format_exception(error)
        (self.folder / f"{made.seed}.txt").write_text("".join(lines), "utf-8")
        say(f"seed {made.seed}: {kind}")

    def told(self) -> str:
        """Return the sum of it."""
        return (
            f"{self.tried:,} inputs, {self.evaluated:,} accepted expressions evaluated "
            f"in every form, {len(self.found)} kinds of failure; the slowest "
            f"took {self.slowest_s:.2f} s (seed {self.slowest})"
        )


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the battery; return 1 when something went wrong."""
    words = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    words.add_argument("--seconds", type=float, default=600.0)
    words.add_argument("--count", type=int, default=10**9)
    words.add_argument("--seed", type=int, default=None)
    words.add_argument("--folder", type=Path, default=Path("fuzz-found"))
    said = words.parse_args()
    first = int(time()) if said.seed is None else said.seed
    battery = Battery(said.folder)
    battery.run(first, said.seconds, said.count)
    say(f"from seed {first}: {battery.told()}")
    return 1 if battery.found else 0


if __name__ == "__main__":
    sys.exit(main())
