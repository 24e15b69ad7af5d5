"""Checks adjust first and then hold the final order against everything; fail closed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quorate import Draft, Market, OrderType, Purpose, Side, TimeInForce
from quorate.contract.decisions import Verdict
from quorate.contract.records import Started
from quorate.flow.book import Book
from quorate.flow.turn import Bench
from quorate.host.host import open_host
from quorate.rulebook.rulebook import read_rulebook
from quorate.rulebook.sources import Sources
from quorate.stages.checks import Finding, Judgement, judge

ROOT = Path(__file__).parents[2]
D = Decimal
BTC = Market(
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    venue_symbol="BTC/USD",
    price_step=D("0.1"),
    amount_step=D("0.001"),
    min_amount=D("0.01"),
    min_cost=D(5),
    maker_fee=D("0.0025"),
    taker_fee=D("0.004"),
)
DRAFT = Draft(
    symbol="BTC/USD",
    venue_symbol="BTC/USD",
    side=Side.BUY,
    purpose=Purpose.ENTRY,
    rule="quorum",
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=False,
    quote_amount=D(1000),
    amount=D(10),
    limit_price=D(100),
    reference_price=D(100),
    attempt=1,
)
GUARDS = """
  - {id: rate, guards: rate_limit, require: rate_counter + order_cost <= rate_threshold}
  - {id: funds, guards: portfolio, require: amount <= free_base or cost <= free_quote}
"""


class View:
    def price(self, symbol: str) -> float | None:
        return 100.0

    def peak(self, symbol: str, since_ms: int) -> float | None:
        return 100.0

    def column(self, symbol: str, name: str) -> float | None:
        return {"close": 100.0, "volume": float("nan")}.get(name)

    def stretch_ms(self, symbol: str) -> int:
        return 0

    def shadow_stretch_ms(self, symbol: str) -> int:
        return 0

    def scores(self, symbol: str) -> dict[str, float]:
        return {}

    def stale(self, symbol: str) -> str:
        return ""


def judged(checks: str, *, tier: str = "pro", **changes: Any) -> Judgement:
    host = open_host(installed=False)
    files = {
        path.name: path.read_bytes()
        for path in (ROOT / "rules").glob("*.yaml")
        if not path.name.endswith(".test.yaml")
    }
    files["checks.yaml"] = ("checks:" + GUARDS + checks).encode()
    rules = tuple((name, files[name]) for name in sorted(files))
    reading = read_rulebook(Sources(rules=rules), host.facts, host.functions)
    assert reading.rulebook is not None, reading.errors
    bench = Bench(Book(reading.rulebook, host), host, View())
    limits = host.ask_first("rate_limits", tier=tier)
    started = Started(
        at_ms=1_000_000,
        run="r",
        venue="hand",
        rulebook="",
        source="",
        markets=(BTC,),
        balances=(("USD", D(10_000)), ("BTC", D(1))),
        limits=None if limits is None else limits.value,
    )
    bench.state.apply(started)
    draft = replace(DRAFT, **changes)
    desk = bench.desk("BTC/USD", 1_000_000)
    return judge(bench.book.answers, bench.book.checks[draft.side], draft, desk)


def spelled(judgement: Judgement) -> list[str]:
    return [f"{one.rule.id} {one.verdict.value}" for one in judgement.rulings]


def test_an_order_that_all_let_pass_has_a_ruling_of_each() -> None:
    found = judged("")
    assert found.finding is Finding.PASS
    assert spelled(found) == ["rate passed", "funds passed"]
    assert found.rulings[0].inputs["rate_counter"] == 0


def test_adjustments_come_first_and_requirements_see_the_final_order() -> None:
    found = judged(
        """
  - {id: small, require: amount < 15}
  - {id: more, when: amount < 12, then: {amount: amount * 1.20004}}
"""
    )
    assert found.finding is Finding.PASS
    assert found.draft.amount == D("12.001")  # rounded up: it was too small before
    assert spelled(found)[0] == "more adjusted"
    assert found.rulings[0].effect == {"amount": D("12.001"), "was": D(10)}
    assert found.rulings[-1].inputs["amount"] == D("12.001")


def test_an_adjustment_sees_the_one_before() -> None:
    found = judged(
        """
  - {id: one, when: amount < 12, then: {amount: amount * 2}}
  - {id: two, when: amount < 12, then: {amount: amount * 2}}
"""
    )
    assert found.draft.amount == 20


@pytest.mark.parametrize(
    "check",
    [
        "{id: odd, require: volume > amount}",
        "{id: odd, require: confidence > 0}",
        "{id: odd, when: volume > amount, require: amount > learned_minimum * 0}",
        "{id: odd, when: volume > amount, then: {amount: amount}}",
        "{id: odd, then: {amount: amount + volume}}",
        "{id: odd, then: {amount: amount / (attempt - 1)}}",
        "{id: odd, require: amount / (attempt - 1) > amount}",
        "{id: odd, then: {amount: amount - amount * 2}}",
    ],
)
def test_what_cannot_be_evaluated_refuses(check: str) -> None:
    found = judged(f"\n  - {check}\n")
    assert found.finding is Finding.REFUSE
    assert found.by is not None
    assert found.by.id == "odd"
    assert found.rulings[-1].verdict is Verdict.NOT_KNOWN


def test_limits_that_are_not_known_refuse() -> None:
    found = judged("", tier="nobody's")
    assert found.finding is Finding.REFUSE
    assert spelled(found) == ["rate not_known"]


def test_a_check_that_does_not_apply_says_nothing() -> None:
    found = judged("\n  - {id: big, when: attempt > 1, require: attempt < 1}\n")
    assert found.finding is Finding.PASS
    assert "big" not in " ".join(spelled(found))


def test_checks_of_the_other_side_are_not_asked() -> None:
    refusing = "\n  - {id: buys, side: buy, require: attempt < 1}\n"
    assert judged(refusing).finding is Finding.REFUSE
    sale = judged(refusing, side=Side.SELL, purpose=Purpose.EXIT, amount=D("0.5"))
    assert sale.finding is Finding.PASS


@pytest.mark.parametrize(
    ("otherwise", "finding", "wait_ms", "give_up_ms"),
    [
        ("{wait: 5s, give_up_after: 30s}", Finding.WAIT, 5000, 30_000),
        ("{wait: 5s}", Finding.WAIT, 5000, None),
        ("{wait: 0s, give_up_after: 30s}", Finding.REFUSE, 0, 30_000),
        ("{wait: 5s / (attempt - 1)}", Finding.REFUSE, 0, None),
        ("{write_off: true}", Finding.WRITE_OFF, 0, None),
        ("{reallocate: attempt < 3, give_up_after: 9s}", Finding.REALLOCATE, 0, 9000),
        ("{reallocate: attempt > 1}", Finding.REFUSE, 0, None),
        ("{reallocate: volume > amount}", Finding.REFUSE, 0, None),
    ],
)
def test_otherwise_says_what_follows(
    otherwise: str, finding: Finding, wait_ms: int, give_up_ms: int | None
) -> None:
    found = judged(
        f"\n  - {{id: held, require: attempt < 1, otherwise: {otherwise}}}\n"
    )
    assert found.finding is finding
    assert found.wait_ms == wait_ms
    assert found.give_up_ms == give_up_ms
    patient = finding in (Finding.WAIT, Finding.REALLOCATE)
    wanted = Verdict.DELAYED if patient else Verdict.REFUSED
    assert found.rulings[-1].verdict is wanted
