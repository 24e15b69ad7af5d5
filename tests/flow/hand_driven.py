"""Drive the real flow by hand: a market that says what it is told, a silent venue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from quorate import (
    CancelAsked,
    Fill,
    Filled,
    Intended,
    Intent,
    Liquidity,
    Market,
    Record,
    Started,
)
from quorate.contract.decisions import Decision, Verdict
from quorate.flow.book import Book
from quorate.flow.events import Action, Cancel, Event, Outcome, Send, WakeAt
from quorate.flow.flow import Flow
from quorate.flow.state import State
from quorate.flow.turn import Bench, remember
from quorate.host.host import Host, open_host
from quorate.rulebook.rulebook import Rulebook, Sources, gather_sources, read_rulebook
from quorate.values.rates import RateLimits

ROOT = Path(__file__).parents[2]
START_MS = 1_700_000_040_000
GUARDS = {"rate_limit", "portfolio"}
ZERO = Decimal(0)


def market(symbol: str, **changes: Any) -> Market:
    base, quote = symbol.split("/")
    plain = Market(
        symbol=symbol,
        base=base,
        quote=quote,
        venue_symbol=symbol,
        price_step=Decimal("0.1"),
        amount_step=Decimal("0.001"),
        min_amount=Decimal("0.01"),
        min_cost=Decimal(5),
        maker_fee=Decimal("0.0025"),
        taker_fee=Decimal("0.004"),
    )
    return replace(plain, **changes)


@dataclass
class HandView:
    """A market view made of what the test said last."""

    now_ms: int = START_MS
    seen: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    columns: dict[str, dict[str, float]] = field(default_factory=dict)
    stretches: dict[str, int] = field(default_factory=dict)
    shadow_stretches: dict[str, int] = field(default_factory=dict)
    stales: dict[str, str] = field(default_factory=dict)

    def price(self, symbol: str) -> float | None:
        return self.seen[symbol][-1][1] if self.seen.get(symbol) else None

    def peak(self, symbol: str, since_ms: int) -> float | None:
        prices = self.seen.get(symbol, [])
        later = [price for at_ms, price in prices if at_ms >= since_ms]
        before = [price for at_ms, price in prices if at_ms <= since_ms][-1:]
        return max(later + before, default=None)

    def column(self, symbol: str, name: str) -> float | None:
        return self.columns.get(symbol, {}).get(name)

    def stretch_ms(self, symbol: str) -> int:
        return self.stretches.get(symbol, 0)

    def shadow_stretch_ms(self, symbol: str) -> int:
        return self.shadow_stretches.get(symbol, 0)

    def stale(self, symbol: str) -> str:
        return self.stales.get(symbol, "")

    def scores(self, symbol: str) -> dict[str, float]:
        return {"trend": 1.0}


@lru_cache(maxsize=64)
def sources(files: tuple[tuple[str, str], ...], settings: Any) -> Sources:
    found, _ = gather_sources(ROOT / "rules", relative_to=ROOT / "rules")
    texts = dict(found.rules)
    texts |= {name: text.encode() for name, text in files}
    rules = tuple((f"rules/{name}", texts[name]) for name in sorted(texts))
    return Sources(rules=rules, settings=settings)


def read_rules(
    host: Host, files: Mapping[str, str], settings: Mapping[str, str]
) -> Rulebook:
    given = sources(
        tuple(sorted(files.items())),
        tuple((name, str(value)) for name, value in settings.items()),
    )
    reading = read_rulebook(given, host.facts, host.functions)
    problems = [f"{problem.code} {problem.message}" for problem in reading.errors]
    assert reading.rulebook is not None, problems
    return reading.rulebook


@dataclass(kw_only=True)
class Hand:
    """One flow, its market and what has come of it; asserts what must always hold."""

    files: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    plugins: Path | None = None
    balances: Mapping[str, str] = field(
        default_factory=lambda: {"USD": "10000", "BTC": "1"}
    )
    markets: tuple[Market, ...] = (market("BTC/USD"), market("ETH/USD"))
    tier: str = "intermediate"
    view: HandView = field(default_factory=HandView)
    records: list[Record] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    host: Host = field(init=False)
    flow: Flow = field(init=False)

    def __post_init__(self) -> None:
        self.host = open_host(self.plugins, installed=False)
        rulebook = read_rules(self.host, self.files, self.settings)
        self.flow = Flow(rulebook, self.host, self.view)
        self.take(self.started())

    @property
    def state(self) -> State:
        return self.flow.state

    def started(self) -> Started:
        answer = self.host.ask_first("rate_limits", tier=self.tier)
        limits = None if answer is None else answer.value
        assert limits is None or isinstance(limits, RateLimits)
        return Started(
            at_ms=START_MS,
            run="r",
            venue="hand",
            rulebook=self.flow.bench.rulebook.digest,
            source="hand",
            markets=self.markets,
            balances=tuple((c, Decimal(str(v))) for c, v in self.balances.items()),
            limits=limits,
        )

    def intent(self, number: int) -> Intent:
        order = self.state.order(f"r-{number}")
        assert order is not None, f"there is no order {number}"
        return order.intent

    def fill(
        self, number: int, amount: Any = None, price: Any = None, **more: Any
    ) -> Filled:
        """Return a fill of an order: by default all that remains, at its price."""
        order = self.state.order(f"r-{number}")
        assert order is not None, f"there is no order {number}"
        intent = order.intent
        traded = self.state.markets[intent.symbol]
        much = order.remaining if amount is None else Decimal(str(amount))
        limit = intent.limit_price or intent.reference_price
        paid = limit if price is None else Decimal(str(price))
        in_base = more.get("fee_in") == "base"
        fee = (much if in_base else much * paid) * traded.taker_fee
        return Filled(
            at_ms=self.view.now_ms,
            client_id=intent.client_id,
            fill=Fill(
                trade_id=str(more.get("trade", f"{number}-{order.filled + much}")),
                price=paid,
                amount=much,
                fee=fee,
                fee_currency=traded.base if in_base else traded.quote,
                liquidity=Liquidity.TAKER,
            ),
        )

    def take(self, event: Event) -> Outcome:
        held = {position.id: position.held for position in self.positions()}
        outcome = self.flow.handle(event)
        self.records += outcome.records
        self.decisions += outcome.decisions
        self.actions += outcome.actions
        self._sends_are_allowed(outcome)
        self._cancels_are_recorded(outcome)
        self._wakes_are_ahead(outcome)
        self.sales_are_covered()
        self.leavings_go_on()
        assert held is not None
        return outcome

    def positions(self) -> Iterable[Any]:
        return self.state.positions.values()

    def _sends_are_allowed(self, outcome: Outcome) -> None:
        """No decision, no send: both guards passed, in the same outcome, for each."""
        intended = {r.intent for r in outcome.records if isinstance(r, Intended)}
        sent = {a.intent for a in outcome.actions if isinstance(a, Send)}
        assert sent == intended
        guards = {c.id: c.guards for c in self.flow.bench.rulebook.checks}
        for intent in sent:
            mine = [d for d in outcome.decisions if d.client_id == intent.client_id]
            passed = {
                guards.get(d.rule)
                for d in mine
                if d.section == "checks" and d.verdict is Verdict.PASSED
            }
            assert passed >= GUARDS, f"{intent.client_id} was sent without its checks"
            refused = (Verdict.REFUSED, Verdict.NOT_KNOWN, Verdict.DELAYED)
            assert not [d for d in mine if d.verdict in refused]
            self._is_sound(intent)

    def _is_sound(self, intent: Intent) -> None:
        traded = self.state.markets[intent.symbol]
        assert intent.amount > 0
        assert not intent.amount % traded.amount_step
        assert intent.limit_price is None or not intent.limit_price % traded.price_step
        assert 1 <= intent.attempt <= intent.max_attempts <= 3

    def _cancels_are_recorded(self, outcome: Outcome) -> None:
        asked = [r.client_id for r in outcome.records if isinstance(r, CancelAsked)]
        told = [a.client_id for a in outcome.actions if isinstance(a, Cancel)]
        assert asked == told
        assert len(set(told)) == len(told)

    def _wakes_are_ahead(self, outcome: Outcome) -> None:
        for action in outcome.actions:
            if isinstance(action, WakeAt):
                assert action.at_ms > self.view.now_ms

    def sales_are_covered(self) -> None:
        """What is promised to be sold is held, in each position."""
        for position in self.positions():
            promised = sum(
                order.intent.amount - order.filled
                for order in self.state.live.values()
                if order.intent.position_id == position.id
                and order.intent.side == "sell"
            )
            assert promised <= position.held, f"{position.id} sells what it lacks"
            assert position.held >= 0

    def leavings_go_on(self) -> None:
        """A position that leaves has an order under way, or one that waits."""
        waiting = {d.proposal.position_id for d in self.state.waiting.values()}
        for position_id in self.state.leaving:
            live = self.state.orders_of(position_id)
            assert live or position_id in waiting, f"{position_id} is stuck"

    def folded(self) -> State:
        """Return the state that the records alone make, with fresh plugins."""
        host = open_host(self.plugins, installed=False)
        bench = Bench(Book(self.flow.bench.rulebook, host), host, self.view)
        for record in self.records:
            bench.state.apply(record)
            remember(bench, record)
        return bench.state


WORDS = re.compile(r"(\w+)=(\S+)")


def as_ms(text: object) -> int:
    """Return "90s" or "2m" after the start as a moment."""
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|m|h|d)", str(text)).groups()  # type: ignore[union-attr]
    scale = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
    return START_MS + int(Decimal(number) * scale[unit])


def told(thing: object, name: str) -> str:
    """Return a field of a record, or of the intent, proposal or trade in it."""
    for holder in (thing, *(getattr(thing, part, None) for part in PARTS)):
        if hasattr(holder, name):
            value = getattr(holder, name)
            if isinstance(value, Decimal):
                return f"{value.normalize():f}"
            if isinstance(value, tuple):
                return ",".join(map(str, value))
            if name.endswith("_ms") and isinstance(value, int) and value > START_MS:
                return f"{(value - START_MS) / 1000:g}s"
            return str(value)
    raise AssertionError(f"{type(thing).__name__} has no {name}")


PARTS = ("intent", "proposal", "trade", "fill")


def fits(thing: object, wanted: str) -> str:
    """Return why a record or action is not as wanted, "" when it is."""
    kind = wanted.split(maxsplit=1)[0]
    if type(thing).__name__ != kind:
        return f"was {type(thing).__name__}, wanted {kind}"
    for name, value in WORDS.findall(wanted):
        was = told(thing, name)
        if was != value:
            return f"{kind}.{name} was {was}, wanted {value}"
    return ""


def spelled(decision: Decision) -> str:
    return f"{decision.section} {decision.rule} {decision.verdict.value}"
