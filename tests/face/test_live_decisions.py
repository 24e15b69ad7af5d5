"""What a live run prints of a decision: words, units, and no empty names."""

from importlib import import_module
from typing import Any

import pytest

from quorate.contract.decisions import Verdict
from quorate.face.live_decisions import decision_line

by_hand = import_module("by_hand")
D = by_hand.D


@pytest.mark.parametrize(
    ("section", "rule", "verdict", "inputs", "effect", "told"),
    [
        (
            "entry",
            "quorum",
            Verdict.FIRED,
            {},
            {"quote_amount": D("1573.1946997738292800"), "amount": D(0)},
            "entry quorum: fired (1,573.19 USD)",
        ),
        ("exits", "stop", Verdict.FIRED, {}, {"sell": "1"}, "(sell 100%)"),
        ("exits", "stop", Verdict.FIRED, {}, {"sell": "0.5"}, "(sell 50%)"),
        (
            "errors",
            "",
            Verdict.NOT_KNOWN,
            {"error": "EOrder:Odd"},
            {"retry": False, "wait_ms": 0},
            "BTC/USD errors: no rule matches EOrder:Odd (no other attempt)",
        ),
        (
            "errors",
            "busy",
            Verdict.FIRED,
            {"error": "EService:Busy"},
            {"retry": True, "wait_ms": 5000},
            "errors busy: matches EService:Busy (another attempt after 5s)",
        ),
        (
            "checks",
            "cap",
            Verdict.ADJUSTED,
            {},
            {"amount": D("0.10"), "was": D("0.2")},
            "checks cap: adjusted (0.1 BTC, was 0.2 BTC)",
        ),
        (
            "switches",
            "fall",
            Verdict.FIRED,
            {},
            {"mode": "halted", "since_ms": float("nan")},
            "switches fall: fired (mode halted, since nan)",
        ),
    ],
)
def test_a_decision_reads_well(
    section: str,
    rule: str,
    verdict: Verdict,
    inputs: dict[str, Any],
    effect: dict[str, Any],
    told: str,
) -> None:
    decision = by_hand.decided(
        by_hand.T0, section, rule, verdict, inputs=inputs, effect=effect
    )
    assert told in decision_line(decision)
