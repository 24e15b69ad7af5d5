"""A short run of the fuzzer, the same each time; ``make fuzz`` runs it for long."""

from __future__ import annotations

import pytest
from tests.fuzz.targets import Input, try_one

INPUTS, PARTS = 160, 4


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_but_problems_comes_of_a_file(part: int) -> None:
    evaluated = 0
    for seed in range(part * INPUTS // PARTS, (part + 1) * INPUTS // PARTS):
        try:
            evaluated += try_one(Input(seed))
        except Exception as error:
            error.add_note(f"python -m tests.fuzz --seed {seed} --count 1")
            raise
    assert evaluated, "no expression was accepted: the inputs have become too wild"
