"""A canary: neither the key nor its secret is ever said, whatever fails."""

import base64
import json
import signal
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

loopback = import_module("loopback")
live_runs = import_module("live_runs")

KEY = "canary/KEY+that/sings=0123456789abcdefABCDEF"
SECRET = base64.b64encode(
    b"\xfbthe secret of a canary\xff\xfe: never seen\x00"
).decode()

LOUD = """
import logging
logging.basicConfig(level=logging.DEBUG, force=True)
for name in ("ccxt", "ccxt.base.exchange", "ccxt.async_support.base.exchange"):
    logging.getLogger(name).setLevel(logging.DEBUG)
from quorate.face.cli import main
"""

FAILING = """
import quorate.face.live_plan as plan
async def fail(setup):
    request = {"key": setup.keys.key, "secret": setup.keys.secret}
    raise RuntimeError(f"the request was {request}")
plan.look = fail
"""


@pytest.fixture(scope="module")
def exchange() -> Iterator[Any]:
    options = ("--pace", 60, "--key", KEY, "--secret", SECRET)
    with loopback.exchange_process(*options) as process:
        yield process


@pytest.fixture
def root(tmp_path: Path, exchange: Any) -> Path:
    made: Path = live_runs.make(tmp_path / "w", exchange)
    return made


def shapes() -> Iterator[bytes]:
    """Yield every form in which one of the two may be seen, made here anew."""
    for one in (KEY, SECRET):
        raw = one.encode()
        yield raw
        yield quote(one).encode()
        yield quote(one, safe="").encode()
        yield quote_plus(one).encode()
        yield base64.b64encode(raw)
        yield base64.b64encode(raw).rstrip(b"=")
        yield base64.urlsafe_b64encode(raw)
        yield raw.hex().encode()
    yield base64.b64decode(SECRET)
    yield repr(base64.b64decode(SECRET))[2:-1].encode()


def seen_in(data: bytes) -> list[bytes]:
    return [shape for shape in shapes() if shape in data]


def files_of(root: Path) -> bytes:
    """Return the bytes of every file of a workspace but the key's own."""
    files = [path for path in root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite" for path in files)
    return b"\0".join(p.read_bytes() for p in files if p.name != "kraken.key")


def test_the_canary_would_be_seen() -> None:
    assert seen_in(f"API-Key: {KEY}".encode())
    assert seen_in(f"body=nonce&secret={quote_plus(SECRET)}".encode())
    assert seen_in(b"auth " + base64.b64encode(SECRET.encode()))


def test_a_loud_run_with_faults_says_neither(root: Path, exchange: Any) -> None:
    exchange.add_faults(
        {"at": "AddOrder", "kind": "error", "value": f"EAPI:Invalid key:{KEY}"},
        {"at": "OpenOrders", "kind": "html", "times": 2},
        {"at": "OpenOrders", "kind": "close_mid_body", "times": 2},
    )
    with live_runs.live(
        root, code=f"{LOUD}main()", QUORATE_DEBUG="1", PYTHONASYNCIODEBUG="1"
    ) as run:
        run.wait_for("started, mode active")
        run.wait_for("DEBUG")
        run.wait_for(" buy ")
        exchange.clear_faults()
        run.signal(signal.SIGTERM)
        run.end()
    told = run.told.encode()
    assert b"DEBUG:" in told
    assert seen_in(told) == []
    assert seen_in(files_of(root)) == []
    for words in (
        ["doctor", "--json"],
        ["reconcile", "--json"],
        ["report", "--json"],
        ["plugins", "--json"],
    ):
        done = live_runs.quorate(root, *words)
        assert json.loads(done.stdout)
        assert seen_in(f"{done.stdout}{done.stderr}".encode()) == []


def test_a_defect_that_holds_both_is_told_without_them(root: Path) -> None:
    code = f"{LOUD}{FAILING}main()"
    with live_runs.live(root, code=code, QUORATE_DEBUG="1") as run:
        assert run.end() == 2
    assert "a defect of quorate" in run.told
    assert "Traceback" in run.told
    assert run.told.count("[hidden]") >= 2
    assert seen_in(run.told.encode()) == []


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        (KEY, base64.b64encode(b"another secret of another canary").decode()),
        (KEY, "a secret-that-is_no%base64 at all: canary!"),
        (f"{KEY}-unknown", SECRET),
    ],
    ids=["wrong secret", "no base64", "unknown key"],
)
def test_keys_that_are_refused_are_not_said(root: Path, key: str, secret: str) -> None:
    live_runs.write_keys(root / "kraken.key", key, secret)
    for words in (["doctor"], ["run", "--live", "--yes-really"]):
        done = live_runs.quorate(root, "-v", *words, QUORATE_DEBUG="1")
        assert done.returncode in (1, 2)
        told = f"{done.stdout}{done.stderr}"
        assert seen_in(told.encode()) == []
        for one in (key, secret, quote(secret)):
            assert one not in told
