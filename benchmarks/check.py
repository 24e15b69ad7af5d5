"""Time what `quorate check` does after start-up: the shipped rules, and a thousand.

Each sample is divided by PyYAML's own composing of the same files, timed right next to
it, so that a busy machine slows both; what counts is the median of the ratios. Every
rulebook is read anew: what is kept between readings is dropped before each sample.
Run ``python benchmarks/check.py [--json] [--rounds N] [--rules N]``.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter_ns

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "engine"))

from quorate.face.checking import Inputs, check, gather
from quorate.face.workspace import open_workspace
from quorate.host.host import Host
from quorate.rulebook.readable import forget
from quorate.rulebook.rulebook import Sources

IN_A_FILE = 250
"""How many generated rules share a file, so that none is over the size limit."""


@dataclass(frozen=True)
class Result:
    """One rulebook: its rules, what a check takes, and PyYAML's share of it."""

    name: str
    rules: int
    took_ms: float
    ratio: float


def shipped(workspace: Path) -> Inputs:
    """Return the default rulebook with the overlays below it."""
    return gather(open_workspace(workspace), (), ())


def generated(count: int) -> Inputs:
    """Return the default rulebook without its overlays, and generated rules: ``count``.

    Half are entries, a quarter vetoes and a quarter checks; no two are alike.
    """
    base = shipped(ROOT).base
    files = []
    for first in range(0, count, IN_A_FILE):
        numbers = range(first, min(first + IN_A_FILE, count))
        lines = [
            *("votes:", *(_veto(one) for one in numbers if one % 4 == 0)),
            *("entry:", *(_entry(one) for one in numbers if one % 4 in (1, 2))),
            *("checks:", *(_check(one) for one in numbers if one % 4 == 3)),
        ]
        text = "\n".join(lines) + "\n"
        files.append((f"rules/generated-{first}.yaml", text.encode()))
    sources = Sources(rules=(*base.rules, *files), settings=base.settings)
    return replace(shipped(ROOT), base=sources, laid=())


def _veto(number: int) -> str:
    low, high = 10 + number, 11 + number
    text = f"free_quote > {low} and free_quote < {high} and drawdown > 40%"
    return f"  - {{id: veto-{number}, assistant: risk, veto: '{text}'}}"


def _entry(number: int) -> str:
    low, high = 100 + 5 * number, 105 + 5 * number
    when = (
        f"free_quote >= {low} and free_quote < {high} and confidence > min_confidence"
    )
    then = "{side: buy, quote_amount: 'min(position_limit, free_quote * 10%)'}"
    return f"  - id: entry-{number}\n    when: {when}\n    then: {then}"


def _check(number: int) -> str:
    low = (number + 1) / 1e6
    return (
        f"  - id: check-{number}\n    side: buy\n    when: amount < {low}\n"
        f"    then: {{amount: 'max(amount, {low})'}}"
    )


def compose(files: Sequence[tuple[str, bytes]]) -> None:
    """Let PyYAML compose each file, as quickly as it can."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for _, data in files:
        yaml.compose(data.decode(), Loader=loader)


def _timed(work: Callable[[], object]) -> float:
    gc.collect()
    started = perf_counter_ns()
    work()
    return (perf_counter_ns() - started) / 1e6


def measure(name: str, inputs: Inputs, host: Host, rounds: int) -> Result:
    """Time the check of one rulebook.

    Raises:
        SystemExit: the rulebook has errors; then nothing was measured.
    """
    checked = check(inputs, host)
    if checked.rulebook is None:
        raise SystemExit(f"{name}: {checked.problems[0]}")
    files = [
        *inputs.base.rules,
        *(file for one in inputs.laid for laid in one.overlays for file in laid),
    ]
    took, ratios = [], []
    for _ in range(rounds):
        forget()
        baseline = _timed(lambda: compose(files))
        took.append(_timed(lambda: check(inputs, host)))
        ratios.append(took[-1] / baseline)
    return Result(
        name=name,
        rules=sum(checked.rulebook.counts().values()),
        took_ms=statistics.median(took),
        ratio=statistics.median(ratios),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rules", type=int, default=1000)
    options = parser.parse_args()
    host = open_workspace(ROOT).host()
    results = [
        measure("shipped rules", shipped(ROOT), host, options.rounds),
        measure("generated rules", generated(options.rules), host, options.rounds),
    ]
    if options.json:
        print(json.dumps([vars(one) for one in results], indent=2))
        return
    print(f"{'rulebook':<18} {'rules':>6} {'check':>10}   times PyYAML's composing")
    for one in results:
        print(
            f"{one.name:<18} {one.rules:>6,} {one.took_ms:>7,.0f} ms   {one.ratio:.1f}"
        )


if __name__ == "__main__":
    main()
