"""What is judged before live trading: each case, good and bad, with its advice."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quorate.contract.live import Rights
from quorate.drivers.live_run import LiveSetup
from quorate.drivers.preflight import Account, entry_sizes
from quorate.face import live_findings as judge
from quorate.face.live_findings import Finding, Level
from quorate.face.workspace import Workspace
from quorate.host.host import Host
from quorate.host.plugin import Plugin
from quorate.values.rates import RateLimits

by_hand = import_module("by_hand")
D = Decimal

RIGHTS = Rights(known=True, names=("trade",), may_trade=True, addresses=("10.0.0.1",))
SETTINGS: Mapping[str, Any] = {"pace": 1, "ccxt": {}}
LIMITS = RateLimits(
    order_limit=D(125),
    order_decay=D("2.34"),
    add_cost=D(1),
    cancel_costs=(),
    rest_limit=D(20),
    rest_decay=D("0.5"),
)


def account(**changes: Any) -> Account:
    market = by_hand.market()
    fields: dict[str, Any] = {
        "account": "1a2b",
        "now_ms": by_hand.T0,
        "ahead_ms": 20,
        "answer_ms": 40,
        "has_deadline": True,
        "rights": RIGHTS,
        "markets": {market.symbol: market},
        "balances": {"USD": D(10_000), "BTC": D(0)},
        "orders": (),
        "prices": {market.symbol: D(50_000)},
        "limits": LIMITS,
    }
    return Account(**(fields | changes))


@pytest.fixture(scope="module")
def setup(workspace: Workspace, host: Host) -> LiveSetup:
    return made(workspace, host)


def made(workspace: Workspace, host: Host, *params: tuple[str, str]) -> LiveSetup:
    return LiveSetup(
        rulebook=workspace.rulebook(host, params),
        host=host,
        name="someplace",
        tier="intermediate",
        settings=SETTINGS,
        symbols=("BTC/USD",),
    )


def levels(findings: list[Finding]) -> list[Level]:
    return [one.level for one in findings]


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_a_key_that_may_trade_from_one_address_is_fine() -> None:
    assert levels(list(judge.of_rights(RIGHTS))) == [Level.OK, Level.OK]


def test_a_key_that_may_withdraw_is_refused() -> None:
    rights = replace(RIGHTS, names=("trade", "withdraw"), may_withdraw=True)
    first, *_ = judge.of_rights(rights)
    assert first.level is Level.ERROR
    assert "may withdraw (trade, withdraw)" in first.told
    assert "never used" in first.advice


def test_a_key_that_may_not_trade_is_refused() -> None:
    first, *_ = judge.of_rights(replace(RIGHTS, may_trade=False))
    assert (first.level, first.subject) == (Level.ERROR, "rights")


def test_rights_that_are_not_known_are_refused_with_a_way_out() -> None:
    finding = only(list(judge.of_rights(Rights(known=False))))
    assert finding.level is Level.ERROR
    assert "--accept-unverified-key" in finding.advice


def test_a_key_without_an_address_is_a_warning() -> None:
    _, finding = judge.of_rights(replace(RIGHTS, addresses=()))
    assert finding.level is Level.WARNING
    assert "stolen" in finding.advice


@pytest.mark.parametrize(
    ("ahead_ms", "pace", "level"),
    [
        (20, 1, Level.OK),
        (-1_020, 1, Level.OK),
        (1_021, 1, Level.WARNING),
        (-90_000, 1, Level.WARNING),
        (9_000_000, 60, Level.OK),
    ],
)
def test_the_clock_is_judged(ahead_ms: int, pace: float, level: Level) -> None:
    assert judge.of_clock(account(ahead_ms=ahead_ms), pace).level is level


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ("online", Level.OK),
        ("post_only", Level.WARNING),
        ("cancel_only", Level.ERROR),
    ],
)
def test_the_status_of_a_market_is_judged(status: str, level: Level) -> None:
    market = replace(by_hand.market(), status=status)
    found = judge.of_markets(account(markets={"BTC/USD": market}), {})
    assert only(list(found)).level is level


@pytest.mark.parametrize(
    ("size", "level"), [("4.99", Level.WARNING), ("5.01", Level.OK)]
)
def test_an_entry_below_the_minimum_is_a_warning(size: str, level: Level) -> None:
    # The least is 0.0001 BTC at 50,000: 5 USD, which is more than min_cost.
    found = only(list(judge.of_markets(account(), {"BTC/USD": D(size)})))
    assert found.level is level
    assert ("nothing would be bought" in found.told) is (level is Level.WARNING)


def test_the_size_of_an_entry_is_what_the_rule_would_spend(
    setup: LiveSetup, workspace: Workspace, host: Host
) -> None:
    assert entry_sizes(setup, account()) == {"BTC/USD": D(2_000)}  # entry_share: 20%
    less = made(workspace, host, ("entry_share", "1%"))
    assert entry_sizes(less, account()) == {"BTC/USD": D(100)}
    assert entry_sizes(setup, account(prices={})) == {}
    assert entry_sizes(setup, account(balances={})) == {}


def test_looking_at_sizes_does_not_count_against_a_plugin(setup: LiveSetup) -> None:
    before = {name: one.faults for name, one in setup.host.plugins.items()}
    entry_sizes(setup, account(markets={}, prices={"BTC/USD": D(1)}))
    assert {n: one.faults for n, one in setup.host.plugins.items()} == before


def test_fees_above_the_target_are_a_warning(setup: LiveSetup) -> None:
    finding = only(list(judge.of_fees(setup, account())))
    assert finding.level is Level.WARNING
    # (1 + 0.5%) * (1 + 0.4%) / (1 - 0.4%) - 1
    assert "the price must rise 1.31% for 0.5% net" in finding.told
    assert "more than the profit aimed at" in finding.told


def test_fees_below_the_target_are_fine(workspace: Workspace, host: Host) -> None:
    setup = made(workspace, host, ("profit_target", "2%"))
    assert only(list(judge.of_fees(setup, account()))).level is Level.OK


def test_a_stop_within_the_fees_is_an_error(workspace: Workspace, host: Host) -> None:
    setup = made(workspace, host, ("stop_loss", "0.5%"))
    finding = only(list(judge.of_fees(setup, account())))
    assert finding.level is Level.ERROR
    assert "would leave at once" in finding.told


def test_the_tier_is_judged(setup: LiveSetup) -> None:
    assert judge.of_tier(setup, account()).level is Level.OK
    assert judge.of_tier(setup, account(limits=None)).level is Level.WARNING


@pytest.mark.parametrize(
    ("urls", "pace", "wrong"),
    [
        ({}, 1, []),
        ({}, 60, ["pace"]),
        ({"api": {"public": "http://127.0.0.1:8000"}}, 60, []),
        ({"api": {"public": "http://localhost:8000", "ws": ["ws://[::1]:9"]}}, 60, []),
        ({"api": "http://10.0.0.1"}, 60, ["pace", "host"]),
        ({"api": "https://somewhere.example"}, 1, []),
        ({"api": "ws://somewhere.example/v2"}, 1, ["host"]),
        ({"api": "https://127.0.0.1.evil.example"}, 2, ["pace"]),
    ],
)
def test_pace_and_hosts_are_judged(urls: object, pace: float, wrong: list[str]) -> None:
    found = judge.of_hosts({"pace": pace, "ccxt": {"urls": urls}})
    assert [one.subject for one in found] == wrong


def test_a_password_in_a_url_is_not_taken_for_its_host() -> None:
    settings = {"pace": 1, "ccxt": {"urls": {"api": "https://me:pw@a.example/x"}}}
    assert list(judge.hosts_of(settings).values()) == ["a.example"]


def test_little_space_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((1 << 40, "ok"), (1 << 29, "warning"), (1 << 20, "error")):
        usage = type("usage", (), {"free": free})
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        assert judge.of_disk(tmp_path / "not" / "there").level == level


def test_a_plugin_that_is_not_asked_everything_is_told() -> None:
    made = Plugin(
        name="own", source="workspace", where="", version="", left_out=("live_venue",)
    )
    told, _ = judge.of_plugins(Host(plugins={"own": made}))
    assert told.level is Level.WARNING
    assert "own is not asked for live_venue" in told.told


def test_a_plugin_that_is_not_used_is_an_error() -> None:
    plugins = {
        "good": Plugin(name="good", source="workspace", where="", version=""),
        "bad": Plugin(
            name="bad", source="workspace", where="", version="", fault="not accepted"
        ),
    }
    bad, told = judge.of_plugins(Host(plugins=plugins))
    assert bad.level is Level.ERROR
    assert "plugin bad is not used: not accepted" in bad.told
    assert "--without bad" in bad.advice
    assert "accepted of yours: good" in told.told
