"""What reads each section; here what tunes the others, stops them, names symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from quorate.contract.vocabulary import DURATION, Kind
from quorate.rulebook.build_orders import checks, errors, exits, orders
from quorate.rulebook.build_votes import entry, votes
from quorate.rulebook.builder import ANY_TIME, FLAG, Bounds, Builder
from quorate.rulebook.nodes import Path
from quorate.rulebook.params import Param
from quorate.rulebook.rules import Alias, Formula, SwitchRule, TuningRule
from quorate.rulebook.terms import Name, Want
from quorate.values.mode import Mode


def tuning(builder: Builder) -> list[TuningRule]:
    """Return the tuning rules."""
    names = builder.names("tuning")
    rules = []
    for path, item in builder.items("tuning"):
        settings = _settings(builder, path, item, names)
        when = builder.condition(path, item, "when", names, exact=True)
        until = builder.formula(
            item.get("until"), (*path, "until"), FLAG, names, exact=True
        )
        at_most_every = builder.formula(
            item.get("at_most_every"),
            (*path, "at_most_every"),
            Want.number(DURATION),
            names,
            exact=True,
            bounds=ANY_TIME,
        )
        if when is None:
            continue
        rules.append(
            TuningRule(
                **builder.head(path, item),
                when=when,
                until=until,
                min_samples=item["min_samples"],
                at_most_every=at_most_every,
                settings=settings,
            )
        )
    return rules


def _settings(
    builder: Builder, path: Path, item: Mapping[str, Any], names: Mapping[str, Name]
) -> tuple[tuple[str, Formula], ...]:
    settings = []
    for name, raw in item["then"]["set"].items():
        set_path = (*path, "then", "set", name)
        param = builder.params.by_name.get(name)
        if param is None:
            if name not in builder.unread:
                message = f"there is no param `{name}`"
                known = builder.params.by_name
                builder.complain("R412", message, set_path, at_key=True, known=known)
            continue
        if param.kind is Kind.NUMBER and None in (param.low, param.high):
            message = f"`{name}` has no `min` and `max`, so nothing bounds its tuning"
            advice = "declare both under params"
            builder.complain("R423", message, set_path, advice, at_key=True)
        formula = builder.formula(
            raw,
            set_path,
            Want((param.kind,), param.unit),
            names,
            exact=True,
            bounds=_bounds(param),
        )
        if formula is not None:
            settings.append((name, formula))
    return tuple(settings)


def _bounds(param: Param) -> Bounds | None:
    low, high = param.low, param.high
    if low is None or high is None:
        return None
    words = f"from {param.write(low)} to {param.write(high)}"
    return Bounds(words, lambda value: low <= value <= high)


def switches(builder: Builder) -> list[SwitchRule]:
    """Return the kill switches, in the order of the file."""
    names = builder.names("switches")
    rules = []
    for path, item in builder.items("switches"):
        when = builder.condition(path, item, "when", names, exact=True)
        if when is not None:
            mode = Mode(item["then"]["mode"])
            head = builder.head(path, item)
            rules.append(SwitchRule(**head, when=when, mode=mode))
    return rules


def symbols(builder: Builder) -> list[Alias]:
    """Return the aliases."""
    found = []
    for path, item in builder.items("symbols"):
        match, means = item["match"], item["means"]
        if means.count("*") != match.count("*"):
            message = "`means` needs a * for each * of `match`"
            builder.complain("R424", message, (*path, "means"))
        found.append(Alias(match=match, means=means, place=builder.document.span(path)))
    return found


SECTIONS: Mapping[str, Callable[[Builder], list[Any]]] = {
    "votes": votes,
    "entry": entry,
    "checks": checks,
    "orders": orders,
    "errors": errors,
    "exits": exits,
    "tuning": tuning,
    "switches": switches,
    "symbols": symbols,
}
"""What reads each section, in the order of the road of a trade."""
