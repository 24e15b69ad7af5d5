"""Bytes on the wire: JSON that keeps every digit, and the order of frames."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import import_module
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

lo = import_module("loopback")

NUMBERS = st.decimals(-(10**12), 10**12, places=8) | st.integers(-(2**63), 2**63)
VALUES = st.recursive(
    NUMBERS | st.text() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES)
def test_what_is_encoded_reads_back_digit_by_digit(value: Any) -> None:
    text = lo.part("replies").encode(value)
    read = json.loads(text, parse_float=Decimal)
    assert read == value
    # Equal Decimals may differ in trailing zeros, and a checksum is made of those.
    assert digits(read) == digits(value)


def digits(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in digits(item)]
    if isinstance(value, list):
        return [text for item in value for text in digits(item)]
    return [f"{value:f}"] if isinstance(value, Decimal) else []


def test_a_body_that_is_no_form_is_none() -> None:
    read_form = lo.part("calls").read_form
    assert read_form(b"nonce=1&pair=XBTUSD&price=", "") == {
        "nonce": "1",
        "pair": "XBTUSD",
        "price": "",
    }
    assert read_form(b'{"nonce": 1.5}', "application/json") == {"nonce": Decimal("1.5")}
    assert read_form(b"[1]", "application/json") is None
    assert read_form(b"{", "application/json") is None
    assert read_form(b"\xff\xfe", "") is None
