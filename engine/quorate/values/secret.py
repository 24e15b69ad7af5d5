"""The forms in which a secret may turn up in a text."""

from __future__ import annotations

import base64
import binascii
import json
from contextlib import suppress
from urllib.parse import quote, quote_plus


def secret_forms(secret: str) -> set[str]:
    """Return how a secret may look: as it is, encoded for a URL, in base64, in hex.

    A secret that is base64 itself is looked for decoded too, one of several words by
    each of them. Some forms may be short: a search for those would hide other words.
    """
    raw = secret.encode()
    found = {secret, raw.hex(), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    found |= {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    for word in secret.split():
        found |= {word, quote(word, safe=""), quote_plus(word)}
    found |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    found |= _base64_forms(raw)
    with suppress(binascii.Error, ValueError):
        decoded = base64.b64decode(secret, validate=True)
        text = decoded.decode("latin-1")
        found |= {decoded.hex(), repr(decoded)[2:-1], text, quote(text, safe="")}
    return found


def _base64_forms(raw: bytes) -> set[str]:
    """Return ``raw`` in base64, wherever it stands in what was encoded."""
    found = set()
    for before in range(3):
        whole = b"\0" * before + raw
        # The first and last digits depend on the bytes around it.
        first, last = -(-before * 8 // 6), len(whole) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            digits = encode(whole).decode()[first:last]
            found |= {digits, quote(digits, safe="")}
    return found
