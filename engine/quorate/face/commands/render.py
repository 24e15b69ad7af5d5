"""``quorate render``: the rulebook as it counts, with the origin of every value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from quorate.face.options import json_option, print_json, rulebook_options
from quorate.face.session import Session, pass_session

if TYPE_CHECKING:
    from quorate.rulebook.params import Param
    from quorate.rulebook.rulebook import Rulebook


@click.command()
@rulebook_options
@click.option("--symbol", help="Show what params are for this symbol.")
@click.option("--tag", metavar="WORD", help="Show only the rules with this tag.")
@json_option
@pass_session
def render(
    session: Session,
    overlays: tuple[Any, ...],
    settings: tuple[tuple[str, str], ...],
    symbol: str | None,
    tag: str | None,
    as_json: bool,
) -> None:
    """Print the rulebook as it counts, overlays and --set included.

    Every param has the place its value comes from. The output is a rule file again.
    """
    workspace = session.workspace().with_overlays(overlays)
    rulebook = workspace.rulebook(workspace.host(), settings)
    if as_json:
        print_json(_as_dict(rulebook, symbol, tag))
        return
    from quorate.rulebook.rendering import rendered  # noqa: PLC0415

    click.echo(rendered(rulebook, symbol, tag), nl=False)


def _as_dict(rulebook: Rulebook, symbol: str | None, tag: str | None) -> dict[str, Any]:
    from quorate.rulebook.rendering import rules_of, tagged  # noqa: PLC0415
    from quorate.rulebook.sections import POLICIES  # noqa: PLC0415

    return {
        "hash": rulebook.digest,
        "symbol": symbol,
        "params": {
            name: _param(param, symbol)
            for name, param in rulebook.params.by_name.items()
        },
        "rules": [
            {"section": section, "origin": origin, "rule": rule}
            for section, origin, rule in rules_of(rulebook)
            if tagged(rule, tag)
        ],
        "policies": {
            section: {"hit": policy.hit, "why": policy.why}
            for section, policy in POLICIES.items()
        },
    }


def _param(param: Param, symbol: str | None) -> dict[str, Any]:
    held = param.setting_for(symbol)
    before = [one for one in param.settings if one is not held]
    return {
        "value": param.write(held.value),
        "by": held.by,
        "origin": str(held.origin),
        "instead_of": [
            {"value": param.write(one.value), "by": one.by, "origin": str(one.origin)}
            for one in before
        ],
        "for": {
            pattern: {"value": param.write(one.value), "origin": str(one.origin)}
            for pattern, one in param.by_symbol
        },
    }
