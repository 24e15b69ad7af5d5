"""Keep keys out of what is said: of errors, answers and logs."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from urllib.parse import quote, quote_plus

from quorate import Keys

LONGEST = 300
"""How much of a reply or an error is told."""
_SHORTEST = 4
"""A text this short is in everything, and no secret."""


def forms_of(keys: Keys | None) -> tuple[str, ...]:
    """Return every form in which a key or its secret could stand in a text."""
    forms: set[str] = set()
    for raw in (keys.key, keys.secret) if keys else ():
        encoded = raw.encode()
        texts = {raw, base64.b64encode(encoded).decode(), encoded.hex()}
        texts |= {base64.urlsafe_b64encode(encoded).decode(), *raw.split()}
        with suppress(binascii.Error, ValueError):
            texts.add(base64.b64decode(raw, validate=True).decode("latin-1"))
        forms |= {form for text in texts for form in (text, quote(text, safe=""))}
        forms |= {quote_plus(text) for text in texts} | {repr(raw)[1:-1]}
    return tuple(
        sorted((f for f in forms if len(f) > _SHORTEST), key=len, reverse=True)
    )


def scrubbed(text: str, forms: tuple[str, ...]) -> str:
    """Return ``text`` in one line, cut to a readable length, without any secret."""
    for form in forms:
        text = text.replace(form, "***")
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."
