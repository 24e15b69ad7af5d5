"""A venue far away: orders that arrive late, or at the very moment of a look."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quorate import Filled, Liquidity

runs = import_module("tape_runs")
POST_ONLY = """orders:
  - id: rests
    then:
      type: limit
      time_in_force: GTC
      post_only: true
      limit_price: close * 0.9995
      cancel_after: 2m
      max_attempts: max_attempts
"""


def test_orders_overdue_before_they_arrive_wake_the_flow_once_a_moment() -> None:
    tapes = runs.made_up(5, 0.5, "BTC/USD", "ETH/USD", "SOL/USD")
    paper = {"latency": 90_000, "balances": {"USD": Decimal(100_000)}}
    done = runs.run(tapes, paper=paper)
    assert len(done.records) > 20
    # Each wake takes a step: without bounds there were hundreds of thousands.
    assert done.steps < 40 * len(done.records)


@pytest.mark.parametrize("latency_ms", [0, 1_000, 61_000])
def test_a_fill_at_the_moment_of_arrival_is_told_again(
    latency_ms: int, tmp_path: Path
) -> None:
    workspace = runs.workspace_with(tmp_path, {})
    (workspace / "rules" / "orders.yaml").write_text(POST_ONLY)
    tapes = runs.made_up(7, 1, "BTC/USD")
    paper: dict[str, Any] = {"latency": latency_ms, "spread": Decimal("0.002")}
    whole = runs.run(tapes, workspace=workspace, paper=paper)
    made = [
        record
        for record in whole.records
        if isinstance(record, Filled) and record.fill.liquidity is Liquidity.MAKER
    ]
    assert made
    for stop_after in range(1, whole.steps, max(1, whole.steps // 25)):
        journal = tmp_path / f"{stop_after}.sqlite"
        given = {"workspace": workspace, "paper": paper, "journal": journal}
        runs.run(tapes, stop_after=stop_after, **given)
        continued = runs.run(tapes, **given)
        assert continued.records == whole.records
