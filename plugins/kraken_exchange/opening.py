"""Put an exchange together from the settings of the hook."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any

from quorate import Keys, VenueError

from .core import Core, Options
from .counters import TIERS
from .faults import Faults
from .log_lines import log_line
from .server import KrakenExchange

_OPTIONS = frozenset(one.name for one in fields(Options)) - {"tapes"}
_OWN = frozenset(("tapes", "faults", "tell"))


def open_exchange(settings: Mapping[str, Any]) -> KrakenExchange:
    """Return an exchange that does not listen yet.

    Raises:
        VenueError: a setting cannot be used.
    """
    given = {key: value for key, value in settings.items() if value not in ("", None)}
    for key in given:
        if key not in _OPTIONS | _OWN:
            raise VenueError(f"there is no setting {key!r} of an exchange")
    if given.get("tier", "pro") not in TIERS:
        raise VenueError(
            f"there is no tier {given['tier']!r}; there are {', '.join(TIERS)}"
        )
    _must_be_base64(str(given.get("secret", "")))
    options = {key: value for key, value in given.items() if key in _OPTIONS}
    core = Core(Options(tapes=tuple(given.get("tapes", ())), **options))
    faults = Faults(core.options.seed, given.get("faults", ()))
    tell: Callable[[str], None] | None = given.get("tell")
    if tell is not None:
        core.listeners.append(lambda event: _log(event, tell))
    keys = Keys(core.options.key, core.options.secret)
    return KrakenExchange(core, faults, keys)


def _must_be_base64(secret: str) -> None:
    """Refuse a secret that nothing can be signed with."""
    try:
        base64.b64decode(secret, validate=True)
    except ValueError:
        raise VenueError("the secret of a key must be base64, as Kraken's is") from None


def _log(event: Mapping[str, Any], tell: Callable[[str], None]) -> None:
    line = log_line(event)
    # Nobody may be reading any more: that undoes no order.
    with suppress(OSError, ValueError):
        if line:
            tell(line)
