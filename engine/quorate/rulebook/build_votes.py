"""Read what decides whether to trade: votes, vetoes and entry rules."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import AMOUNT, DURATION, MONEY
from quorate.rulebook.builder import FLAG, POSITIVE, SCORE, SHADOW, Builder
from quorate.rulebook.check_calls import ARITHMETIC
from quorate.rulebook.diagnostics import Severity
from quorate.rulebook.literals import read_quantity
from quorate.rulebook.nodes import Path
from quorate.rulebook.rules import EntryRule, Formula, VoteRule
from quorate.rulebook.terms import Name, Want
from quorate.values.timeframes import is_timeframe

_PART = Want((*FLAG.kinds, *Want.number().kinds))
_FORM = "write 5m, or the name of a param whose value is a duration"
_SCORE_KEYS = ("timeframes", "let", "when")


def votes(builder: Builder) -> list[VoteRule]:
    """Return the votes and vetoes."""
    return [_vote(builder, path, item) for path, item in builder.items("votes")]


def _vote(builder: Builder, path: Path, item: Mapping[str, Any]) -> VoteRule:
    _check_keys(builder, path, item)
    lets, names, builder = _lets(builder, path, item)
    when, score = item.get("when"), item.get("score")
    return VoteRule(
        **builder.head(path, item),
        assistant=item["assistant"],
        weight=float(item.get("weight", 1)),
        timeframes=_timeframes(builder, path, item),
        lets=lets,
        when=builder.formula(when, (*path, "when"), FLAG, names, exact=False),
        score=builder.formula(
            score, (*path, "score"), Want.score(), names, exact=False, bounds=SCORE
        ),
        veto=_veto(builder, path, item),
    )


def _veto(builder: Builder, path: Path, item: Mapping[str, Any]) -> Formula | None:
    if "veto" in item:
        names = builder.names("vetoes")
        return builder.condition(path, item, "veto", names, exact=False)
    if "active" in item:
        builder.idle(
            (*path, "active"),
            "`active` does nothing without a `veto`: votes look at candles alone",
            "give the window to an entry rule",
        )
    if item.get("mode") == SHADOW:
        message = "only a veto can be a shadow: confidence has one value"
        builder.idle((*path, "mode"), message)
    return None


def _check_keys(builder: Builder, path: Path, item: Mapping[str, Any]) -> None:
    """Refuse keys that would do nothing in this kind of vote."""
    if "veto" in item and "score" in item:
        builder.complain(
            "R405", "a vote has a `score` or a `veto`, not both", (*path, "veto")
        )
    elif "veto" in item:
        for key in (*_SCORE_KEYS, "weight"):
            if key in item:
                builder.idle((*path, key), f"`{key}` does nothing beside a `veto`")
    elif "score" not in item:
        for key in _SCORE_KEYS:
            if key in item:
                builder.idle(
                    (*path, key),
                    f"`{key}` does nothing without a `score`",
                    "without a `score`, the vote gives a plugin's own vote its weight",
                )
        _check_voter(builder, path, item["assistant"])


def _check_voter(builder: Builder, path: Path, assistant: str) -> None:
    if builder.voters is not None and assistant not in builder.voters:
        builder.complain(
            "R422",
            f"no plugin `{assistant}` votes by itself, so this weighs nothing",
            (*path, "assistant"),
            "add a `score` or a `veto`",
            Severity.WARNING,
            known=builder.voters,
        )


def _lets(
    builder: Builder, path: Path, item: Mapping[str, Any]
) -> tuple[tuple[tuple[str, Formula], ...], Mapping[str, Name], Builder]:
    """Return a vote's own names, all names it may mention, and who reads the rest.

    What mentions a name that could not be read is not a second problem.
    """
    names = builder.names("votes")
    lets: list[tuple[str, Formula]] = []
    for name, raw in item.get("let", {}).items():
        let_path = (*path, "let", name)
        taken = name in names or name in builder.functions or name in ARITHMETIC
        if taken or keyword.iskeyword(name):
            builder.complain("R404", f"`{name}` is already a name", let_path)
            continue
        formula = builder.formula(raw, let_path, _PART, names, exact=False)
        if formula is None:
            builder = replace(builder, unread=builder.unread | {name})
            continue
        lets.append((name, formula))
        shape = formula.expression
        names = {**names, name: Name(name, shape.kind, shape.unit)}
    return tuple(lets), names, builder


def _timeframes(
    builder: Builder, path: Path, item: Mapping[str, Any]
) -> tuple[tuple[int | str, float], ...]:
    found: list[tuple[int | str, float]] = []
    for key, weight in item.get("timeframes", {}).items():
        key_path = (*path, "timeframes", key)
        quantity = read_quantity(key)
        param = builder.params.by_name.get(key)
        if quantity is not None and quantity[1] == DURATION:
            _check_timeframe(builder, key_path, quantity[0], key)
            found.append((int(quantity[0]), float(weight)))
        elif param is not None and param.unit == DURATION:
            for setting in (*param.settings, *(one for _, one in param.by_symbol)):
                assert isinstance(setting.value, Decimal)
                shown = f"{key} ({param.write(setting.value)}, {setting.origin})"
                _check_timeframe(builder, key_path, setting.value, shown)
            found.append((key, float(weight)))
        elif key not in builder.unread:
            message = f"`{key}` is neither a duration nor a duration param"
            known = builder.params.by_name
            builder.complain("R406", message, key_path, _FORM, at_key=True, known=known)
    return tuple(found)


def _check_timeframe(builder: Builder, path: Path, value: Decimal, shown: str) -> None:
    if value != int(value) or not is_timeframe(int(value)):
        builder.complain(
            "R406",
            f"`{shown}` is no timeframe: candles last whole minutes that divide a day",
            path,
            "write 1m, 5m, 15m, 30m, 1h, 4h or 1d",
            at_key=True,
        )


def entry(builder: Builder) -> list[EntryRule]:
    """Return the entry rules."""
    names = builder.names("entry")
    rules = []
    for path, item in builder.items("entry"):
        then, then_path = item["then"], (*path, "then")
        if ("quote_amount" in then) == ("amount" in then):
            message = "an entry says either `quote_amount` or `amount`"
            builder.complain("R407", message, then_path)
        when = builder.condition(path, item, "when", names, exact=False)
        quote_amount = builder.formula(
            then.get("quote_amount"),
            (*then_path, "quote_amount"),
            Want.number(MONEY),
            names,
            exact=True,
            bounds=POSITIVE,
        )
        amount = builder.formula(
            then.get("amount"),
            (*then_path, "amount"),
            Want.number(AMOUNT),
            names,
            exact=True,
            bounds=POSITIVE,
        )
        if when is not None:
            rules.append(
                EntryRule(
                    **builder.head(path, item),
                    when=when,
                    quote_amount=quote_amount,
                    amount=amount,
                )
            )
    return rules
