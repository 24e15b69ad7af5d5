"""How what a check found is printed: for people, editors, CI servers and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from quorate import __version__
from quorate.face.checking import Checked, facts_of
from quorate.face.options import counted, print_json
from quorate.rulebook.codes import TITLES
from quorate.rulebook.formats import as_github, as_junit, as_sarif
from quorate.rulebook.printing import as_dict, render, visible
from quorate.rulebook.rulebook import Rulebook


def write(checked: Checked, layout: str, mended: int = 0) -> None:
    """Print what was found; ``mended`` edits were made before."""
    show = _LAYOUTS[layout]
    show(checked, mended)


def _full(checked: Checked, mended: int) -> None:
    for problem in checked.problems:
        click.echo(render(problem))
    _summary(checked, mended)


def _concise(checked: Checked, mended: int) -> None:
    for problem in checked.problems:
        click.echo(visible(problem.concise()))
    _summary(checked, mended)


def _github(checked: Checked, mended: int) -> None:
    for problem in checked.problems:
        click.echo(as_github(problem))
    _summary(checked, mended)


def _sarif(checked: Checked, _mended: int) -> None:
    print_json(as_sarif(checked.problems, TITLES, __version__))


def _junit(checked: Checked, _mended: int) -> None:
    click.echo(as_junit(checked.problems, (*checked.files, *checked.overlays)))


def _json(checked: Checked, mended: int) -> None:
    rulebook = checked.rulebook
    print_json(
        {
            "ok": checked.errors == 0,
            "errors": checked.errors,
            "warnings": checked.warnings,
            "hidden": checked.hidden,
            "mended": mended,
            "problems": [as_dict(problem) for problem in checked.problems],
            "plugins": [
                {"name": one.name, "where": one.where, "fault": one.fault}
                for one in checked.refused
            ],
            "files": list(checked.files),
            "facts": facts_of(checked, rulebook) if rulebook else None,
        }
    )


_LAYOUTS: Mapping[str, Callable[[Checked, int], None]] = {
    "full": _full,
    "concise": _concise,
    "json": _json,
    "github": _github,
    "sarif": _sarif,
    "junit": _junit,
}


def _summary(checked: Checked, mended: int) -> None:
    if mended:
        click.echo(f"{counted(mended, 'edit')} made")
    found = (
        f"{counted(checked.errors, 'error')}, {counted(checked.warnings, 'warning')}"
    )
    if checked.hidden:
        found += f"; {checked.hidden} more not shown"
    if checked.errors or checked.rulebook is None:
        looked = counted(len(checked.files) + len(checked.overlays), "file")
        found += f" in {looked}"
        mendable = sum(problem.edit is not None for problem in checked.problems)
        if mendable:
            found += f"; `quorate check --fix` mends {mendable}"
        click.echo(found)
        return
    if checked.warnings or checked.hidden:
        click.echo(found)
    _print_facts(checked, checked.rulebook)


def _print_facts(checked: Checked, rulebook: Rulebook) -> None:
    facts = facts_of(checked, rulebook)
    rules = facts["rules"]
    click.echo(f"ok: {counted(sum(rules.values()), 'rule')}, rulebook {facts['hash']}")
    for label, text in _lines(checked, facts):
        click.echo(f"  {label:<18} {text}")


def _lines(checked: Checked, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    names, params = facts["names"], facts["params"]
    changes = params["overridden"]
    each = ", ".join(
        f"{name} {count}" for name, count in facts["rules"].items() if count
    )
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
    if facts["shadows"]:
        lines.append(("shadows, not acting", ", ".join(facts["shadows"])))
    lines.append(("seen both ways", _proved(checked.proved)))
    if "solver" in checked.proved:
        lines.append(("proved", _solved(checked.proved)))
    if checked.overlays:
        laid = ", ".join(checked.overlays)
        lines.append(("overlays", f"not laid on, checked each alone: {laid}"))
    return lines


def _proved(counts: Mapping[str, int]) -> str:
    both, all_of = counts.get("both ways", 0), counts.get("conditions", 0)
    moments = counts.get("moments", 0)
    return f"{both} of {all_of} conditions, in {moments:,} moments drawn"


def _solved(counts: Mapping[str, int]) -> str:
    """Say what a solver was asked beyond the moments drawn, and what came of it."""
    asked = counts["solver"]
    if not asked:
        return "all that is said of the rules was seen in a moment; nothing was open"
    return (
        f"{counted(asked, 'question')} to the solver: "
        f"{counts.get('solver found', 0)} answered with a moment, "
        f"{counts.get('solver proved', 0)} proved, "
        f"{counts.get('solver exact', 0)} proved for exact numbers, "
        f"{counts.get('solver unknown', 0)} unknown"
    )


def _guard(found: dict[str, str]) -> str:
    sides = {"both": "buys and sells", "buy": "buys", "sell": "sells"}
    return f"{found['rule']} ({sides[found['side']]})"
