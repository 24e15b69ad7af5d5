"""Behaviours as data: what happens, and what the flow records, decides and does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from quorate import Accepted, CancelRefused, Ended, Mode, ModeSet, Refused, Unknown
from quorate.flow.events import Candle, Event, Look, Outcome, Wake

hand_driven = import_module("hand_driven")
SCENARIOS = Path(__file__).parents[1] / "scenarios"


def scenarios() -> Iterator[Any]:
    for path in sorted(SCENARIOS.glob("*.yaml")):
        for scenario in yaml.safe_load(path.read_text()):
            yield pytest.param(scenario, id=f"{path.stem}: {scenario['case']}")


@pytest.mark.parametrize("scenario", list(scenarios()))
def test_scenario(scenario: Mapping[str, Any], tmp_path: Path) -> None:
    for name, code in scenario.get("plugins", {}).items():
        (tmp_path / f"{name}.py").write_text(code)
    markets = {"BTC/USD": {}, "ETH/USD": {}} | scenario.get("markets", {})
    hand = hand_driven.Hand(
        files=scenario.get("rules", {}),
        settings=scenario.get("set", {}),
        plugins=tmp_path,
        balances=scenario.get("balances", {"USD": "10000", "BTC": "1"}),
        markets=tuple(
            hand_driven.market(
                symbol, **{key: hand_driven.Decimal(str(v)) for key, v in told.items()}
            )
            for symbol, told in markets.items()
        ),
        tier=scenario.get("tier", "intermediate"),
    )
    for number, step in enumerate(scenario["steps"]):
        for one in spread(step):
            outcome = hand.take(event_of(hand, one))
            compare(outcome, one, f"step {number + 1}: {step}")
    check_state(hand, scenario.get("state", {}))
    if scenario.get("replays", True):
        assert hand.folded() == hand.state


def spread(step: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a step's parts: `open` and `done` are short for several answers."""
    if "open" in step:
        number = step.get("order", 1)
        moment = {"at": step.get("at", "60s")}
        symbol = step["open"]
        yield {"candle": symbol, "confidence": 0.9, "price": step["price"], **moment}
        yield {"accepted": number}
        yield {"filled": number, **{k: step[k] for k in ("fee_in",) if k in step}}
        yield {"ended": number, "reason": "filled"}
        if step.get("rests", True):
            yield {"accepted": number + 1}
    elif "done" in step:
        number = step["done"]
        yield {"accepted": number, **{k: step[k] for k in ("at",) if k in step}}
        yield {"filled": number}
        yield {**step, "ended": number, "reason": "filled"}
    else:
        yield step


def event_of(hand: Any, step: Mapping[str, Any]) -> Event:
    view = hand.view
    if "at" in step:
        view.now_ms = hand_driven.as_ms(step["at"])
    if "wake" in step:
        view.now_ms = hand_driven.as_ms(step["wake"])
        return Wake(view.now_ms)
    for kind, make in (("candle", Candle), ("look", Look)):
        if kind in step:
            return see(view, step, step[kind], make)
    return answer_of(hand, step)


def see(view: Any, step: Mapping[str, Any], symbol: str, make: type) -> Event:
    if "price" in step:
        prices = view.seen.setdefault(symbol, [])
        prices.append((view.now_ms, float(step["price"])))
    if make is Candle:
        columns = view.columns.setdefault(symbol, {"data_age": 0.0})
        columns["close"] = view.price(symbol)
        columns["confidence"] = float(step.get("confidence", 0.0))
        columns |= {k: float(v) for k, v in step.get("columns", {}).items()}
        candidate = columns["confidence"] > 0.75
        stretch = hand_driven.as_ms(step["stretch"]) if "stretch" in step else 0
        view.stretches[symbol] = stretch or (view.now_ms if candidate else 0)
    event: Event = make(symbol, view.now_ms)
    return event


def answer_of(hand: Any, step: Mapping[str, Any]) -> Event:
    now_ms = hand.view.now_ms
    if "mode" in step:
        mode = Mode(step["mode"])
        return ModeSet(at_ms=now_ms, mode=mode, why=step.get("why", "by hand"))
    if "filled" in step:
        more = {k: step[k] for k in ("fee_in", "trade") if k in step}
        filled: Event = hand.fill(
            step["filled"], step.get("amount"), step.get("price"), **more
        )
        return filled
    for kind, make in (
        (
            "accepted",
            lambda n, s: Accepted(at_ms=now_ms, client_id=n, venue_id=f"v{n}"),
        ),
        ("refused", lambda n, s: Refused(at_ms=now_ms, client_id=n, errors=errors(s))),
        ("ended", lambda n, s: Ended(at_ms=now_ms, client_id=n, reason=s["reason"])),
        ("unknown", lambda n, s: Unknown(at_ms=now_ms, client_id=n, why="no answer")),
        (
            "cancel_refused",
            lambda n, s: CancelRefused(at_ms=now_ms, client_id=n, errors=errors(s)),
        ),
    ):
        if kind in step:
            answer: Event = make(f"r-{step[kind]}", step)
            return answer
    raise AssertionError(f"nothing happens in {step}")


def errors(step: Mapping[str, Any]) -> tuple[str, ...]:
    said = step.get("errors", ["EOrder:Unknown order"])
    return tuple([said] if isinstance(said, str) else said)


def compare(outcome: Outcome, step: Mapping[str, Any], where: str) -> None:
    for name in ("records", "actions"):
        if name not in step:
            continue
        wanted, was = step[name], getattr(outcome, name)
        shown = f"{where}\n{name} were {was}"
        assert len(was) == len(wanted), shown
        for thing, text in zip(was, wanted, strict=True):
            reason = hand_driven.fits(thing, text)
            assert not reason, f"{reason}\n{shown}"
    spelled = [hand_driven.spelled(decision) for decision in outcome.decisions]
    found = iter(spelled)
    for wanted in step.get("decisions", ()):
        assert wanted in found, f"{where}\n{wanted} is missing in {spelled}"
    for unwanted in step.get("undecided", ()):
        assert unwanted not in spelled, f"{where}\n{unwanted} is in {spelled}"


def check_state(hand: Any, wanted: Mapping[str, Any]) -> None:
    state = hand.state
    was = {
        "held": {p.id: p.held for p in state.positions.values()},
        "live": sorted(int(name.removeprefix("r-")) for name in state.live),
        "waiting": sorted(state.waiting),
        "leaving": sorted(state.leaving),
        "balances": state.balances,
        "tuned": state.tuned,
        "learned": {what: lesson.value for (what, _), lesson in state.learned.items()},
        "stopped": sorted(state.stopped),
        "mode": str(state.mode),
        "spent": {rule: quote for rule, quote in state.spent},
    }
    for name, value in wanted.items():
        if isinstance(value, dict) and name != "spent":
            told = {
                k: plain(v)
                for k, v in was[name].items()
                if k in value or name != "balances"
            }
            assert told == {k: plain(v) for k, v in value.items()}, name
        else:
            assert was[name] == value, name


def plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    return f"{hand_driven.Decimal(str(value)).normalize():f}"
