"""``quorate doctor``: is everything that live trading rests on in order?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from quorate.face.options import counted, json_option, print_json
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quorate.face.live_findings import Finding

_STYLES = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command()
@click.option(
    "--journal",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The journal to look at; that of the workspace's exchange when left out.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@json_option
@pass_session
def doctor(session: Session, journal: Path | None, strict: bool, as_json: bool) -> None:
    """Look at what live trading rests on. Sends no order.

    Keys and what they may do, the clock, markets, minimums, fees against the rules'
    targets, the rate tier, the journal, free space, plugins and rules. Exits with 1
    when something is wrong.
    """
    from quorate.face.live_doctor import Examination  # noqa: PLC0415

    findings = Examination(session.workspace(), journal).examine()
    errors = sum(1 for one in findings if one.level == "error")
    warnings = sum(1 for one in findings if one.level == "warning")
    if as_json:
        _print_json(findings, errors, warnings)
    else:
        _print(findings)
        click.echo(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}")
    found = errors + (warnings if strict else 0)
    click.get_current_context().exit(1 if found else 0)


def _print(findings: Sequence[Finding]) -> None:
    from quorate.drivers.secrecy import redact  # noqa: PLC0415

    for one in findings:
        level = click.style(f"{one.level:<8}", fg=_STYLES[one.level])
        click.echo(redact(f"{level} {one.subject:<10} {one.told}"))
        if one.advice:
            click.echo(redact(f"{'':<19} -> {one.advice}"))


def _print_json(findings: Sequence[Finding], errors: int, warnings: int) -> None:
    from quorate.drivers.secrecy import redact  # noqa: PLC0415

    print_json(
        {
            "ok": not errors,
            "errors": errors,
            "warnings": warnings,
            "findings": [
                {
                    "level": str(one.level),
                    "subject": one.subject,
                    "told": redact(one.told),
                    "advice": one.advice,
                }
                for one in findings
            ],
        }
    )
