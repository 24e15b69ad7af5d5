"""Read what guards, sends, retries and closes orders."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from quorate.contract.vocabulary import AMOUNT, DURATION, PRICE, RATIO
from quorate.rulebook.builder import (
    ANY_TIME,
    ATTEMPTS,
    FLAG,
    POSITIVE,
    SHADOW,
    SHARE,
    SOME_TIME,
    Bounds,
    Builder,
)
from quorate.rulebook.nodes import Path
from quorate.rulebook.rules import (
    CheckRule,
    ErrorRule,
    ExitRule,
    Formula,
    How,
    OrderRule,
)
from quorate.rulebook.terms import Name, Want
from quorate.values.trade import OrderType, Side, TimeInForce

_TIME = Want.number(DURATION)
_PRICE = Want.number(PRICE)
_AMOUNT = Want.number(AMOUNT)


def checks(builder: Builder) -> list[CheckRule]:
    """Return the checks in the order of the file."""
    names = builder.names("checks")
    return [
        _check(builder, path, item, names) for path, item in builder.items("checks")
    ]


def _check(
    builder: Builder, path: Path, item: Mapping[str, Any], names: Mapping[str, Name]
) -> CheckRule:
    then, otherwise = item.get("then", {}), item.get("otherwise", {})
    if "require" not in item and "then" not in item:
        message = "a check needs a `require`, or a `then` that adjusts"
        builder.complain("R408", message, path)
    _check_guard(builder, item, path)
    if "otherwise" in item and "require" not in item:
        message = "`otherwise` needs a `require`"
        builder.complain("R408", message, (*path, "otherwise"))

    def part(
        holder: Mapping[str, Any], *keys: str, want: Want, bounds: Bounds | None = None
    ) -> Formula | None:
        raw = holder.get(keys[-1])
        return builder.formula(
            raw, (*path, *keys), want, names, exact=True, bounds=bounds
        )

    waits = ("otherwise", "wait"), ("otherwise", "give_up_after")
    return CheckRule(
        **builder.head(path, item),
        side=Side(item["side"]) if "side" in item else None,
        guards=item.get("guards", ""),
        when=builder.condition(path, item, "when", names, exact=True),
        require=part(item, "require", want=FLAG),
        amount=part(then, "then", "amount", want=_AMOUNT, bounds=POSITIVE),
        wait=part(otherwise, *waits[0], want=_TIME, bounds=ANY_TIME),
        reallocate=part(otherwise, "otherwise", "reallocate", want=FLAG),
        give_up_after=part(otherwise, *waits[1], want=_TIME, bounds=ANY_TIME),
        write_off=bool(otherwise.get("write_off", False)),
    )


def _check_guard(builder: Builder, item: Mapping[str, Any], path: Path) -> None:
    """Refuse a guard that looks at some orders only, or at none in earnest."""
    if "guards" not in item:
        return
    for key, why in (("active", "at any time"), ("mode", "in earnest")):
        if key in item and item[key] != "live":
            message = f"a check that guards looks at every order, {why}"
            advice = f"leave `{key}` out, or make it a check of its own"
            builder.complain("R444", message, (*path, key), advice, at_key=True)


def _how(
    builder: Builder, then: Mapping[str, Any], path: Path, names: Mapping[str, Name]
) -> How:
    kind = OrderType(then.get("type", "limit"))
    in_force = then.get("time_in_force", "IOC" if kind is OrderType.MARKET else "GTC")
    _check_how(builder, then, path, kind)

    def part(key: str, want: Want, bounds: Bounds) -> Formula | None:
        raw = then.get(key)
        return builder.formula(
            raw, (*path, key), want, names, exact=True, bounds=bounds
        )

    return How(
        type=kind,
        time_in_force=TimeInForce(in_force),
        post_only=bool(then.get("post_only", False)),
        limit_price=part("limit_price", _PRICE, POSITIVE),
        cancel_after=part("cancel_after", _TIME, SOME_TIME),
        max_attempts=part("max_attempts", Want.number(RATIO), ATTEMPTS),
    )


def _check_how(
    builder: Builder, then: Mapping[str, Any], path: Path, kind: OrderType
) -> None:
    """Refuse what the kind of order cannot do."""
    if kind is OrderType.MARKET:
        if "limit_price" in then:
            message = "a market order has no limit price"
            builder.complain("R409", message, (*path, "limit_price"))
        for key in ("post_only", "cancel_after"):
            if then.get(key):
                message = f"`{key}` does nothing: a market order never rests"
                builder.idle((*path, key), message)
        if then.get("time_in_force") == "GTC":
            message = "`GTC` does nothing: a market order never rests"
            builder.idle((*path, "time_in_force"), message)
    elif then.get("time_in_force") in ("IOC", "FOK"):
        for key in ("post_only", "cancel_after"):
            if then.get(key):
                message = f"`{key}` does nothing: {then['time_in_force']} never rests"
                builder.idle((*path, key), message)


def orders(builder: Builder) -> list[OrderRule]:
    """Return the ways to send an entry, in the order of the file."""
    names = builder.names("orders")
    rules = []
    for path, item in builder.items("orders"):
        then, then_path = item["then"], (*path, "then")
        if then["type"] == "limit" and "limit_price" not in then:
            builder.complain("R409", "a limit order needs a `limit_price`", then_path)
        rules.append(
            OrderRule(
                **builder.head(path, item),
                when=builder.condition(path, item, "when", names, exact=True),
                how=_how(builder, then, then_path, names),
            )
        )
    return rules


def errors(builder: Builder) -> list[ErrorRule]:
    """Return the known errors, in the order of the file."""
    names = builder.names("errors")
    rules = []
    for path, item in builder.items("errors"):
        pattern = _pattern(builder, (*path, "match"), item["match"])
        rule = _error(builder, path, item, names, pattern or re.compile(""))
        if pattern is not None:
            rules.append(rule)
    return rules


def _pattern(builder: Builder, path: Path, text: str) -> re.Pattern[str] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        reason = str(error)
        message = f"`match` is not a regular expression: {reason}"
        builder.complain("R410", message, path)
        return None
    if pattern.search(""):
        message = "`match` finds every error, even an empty one"
        builder.complain("R410", message, path, "name a part of the error's text")
        return None
    return pattern


def _error(
    builder: Builder,
    path: Path,
    item: Mapping[str, Any],
    names: Mapping[str, Name],
    pattern: re.Pattern[str],
) -> ErrorRule:
    then, then_path = item["then"], (*path, "then")
    _check_resolution(builder, then, then_path)

    def part(key: str, want: Want, bounds: Bounds) -> Formula | None:
        raw = then.get(key)
        return builder.formula(
            raw, (*then_path, key), want, names, exact=True, bounds=bounds
        )

    return ErrorRule(
        **builder.head(path, item),
        pattern=pattern,
        when=builder.condition(path, item, "when", names, exact=True),
        retry=then["retry"],
        wait=part("wait", _TIME, ANY_TIME),
        amount=part("amount", _AMOUNT, POSITIVE),
        learn=then.get("learn", ""),
        stop=then.get("stop", ""),
        stop_for=part("stop_for", _TIME, SOME_TIME),
    )


def _check_resolution(builder: Builder, then: Mapping[str, Any], path: Path) -> None:
    """Refuse parts of a resolution that need another part."""
    if not then["retry"]:
        for key in ("wait", "amount"):
            if key in then:
                message = f"`{key}` does nothing: nothing is tried again"
                builder.idle((*path, key), message, "write retry: true")
    if "stop" in then and "stop_for" not in then:
        message = "`stop` needs a `stop_for`: how long entries stop"
        builder.idle((*path, "stop"), message)
    if "stop_for" in then and "stop" not in then:
        message = "`stop_for` does nothing without a `stop`"
        builder.idle((*path, "stop_for"), message, "add stop: symbol, or stop: all")


def exits(builder: Builder) -> list[ExitRule]:
    """Return the exits, in the order of the file."""
    names = builder.names("exits")
    rules = []
    for path, item in builder.items("exits"):
        rule = _exit(builder, path, item, names)
        if rule is not None:
            rules.append(rule)
    return rules


def _exit(
    builder: Builder, path: Path, item: Mapping[str, Any], names: Mapping[str, Name]
) -> ExitRule | None:
    then, then_path = item["then"], (*path, "then")
    _check_exit(builder, item, path)
    ratio = Want.number(RATIO)
    share = builder.formula(
        then["sell"], (*then_path, "sell"), ratio, names, exact=True, bounds=SHARE
    )
    if "type" not in then and "when" in item:
        then = {**then, "type": "market"}
    how = _how(builder, then, then_path, names)
    watched = None
    if "when" in item:
        watched = builder.condition(path, item, "when", names, exact=False)
    resting = builder.formula(
        item.get("rest"), (*path, "rest"), _PRICE, names, exact=True, bounds=POSITIVE
    )
    if share is None:
        return None
    return ExitRule(
        **builder.head(path, item),
        when=watched,
        rest=resting,
        share=share,
        how=how,
        apply_open=item.get("apply") == "open",
    )


def _check_exit(builder: Builder, item: Mapping[str, Any], path: Path) -> None:
    then, then_path = item["then"], (*path, "then")
    if ("when" in item) == ("rest" in item):
        message = "an exit has either `when` (watched) or `rest` (resting)"
        builder.complain("R411", message, path)
    elif "when" in item:
        if then.get("type") == "limit" and "limit_price" not in then:
            builder.complain("R409", "a limit exit needs a `limit_price`", then_path)
    else:
        if "active" in item:
            message = "`active` does nothing for a resting exit: its order stays"
            builder.idle((*path, "active"), message, "watch for its price with `when`")
        if item.get("mode") == SHADOW:
            message = "a resting exit cannot be a shadow: nobody knows what would fill"
            builder.idle((*path, "mode"), message, "watch for its price with `when`")
        if "limit_price" in then:
            message = "`rest` is the limit price of a resting exit"
            builder.complain("R409", message, (*then_path, "limit_price"))
        if then.get("type") == "market" or then.get("time_in_force", "GTC") != "GTC":
            key = "type" if then.get("type") == "market" else "time_in_force"
            builder.idle((*then_path, key), "a resting exit is a GTC limit order")
