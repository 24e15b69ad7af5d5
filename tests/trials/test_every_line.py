"""Whoever breaks a line of the default rules is told: by the check, or by a test."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace

from tests.trials.trial_parts import default, default_tests, host, sources

from quorate.rulebook.rulebook import Sources, read_rulebook
from quorate.trials.mutation import meaning, unharmed
from quorate.trials.run import run_tests

EVERY = int(os.environ.get("QUORATE_EVERY", "13"))
"""Of all broken lines so many are tried one at a time; QUORATE_EVERY=1 tries all."""

ENOUGH = 0.98

_OTHER_UNITS = {"%": "s", "s": "%", "m": "%", "h": "m", "d": "h"}
_OTHER_SIGNS = {">=": "<", "<=": ">", ">": "<=", "<": ">=", " and ": " or "}
_OTHER_SIGNS |= {" or ": " and ", " + ": " - ", " * ": " / ", "true": "false"}


def breakages(line: str) -> Iterator[str]:
    """Yield a line broken once: gone, misspelt, of another unit, type or operator."""
    yield ""
    for word in re.finditer(r"[A-Za-z_]{3,}", line):
        at = word.start() + len(word[0]) // 2
        yield line[:at] + "x" + line[at + 1 :]
    for number in re.finditer(r"(?<![\w.])\d+(?:\.\d+)?(%|ms|[smhd])?(?![\w.])", line):
        unit = number[1] or ""
        bare = number[0].removesuffix(unit)
        other = _OTHER_UNITS.get(unit, "%" if not unit else "")
        yield line[: number.start()] + bare + other + line[number.end() :]
        yield line[: number.start()] + "true" + line[number.end() :]
    for sign, other in _OTHER_SIGNS.items():
        if sign in line:
            yield line.replace(sign, other, 1)


def broken_rules() -> Iterator[tuple[str, Sources]]:
    """Yield every broken rulebook, with what was broken in it."""
    for shown, data in sources().rules:
        lines = data.decode().splitlines()
        for at, line in enumerate(lines):
            told = re.sub(r",? about: [^,}]*|#.*", "", line)
            if not told.strip() or told.strip().startswith("about:"):
                continue
            for other in dict.fromkeys(breakages(told)):
                text = "\n".join([*lines[:at], other, *lines[at + 1 :]]) + "\n"
                rules = tuple(
                    (name, text.encode() if name == shown else kept)
                    for name, kept in sources().rules
                )
                what = f"{shown}:{at + 1}: {told.strip()} -> {other.strip()}"
                yield what, Sources(rules=rules)


def noticed(broken: Sources) -> bool | None:
    """Return whether anything tells of it; None when it means the same."""
    reading = read_rulebook(broken, host().facts, host().functions)
    if reading.rulebook is None:
        return True
    if meaning(reading.rulebook) == meaning(default()):
        return None
    with unharmed(host()):
        results = run_tests(default_tests().tests, reading.rulebook, host())
        return any(not one.passed for one in results)


def test_a_broken_line_is_told_of() -> None:
    tried, missed = 0, []
    for at, (what, broken) in enumerate(broken_rules()):
        if at % EVERY:
            continue
        told = noticed(broken)
        tried += told is not None
        if told is False:
            missed.append(what)
    assert tried > 2000 / EVERY / 2
    assert len(missed) <= tried * (1 - ENOUGH), "\n".join(missed)


def test_a_line_that_only_speaks_to_people_may_change() -> None:
    shown, data = sources().rules[0]
    commented = replace(
        sources(), rules=((shown, data + b"# more\n"), *sources().rules[1:])
    )
    assert noticed(commented) is None
