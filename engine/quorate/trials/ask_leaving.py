"""Ask the sections behind the entry: exits, tuning, switches, params, symbols."""

from __future__ import annotations

from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, cast

from quorate.contract.views import PositionView
from quorate.stages.answers import Moment
from quorate.stages.exits import look
from quorate.stages.tuning import SAMPLES, tune
from quorate.trials.ask_ordering import tell_how
from quorate.trials.book import NONE
from quorate.trials.looks import Outcome, held, value
from quorate.trials.stand import Given, Stand
from quorate.values.mode import Mode
from quorate.values.trade import Position

_FLOATS = ("price", "peak_price", "entry_price", "unit_cost", "held")
_ONE = Decimal(1)


def ask_exits(stand: Stand, steps: int, every_ms: int) -> Outcome:
    """Return the first exit that holds, at the first step at which one does.

    Without steps it is asked once, at the moment that is given.
    """
    if not steps:
        return _ask_exits(stand, {})
    first = dict(stand.given)
    peak: Decimal | None = None
    outcome, looks = Outcome(), []
    missing: dict[str, None] = {}
    for step in range(steps):
        now = {
            name: one[min(step, len(one) - 1)] if isinstance(one, tuple) else one
            for name, one in first.items()
            if name != "sold"
        }
        stand.given = now | {"sold": first.get("sold", ())}
        price = now.get("price")
        if price is not None:
            peak = price if peak is None else max(peak, price)
        clock = {"at_ms": step * every_ms, "opened_ms": 0, "peak_price": peak}
        outcome = _ask_exits(stand, clock)
        missing |= stand.missing
        looks.extend(outcome.looks)
        outcome.found |= {
            "step": Decimal(step + 1),
            "after": Decimal(step * every_ms),
        }
        if outcome.found["fires"] != "none":
            break
    stand.missing = missing
    outcome.looks = looks
    return outcome


def _ask_exits(stand: Stand, clock: dict[str, Any]) -> Outcome:
    rules = stand.rulebook.exits
    exits = stand.conditions(
        "exits", lambda ask: ask.conditions(rules, ["when"], exact=False)
    )
    view = cast("PositionView", Given(_position(stand, clock)))
    moment, outcome = Moment(stand.desk(), position=view), Outcome()
    sold = tuple(stand.given.get("sold", ()))
    position = Position(
        id="", symbol=stand.symbol, rule="", opened_ms=0, exits_fired=sold
    )
    seen = look(stand.answers, exits, position, moment.desk, view)
    found = seen.found.rule if seen.found else None
    outcome.found = {
        "fires": found.id if found else "none",
        "unknown": tuple(rule.id for rule in seen.unknown),
    }
    for rule, part in exits.keys:
        outcome.look(stand, rule, part, rule.when, moment)
        if rule is found:
            break
    if found is not None:
        outcome.found["sell"] = value(stand, found.share, moment)
        outcome.look(stand, found, "sell", found.share, moment)
        tell_how(stand, outcome, found, found.how, moment)
    _rest(stand, outcome, moment)
    return outcome


def _rest(stand: Stand, outcome: Outcome, moment: Moment) -> None:
    """Add what rests in the venue's book; what it needs need not be given."""
    missing = dict(stand.missing)
    for rule in stand.rulebook.exits:
        if rule.rest is None:
            continue
        price = value(stand, rule.rest, moment)
        outcome.found[f"rests.{rule.id}"] = price
        outcome.found[f"sells.{rule.id}"] = value(stand, rule.share, moment)
        if price is not None:
            outcome.look(stand, rule, "rest", rule.rest, moment)
    stand.missing = missing


def _position(stand: Stand, clock: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a position that are given, or follow from what is."""
    given, market = stand.given, stand.market
    parts = {name: given[name] for name in _FLOATS if given.get(name) is not None}
    for name in ("maker_fee", "taker_fee"):
        if name in market:
            parts[name] = market[name]
    if "unit_cost" not in parts and {"entry_price", "taker_fee"} <= parts.keys():
        # It was bought by taking liquidity, the fee paid on top.
        parts["unit_cost"] = parts["entry_price"] * (_ONE + parts["taker_fee"])
    floats = {name: float(one) for name, one in parts.items()}
    told: dict[str, Any] = {}
    for name, one in clock.items():
        if one is not None:
            told[name] = float(one) if name == "peak_price" else one
    return told | floats


def ask_tuning(stand: Stand) -> Outcome:
    """Return what tuning turns, there or back."""
    rules = stand.rulebook.tuning
    tuning = stand.conditions(
        "tuning", lambda ask: ask.conditions(rules, ["when", "until"], exact=True)
    )
    stand.need(SAMPLES)
    ago = {
        rule.id: int(stand.given[f"turned.{rule.id}"])
        for rule in rules
        if f"turned.{rule.id}" in stand.given
    }
    desk = stand.desk(max(ago.values(), default=0))
    standing = frozenset(stand.given.get("standing", ()))
    turned = list(
        tune(
            stand.answers,
            tuning,
            desk,
            standing=standing,
            last_ms={name: desk.now_ms - span for name, span in ago.items()},
        )
    )
    outcome, moment = Outcome(), Moment(desk)
    fires = dict.fromkeys(one.rule.id for one in turned if not one.back)
    back = dict.fromkeys(one.rule.id for one in turned if one.back)
    outcome.found = {"fires": tuple(fires), "back": tuple(back)}
    outcome.found |= {f"sets.{one.param.name}": one.new for one in turned}
    for rule in rules:
        if (stand.given[SAMPLES] or 0) < rule.min_samples:
            continue
        if rule.id in standing:
            outcome.look(stand, rule, "until", rule.until, moment)
        if rule.id not in back:
            outcome.look(stand, rule, "when", rule.when, moment)
        for name, formula in rule.settings:
            if rule.id in fires:
                outcome.look(stand, rule, f"sets.{name}", formula, moment)
    return outcome


def ask_switches(stand: Stand) -> Outcome:
    """Return which kill switches hold, and the mode they leave."""
    rules = stand.rulebook.switches
    switches = stand.conditions(
        "switches", lambda ask: ask.conditions(rules, ["when"], exact=True)
    )
    moment, outcome = stand.moment(), Outcome()
    context = stand.answers.context(switches.reads, moment, exact=True)
    mask, faults = switches.evaluate(context)
    mode = Mode.ACTIVE
    firing = []
    for rule in held(mask, switches.keys):
        if rule.mode.stricter_than(mode):
            mode = rule.mode
            firing.append(rule.id)
    outcome.found = {
        "fires": tuple(firing),
        "unknown": tuple(switches.keys[bit][0].id for bit, _ in faults),
        "mode": mode.value,
    }
    for rule, part in switches.keys:
        outcome.look(stand, rule, part, rule.when, moment)
    return outcome


def ask_params(stand: Stand) -> Outcome:
    """Return what a param is worth, and how far it may be turned."""
    param = stand.rulebook.params.by_name.get(stand.need("param"))
    if param is None:
        return Outcome(found={"value": None, "min": None, "max": None})
    setting = param.setting_for(stand.given.get("symbol"))
    return Outcome(found={"value": setting.value, "min": param.low, "max": param.high})


def ask_symbols(stand: Stand) -> Outcome:
    """Return what a spelling of a symbol means."""
    aliases = {one.match: one.means for one in stand.rulebook.symbols}
    answer = stand.host.ask_first(
        "map_symbol", symbol=stand.need("symbol"), aliases=aliases
    )
    spelling = str(stand.need("symbol"))
    alias = next((one for one in aliases if fnmatchcase(spelling, one)), NONE)
    return Outcome(found={"means": answer.value if answer else None, "alias": alias})
