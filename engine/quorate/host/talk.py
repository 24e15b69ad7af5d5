"""What the engine and a plugin's process say to each other: kinds of messages.

A message is its length, in four bytes, and its bytes: a pickle from the engine, plain
values (``plain.py``) from the plugin. A call that is under way may ask the engine's
desk, and the answer to that may take further calls: they nest like Python's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from quorate.host.content import Content

LENGTH_BYTES = 4

CALL, REMEMBER, TOLD = "call", "remember", "told"
"""From the engine: call a function; fold a record; the answer to an ASK."""

READY, ANSWER, FAULT, REMEMBERED, ASK = "ready", "answer", "fault", "remembered", "ask"
"""From the plugin: it is loaded; what a call gave; why it failed; what has changed in
the memory; a question to the desk."""

_NOT_OFFERED = frozenset(("venue", "live_venue", "exchange", "commands", "rate_limits"))


def is_offered(hook: str) -> bool:
    """Return whether live trading asks plugins that are not quorate's own this hook.

    Venues hold keys and connections, commands run before anything is accepted, and
    rate limits protect the account: those are not for a process that is shut in.
    """
    return hook not in _NOT_OFFERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The first message: which plugin the process is for, and what it may read.

    ``module`` is the name to import it by, ``attribute`` what of that is the plugin.
    """

    name: str
    content: Content
    module: str
    attribute: str
    sys_path: list[str]
    readable: tuple[str, ...]
