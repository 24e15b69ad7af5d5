"""Options that several commands take, and how their values are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quorate.bundle import bundled

if TYPE_CHECKING:
    from quorate.rulebook.solving import Solver

Decorated = Callable[..., Any]


def pairs(
    ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Return ``name=value`` texts as pairs; refuse those that are none."""
    found = []
    for text in values:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise click.BadParameter(f"{text!r} does not read name=value", ctx)
        found.append((name.strip(), value.strip()))
    return tuple(found)


def found_overlays(
    ctx: click.Context, _parameter: click.Parameter, paths: tuple[Path, ...]
) -> tuple[Path, ...]:
    """Return overlays where they are: here, in the workspace, or among the shipped."""
    workspace = ctx.find_root().params.get("workspace") or Path()
    found = []
    for path in paths:
        places = (path, workspace / path, bundled("rules").parent / path)
        place = next((one for one in places if one.exists()), None)
        if place is None:
            raise click.BadParameter(
                f"{path} does not exist, here or in the workspace", ctx
            )
        found.append(place)
    return tuple(found)


def rulebook_options(command: Decorated) -> Decorated:
    """Add --overlay and --set."""
    overlay = click.option(
        "--overlay",
        "overlays",
        multiple=True,
        metavar="DIR",
        type=click.Path(path_type=Path),
        callback=found_overlays,
        help="Lay the params of another rules folder on; repeatable, last one first.",
    )
    setting = click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        callback=pairs,
        help="Give a param a value for this call; repeatable.",
    )
    return overlay(setting(command))


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


def print_json(value: object) -> None:
    """Print a value as JSON; what JSON does not know is written as text."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def counted(count: int, noun: str) -> str:
    """Return ``1 rule`` or ``5 rules``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def asked_solver() -> Solver:
    """Return a solver for --prove.

    Raises:
        click.UsageError: the package that it needs is not installed.
    """
    from quorate.rulebook.solving import Solver, can_solve  # noqa: PLC0415

    if not can_solve():
        raise click.UsageError(
            "--prove needs the package z3-solver, which is not installed: "
            "pip install 'quorate[prove]'"
        )
    return Solver()
