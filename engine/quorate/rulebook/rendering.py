"""Write a rulebook as it counts: one rule file, with the origin of every value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from quorate.rulebook.build import SECTIONS
from quorate.rulebook.params import Param
from quorate.rulebook.rulebook import Rulebook
from quorate.rulebook.sections import POLICIES
from quorate.rulebook.text import parse_document


def rules_of(rulebook: Rulebook) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (section, origin, rule as written) in the order in which rules count."""
    documents = [
        document
        for shown, data in rulebook.sources.rules
        if (document := parse_document(data, shown)[0]) is not None
    ]
    for section in SECTIONS:
        for document in documents:
            for index, rule in enumerate(document.value.get(section, ())):
                yield section, str(document.span((section, index))), rule


def tagged(rule: Mapping[str, Any], tag: str | None) -> bool:
    """Return whether a rule as written has a tag; every rule has None."""
    return tag is None or tag in rule.get("tags", ())


def rendered(
    rulebook: Rulebook, symbol: str | None = None, tag: str | None = None
) -> str:
    """Return the effective rulebook as YAML; read again, it is the same rulebook.

    With ``symbol`` the params are those of that symbol alone; with ``tag`` only the
    rules that have it are shown, which is no whole rulebook.
    """
    lines = [f"# rulebook {rulebook.digest}", "params:"]
    for param in rulebook.params.by_name.values():
        lines += _param(param, symbol)
    section = ""
    for name, origin, rule in rules_of(rulebook):
        if not tagged(rule, tag):
            continue
        if name != section:
            section = name
            lines += ["", f"# {POLICIES[name]}", f"{section}:"]
        lines.append(f"  # {origin}")
        lines.append(f"  - {_flow(rule)}")
    return "\n".join(lines) + "\n"


def _param(param: Param, symbol: str | None) -> Iterator[str]:
    held = param.setting_for(symbol)
    said = {"value": param.write(held.value)}
    if param.low is not None:
        said["min"] = param.write(param.low)
    if param.high is not None:
        said["max"] = param.write(param.high)
    parts = [f"{key}: {value}" for key, value in said.items()]
    if str(param.unit) in _UNITS:
        parts.append(f"unit: {param.unit}")
    if param.by_symbol and symbol is None:
        others = (
            f"{_flow(key)}: {param.write(one.value)}" for key, one in param.by_symbol
        )
        parts.append(f"for: {{{', '.join(others)}}}")
    if param.about:
        parts.append(f"about: {_flow(param.about)}")
    yield f"  # {held.by}, {held.origin}"
    yield from (
        f"  # instead of {param.write(one.value)} ({one.by}, {one.origin})"
        for one in param.settings
        if one is not held
    )
    yield f"  {param.name}: {{{', '.join(parts)}}}"


_UNITS = ("price", "money", "amount")


def _flow(value: Any) -> str:
    """Return a plain value as YAML on one line; texts are quoted."""
    if isinstance(value, dict):
        parts = (f"{_key(key)}: {_flow(item)}" for key, item in value.items())
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key, ensure_ascii=False)
