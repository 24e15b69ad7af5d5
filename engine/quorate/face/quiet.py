"""Let plugins fail without a line in the log, where a command tells it by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def host_unlogged() -> Iterator[None]:
    """Keep what the host logs below an error out of the log while the body runs."""
    log = logging.getLogger("quorate.host.host")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
