"""Signatures and nonces of private requests."""

from __future__ import annotations

import base64
from importlib import import_module
from urllib.parse import urlencode

import pytest

hand = import_module("core_by_hand")
part = hand.part

PATH = "/0/private/AddOrder"
SECRET = base64.b64encode(b"a secret of this test").decode()
KEYS = {"mine": SECRET, "other": base64.b64encode(b"another").decode()}


def asked(nonce: object, key: str = "mine", **changes: str) -> str:
    """Return who asked, or the error."""
    return sent(nonce, {}, key, **changes)


def sent(
    nonce: object, nonces: dict[str, int], key: str = "mine", **changes: str
) -> str:
    signing = part("signing")
    body = urlencode({"nonce": nonce, "pair": "XBTUSD"}).encode()
    sign = signing.sign(PATH, str(nonce), body, KEYS[key])
    headers = {"API-Key": key, "api-sign": sign, **changes}
    try:
        found: str = signing.verify(PATH, body, headers, KEYS, nonces)
    except part("refusal").KrakenError as error:
        return str(error.errors[0])
    return found


def test_a_signature_as_kraken_documents_it() -> None:
    # The example of docs.kraken.com/api/docs/guides/spot-rest-auth.
    secret = (
        "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6"
        "F1huXg=="
    )
    body = (
        b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500"
        b"&type=buy&volume=1.25"
    )
    sign = part("signing").sign(PATH, "1616492376594", body, secret)
    assert sign == (
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbR"
        "n6H8ndwLUQ=="
    )


def test_a_request_is_known_by_its_key() -> None:
    assert asked(1) == "mine"
    assert asked(1, "other") == "other"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"API-Key": "stranger"}, "EAPI:Invalid key"),
        ({"API-Key": "other"}, "EAPI:Invalid signature"),
        ({"api-sign": ""}, "EAPI:Invalid signature"),
        ({"api-sign": "not base64 \xe9"}, "EAPI:Invalid signature"),
        ({"api-sign": base64.b64encode(b"x" * 64).decode()}, "EAPI:Invalid signature"),
    ],
)
def test_a_stranger_is_not_let_in(changes: dict[str, str], error: str) -> None:
    assert asked(1, **changes) == error


@pytest.mark.parametrize("nonce", ["", "-1", "soon", "1.5", "٣"])
def test_a_nonce_is_a_whole_number(nonce: str) -> None:
    assert asked(nonce) == "EAPI:Invalid nonce"


def test_nonces_rise_for_each_key() -> None:
    nonces: dict[str, int] = {}
    assert sent(10, nonces) == "mine"
    assert sent(10, nonces) == "EAPI:Invalid nonce"
    assert sent(9, nonces) == "EAPI:Invalid nonce"
    assert sent(5, nonces, "other") == "other"
    assert sent(11, nonces) == "mine"


def test_a_wrong_signature_uses_no_nonce_up() -> None:
    nonces: dict[str, int] = {}
    assert sent(10, nonces, **{"api-sign": "AAAA"}) == "EAPI:Invalid signature"
    assert sent(10, nonces) == "mine"


def test_the_nonce_of_a_body_in_json_is_found() -> None:
    signing = part("signing")
    body = b'{"nonce":"7","pair":"XBTUSD"}'
    headers = {"API-Key": "mine", "API-Sign": signing.sign(PATH, "7", body, SECRET)}
    assert signing.verify(PATH, body, headers, KEYS, {}) == "mine"
