"""What is hidden is found in every form, wherever it would be shown."""

import asyncio
import base64
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.live import Keys
from quorate.drivers.secrecy import (
    HIDDEN,
    clean_loop,
    forms,
    guarded,
    hide,
    redact,
)

KEY = "canary+KEY/0a1b2c3d4e5f6g7h8i9j"
SECRET = base64.b64encode(b"a canary that sings \xff\x00 only here").decode()
KEYS = Keys(KEY, SECRET)

SHAPES: dict[str, Callable[[str], str]] = {
    "raw": str,
    "for a URL": lambda one: quote(one, safe=""),
    "for a URL, small": lambda one: quote(one, safe="").lower(),
    "base64": lambda one: base64.b64encode(one.encode()).decode(),
    "base64 for a URL": lambda one: base64.urlsafe_b64encode(one.encode()).decode(),
    "hex": lambda one: one.encode().hex(),
    "repr": repr,
}


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """The root logger at DEBUG, as text."""
    stream, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def clean(text: str) -> bool:
    return not any(
        shape(one) in text for one in (KEY, SECRET) for shape in SHAPES.values()
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("secret", [KEY, SECRET])
def test_every_form_is_taken_out(shape: str, secret: str) -> None:
    hide(KEYS)
    shown = SHAPES[shape](secret)
    told = redact(f"before {shown} after")
    assert shown not in told
    assert HIDDEN in told
    assert told.startswith("before ")
    assert told.endswith(" after")


def test_a_secret_that_is_base64_is_found_decoded() -> None:
    hide(KEYS)
    decoded = base64.b64decode(SECRET)
    assert HIDDEN in redact(decoded.hex())
    assert HIDDEN in redact(f"{decoded!r}")


@given(before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_base64_is_found_wherever_it_stands(before: bytes, after: bytes) -> None:
    hide(KEYS)
    whole = base64.b64encode(before + SECRET.encode() + after).decode()
    assert HIDDEN in redact(whole)


def test_what_is_not_secret_stays() -> None:
    hide(Keys("ab", "short"))  # too short to be told from other words
    text = "the key may: query-funds, short ab"
    assert redact(text) == text
    assert not forms("ab")


def test_records_are_clean_whoever_logs_them(logged: StringIO) -> None:
    log = logging.getLogger("anybody")
    with guarded(KEYS):
        log.debug("headers %s", {"API-Key": KEY})
        log.warning("body nonce=1&secret=%s", quote(SECRET, safe=""))
        try:
            raise ValueError(f"sent {SECRET}")
        except ValueError:
            log.exception("failed with %s", KEY)
        log.info("with the stack", stack_info=True)
    text = logged.getvalue()
    assert clean(text)
    assert text.count(HIDDEN) >= 4
    assert "Traceback" in text
    assert "ValueError: sent [hidden]" in text


def test_a_record_that_cannot_be_put_together_shows_no_arguments(
    logged: StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    with guarded(KEYS):
        logging.getLogger("anybody").warning("%d of", KEY)
    assert logged.getvalue() == f"%d of ('{HIDDEN}',)\n"
    assert clean(capsys.readouterr().err)


def test_debug_output_of_the_wire_is_withheld(logged: StringIO) -> None:
    log = logging.getLogger("ccxt.base.exchange")
    before = log.level
    log.setLevel(logging.DEBUG)
    with guarded(KEYS):
        log.debug("fetch, Request: %s", {"API-Sign": "a signature"})
        log.info("an ordinary line")
    log.setLevel(before)
    assert "a signature" not in logged.getvalue()
    assert "an ordinary line" in logged.getvalue()


def test_an_event_loop_tells_without_keys(logged: StringIO) -> None:
    async def fail() -> None:
        clean_loop(asyncio.get_running_loop())
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: int(f"{KEY} is no number"))
        await asyncio.sleep(0)

    with guarded(KEYS):
        asyncio.run(fail())
    assert "ValueError" in logged.getvalue()
    assert clean(logged.getvalue())


def test_a_thread_dies_without_keys(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise RuntimeError(SECRET)

    with guarded(KEYS):
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    shown = capsys.readouterr().err
    assert "RuntimeError" in shown
    assert clean(shown)


def test_everything_is_given_back() -> None:
    before = logging.getLogRecordFactory(), sys.excepthook, threading.excepthook
    with guarded(KEYS):
        assert logging.getLogRecordFactory() is not before[0]
    after = logging.getLogRecordFactory(), sys.excepthook, threading.excepthook
    assert before == after


def test_a_crash_of_the_process_shows_no_key_and_leaves_no_core() -> None:
    code = (
        "import resource, sys\n"
        "from quorate.contract.live import Keys\n"
        "from quorate.drivers.secrecy import guarded\n"
        "keys = Keys(*sys.stdin.read().split())\n"
        "with guarded(keys):\n"
        "    print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "    import atexit, traceback\n"
        "    sys.excepthook(*(lambda e: (type(e), e, None))(ValueError(keys.secret)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=f"{KEY} {SECRET}",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "(0, 0)\n"
    assert "ValueError: [hidden]" in done.stderr
    assert clean(done.stderr)
