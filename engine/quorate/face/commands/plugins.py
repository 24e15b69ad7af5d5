"""``quorate plugins``: who takes part, who is refused and why, who may trade live."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from quorate.face.options import counted, json_option, print_json
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.face.workspace import Workspace
    from quorate.host.find import Found
    from quorate.host.host import Host, Plugin


@click.group(invoke_without_command=True)
@click.option("--hook", metavar="HOOK", help="Only plugins that implement HOOK.")
@json_option
@pass_session
@click.pass_context
def plugins(
    ctx: click.Context, session: Session, hook: str | None, as_json: bool
) -> None:
    """List the plugins, and why one is refused.

    Exits with 1 when a plugin is refused. On paper every plugin that is found takes
    part; live trading loads quorate's own and those that were accepted.
    """
    if ctx.invoked_subcommand is not None:
        return
    if hook is not None:
        _must_be_a_hook(hook)
    workspace = session.workspace()
    host = workspace.host()
    trusted = _trusted(workspace)
    faults = _faults_of_the_last_run(session)
    listed = [
        _as_dict(host, plugin)
        | {"last_run": faults.get(plugin.name, [])}
        | trusted.get((plugin.name, plugin.where), {"trust": "-", "live": ""})
        for plugin in host.plugins.values()
        if hook is None or hook in plugin.hooks
    ]
    if as_json:
        print_json(listed)
    else:
        _print(session, listed)
    refused = any(one["fault"] for one in listed)
    ctx.exit(1 if refused else 0)


@plugins.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--yes", is_flag=True, help="Accept without being asked, for scripts.")
@pass_session
def accept(session: Session, names: tuple[str, ...], yes: bool) -> None:
    """Accept plugins for live trading, as they are now; all when none is named.

    Name, version and a hash of every file are written to plugins.lock.yaml. A plugin
    that changes later must be accepted again. Nothing of a plugin runs here.
    """
    from quorate.errors import PluginError  # noqa: PLC0415
    from quorate.host import accepted  # noqa: PLC0415

    workspace = session.workspace()
    before = accepted.read_accepted(workspace.root)
    found = _own(workspace)
    for name in names:
        _must_be_there(name, found)
    wanted = [found[name] for name in names or found]
    trusted = {one.name: accepted.trust(one, before) for one in wanted}
    fresh = [one for one in wanted if trusted[one.name] is not accepted.Trust.ACCEPTED]
    if not fresh:
        click.echo("nothing to accept: " + _why_nothing(len(wanted)))
        return
    after = [accepted.as_found(one) for one in fresh]
    for plugin, told in zip(fresh, after, strict=True):
        version = told.version or "no version"
        click.echo(f"{told.name} ({version}) from {plugin.where}")
        click.echo(f"  {counted(len(told.files), 'file')}, sha256 {told.sha256}")
        if trusted[told.name] is accepted.Trust.CHANGED:
            click.echo(f"  changed: {accepted.what_changed(plugin, before)}")
    if not yes and not sys.stdin.isatty():
        raise PluginError("nothing was accepted: add --yes where nobody can be asked")
    question = f"Let live trading load {counted(len(fresh), 'plugin')} as shown?"
    if not yes and not click.confirm(question):
        click.echo("nothing was accepted")
        click.get_current_context().exit(1)
    kept = before | {one.name: one for one in after}
    accepted.write_accepted(workspace.root, kept.values())
    click.echo(f"accepted {counted(len(fresh), 'plugin')} in {accepted.FILE}")


@plugins.command()
@click.argument("name")
@pass_session
def forget(session: Session, name: str) -> None:
    """Let live trading load the plugin NAME no more."""
    from quorate.host import accepted  # noqa: PLC0415
    from quorate.rulebook.diagnostics import did_you_mean  # noqa: PLC0415

    root = session.workspace().root
    known = accepted.read_accepted(root)
    if known.pop(name, None) is None:
        near = did_you_mean(name, known)
        advice = f"did you mean {near!r}?" if near else "see `quorate plugins`"
        raise click.UsageError(f"no plugin {name!r} was accepted; {advice}")
    accepted.write_accepted(root, known.values())
    click.echo(f"{name} is not accepted any more")


def _own(workspace: Workspace) -> dict[str, Found]:
    """Return the plugins that are not quorate's own, by name, without running them."""
    from quorate.host.find import BUNDLED, find_plugins  # noqa: PLC0415

    found: dict[str, Found] = {}
    taken = set()
    for one in find_plugins(workspace.plugins, without=workspace.without):
        if one.source == BUNDLED:
            taken.add(one.name)
        elif one.name not in taken and one.name not in workspace.without:
            found.setdefault(one.name, one)
    return found


def _trusted(workspace: Workspace) -> dict[tuple[str, str], dict[str, str]]:
    """Return, by name and place, what live trading makes of each plugin, and why."""
    from quorate.host import accepted  # noqa: PLC0415
    from quorate.host.find import find_plugins  # noqa: PLC0415

    known = accepted.read_accepted(workspace.root)
    found = find_plugins(workspace.plugins, without=workspace.without)
    return {
        (one.name, one.where): {
            "trust": str(accepted.trust(one, known)),
            "live": accepted.objection(one, known),
        }
        for one in found
    }


def _must_be_there(name: str, found: Mapping[str, Found]) -> None:
    from quorate.bundle import bundled  # noqa: PLC0415
    from quorate.rulebook.diagnostics import did_you_mean  # noqa: PLC0415

    if name in found:
        return
    if any(path.stem == name for path in bundled("plugins").glob("[!_.]*")):
        raise click.UsageError(f"{name} is bundled: it needs no acceptance")
    near = did_you_mean(name, found)
    advice = f"did you mean {near!r}?" if near else "see `quorate plugins`"
    raise click.UsageError(f"there is no plugin {name!r} of yours; {advice}")


def _why_nothing(wanted: int) -> str:
    return "it is accepted as it is" if wanted else "there are only bundled plugins"


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
        "sha256": plugin.digest,
    }


def _print(session: Session, listed: list[dict[str, Any]]) -> None:
    from rich.table import Table  # noqa: PLC0415

    console = session.console()
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "source", "version", "state", "live", "facts", "functions"):
        table.add_column(heading, justify="right" if heading[0] == "f" else "left")
    table.add_column("hooks", overflow="fold")
    for one in listed:
        table.add_row(
            one["name"],
            one["source"],
            one["version"] or "-",
            one["state"],
            one["trust"],
            str(len(one["facts"]) or "-"),
            str(len(one["functions"]) or "-"),
            ", ".join(one["hooks"]) or "-",
        )
    console.print(table)
    for one in listed:
        if one["fault"]:
            told = f"{one['name']} ({one['where']}) is refused: {one['fault']}"
            console.print(told, markup=False, soft_wrap=True)
        elif one["live"]:
            told = f"{one['name']} ({one['where']}) is {one['live']}"
            console.print(told, markup=False, soft_wrap=True)
        if one["last_run"]:
            times = counted(len(one["last_run"]), "time")
            told = f"{one['name']} failed {times} in the last run, last in "
            console.print(told + one["last_run"][-1], markup=False, soft_wrap=True)
    console.print(counted(len(listed), "plugin"))
