"""Who is asking: signatures and strictly rising nonces of private requests.

``API-Sign`` is HMAC-SHA512, under the decoded secret, of the path and the SHA-256 of
nonce and body (docs.kraken.com/api/docs/guides/spot-rest-auth).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, MutableMapping
from urllib.parse import parse_qs

from .refusal import refused


def sign(path: str, nonce: str, body: bytes, secret: str) -> str:
    """Return the signature of a request to ``path``, such as /0/private/Balance."""
    inner = hashlib.sha256(nonce.encode() + body).digest()
    whole = hmac.new(base64.b64decode(secret), path.encode() + inner, hashlib.sha512)
    return base64.b64encode(whole.digest()).decode()


def verify(
    path: str,
    form_body: bytes,
    headers: Mapping[str, str],
    keys: Mapping[str, str],
    nonces: MutableMapping[str, int],
) -> str:
    """Return the key that signed a request, and keep its nonce.

    A nonce is used up only by a request that is signed rightly.

    Raises:
        KrakenError: EAPI:Invalid key, EAPI:Invalid signature or EAPI:Invalid nonce.
    """
    given = {name.lower(): value for name, value in headers.items()}
    key = given.get("api-key", "")
    if key not in keys:
        raise refused("EAPI:Invalid key")
    nonce = _nonce(form_body)
    if not nonce.isdecimal() or not nonce.isascii():
        raise refused("EAPI:Invalid nonce")
    wanted = sign(path, nonce, form_body, keys[key])
    if not _equal(wanted, given.get("api-sign", "")):
        raise refused("EAPI:Invalid signature")
    if int(nonce) <= nonces.get(key, -1):
        raise refused("EAPI:Invalid nonce")
    nonces[key] = int(nonce)
    return key


def _nonce(body: bytes) -> str:
    try:
        text = body.decode()
        if not text.lstrip().startswith("{"):
            return parse_qs(text).get("nonce", [""])[0]
        return str(json.loads(text).get("nonce", ""))
    except ValueError:
        return ""


def _equal(wanted: str, given: str) -> bool:
    try:
        raw = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(base64.b64decode(wanted), raw)
