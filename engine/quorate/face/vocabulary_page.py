"""The vocabulary as one page of Markdown: all that rules may mention and call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quorate.contract.vocabulary import Stage
from quorate.rulebook.check_calls import ARITHMETIC
from quorate.rulebook.sections import STAGES

Rows = Sequence[Mapping[str, Any]]

_HEAD = """\
# The vocabulary of rules

Every name that an expression may mention, and every function it may call. Written by
`quorate names --format markdown` from what the plugins declare; in a workspace of your
own the same command lists your plugins' names too. [rules.md](rules.md) says what rules
look like.

A fact that is not known (a price that never came, an average of nothing) is no number:
a check that needs it refuses, an entry stays out, an exit is reported.
"""

_STAGES = {
    Stage.MARKET: "Columns of candles, in every timeframe: what functions take.",
    Stage.QUORUM: "What the votes amount to, at the close of a candle.",
    Stage.ACCOUNT: "The state of the account, of risk and of what was learned.",
    Stage.ORDER: "The order that is about to be sent.",
    Stage.POSITION: "The open position that an exit looks at.",
    Stage.FAULT: "The refusal that came back from the venue.",
}

_UNITS = """\
## Kinds

| kind | is | written |
|---|---|---|
| ratio | a number without unit, or a share | `0.75`, `20%` |
| money | quote currency | `250` |
| price | quote currency for one of the base currency | `64000.5` |
| amount | base currency | `0.01` |
| duration | a time span | `250ms`, `30s`, `5m`, `4h`, `2d` |
| flag | true or false | `True`, `False` |
| text | one of the words in its range | `'buy'` |
"""

_FUNCTIONS = """\
## functions

The first argument is a column such as `close`, or an expression of columns; the numbers
after it are plain, and those with `=` may be left out. While too few candles are known
the result is not known, and a vote that needs it abstains.
"""


def page(facts: Mapping[str, Rows], functions: Rows) -> str:
    """Return the page for the facts of each stage, and the functions."""
    parts = [_HEAD, _UNITS]
    for stage, rows in facts.items():
        parts.append("\n".join(_stage(Stage(stage), rows)))
    parts.append(_FUNCTIONS + "\n" + _arithmetic())
    parts.append("\n".join(_table(("call", "unit", "owner", "help"), functions)))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _stage(stage: Stage, rows: Rows) -> Iterator[str]:
    sections = [f"`{name}`" for name, stages in STAGES.items() if stage in stages]
    yield f"## {stage}"
    yield ""
    yield f"{_STAGES[stage]} Mentioned in {', '.join(sections)}."
    yield ""
    yield from _table(("name", "kind", "range", "owner", "help"), rows)


def _arithmetic() -> str:
    calls = [
        f"`{name}` ({least if least == most else f'{least} to {most}'} numbers)"
        for name, (least, most) in ARITHMETIC.items()
        if least > 1
    ]
    return f"In every section: `abs` (one number), {', '.join(calls)}.\n"


def _table(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for row in rows:
        first, *rest = (str(row[column]).replace("|", "\\|") for column in columns)
        yield f"| {' | '.join((f'`{first}`', *rest))} |"
