"""What differs between two runs: known by moment, rule and position, not by id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.decisions import Decision, Verdict
from quorate.drivers.changes import (
    DecisionChanges,
    Kind,
    alike,
    compare_decisions,
    compare_orders,
    compare_trades,
)
from quorate.values.trade import (
    Intent,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    Trade,
)

NAN = float("nan")


def decided(at_ms: int = 1, **changes: Any) -> Decision:
    return replace(
        Decision(
            at_ms=at_ms,
            symbol="BTC/USD",
            section="exits",
            rule="stop",
            place="rules/exits.yaml:1",
            verdict=Verdict.FIRED,
        ),
        **changes,
    )


def entered(at_ms: int, position_id: str) -> Decision:
    return decided(at_ms, section="entry", rule="quorum", position_id=position_id)


def traded(opened_ms: int = 1, **changes: Any) -> Trade:
    one = Decimal(1)
    return replace(
        Trade(
            position_id="p1",
            symbol="BTC/USD",
            rule="quorum",
            exit_rule="stop",
            opened_ms=opened_ms,
            closed_ms=opened_ms + 9,
            amount=one,
            cost_quote=one,
            proceeds_quote=one,
            fee_quote=one,
            profit_quote=one,
            profit_ratio=one,
            dust=Decimal(0),
        ),
        **changes,
    )


def kinds(before: Iterable[Decision], after: Iterable[Decision]) -> list[Kind]:
    return [one.kind for one in compare_decisions(before, after).listed]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.decimals(allow_nan=False),
    st.text(max_size=2),
)
DECISIONS = st.builds(
    Decision,
    at_ms=st.integers(0, 4),
    symbol=st.sampled_from(["BTC/USD", "ETH/USD", ""]),
    section=st.sampled_from(["entry", "exits"]),
    rule=st.sampled_from(["a", "b"]),
    place=st.just(""),
    verdict=st.sampled_from(Verdict),
    inputs=st.dictionaries(st.just("x"), VALUES),
    effect=st.dictionaries(st.just("y"), VALUES),
    client_id=st.just(""),
    position_id=st.sampled_from(["", "p1", "p2", "p3"]),
)
RUNS = st.lists(DECISIONS, max_size=12).map(
    lambda decisions: sorted(decisions, key=lambda one: one.at_ms)
)


@given(RUNS)
def test_a_run_does_not_differ_from_itself(run: Sequence[Decision]) -> None:
    found = compare_decisions(run, run)
    assert not found.total
    assert not found.other_inputs
    assert sum(counts.before for counts in found.rules.values()) == len(run)


def _mirrored(found: DecisionChanges) -> dict[Any, Any]:
    turned = {Kind.GONE: Kind.NEW, Kind.NEW: Kind.GONE}
    return {
        rule: (
            counts.after,
            counts.before,
            {turned.get(kind, kind): many for kind, many in counts.differing.items()},
        )
        for rule, counts in found.rules.items()
    }


@given(RUNS, RUNS)
def test_what_is_gone_one_way_is_new_the_other_way(
    one: Sequence[Decision], other: Sequence[Decision]
) -> None:
    there, back = compare_decisions(one, other), compare_decisions(other, one)
    assert {
        rule: (counts.before, counts.after, dict(counts.differing))
        for rule, counts in there.rules.items()
    } == _mirrored(back)
    assert there.total == back.total
    assert there.first.keys() == back.first.keys()
    for counts in there.rules.values():
        gone, new = counts.differing[Kind.GONE], counts.differing[Kind.NEW]
        assert counts.after - counts.before == new - gone


@given(RUNS, RUNS)
def test_every_symbol_has_one_first_change(
    one: Sequence[Decision], other: Sequence[Decision]
) -> None:
    found = compare_decisions(one, other)
    firsts = [change.decision.symbol for change in found.listed if change.first]
    assert len(firsts) == len(set(firsts)) == len(found.first)
    assert found.total == len(found.listed)


def test_a_decision_is_not_known_by_its_ids() -> None:
    before = [entered(1, "p1"), decided(5, position_id="p1", client_id="aa-1")]
    after = [entered(1, "p7"), decided(5, position_id="p7", client_id="bb-9")]
    assert not kinds(before, after)


def test_one_position_more_renames_nothing_that_follows() -> None:
    before = [entered(3, "p1"), decided(5, position_id="p1")]
    after = [entered(2, "p1"), entered(3, "p2"), decided(5, position_id="p2")]
    assert kinds(before, after) == [Kind.NEW]


def test_a_decision_about_another_position_is_another() -> None:
    both = [entered(1, "p1"), entered(2, "p2")]
    before = [*both, decided(5, position_id="p1")]
    after = [*both, decided(5, position_id="p2")]
    assert kinds(before, after) == [Kind.GONE, Kind.NEW]


def test_another_verdict_is_a_change_and_another_amount_a_size() -> None:
    refused = decided(verdict=Verdict.REFUSED)
    assert kinds([decided()], [refused]) == [Kind.CHANGED]
    half = decided(effect={"sell": "0.5"})
    assert kinds([decided(effect={"sell": "1"})], [half]) == [Kind.RESIZED]


def test_other_inputs_are_counted_and_are_no_change() -> None:
    found = compare_decisions(
        [decided(inputs={"x": 1.0, "y": NAN})], [decided(inputs={"x": 2.0, "y": NAN})]
    )
    assert (found.total, found.other_inputs) == (0, 1)


def test_the_place_of_a_rule_is_no_change() -> None:
    assert not kinds([decided()], [decided(place="rules/exits.yaml:7")])


def test_what_merely_goes_along_is_listed_only_on_demand() -> None:
    passed = decided(2, section="checks", verdict=Verdict.PASSED)
    before = [decided(1), passed, decided(3, effect={"sell": "1"}), decided(4)]
    after = [decided(3, effect={"sell": "0.5"})]
    few = compare_decisions(before, after, most=9)
    assert [one.decision.at_ms for one in few.listed] == [1, 4]
    assert few.total == compare_decisions(before, after).total == 4
    assert len(compare_decisions(before, after, most=1).listed) == 1


def test_the_first_change_of_a_symbol_is_listed_whatever_it_is() -> None:
    passed = decided(section="checks", verdict=Verdict.PASSED)
    found = compare_decisions([passed], [], most=9)
    assert [one.first for one in found.listed] == [True]
    assert found.first["BTC/USD"] is found.listed[0]


def test_what_is_new_at_one_moment_keeps_its_order() -> None:
    new = [decided(rule=rule) for rule in ("a", "b", "a", "c")]
    found = compare_decisions([], new).listed
    assert [one.decision.rule for one in found] == ["a", "b", "a", "c"]


def test_runs_that_come_as_streams_are_read_once() -> None:
    run = [decided(1), decided(2)]
    assert compare_decisions(iter(run), iter(run[:1])).total == 1


def test_trades_are_known_by_symbol_and_opening() -> None:
    same = traded(position_id="p9")
    assert not compare_trades([traded()], [same])
    before = [traded(1), traded(20), traded(30), traded(40)]
    after = [
        traded(1, exit_rule="time", profit_quote=Decimal(3)),
        traded(25),
        traded(30, amount=Decimal(2)),
        traded(40, symbol="ETH/USD"),
    ]
    found = compare_trades(before, after)
    assert [(one.trade.opened_ms, one.kind) for one in found] == [
        (1, Kind.CHANGED),
        (20, Kind.GONE),
        (25, Kind.NEW),
        (30, Kind.RESIZED),
        (40, Kind.GONE),
        (40, Kind.NEW),
    ]
    assert [one.profit_quote for one in found] == [2, -1, 1, 0, -1, 1]


def ordered(made_ms: int = 1, **changes: Any) -> Intent:
    return replace(
        Intent(
            client_id=f"run-{made_ms}",
            root_id=f"run-{made_ms}",
            symbol="BTC/USD",
            venue_symbol="BTC/USD",
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            post_only=False,
            amount=Decimal(1),
            limit_price=Decimal(100),
            reference_price=Decimal(100),
            purpose=Purpose.ENTRY,
            rule="quorum",
            attempt=1,
            max_attempts=3,
            cancel_after_ms=0,
            position_id="p1",
            made_ms=made_ms,
        ),
        **changes,
    )


def test_orders_are_known_by_moment_rule_and_position() -> None:
    same = ordered(client_id="other-9", root_id="other-9", position_id="p4")
    assert not compare_orders([ordered()], [same])
    before = [ordered(1), ordered(20), ordered(30), ordered(40)]
    after = [
        ordered(1, limit_price=Decimal(99)),
        ordered(25),
        ordered(30, amount=Decimal(2)),
        ordered(40, rule="other"),
    ]
    found = compare_orders(before, after)
    assert [(one.intent.made_ms, one.kind) for one in found] == [
        (1, Kind.CHANGED),
        (20, Kind.GONE),
        (25, Kind.NEW),
        (30, Kind.RESIZED),
        (40, Kind.GONE),
        (40, Kind.NEW),
    ]


def test_an_order_of_another_position_at_the_same_moment_is_another() -> None:
    before = [ordered(1), ordered(5, position_id="p1")]
    after = [ordered(1), ordered(5, position_id="p2")]
    found = compare_orders(before, after)
    assert [one.kind for one in found] == [Kind.GONE, Kind.NEW]


def test_what_the_changes_of_trades_add_is_the_difference_of_profit() -> None:
    before = [traded(n, profit_quote=Decimal(n)) for n in (1, 2, 3)]
    after = [traded(n, profit_quote=Decimal(n * n)) for n in (2, 3, 5)]
    total = sum(one.profit_quote for one in after) - sum(
        one.profit_quote for one in before
    )
    assert sum(one.profit_quote for one in compare_trades(before, after)) == total


def test_not_a_number_equals_itself_and_nothing_else() -> None:
    assert alike({"x": NAN, "y": 1}, {"x": NAN, "y": Decimal(1)})
    assert not alike({"x": NAN}, {"x": 1.0})
    assert not alike({"x": 1}, {"x": 1, "y": None})
