"""What a reply comes to where the exchange has no adapter, and when nothing left."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import Any

import pytest
from aiohttp import ClientConnectorDNSError, ClientOSError, ServerDisconnectedError
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st

from quorate import Accepted, CancelOutcome, Refused, Unknown

orders = import_module("venue_orders")
venue_stub = import_module("venue_stub")
outcomes, wire = orders.part("outcomes"), orders.part("wire")
adapter_for = orders.part("adapters").adapter_for
CAREFUL, KRAKEN = adapter_for("gate", {}), adapter_for("kraken", {})


def errand(*replies: tuple[int, str], sent: bool = True) -> Any:
    made = wire.Errand(question=False, sent=sent)
    made.replies.extend(
        wire.Reply("AddOrder", status, text) for status, text in replies
    )
    return made


def of_send(adapter: Any, made: Any, told: object = None, failure: Any = None) -> Any:
    return outcomes.of_send(adapter, "1a2b3c4d-1", made, told, failure)


@pytest.mark.parametrize(
    ("reply", "told", "kind"),
    [
        ((200, '{"order": "77"}'), {"id": "77"}, Accepted),
        ((200, '{"order": "77"}'), {"id": "made-up"}, Unknown),
        ((200, '{"order": "77"}'), {"id": ""}, Unknown),
        ((200, '{"order": "77"}'), {"id": None}, Unknown),
        ((200, '{"order": "77"}'), None, Unknown),
        ((200, "<html>77</html>"), {"id": "77"}, Unknown),
        ((500, '{"order": "77"}'), {"id": "77"}, Unknown),
        ((400, '{"error": "insufficient balance"}'), None, Unknown),
    ],
)
def test_without_an_adapter_nothing_is_refused(
    reply: tuple[int, str], told: object, kind: type
) -> None:
    assert isinstance(of_send(CAREFUL, errand(reply), told), kind)


def caused(cause: Exception) -> Exception:
    failure = ValueError("what ccxt says")
    failure.__cause__ = cause
    return failure


NOWHERE = ConnectionKey("x", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (ClientConnectorDNSError(NOWHERE, OSError("no such host")), Refused),
        (ClientOSError("reset by peer"), Unknown),
        (ServerDisconnectedError(), Unknown),
        (TimeoutError(), Unknown),
        (OSError("anything"), Unknown),
    ],
)
def test_only_a_connection_that_never_was_is_not_sent(
    cause: Exception, kind: type
) -> None:
    assert isinstance(of_send(KRAKEN, errand(), failure=caused(cause)), kind)


def test_what_was_held_back_is_not_sent() -> None:
    answer = of_send(KRAKEN, errand(sent=False), failure=wire.NotSent("too late"))
    assert answer.errors == ("not sent: too late",)
    reply = outcomes.of_cancel(KRAKEN, errand(sent=False), wire.NotSent("no id"))
    assert (reply.outcome, reply.errors) == (
        CancelOutcome.UNKNOWN,
        ("not sent: no id",),
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "result", "txid", "descr", "count", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(status=st.sampled_from([200, 201, 400, 429, 500, 502]), body=JSON)
def test_any_json_has_an_outcome_and_an_id_is_needed_to_be_accepted(
    status: int, body: Any
) -> None:
    made = errand((status, json.dumps(body)))
    answer = of_send(KRAKEN, made, {"id": "made-up"})
    if isinstance(answer, Accepted):
        assert status < 300
        assert body["error"] == []
        assert body["result"]["txid"] == [answer.venue_id]
        assert answer.venue_id
    elif isinstance(answer, Refused):
        assert list(answer.errors) == body["error"] != []
    assert outcomes.of_cancel(KRAKEN, made, None).outcome in CancelOutcome


def test_an_id_beside_errors_is_not_believed() -> None:
    both = json.dumps(
        {"error": ["EOrder:Insufficient funds"], "result": {"txid": ["O"]}}
    )
    assert isinstance(of_send(KRAKEN, errand((200, both))), Unknown)


def test_an_exchange_class_that_drops_our_id_sends_nothing() -> None:
    """ccxt's class of this exchange leaves clientOrderId out; the wire is looked at."""

    async def run() -> None:
        async with venue_stub.stub({}) as server:
            venue = orders.plugin().live_venue(
                "cryptocom",
                {"ccxt": {"urls": {"api": {"v1": server.url, "base": server.url}}}},
                "",
            )
            opening, rules = orders.part("opening"), orders.part("rules")
            terms = wire.Terms(
                venue.adapter, venue.lane, venue.public_lane, venue.clock.now_ms
            )
            venue.exchange = opening.open_exchange(
                venue.adapter, venue.settings, orders.KEYS, terms
            )
            try:
                market = venue.exchange.safe_market_structure(
                    {
                        **{"id": "BTC_USD", "symbol": "BTC/USD", "base": "BTC"},
                        **{"quote": "USD", "type": "spot", "spot": True},
                        "precision": {"amount": 1e-8, "price": 0.1},
                    }
                )
                venue.exchange.set_markets([market])
                fees = (venue.adapter.maker_fee, venue.adapter.taker_fee)
                told = venue.exchange.markets["BTC/USD"]
                mode = venue.exchange.precisionMode
                venue.rules["BTC/USD"] = rules.market_rules(
                    told, venue.adapter, mode, fees
                )
                venue.symbols = orders.part("symbols").Symbols([told])
                answer = await venue.send(orders.intent())
            finally:
                venue.exchange.timeout_on_exit = 1
                await venue.close()
            assert server.requests == []
            assert isinstance(answer, Refused)
            assert "would not carry 1a2b3c4d-" in answer.errors[0]

    asyncio.run(run())
