"""Options that several commands take, and how their values are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

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


def rulebook_options(command: Decorated) -> Decorated:
    """Add --overlay and --set."""
    overlay = click.option(
        "--overlay",
        "overlays",
        multiple=True,
        metavar="DIR",
        type=click.Path(exists=True, path_type=Path),
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
