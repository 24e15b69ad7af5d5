"""Records as text: what is read equals what was written; what cannot be is named."""

import json
import math
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.decisions import Value, Verdict
from quorate.contract.records import (
    Accepted,
    BalancesSeen,
    Found,
    Intended,
    Learned,
    MarketsSeen,
    ModeSet,
    Rearmed,
    Record,
    Refused,
    Released,
    Resumed,
    RulesChanged,
    Started,
)
from quorate.errors import JournalError
from quorate.journal.codec import (
    KINDS,
    decode,
    decode_values,
    encode,
    encode_values,
)
from quorate.values.mode import Mode
from quorate.values.trade import Intent, OrderType

TEXTS = st.text(st.characters())  # half surrogate pairs included
DECIMALS = st.decimals(allow_nan=False)
POSITIVE = st.decimals(
    min_value="0.00000001", max_value=10**12, allow_nan=False, allow_infinity=False
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    Decimal: DECIMALS,
    type(None): st.none(),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Return what a field of that type may hold."""
    if hint in SCALARS:
        return SCALARS[hint]
    if get_origin(hint) is UnionType:
        return st.one_of([anything(arg) for arg in get_args(hint)])
    if get_origin(hint) is tuple:
        args = get_args(hint)
        if args[-1] is Ellipsis:
            return st.lists(anything(args[0]), max_size=3).map(tuple)
        return st.tuples(*map(anything, args))
    if hint is Intent:
        return st.one_of(intents(OrderType.LIMIT), intents(OrderType.MARKET))
    if isinstance(hint, type) and is_dataclass(hint):
        return st.builds(hint, **parts(hint))
    assert issubclass(hint, StrEnum), hint
    return st.sampled_from(list(hint))


def parts(cls: Any) -> dict[str, st.SearchStrategy[Any]]:
    hints = get_type_hints(cls)
    return {field.name: anything(hints[field.name]) for field in fields(cls)}


def intents(kind: OrderType) -> st.SearchStrategy[Intent]:
    price = POSITIVE if kind is OrderType.LIMIT else st.none()
    given = parts(Intent) | {"amount": POSITIVE, "limit_price": price}
    return st.builds(Intent, **given | {"type": st.just(kind)})


def exactly(value: Any) -> str:
    """Tell types apart that compare equal: 1 and True, 0.1 and Decimal("0.10")."""
    return repr(value)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_record_reads_back_as_it_was_written(kind: str, data: st.DataObject) -> None:
    record: Record = data.draw(anything(KINDS[kind]))
    text = encode(record)
    assert isinstance(json.loads(text), dict)
    again = decode(kind, text, "event 1")
    assert again == record
    assert exactly(again) == exactly(record)


VALUES: st.SearchStrategy[Value] = st.one_of(
    st.decimals(), st.floats(), st.integers(), st.booleans(), TEXTS, st.none()
)


@given(st.dictionaries(TEXTS, VALUES))
def test_the_values_of_a_decision_keep_their_types(values: dict[str, Value]) -> None:
    text = encode_values(values)
    again = decode_values(text, "decision 1")
    assert list(again) == list(values)
    for name, value in values.items():
        if isinstance(value, float) and math.isnan(value):
            assert isinstance(again[name], float)
            assert math.isnan(float(str(again[name])))
        else:
            assert exactly(again[name]) == exactly(value)


def test_the_values_of_a_decision_are_numbers_to_sql() -> None:
    values: dict[str, Value] = {
        "price": Decimal("0.10"),
        "samples": Decimal(7),
        "confidence": 0.1,
        "attempt": 7,
        "state": "nan",
        "rsi": math.nan,
        "gap": -math.inf,
        "limit": Decimal("Infinity"),
        "approved": True,
        "missing": None,
    }
    assert encode_values(values) == (
        '{"price":0.10,"samples":7E0,"confidence":0.1e0,"attempt":7,"state":"nan",'
        '"rsi":{"float":"nan"},"gap":{"float":"-inf"},"limit":{"decimal":"Infinity"},'
        '"approved":true,"missing":null}'
    )


def test_kin_of_the_known_types_are_written_as_their_kind() -> None:
    values: dict[str, Value] = {"verdict": Verdict.PASSED, "score": np.float64(0.5)}
    again = decode_values(encode_values(values), "decision 1")
    assert again == {"verdict": "passed", "score": 0.5}
    assert type(again["score"]) is float


def wrong(value: object) -> Any:
    """Return a value of a type that its field does not allow."""
    return value


ACCEPTED = Accepted(at_ms=5, client_id="q-1", venue_id="V-1")


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (replace(ACCEPTED, at_ms=wrong(np.int64(5))), "Accepted .* at_ms must be int"),
        (replace(ACCEPTED, client_id=wrong(None)), "client_id must be str, was None"),
        (
            Learned(
                at_ms=1,
                what="m",
                symbol="S",
                value=wrong(0.1),
                expires_ms=2,
                why="",
            ),
            "value must be Decimal, was 0.1",
        ),
        (
            Refused(at_ms=1, client_id="q", errors=wrong(["EOrder"])),
            "errors must be tuple",
        ),
    ],
)
def test_what_would_not_read_back_is_not_written(
    broken: Record, complaint: str
) -> None:
    with pytest.raises(JournalError, match=complaint):
        encode(broken)


@pytest.mark.parametrize("value", [(1, 2), {"a": 1}, b"x", np.int64(3)])
def test_a_value_of_another_kind_is_refused_by_name(value: Any) -> None:
    with pytest.raises(JournalError, match="odd must be a number, a flag, a text"):
        encode_values({"fine": 1, "odd": value})


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        ("Melted", "{}", "event 7: kind 'Melted' is not known; read this journal with"),
        ("Accepted", "{", "event 7 .Accepted.: Expecting"),
        ("Accepted", "[]", "must be an object"),
        ("Accepted", '{"at_ms":1,"client_id":"q"}', "field 'venue_id' is missing"),
        (
            "Accepted",
            '{"at_ms":1,"client_id":"q","venue_id":"v","fee":1}',
            "field 'fee' is not known",
        ),
        (
            "Accepted",
            '{"at_ms":"1","client_id":"q","venue_id":"v"}',
            "at_ms: must be a whole number, was '1'",
        ),
        (
            "Accepted",
            '{"at_ms":true,"client_id":"q","venue_id":"v"}',
            "at_ms: must be a whole number, was True",
        ),
        (
            "Leaving",
            '{"at_ms":1,"position_id":"p","rule":"r","share":"much"}',
            "share: must be a decimal number as text",
        ),
        ("Refused", '{"at_ms":1,"client_id":"q","errors":"E"}', "must be a list"),
        ("Resumed", '{"at_ms":1,"key":"k","given_up":1}', "must be true or false"),
        ("Resumed", '{"at_ms":NaN,"key":"k"}', "NaN is not JSON"),
        ("Resumed", '{"at_ms":1,"key":' + "[" * 10**5, "is not JSON"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(
    kind: str, text: str, complaint: str
) -> None:
    with pytest.raises(JournalError, match=complaint) as caught:
        decode(kind, text, "event 7")
    assert str(caught.value).startswith("event 7")


@pytest.mark.parametrize("text", ["[]", '{"a":[1]}', '{"a":{"b":"c"}}', '{"a":{}}'])
def test_values_that_cannot_be_read_are_named(text: str) -> None:
    with pytest.raises(JournalError, match="decision 3: must be"):
        decode_values(text, "decision 3")


def test_a_record_that_its_own_class_refuses_is_an_error_of_the_row() -> None:
    text = encode(_intended()).replace('"amount":"1"', '"amount":"-1"')
    with pytest.raises(JournalError, match=r"event 9 .*amount must be positive"):
        decode("Intended", text, "event 9")
    text = encode(_intended()).replace('"amount":"1"', '"amount":"sNaN"')
    with pytest.raises(JournalError, match="event 9"):
        decode("Intended", text, "event 9")


def test_a_field_with_a_default_may_be_missing_in_an_older_journal() -> None:
    assert decode("Resumed", '{"at_ms":1,"key":"k"}', "event 1") == Resumed(
        at_ms=1, key="k"
    )


OLDER = {
    "Started": (
        '{"at_ms":1,"run":"r","venue":"paper","rulebook":"d","source":"t",'
        '"markets":[],"balances":[["USD","1.50"]],"limits":null}',
        ("order_deadline_ms", 0),
    ),
    "ModeSet": ('{"at_ms":1,"mode":"halted","why":"by hand"}', ("rule", "")),
    "Tuned": (
        '{"at_ms":1,"param":"p","old":"1","new":"2","rule":"r","why":"w"}',
        ("back", False),
    ),
}


@pytest.mark.parametrize("kind", OLDER)
def test_a_record_of_an_older_journal_reads_without_its_newer_fields(kind: str) -> None:
    text, (name, value) = OLDER[kind]
    record = decode(kind, text, "event 1")
    assert getattr(record, name) == value
    assert name in encode(record)
    assert decode(kind, encode(record), "event 1") == record


def test_an_intent_of_an_older_journal_has_no_deadline() -> None:
    assert _intended().intent.deadline_ms == 0


def test_what_a_live_run_records_reads_back() -> None:
    intent = replace(_intended().intent, deadline_ms=5_001)
    for record in (
        replace(_intended(), intent=intent),
        Started(
            at_ms=1,
            run="1a2b3c4d",
            venue="x",
            rulebook="d",
            source="x:a",
            markets=(),
            balances=(("USD", Decimal("1.50")),),
            order_deadline_ms=5_000,
        ),
        ModeSet(at_ms=2, mode=Mode.HALTED, why="loss", rule="loss", symbol="S"),
        Rearmed(at_ms=3, rule="loss", symbol="S"),
        Released(at_ms=4, symbol="*", why="resume"),
        MarketsSeen(at_ms=5, markets=()),
        BalancesSeen(at_ms=6, balances=(("BTC", Decimal("0.10")),), why="fee"),
        RulesChanged(at_ms=7, rulebook="f00"),
        Found(at_ms=8, what="trade", venue_id="T", symbol="S", detail="buy 1"),
    ):
        again = decode(type(record).__name__, encode(record), "event 1")
        assert exactly(again) == exactly(record)


def _intended() -> Intended:
    intent = json.loads(
        '{"client_id":"q","root_id":"q","symbol":"S","venue_symbol":"S","side":"buy",'
        '"type":"market","time_in_force":"IOC","post_only":false,"amount":"1",'
        '"limit_price":null,"reference_price":"1","purpose":"entry","rule":"r",'
        '"attempt":1,"max_attempts":1,"cancel_after_ms":0,"position_id":"p",'
        '"made_ms":1}'
    )
    text = json.dumps({"at_ms": 1, "intent": intent})
    record = decode("Intended", text, "event 1")
    assert isinstance(record, Intended)
    return record
