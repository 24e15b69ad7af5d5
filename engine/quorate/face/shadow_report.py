"""What shadow rules would have done, beside what the live ones did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from quorate.contract.decisions import Decision, Verdict
from quorate.face import text
from quorate.face.figures import Shadow
from quorate.face.measuring import Tally
from quorate.flow.shadowing import PROFIT
from quorate.journal.journal import Journal
from quorate.values.numbers import ZERO


def shadows(journal: Journal, tally: Tally, proposed: int) -> Iterator[Shadow]:
    """Yield each shadow rule that had something to say, in the order of the road.

    ``proposed`` says how often the live entry rules proposed.
    """
    found: dict[tuple[str, str], list[Decision]] = {}
    for recorded in journal.decisions(verdict=Verdict.SHADOW):
        decision = recorded.decision
        found.setdefault((decision.section, decision.rule), []).append(decision)
    for section in _MEASURES:
        for (where, rule), said in found.items():
            if where == section:
                figures = _MEASURES[section](said, tally, proposed)
                yield Shadow(
                    section=section,
                    rule=rule,
                    place=said[-1].place,
                    first_ms=said[0].at_ms,
                    **figures,
                )


def _exits(said: Sequence[Decision], tally: Tally, _: int) -> dict[str, Any]:
    """Compare the profit at which positions would have left with what they made."""
    made = {trade.position_id: trade.profit_ratio for trade in tally.trades}
    closed = [one for one in said if one.position_id in made]
    then = [Decimal(str(one.effect[PROFIT])) for one in closed if _known(one)]
    then_ratio = sum(then, ZERO) / len(then) if then else None
    realised = [made[one.position_id] for one in closed]
    realised_ratio = sum(realised, ZERO) / len(realised) if realised else None
    of = len(made) + sum(1 for one in tally.state.positions.values() if one.bought)
    told = (
        f"would have left {len(said)} of {text.plural(of, 'position')}, at "
        f"{text.percent(then_ratio, signed=True)} on average; "
        f"they made {text.percent(realised_ratio, signed=True)}"
    )
    return {
        "times": len(said),
        "of": of,
        "then_ratio": then_ratio,
        "realised_ratio": realised_ratio,
        "told": told,
    }


def _known(decision: Decision) -> bool:
    return decision.effect.get(PROFIT) is not None


def _entry(said: Sequence[Decision], _: Tally, proposed: int) -> dict[str, Any]:
    told = (
        f"would have proposed in {text.plural(len(said), 'stretch', 'stretches')}; the "
        f"live rules proposed {text.plural(proposed, 'time')}"
    )
    return {"times": len(said), "of": proposed, "told": told}


def _votes(said: Sequence[Decision], _: Tally, proposed: int) -> dict[str, Any]:
    entries = text.plural(proposed, "entry", "entries")
    told = f"would have kept out {len(said)} of {entries} proposed"
    return {"times": len(said), "of": proposed, "told": told}


def _checks(said: Sequence[Decision], *_: Any) -> dict[str, Any]:
    would = Counter(str(one.effect["would"]) for one in said)
    refused = would["refused"] + would["not_known"]
    changed = would["adjusted"]
    told = (
        f"would have refused {refused} and changed {changed} of "
        f"{text.plural(len(said), 'order')} that it looked at"
    )
    return {"times": refused + changed, "of": len(said), "told": told}


def _orders(said: Sequence[Decision], *_: Any) -> dict[str, Any]:
    how = f"{said[-1].effect['type']} {said[-1].effect['time_in_force']}"
    entries = text.plural(len(said), "entry", "entries")
    return {"times": len(said), "told": f"would have sent {entries} as {how}"}


def _errors(said: Sequence[Decision], *_: Any) -> dict[str, Any]:
    would = said[-1].effect["would"]
    told = f"would have met {text.plural(len(said), 'refusal')}, to {would}"
    return {"times": len(said), "told": told}


def _tuning(said: Sequence[Decision], *_: Any) -> dict[str, Any]:
    first = said[0]
    new = [f"{name} to {value}" for name, value in first.effect.items()]
    told = f"would have turned {', '.join(new[1:])}, first {text.time(first.at_ms)}"
    return {"times": len(said), "told": told}


def _switches(said: Sequence[Decision], *_: Any) -> dict[str, Any]:
    first = said[0]
    told = f"would have set {first.effect['mode']}, first {text.time(first.at_ms)}"
    return {"times": len(said), "told": told}


_MEASURES: Mapping[str, Callable[[Sequence[Decision], Tally, int], dict[str, Any]]] = {
    "votes": _votes,
    "entry": _entry,
    "checks": _checks,
    "orders": _orders,
    "errors": _errors,
    "exits": _exits,
    "tuning": _tuning,
    "switches": _switches,
}
