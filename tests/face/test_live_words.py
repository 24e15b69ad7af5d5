"""What a live run says when it is stopped, and of what it leaves."""

from importlib import import_module

from quorate.contract.records import Accepted, Refused, Unknown
from quorate.drivers.live_run import Finished
from quorate.face.live_words import left_lines, status_word, waiting_line
from quorate.flow.state import State
from quorate.values.trade import Purpose

by_hand = import_module("by_hand")
AT = by_hand.T0 + by_hand.MINUTE


def state() -> State:
    """One order on its way, one that rests, one without an answer, one refused."""
    made = State()
    for record in (
        by_hand.started(),
        by_hand.intended(1, AT),
        by_hand.intended(2, AT, purpose=Purpose.TAKE_PROFIT),
        Accepted(at_ms=AT, client_id="hand-2", venue_id="v2"),
        by_hand.intended(3, AT),
        Unknown(at_ms=AT, client_id="hand-3", why="no reply"),
        by_hand.intended(4, AT),
        Refused(at_ms=AT, client_id="hand-4", errors=("EOrder:Odd",)),
    ):
        made.apply(record)
    return made


def test_a_stop_says_what_it_waits_for() -> None:
    live = list(state().live.values())
    told = waiting_line(live)
    assert told.endswith("answers to 2 orders: hand-1, hand-3")
    assert "up to 15 s" in told
    resting = [one for one in live if one.intent.client_id == "hand-2"]
    assert "no order is without an answer" in waiting_line(resting)


def test_what_is_left_is_certain_only_when_the_exchange_was_heard() -> None:
    finished = Finished(run="r", positions=(), orders=tuple(state().live.values()))
    heard = "\n".join(left_lines(finished))
    assert "as far as is known" not in heard
    assert "rests       hand-2" in heard
    assert "no answer   hand-3" in heard
    first, *_ = left_lines(finished, trouble="no connection\nat all")
    assert first.strip().startswith("as far as is known")
    assert first.endswith("(no connection)")


def test_an_order_that_may_be_held_back_is_not_called_sent() -> None:
    words = {name: status_word(order) for name, order in state().live.items()}
    assert words == {"hand-1": "on its way", "hand-2": "open", "hand-3": "no answer"}
