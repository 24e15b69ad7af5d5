"""Turn the sections of checked documents into rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from quorate.contract.vocabulary import (
    AMOUNT,
    DURATION,
    MONEY,
    PRICE,
    RATIO,
    Fact,
    Function,
)
from quorate.rulebook.compile_function import compile_value
from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.expression import read_expression
from quorate.rulebook.literals import read_quantity
from quorate.rulebook.nodes import Path
from quorate.rulebook.params import Params
from quorate.rulebook.rules import (
    Alias,
    CheckRule,
    EntryRule,
    ErrorRule,
    ExitRule,
    Formula,
    How,
    OrderRule,
    TuningRule,
    VoteRule,
)
from quorate.rulebook.sections import names_for
from quorate.rulebook.shape import source_line
from quorate.rulebook.terms import Name, Want
from quorate.rulebook.text import Document
from quorate.values.trade import OrderType, Side, TimeInForce

FLAG = Want.flag()


@dataclass(slots=True)
class Builder:
    """Reads the rules of one document; problems are collected, never raised."""

    document: Document
    facts: Mapping[str, Fact]
    functions: Mapping[str, Function]
    params: Params
    problems: list[Problem] = field(default_factory=list)

    def items(self, section: str) -> list[tuple[Path, dict[str, Any]]]:
        """Return the rules of a section with their paths."""
        listed = self.document.value.get(section, [])
        return [((section, index), item) for index, item in enumerate(listed)]

    def complain(self, code: str, message: str, path: Path, advice: str = "") -> None:
        """Note a problem at the value at ``path``."""
        span = self.document.span(path)
        line = source_line(self.document, span)
        self.problems.append(Problem(code, message, span, help=advice, source=line))

    def names(self, section: str) -> dict[str, Name]:
        """Return what an expression of ``section`` may mention."""
        return names_for(section, self.facts, self.params)

    def formula(
        self,
        raw: Any,
        path: Path,
        want: Want,
        names: Mapping[str, Name],
        *,
        exact: bool,
    ) -> Formula | None:
        """Return the compiled expression at ``path``, None when absent or wrong."""
        if raw is None:
            return None
        span = self.document.span(path)
        style = self.document.styles.get(path, "")
        text = raw if isinstance(raw, str) else _as_text(raw)
        expression, problems = read_expression(
            text,
            names,
            self.functions,
            want,
            span,
            source_line(self.document, span),
            quoted=style in ("'", '"'),
        )
        self.problems.extend(problems)
        if expression is None:
            return None
        return Formula(expression, exact, compile_value(expression, exact=exact))


def _as_text(raw: Any) -> str:
    if isinstance(raw, bool):
        return "True" if raw else "False"
    return f"{raw:f}" if isinstance(raw, Decimal) else str(raw)


def _place(builder: Builder, path: Path) -> Span:
    return builder.document.span((*path, "id"))


def votes(builder: Builder) -> list[VoteRule]:
    """Return the votes and vetoes."""
    rules = []
    for path, item in builder.items("votes"):
        names = builder.names("votes")
        lets = []
        for name, raw in item.get("let", {}).items():
            let_path = (*path, "let", name)
            if name in names:
                builder.complain("R404", f"`{name}` is already a name", let_path)
                continue
            formula = builder.formula(
                raw,
                let_path,
                Want(tuple(FLAG.kinds + Want.number().kinds)),
                names,
                exact=False,
            )
            if formula is not None:
                lets.append((name, formula))
                shape = formula.expression
                names = {**names, name: Name(name, shape.kind, shape.unit)}
        if "veto" in item and "score" in item:
            builder.complain(
                "R405", "a vote has a `score` or a `veto`, not both", (*path, "veto")
            )
        rules.append(
            VoteRule(
                id=item["id"],
                place=_place(builder, path),
                assistant=item["assistant"],
                weight=float(item.get("weight", 1)),
                timeframes=_timeframes(builder, path, item),
                lets=tuple(lets),
                when=builder.formula(
                    item.get("when"), (*path, "when"), FLAG, names, exact=False
                ),
                score=builder.formula(
                    item.get("score"),
                    (*path, "score"),
                    Want.score(),
                    names,
                    exact=False,
                ),
                veto=builder.formula(
                    item.get("veto"),
                    (*path, "veto"),
                    FLAG,
                    builder.names("vetoes"),
                    exact=False,
                ),
            )
        )
    return rules


def _timeframes(
    builder: Builder, path: Path, item: Mapping[str, Any]
) -> tuple[tuple[int | str, float], ...]:
    found: list[tuple[int | str, float]] = []
    for key, weight in item.get("timeframes", {}).items():
        key_path = (*path, "timeframes", key)
        quantity = read_quantity(key)
        param = builder.params.by_name.get(key)
        if quantity is not None and quantity[1] == DURATION and quantity[0] > 0:
            found.append((int(quantity[0]), float(weight)))
        elif param is not None and param.unit == DURATION:
            found.append((key, float(weight)))
        else:
            builder.complain(
                "R406",
                f"`{key}` is neither a duration nor a duration param",
                key_path,
                "write 5m, or the name of a param whose value is a duration",
            )
    return tuple(found)


def entry(builder: Builder) -> list[EntryRule]:
    """Return the entry rules."""
    names = builder.names("entry")
    rules = []
    for path, item in builder.items("entry"):
        then = item["then"]
        if ("quote_amount" in then) == ("amount" in then):
            builder.complain(
                "R407",
                "an entry says either `quote_amount` or `amount`",
                (*path, "then"),
            )
        when = builder.formula(item["when"], (*path, "when"), FLAG, names, exact=False)
        quote_amount = builder.formula(
            then.get("quote_amount"),
            (*path, "then", "quote_amount"),
            Want.number(MONEY),
            names,
            exact=True,
        )
        amount = builder.formula(
            then.get("amount"),
            (*path, "then", "amount"),
            Want.number(AMOUNT),
            names,
            exact=True,
        )
        if when is not None:
            rules.append(
                EntryRule(
                    id=item["id"],
                    place=_place(builder, path),
                    when=when,
                    quote_amount=quote_amount,
                    amount=amount,
                )
            )
    return rules


def checks(builder: Builder) -> list[CheckRule]:
    """Return the checks in the order of the file."""
    names = builder.names("checks")
    rules = []
    for path, item in builder.items("checks"):
        if "require" not in item and "then" not in item:
            builder.complain(
                "R408", "a check needs a `require`, or a `then` that adjusts", path
            )
        if "otherwise" in item and "require" not in item:
            builder.complain(
                "R408", "`otherwise` needs a `require`", (*path, "otherwise")
            )

        def part(
            *keys: str, want: Want, item: dict[str, Any] = item, path: Path = path
        ) -> Formula | None:
            raw: Any = item
            for key in keys:
                raw = raw.get(key) if raw is not None else None
            return builder.formula(raw, (*path, *keys), want, names, exact=True)

        rules.append(
            CheckRule(
                id=item["id"],
                place=_place(builder, path),
                side=Side(item["side"]) if "side" in item else None,
                guards=item.get("guards", ""),
                when=part("when", want=FLAG),
                require=part("require", want=FLAG),
                amount=part("then", "amount", want=Want.number(AMOUNT)),
                wait=part("otherwise", "wait", want=Want.number(DURATION)),
                reallocate=part("otherwise", "reallocate", want=FLAG),
                give_up_after=part(
                    "otherwise", "give_up_after", want=Want.number(DURATION)
                ),
                write_off=bool(item.get("otherwise", {}).get("write_off", False)),
            )
        )
    return rules


def _how(
    builder: Builder, then: Mapping[str, Any], path: Path, names: Mapping[str, Name]
) -> How:
    kind = OrderType(then.get("type", "limit"))
    in_force = then.get("time_in_force", "IOC" if kind is OrderType.MARKET else "GTC")

    def part(key: str, want: Want) -> Formula | None:
        return builder.formula(then.get(key), (*path, key), want, names, exact=True)

    how = How(
        type=kind,
        time_in_force=TimeInForce(in_force),
        post_only=bool(then.get("post_only", False)),
        limit_price=part("limit_price", Want.number(PRICE)),
        cancel_after=part("cancel_after", Want.number(DURATION)),
        max_attempts=part("max_attempts", Want.number(RATIO)),
    )
    if kind is OrderType.MARKET and "limit_price" in then:
        builder.complain(
            "R409", "a market order has no limit price", (*path, "limit_price")
        )
    return how


def orders(builder: Builder) -> list[OrderRule]:
    """Return the ways to send an entry, in the order of the file."""
    names = builder.names("orders")
    rules = []
    for path, item in builder.items("orders"):
        then_path = (*path, "then")
        if item["then"]["type"] == "limit" and "limit_price" not in item["then"]:
            builder.complain("R409", "a limit order needs a `limit_price`", then_path)
        rules.append(
            OrderRule(
                id=item["id"],
                place=_place(builder, path),
                when=builder.formula(
                    item.get("when"), (*path, "when"), FLAG, names, exact=True
                ),
                how=_how(builder, item["then"], then_path, names),
            )
        )
    return rules


def errors(builder: Builder) -> list[ErrorRule]:
    """Return the known errors, in the order of the file."""
    names = builder.names("errors")
    rules = []
    for path, item in builder.items("errors"):
        then = item["then"]
        try:
            pattern = re.compile(item["match"])
        except re.error as error:
            builder.complain(
                "R410", f"not a regular expression: {error}", (*path, "match")
            )
            continue

        def part(
            key: str, want: Want, then: dict[str, Any] = then, path: Path = path
        ) -> Formula | None:
            raw = then.get(key)
            return builder.formula(raw, (*path, "then", key), want, names, exact=True)

        rules.append(
            ErrorRule(
                id=item["id"],
                place=_place(builder, path),
                pattern=pattern,
                when=builder.formula(
                    item.get("when"), (*path, "when"), FLAG, names, exact=True
                ),
                retry=then["retry"],
                wait=part("wait", Want.number(DURATION)),
                amount=part("amount", Want.number(AMOUNT)),
                learn=then.get("learn", ""),
                stop=then.get("stop", ""),
                stop_for=part("stop_for", Want.number(DURATION)),
            )
        )
    return rules


def exits(builder: Builder) -> list[ExitRule]:
    """Return the exits, in the order of the file."""
    names = builder.names("exits")
    rules = []
    for path, item in builder.items("exits"):
        then, then_path = item["then"], (*path, "then")
        if ("when" in item) == ("rest" in item):
            builder.complain(
                "R411", "an exit has either `when` (watched) or `rest` (resting)", path
            )
        watched_limit = "when" in item and then.get("type") == "limit"
        if watched_limit and "limit_price" not in then:
            builder.complain("R409", "a limit exit needs a `limit_price`", then_path)
        share = builder.formula(
            then["sell"], (*then_path, "sell"), Want.number(RATIO), names, exact=True
        )
        if "type" not in then and "when" in item:
            then = {**then, "type": "market"}
        how = _how(builder, then, then_path, names)
        if share is None:
            continue
        rules.append(
            ExitRule(
                id=item["id"],
                place=_place(builder, path),
                when=builder.formula(
                    item.get("when"), (*path, "when"), FLAG, names, exact=False
                ),
                rest=builder.formula(
                    item.get("rest"),
                    (*path, "rest"),
                    Want.number(PRICE),
                    names,
                    exact=True,
                ),
                share=share,
                how=how,
            )
        )
    return rules


def tuning(builder: Builder) -> list[TuningRule]:
    """Return the tuning rules."""
    names = builder.names("tuning")
    rules = []
    for path, item in builder.items("tuning"):
        settings = []
        for name, raw in item["then"]["set"].items():
            set_path = (*path, "then", "set", name)
            param = builder.params.by_name.get(name)
            if param is None:
                builder.complain("R412", f"there is no param `{name}`", set_path)
                continue
            want = Want((param.kind,), param.unit)
            formula = builder.formula(raw, set_path, want, names, exact=True)
            if formula is not None:
                settings.append((name, formula))
        when = builder.formula(item["when"], (*path, "when"), FLAG, names, exact=True)
        if when is None:
            continue
        rules.append(
            TuningRule(
                id=item["id"],
                place=_place(builder, path),
                when=when,
                until=builder.formula(
                    item.get("until"), (*path, "until"), FLAG, names, exact=True
                ),
                min_samples=item["min_samples"],
                at_most_every=builder.formula(
                    item.get("at_most_every"),
                    (*path, "at_most_every"),
                    Want.number(DURATION),
                    names,
                    exact=True,
                ),
                settings=tuple(settings),
            )
        )
    return rules


def symbols(builder: Builder) -> list[Alias]:
    """Return the aliases."""
    return [
        Alias(
            match=item["match"], means=item["means"], place=builder.document.span(path)
        )
        for path, item in builder.items("symbols")
    ]


SECTIONS: Mapping[str, Callable[[Builder], list[Any]]] = {
    "votes": votes,
    "entry": entry,
    "checks": checks,
    "orders": orders,
    "errors": errors,
    "exits": exits,
    "tuning": tuning,
    "symbols": symbols,
}
"""What reads each section, in the order of the road of a trade."""
