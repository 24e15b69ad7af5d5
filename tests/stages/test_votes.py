"""Votes look back, never ahead; who does not know abstains, and does not guess."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quorate import Candles
from quorate.contract.views import Ballot
from quorate.drivers.demo_tape import generate
from quorate.errors import TapeError
from quorate.face.workspace import open_workspace
from quorate.host.host import Host, open_host
from quorate.rulebook.rulebook import Rulebook, read_rulebook
from quorate.rulebook.sources import Sources
from quorate.stages.votes import Signals, count_votes

ROOT = Path(__file__).parents[2]
START_MS = 1_740_960_000_000
ROWS = 1440


@lru_cache(maxsize=4)
def candles(seed: int = 7, count: int = ROWS) -> Candles:
    return generate("BTC/USD", START_MS, count, seed, 40_000.0)


def first(tape: Candles, rows: int) -> Candles:
    names = ("time_ms", "open", "high", "low", "close", "volume", "stale")
    cut: dict[str, Any] = {name: getattr(tape, name)[:rows] for name in names}
    return replace(tape, **cut)


def read(host: Host, votes: str = "") -> Rulebook:
    if not votes:
        return open_workspace(ROOT).rulebook(host)
    every = (ROOT / "rules").glob("*.yaml")
    paths = [path for path in every if not path.name.endswith(".test.yaml")]
    files = {path.name: path.read_bytes() for path in paths}
    files["votes.yaml"] = votes.encode()
    rules = tuple((name, files[name]) for name in sorted(files))
    reading = read_rulebook(Sources(rules=rules), host.facts, host.functions)
    assert reading.rulebook is not None, reading.errors
    return reading.rulebook


def vote(votes: str = "", tape: Candles | None = None, host: Host | None = None) -> Any:
    host = host or open_host(installed=False)
    rulebook = read(host, votes)
    params = rulebook.params.effective("BTC/USD", {})
    return count_votes(rulebook, host, candles() if tape is None else tape, params)


def ballots(signals: Signals) -> dict[str, Ballot]:
    return {ballot.voter: ballot for ballot in signals.ballots}


def confidence(signals: Signals) -> Any:
    column = signals.column("confidence")
    assert column is not None
    return column


def candidates(signals: Signals) -> Any:
    params = signals.sheet.rulebook.params.effective("BTC/USD", {})
    return signals.candidates(params)


@pytest.fixture(scope="module")
def whole() -> Any:
    return vote()


@pytest.mark.parametrize("rows", [1, 14, 15, 59, 316, 331, 500, 777, 1000, 1439])
def test_what_comes_later_changes_no_vote_before(whole: Signals, rows: int) -> None:
    cut = vote(tape=first(candles(), rows))
    assert np.array_equal(confidence(cut), confidence(whole)[:rows], equal_nan=True)
    assert np.array_equal(candidates(cut), candidates(whole)[:rows])
    for voter, ballot in ballots(cut).items():
        scores = ballots(whole)[voter].scores[:rows]
        assert np.array_equal(ballot.scores, scores, equal_nan=True)


def test_another_future_changes_no_vote_before(whole: Signals) -> None:
    rows = 700
    tape, other = candles(), candles(seed=8)
    changed: dict[str, Any] = {
        name: np.concatenate([getattr(tape, name)[:rows], getattr(other, name)[rows:]])
        for name in ("open", "high", "low", "close", "volume", "stale")
    }
    signals = vote(tape=replace(tape, **changed))
    assert np.array_equal(
        confidence(signals)[:rows], confidence(whole)[:rows], equal_nan=True
    )
    assert not np.array_equal(confidence(signals), confidence(whole), equal_nan=True)


RISING = """
votes:
  - id: rising
    assistant: buy
    timeframes: {%s}
    score: 1 if close > open else -1
"""


def test_a_higher_timeframe_counts_from_its_close_to_its_next_close() -> None:
    tape = candles()
    scores = ballots(vote(RISING % "5m: 1"))["rising"].scores
    minute = tape.time_ms // 60_000
    for row in range(ROWS):
        # The last five-minute candle that is closed when this minute closes.
        end = (minute[row] + 1) // 5 * 5 - minute[0]
        if end < 5:
            assert np.isnan(scores[row])
            continue
        rises = tape.close[end - 1] > tape.open[end - 5]
        assert scores[row] == (1 if rises else -1), row


def test_timeframes_are_weighed_together() -> None:
    both = ballots(vote(RISING % "1m: 1, 15m: 3"))["rising"].scores
    own = ballots(vote(RISING % "1m: 1"))["rising"].scores
    slow = ballots(vote(RISING % "15m: 1"))["rising"].scores
    known = ~np.isnan(slow)
    assert np.array_equal(known, ~np.isnan(both))
    assert np.allclose(both[known], (own[known] + 3 * slow[known]) / 4)


def test_a_timeframe_the_tape_cannot_give_is_refused() -> None:
    five = replace(
        first(candles(), 300),
        timeframe_ms=300_000,
        time_ms=START_MS + np.arange(300, dtype=np.int64) * 300_000,
    )
    with pytest.raises(TapeError, match=r"votes.yaml.*`rising` looks at 1m"):
        vote(RISING % "1m: 1", tape=five)


WHEN = """
votes:
  - id: sometimes
    assistant: buy
    timeframes: {1m: 1, 5m: 1}
    when: %s
    score: %s
  - {id: always, assistant: buy, score: 1}
"""


def test_a_timeframe_whose_condition_does_not_hold_abstains_alone() -> None:
    signals = vote(WHEN % ("close > open", "1"))
    tape = candles()
    scores = ballots(signals)["sometimes"].scores
    falls = ~(tape.close > tape.open)
    assert np.isnan(scores[:4]).all()  # no five minutes are closed: not known
    voted = ~np.isnan(scores)
    assert (scores[voted] == 1).all()
    assert voted[~falls & (np.arange(ROWS) >= 4)].all()
    assert (voted & falls).any()
    assert np.isnan(scores[falls]).any()
    assert np.nanmin(confidence(signals)) == 1  # who abstains does not lower it


def test_a_timeframe_that_is_not_known_makes_the_whole_vote_abstain() -> None:
    scores = ballots(vote(WHEN % ("close > 0", "1 if rsi(close, 14) > 0 else 0")))
    column = scores["sometimes"].scores
    warm = 15 * 5 - 1  # fifteen five-minute candles
    assert np.isnan(column[:warm]).all()
    assert not np.isnan(column[warm:]).any()


def test_a_score_outside_its_range_abstains() -> None:
    votes = """
votes:
  - {id: steep, assistant: buy, score: (close / open - 1) * 2000}
  - {id: always, assistant: buy, score: 1}
"""
    host = open_host(installed=False)
    tape = candles()
    scores = ballots(vote(votes, host=host))["steep"].scores
    steep = (tape.close / tape.open - 1) * 2000
    assert np.array_equal(np.isnan(scores), np.abs(steep) > 1)


LETS = """
votes:
  - id: one
    assistant: buy
    let: {x: close, twice: x + x}
    score: 1 if twice > close else 0
  - id: two
    assistant: buy
    let: {x: volume}
    score: 1 if x >= 0 and x <= volume else 0
  - id: three
    assistant: buy
    let: {twice: close - open}
    score: 1 if twice > close else 0
"""


def test_a_let_belongs_to_its_own_rule() -> None:
    found = ballots(vote(LETS))
    assert (found["one"].scores == 1).all()
    assert (found["two"].scores == 1).all()
    assert (found["three"].scores == 0).all()


def test_a_let_that_is_not_known_is_not_known_where_it_is_used() -> None:
    votes = """
votes:
  - id: slow
    assistant: buy
    let: {average: "ema(close, 21)"}
    score: 1 if average >= 0 or close > 0 else 0
"""
    scores = ballots(vote(votes))["slow"].scores
    assert np.isnan(scores[:20]).all()
    assert (scores[20:] == 1).all()


PLUGIN = """
import numpy as np
from quorate import hookimpl

@hookimpl
def vote(candles):
    rows = len(candles)
    {body}
"""


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("return np.full(rows, 0.5)", ""),
        ("return [0.5] * rows", ""),
        ("return np.full(rows - 1, 0.5)", "shape"),
        ("return np.full((rows, 2), 0.5)", "shape"),
        ("return 'yes'", "ValueError"),
        ("return {}", "TypeError"),
        ("raise RuntimeError('broken')", "broken"),
    ],
)
def test_a_plugin_that_votes_badly_abstains(
    body: str, fault: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN.format(body=body))
    host = open_host(tmp_path, installed=False)
    blamed: list[str] = []
    host.on_fault = lambda name, where, error, off: blamed.append(f"{name} {error}")
    voted = ballots(vote(host=host))
    assert ("mine" in voted) is (not fault)
    assert len(blamed) == bool(fault)
    assert not fault or fault in blamed[0]


def test_scores_outside_the_range_abstain_and_are_a_fault(tmp_path: Path) -> None:
    body = "out = np.full(rows, 0.5); out[3] = 2; out[4] = -np.inf; return out"
    (tmp_path / "mine.py").write_text(PLUGIN.format(body=body))
    host = open_host(tmp_path, installed=False)
    scores = ballots(vote(host=host))["mine"].scores
    assert np.flatnonzero(np.isnan(scores)).tolist() == [3, 4]
    assert host.plugins["mine"].faults == 1


def test_the_weight_of_a_plugin_is_that_of_its_rule(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN.format(body="return np.full(rows, -0.5)"))
    votes = """
votes:
  - {id: always, assistant: buy, score: 1, weight: 2}
  - {id: of-mine, assistant: mine, weight: 6}
"""
    host = open_host(tmp_path, installed=False)
    column = confidence(vote(votes, host=host))
    assert (column == 0).all()  # (2 x 1 - 6 x 0.5) / 8 is below 0
