"""``quorate check``: prove the rules before they trade."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quorate.face.options import counted, json_option, print_json, rulebook_options
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.face.checking import Checked
    from quorate.rulebook.rulebook import Rulebook


@click.command()
@click.argument(
    "paths", metavar="[PATH]...", nargs=-1, type=click.Path(exists=True, path_type=Path)
)
@rulebook_options
@click.option(
    "--format",
    "layout",
    type=click.Choice(["full", "concise", "json"]),
    default="full",
    help="full shows the source with carets, concise one line a problem.",
)
@json_option
@click.option("--strict", is_flag=True, help="Warnings count as findings.")
@pass_session
def check(
    session: Session,
    paths: tuple[Path, ...],
    overlays: tuple[Path, ...],
    settings: tuple[tuple[str, str], ...],
    layout: str,
    as_json: bool,
    strict: bool,
) -> None:
    """Prove the rules before they trade.

    Prints every problem of every file at once.

    PATHs are rule files and folders that make one rulebook together; the workspace's
    rules and overlays when left out. Exits with 1 when there are findings, 2 when
    nothing could be checked.
    """
    from quorate.face.checking import check as look  # noqa: PLC0415

    workspace = session.workspace().with_overlays(overlays)
    if paths:
        workspace = replace(workspace, overlays=overlays)
    checked = look(workspace, workspace.host(), paths, settings)
    if as_json or layout == "json":
        print_json(_as_dict(checked))
    else:
        _print(checked, concise=layout == "concise")
    found = checked.errors + (checked.warnings if strict else 0)
    click.get_current_context().exit(1 if found else 0)


def _as_dict(checked: Checked) -> dict[str, Any]:
    from quorate.face.checking import facts_of  # noqa: PLC0415
    from quorate.rulebook.printing import as_dict  # noqa: PLC0415

    rulebook = checked.rulebook
    return {
        "ok": checked.errors == 0,
        "errors": checked.errors,
        "warnings": checked.warnings,
        "problems": [as_dict(problem) for problem in checked.problems],
        "plugins": [
            {"name": one.name, "where": one.where, "fault": one.fault}
            for one in checked.refused
        ],
        "files": list(checked.files),
        "facts": facts_of(checked, rulebook) if rulebook else None,
    }


def _print(checked: Checked, *, concise: bool) -> None:
    from quorate.rulebook.printing import render, visible  # noqa: PLC0415

    for problem in checked.problems:
        shown = visible(problem.concise()) if concise else render(problem)
        click.echo(shown)
    for plugin in checked.refused:
        click.echo(f"{plugin.where}: error: plugin {plugin.name}: {plugin.fault}")
    found = (
        f"{counted(checked.errors, 'error')}, {counted(checked.warnings, 'warning')}"
    )
    looked = counted(len(checked.files) + len(checked.overlays), "file")
    if checked.errors or checked.rulebook is None:
        click.echo(f"{found} in {looked}")
        return
    if checked.warnings:
        click.echo(found)
    _print_facts(checked, checked.rulebook)


def _print_facts(checked: Checked, rulebook: Rulebook) -> None:
    from quorate.face.checking import facts_of  # noqa: PLC0415

    facts = facts_of(checked, rulebook)
    rules = facts["rules"]
    names, params = facts["names"], facts["params"]
    changes = params["overridden"]
    click.echo(f"ok: {counted(sum(rules.values()), 'rule')}, rulebook {facts['hash']}")
    each = ", ".join(f"{name} {count}" for name, count in rules.items() if count)
    lines = [
        ("rules", each),
        ("files", f"{len(facts['files'])}: {', '.join(facts['files'])}"),
        ("names", f"{len(names['used'])} of {names['known']} are used"),
        ("params", f"{params['count']}, {len(changes)} overridden"),
        *(
            ("", f"{c['name']} = {c['value']} ({c['by']}, {c['origin']})")
            for c in changes
        ),
        *(
            (f"guard {guard}", ", ".join(_guard(one) for one in found))
            for guard, found in facts["guards"].items()
        ),
    ]
    if checked.overlays:
        laid = ", ".join(checked.overlays)
        lines.append(("overlays", f"not laid on, checked each alone: {laid}"))
    for label, text in lines:
        click.echo(f"  {label:<18} {text}")


def _guard(found: dict[str, str]) -> str:
    sides = {"both": "buys and sells", "buy": "buys", "sell": "sells"}
    return f"{found['rule']} ({sides[found['side']]})"
