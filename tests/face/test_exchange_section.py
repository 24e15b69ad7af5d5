"""The exchange section: what it says, what is wrong in it and where."""

from decimal import Decimal
from pathlib import Path

import pytest

from quorate.errors import WorkspaceError
from quorate.face.workspace import Workspace, open_workspace

ROOT = Path(__file__).parents[2]
SECRET = "bG9vcGJhY2sgc2VjcmV0IHdvcnRoIG5vdGhpbmcgYXQgYWxsIDEyMzQ1Njc4OTA="
LEAST = "exchange:\n  name: someplace\n  symbols: [BTC/USD]\n"


def opened(root: Path, text: str) -> Workspace:
    (root / "quorate.yaml").write_text(text)
    return open_workspace(root)


def refused(root: Path, text: str) -> str:
    with pytest.raises(WorkspaceError) as caught:
        opened(root, text)
    return str(caught.value)


def test_a_workspace_without_the_section_has_no_exchange(tmp_path: Path) -> None:
    assert opened(tmp_path, "venue: paper\n").exchange == {}
    assert open_workspace(ROOT).exchange == {}


def test_what_is_left_out_is_filled_in(tmp_path: Path) -> None:
    found = opened(tmp_path, f"tier: starter\n{LEAST}").exchange
    assert found == {
        "name": "someplace",
        "tier": "starter",
        "symbols": ("BTC/USD",),
        "keys": "",
        "aliases": {},
        "deadline": 5_000,
        "clock_margin": 2_000,
        "stale_after": 30_000,
        "dead_man_switch": 0,
        "feed": "websocket",
        "pace": 1,
        "adapter": {},
        "ccxt": {},
    }


def test_everything_that_is_said_is_taken(tmp_path: Path) -> None:
    text = (
        f"tier: starter\n{LEAST}  tier: pro\n  keys: file:a.key\n  deadline: 500ms\n"
    ).replace("500ms", "2500ms")
    text += "  feed: polling\n  pace: 2.5\n  dead_man_switch: 1m\n"
    text += "  aliases: {XBT: BTC}\n  adapter: {deadline: validTo}\n"
    found = opened(tmp_path, text).exchange
    assert found["tier"] == "pro"
    assert found["keys"] == "file:a.key"
    assert found["deadline"] == 2_500
    assert found["dead_man_switch"] == 60_000
    assert found["pace"] == 2.5
    assert found["aliases"] == {"XBT": "BTC"}
    assert found["adapter"] == {"deadline": "validTo"}


def test_what_ccxt_gets_stays_as_it_is_written(tmp_path: Path) -> None:
    text = (
        f"{LEAST}  ccxt: {{hold: 10s, share: 5%, timeout: 10000, rate: 0.5, a: [1s]}}\n"
    )
    given = opened(tmp_path, text).exchange["ccxt"]
    assert given == {
        "hold": "10s",
        "share": "5%",
        "timeout": 10_000,
        "rate": 0.5,
        "a": ["1s"],
    }
    assert not any(isinstance(one, Decimal) for one in given.values())


@pytest.mark.parametrize(
    ("line", "place", "why"),
    [
        ("deadline: 5", "4:13", "must be a text"),
        ("deadline: soon", "4:13", "must be a duration such as 5s"),
        ("deadline: 5%", "4:13", "must be a duration such as 5s"),
        ("deadline: 1s", "4:13", "must be from 2s to 1m, was 1s"),
        ("deadline: 61s", "4:13", "must be from 2s to 1m, was 61s"),
        ("stale_after: -1s", "4:16", "must be from"),
        ("dead_man_switch: 1s", "4:20", "must be from 15s"),
        ("pace: 0.5", "4:9", "must be at least 1"),
        ("pace: fast", "4:9", "must be a number"),
        ("feed: websockets", "4:9", 'did you mean "websocket"?'),
        ("stale: 5s", "4:3", 'did you mean "stale_after"?'),
        ("keys: somewhere", "4:9", "file:PATH"),
        ("aliases: [XBT]", "4:12", "must be a mapping"),
        ("ccxt: {secret: s}", "4:18", "keys never stand in this file"),
        ("ccxt: {headers: {API-Key: s}}", "4:29", "keys never stand in this file"),
        ("ccxt: {options: [{apiKey: s}]}", "4:29", "keys never stand in this file"),
        ("ccxt: {verbose: true}", "4:19", "ccxt would print keys"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(
    tmp_path: Path, line: str, place: str, why: str
) -> None:
    told = refused(tmp_path, f"{LEAST}  {line}\n")
    assert f"quorate.yaml:{place}: error S20" in told
    assert why in told
    assert told.count("error S20") == 1


@pytest.mark.parametrize(
    ("symbols", "why"),
    [
        ("[]", "`symbols` is empty"),
        ("BTC/USD", "must be a list"),
        ("[BTCUSD]", "a symbol reads BASE/QUOTE"),
        ("[btc/usd]", "a symbol reads BASE/QUOTE"),
        ("[BTC/USD:USD]", "a symbol reads BASE/QUOTE"),
        ("[BTC/USD, BTC/USD]", "BTC/USD is listed twice"),
    ],
)
def test_symbols_are_spot_pairs_each_once(
    tmp_path: Path, symbols: str, why: str
) -> None:
    told = refused(tmp_path, f"exchange:\n  name: x\n  symbols: {symbols}\n")
    assert "quorate.yaml:3:" in told
    assert why in told


@pytest.mark.parametrize("missing", ["name", "symbols"])
def test_what_has_to_be_said_is_asked_for(tmp_path: Path, missing: str) -> None:
    lines = [line for line in LEAST.splitlines() if missing not in line]
    assert f"key `{missing}` is missing" in refused(tmp_path, "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "line",
    [
        f"keys: {SECRET}",
        f"keys: file:{SECRET}",
        f"apiKey: {SECRET}",
        f"ccxt: {{secret: {SECRET}}}",
        f"name: {SECRET}",
        f"deadline: {SECRET}",
        f"keys: '{SECRET}",
    ],
)
def test_a_key_in_the_file_is_refused_and_not_shown(tmp_path: Path, line: str) -> None:
    told = refused(tmp_path, f"{LEAST}  {line}\n")
    assert SECRET not in told
    assert SECRET[:20] not in told


def test_problems_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    told = refused(tmp_path, f"{LEAST}  deadline: soon\n  pace: 0\n  keys: x\n")
    places = [line.split(":")[1] for line in told.splitlines() if ": error " in line]
    assert places == ["4", "5", "6"]


def test_the_section_that_init_writes_can_be_used_once_it_is_uncommented(
    tmp_path: Path,
) -> None:
    head, mark, section = (ROOT / "quorate.yaml").read_text().partition("# exchange:")
    lines = (line.removeprefix("# ").removeprefix("#") for line in section.splitlines())
    found = opened(tmp_path, f"{head}exchange:{chr(10).join(lines)}\n").exchange
    assert mark
    assert found["symbols"] == ("BTC/USD", "ETH/USD")
    assert found["dead_man_switch"] == 0
    said = (ROOT / "quorate.yaml").read_text()
    for key in ("deadline", "clock_margin", "stale_after"):
        assert f"{key}: {found[key] // 1000}s" in said
