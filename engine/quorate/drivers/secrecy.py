"""Keep an account's key and secret out of everything that is printed or logged.

``hide`` makes them known to this process; from then on ``redact`` takes them out of a
text in every form they usually take. ``guarded`` lets nothing be logged or shown as a
traceback that has not gone through it, whoever writes it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import resource
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from quorate.contract.live import Keys
from quorate.values.secret import secret_forms

HIDDEN = "[hidden]"
SHORTEST = 8
"""A form shorter than this is not looked for: it would hide other words."""

CHATTY = "ccxt"
"""The library whose own debug output is withheld: it logs headers and signatures."""

_WITHHELD = "(not shown: debug output of this library holds keys and signatures)"

_known: set[str] = set()
_patterns: list[re.Pattern[str]] = []


def hide(keys: Keys) -> None:
    """Make a key and its secret known as what must never be shown."""
    _known.update(form for one in (keys.key, keys.secret) for form in forms(one))
    longest_first = sorted(_known, key=len, reverse=True)
    # Percent codes and hex digits come in both cases.
    joined = "|".join(map(re.escape, longest_first))
    _patterns[:] = [re.compile(joined, re.IGNORECASE)] if joined else []


def redact(text: str) -> str:
    """Return a text without what ``hide`` was given, in any of its forms."""
    for pattern in _patterns:
        text = pattern.sub(HIDDEN, text)
    return text


def forms(secret: str) -> set[str]:
    """Return the forms of a secret that are long enough to be looked for."""
    return {form for form in secret_forms(secret) if len(form) >= SHORTEST}


@contextmanager
def guarded(keys: Keys) -> Iterator[None]:
    """Hide a key and its secret while the body runs, and keep no memory dump.

    Log records are cleaned when they are made, so before any handler sees them;
    tracebacks of the main thread, of others and of destructors before they are shown.
    """
    hide(keys)
    factory = logging.getLogRecordFactory()
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    logging.setLogRecordFactory(_clean_records(factory))
    sys.excepthook = _show
    threading.excepthook = sys.unraisablehook = _show_told
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        logging.setLogRecordFactory(factory)


def clean_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Let an event loop tell of what nobody caught without keys, in the log."""
    loop.set_exception_handler(_log_clean)


def _log_clean(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    told = [str(context.get("message", "an error that nobody caught"))]
    error = context.get("exception")
    if isinstance(error, BaseException):
        told += traceback.format_exception(error)
    logging.getLogger("asyncio").error("%s", redact("\n".join(told).rstrip()))


def _clean_records(
    make: Callable[..., logging.LogRecord],
) -> Callable[..., logging.LogRecord]:
    def made(*given: Any, **named: Any) -> logging.LogRecord:
        record = make(*given, **named)
        if record.name.split(".")[0] == CHATTY and record.levelno < logging.INFO:
            record.msg, record.args = _WITHHELD, ()
        try:
            whole = record.getMessage()
        except Exception:  # noqa: BLE001 - logging would print the arguments as they are
            whole, record.msg = f"{record.msg} {record.args}", ""
        clean = redact(whole)
        if clean != record.msg:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[1] is not None:
            # Formatters take this text instead of formatting the error themselves.
            record.exc_text = redact(
                "".join(traceback.format_exception(record.exc_info[1])).rstrip()
            )
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return record

    return made


def _show_told(told: Any) -> None:
    """Show what a thread or a destructor raised; a thread may exit."""
    if told.exc_type is not SystemExit:
        _show(told.exc_type, told.exc_value, told.exc_traceback)


def _show(
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    """Print a traceback without keys, and without the values of variables."""
    shown = "".join(traceback.format_exception(kind, error, trace))
    if sys.stderr is not None:
        sys.stderr.write(redact(shown))
