"""``quorate plugins``: who takes part, and who is refused and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from quorate.face.options import counted, json_option, print_json
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.host.host import Host, Plugin


@click.command()
@click.option("--hook", metavar="HOOK", help="Only plugins that implement HOOK.")
@json_option
@pass_session
def plugins(session: Session, hook: str | None, as_json: bool) -> None:
    """List the plugins, and why one is refused.

    Exits with 1 when a plugin is refused.
    """
    host = session.workspace().host()
    if hook is not None:
        _must_be_a_hook(hook)
    faults = _faults_of_the_last_run(session)
    listed = [
        _as_dict(host, plugin) | {"last_run": faults.get(plugin.name, [])}
        for plugin in host.plugins.values()
        if hook is None or hook in plugin.hooks
    ]
    if as_json:
        print_json(listed)
    else:
        _print(session, listed)
    refused = any(one["fault"] for one in listed)
    click.get_current_context().exit(1 if refused else 0)


def _faults_of_the_last_run(session: Session) -> dict[str, list[str]]:
    """Return what failed in the newest journal, by plugin; nothing when none is."""
    from quorate.contract.records import PluginFault  # noqa: PLC0415
    from quorate.errors import JournalError  # noqa: PLC0415
    from quorate.face.tape_run import newest_journal  # noqa: PLC0415
    from quorate.journal.journal import Journal  # noqa: PLC0415

    found: dict[str, list[str]] = {}
    try:
        with Journal.open(newest_journal(session.workspace()), read_only=True) as kept:
            for record in kept.records():
                if isinstance(record, PluginFault):
                    off = "; switched off" if record.off else ""
                    told = f"{record.where}: {record.error}{off}"
                    found.setdefault(record.plugin, []).append(told)
    except JournalError:
        return {}
    return found


def _must_be_a_hook(name: str) -> None:
    from quorate.contract.hookspecs import Hooks  # noqa: PLC0415
    from quorate.rulebook.diagnostics import did_you_mean  # noqa: PLC0415

    hooks = [hook for hook in vars(Hooks) if not hook.startswith("_")]
    if name not in hooks:
        near = did_you_mean(name, hooks)
        advice = f"did you mean {near!r}?" if near else f"there are {', '.join(hooks)}"
        raise click.UsageError(f"there is no hook {name!r}; {advice}")


def _as_dict(host: Host, plugin: Plugin) -> dict[str, Any]:
    owned = {name for name, owner in host.owners.items() if owner == plugin.name}
    return {
        "name": plugin.name,
        "source": plugin.source,
        "where": plugin.where,
        "version": plugin.version,
        "hooks": list(plugin.hooks),
        "facts": sorted(owned & host.facts.keys()),
        "functions": sorted(owned & host.functions.keys()),
        "state": "refused" if plugin.fault else "active",
        "fault": plugin.fault,
    }


def _print(session: Session, listed: list[dict[str, Any]]) -> None:
    from rich.table import Table  # noqa: PLC0415

    console = session.console()
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "source", "version", "state", "facts", "functions"):
        table.add_column(heading, justify="right" if heading[0] == "f" else "left")
    table.add_column("hooks", overflow="fold")
    for one in listed:
        table.add_row(
            one["name"],
            one["source"],
            one["version"] or "-",
            one["state"],
            str(len(one["facts"]) or "-"),
            str(len(one["functions"]) or "-"),
            ", ".join(one["hooks"]) or "-",
        )
    console.print(table)
    for one in listed:
        if one["fault"]:
            told = f"{one['name']} ({one['where']}) is refused: {one['fault']}"
            console.print(told, markup=False, soft_wrap=True)
        if one["last_run"]:
            times = counted(len(one["last_run"]), "time")
            told = f"{one['name']} failed {times} in the last run, last in "
            console.print(told + one["last_run"][-1], markup=False, soft_wrap=True)
    console.print(counted(len(listed), "plugin"))
