"""The host: who is admitted, who is asked, who answered, who is switched off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quorate import PluginFault, Resumed, Stopped
from quorate.errors import PluginError
from quorate.host.host import FAULTS_IN_A_ROW, Host, open_host

HEAD = "from quorate import *\nfrom quorate import Fact, Function, Stage, hookimpl\n"
FACT = 'Fact(name="{}", stage=Stage.ACCOUNT, help="x", compute=lambda desk: 1)'
FUNCTION = (
    'Function(name="{}", help="x", series=1, numbers=(), defaults=(), '
    "compute=lambda column: column)"
)
Load = Callable[..., Host]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that opens a host over the bundled plugins and these files."""

    def open_over(without: tuple[str, ...] = (), **files: str) -> Host:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(HEAD + text)
        return open_host(tmp_path, without=without, installed=False)

    return open_over


def hook(name: str, body: str, arguments: str = "") -> str:
    return f"@hookimpl\ndef {name}({arguments}):\n    {body}\n"


def facts(*items: str) -> str:
    return hook("facts", f"return [{', '.join(items)}]")


def ask(host: Host, name: str = "check") -> list[Any]:
    given: dict[str, dict[str, object]] = {
        "check": {"draft": 1, "desk": 2},
        "vote": {"candles": 3},
    }
    return host.ask(name, **given[name])


# -- admission


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1\n", "it implements no hook; mark a function with @hookimpl"),
        (hook("chek", "pass"), "there is no hook 'chek'; did you mean 'check'?"),
        (hook("zzz", "pass"), "there is no hook 'zzz'; they are facts, functions,"),
        (hook("check", "pass", "draft=None"), "argument 'draft' has a default"),
        (hook("check", "pass", "*args"), "write plain arguments, no *, ** or /"),
        (hook("check", "pass", "**more"), "write plain arguments, no *, ** or /"),
        (hook("check", "pass", "*, draft"), "write plain arguments, no *, ** or /"),
        (hook("check", "pass", "draft, /"), "write plain arguments, no *, ** or /"),
        (hook("check", "pass", "draught"), "no argument 'draught'; did you mean 'dr"),
        (hook("facts", "pass", "zzz"), "no argument 'zzz'; it has none"),
        (hook("check", "yield 1"), "'check' is a generator"),
        ("@hookimpl\nasync def check():\n    pass\n", "'check' is a coroutine"),
        ("@hookimpl\nasync def check():\n    yield\n", "'check' is a coroutine"),
        ("@hookimpl(wrapper=True)\ndef check():\n    yield\n", "is a wrapper"),
        ("@hookimpl(hookwrapper=True)\ndef check():\n    yield\n", "is a wrapper"),
        (
            hook("check", "pass") + '@hookimpl(specname="check")\ndef two():\n  pass\n',
            "hook 'check' is implemented twice",
        ),
        (
            hook("learn", "pass", "record: Fill"),
            "hook 'learn': Fill is not a kind of record; did you mean Filled?",
        ),
        (
            hook("learn", "pass", "record: 'Closd'"),
            "hook 'learn': the annotation of 'record' cannot be read: NameError",
        ),
        (hook("facts", "1 / 0"), "facts: ZeroDivisionError: division by zero"),
        (hook("facts", "raise SystemExit"), "facts: SystemExit"),
        (hook("facts", "return None"), "facts: must return a list of Facts, was None"),
        (hook("facts", "return [1]"), "facts: must list Facts, was int"),
        (facts(FUNCTION.format("a")), "facts: must list Facts, was Function"),
        (facts(FACT.format("Bad")), "facts: 'Bad' is not a lower-case name"),
        (facts(FACT.format("_bad")), "facts: '_bad' is not a lower-case name"),
        (facts(FACT.format("größe")), "facts: 'größe' is not a lower-case name"),
        (facts(FACT.format("and")), "facts: 'and' is a word of the rule language"),
        (facts(FACT.format("min")), "facts: 'min' is a word of the rule language"),
        (facts(FACT.format("close")), "facts: 'close' is already declared by buy"),
        (facts(FACT.format("ema")), "facts: 'ema' is already declared by indicators"),
        (facts(*[FACT.format("a")] * 2), "facts: 'a' is already declared by itself"),
        (
            facts(FACT.format("a").replace("lambda desk: 1", "1")),
            "facts: 'a' has no function to compute it",
        ),
        (facts(FACT.format("a").replace('help="x"', 'help=""')), "'a' has no help"),
        (
            facts(FACT.format("a").replace("help", "low=float('-inf'), help")),
            "facts: 'a' has a bound that is not a finite Decimal",
        ),
        (
            hook("functions", f"return [{FUNCTION.format('close')}]"),
            "functions: 'close' is already declared by buy",
        ),
        (
            facts(FACT.format("a"))
            + hook("functions", f"return [{FUNCTION.format('a')}]"),
            "functions: 'a' is already declared by itself",
        ),
    ],
)  # fmt: skip
def test_plugin_that_cannot_be_used_says_why(load: Load, text: str, fault: str) -> None:
    plain = open_host(installed=False)
    host = load(bad=text, good=hook("check", "return 'no'"))
    assert fault in host.plugins["bad"].fault
    assert not host.plugins["bad"].active
    assert [answer.plugin for answer in ask(host)] == ["good"]
    assert set(host.facts) == set(plain.facts)
    assert set(host.functions) == set(plain.functions)
    assert set(host.owners) == set(plain.owners)


def test_refused_plugin_leaves_nothing_behind(load: Load) -> None:
    text = facts(FACT.format("fresh")) + hook("functions", "1 / 0")
    host = load(bad=text + hook("check", "return 'no'"))
    assert "fresh" not in host.facts
    assert "fresh" not in host.owners
    assert ask(host) == []
    assert load(bad=text, later=facts(FACT.format("fresh"))).owners["fresh"] == "later"


def test_later_plugin_with_a_name_of_an_earlier_is_refused(load: Load) -> None:
    host = load(a=facts(FACT.format("mine")), b=facts(FACT.format("mine")))
    assert host.owners["mine"] == "a"
    assert host.plugins["b"].fault == "facts: 'mine' is already declared by a"


def test_file_named_like_a_bundled_plugin_is_refused_beside_it(load: Load) -> None:
    host = load(risk=hook("check", "return 'no'"))
    [name] = [name for name in host.plugins if name.startswith("risk (")]
    assert "the name 'risk' is taken by" in host.plugins[name].fault
    assert host.plugins["risk"].active
    assert ask(host) == []


def test_file_takes_the_place_of_a_plugin_left_out(load: Load) -> None:
    host = load(("tuner",), mine=hook("check", "return 'no'"))
    assert "tuner" not in host.plugins
    assert host.plugins["mine"].active


def test_plugin_to_leave_out_must_be_there(load: Load) -> None:
    with pytest.raises(PluginError, match=r"no plugin 'rsik' .* did you mean .risk."):
        load(("rsik",))


def test_plugin_left_out_is_not_even_run(load: Load) -> None:
    assert "bad" not in load(("bad",), bad="raise KeyboardInterrupt").plugins


def test_two_hosts_share_no_state(load: Load) -> None:
    text = "seen = []\n" + hook("check", "seen.append(1); return str(len(seen))")
    one, other = load(mine=text), load(mine=text)
    assert [ask(one)[0].value, ask(one)[0].value, ask(other)[0].value] == [
        "1",
        "2",
        "1",
    ]


def test_voters_are_those_that_implement_the_hook(load: Load) -> None:
    host = load(mine=hook("vote", "return None"), other=hook("check", "return None"))
    assert host.voters() == {"mine"}
    assert host.implements("vote")
    assert not load(("mine",)).implements("vote")


# -- asking


def test_answers_keep_their_owner_whatever_they_are(load: Load) -> None:
    host = load(
        a=hook("check", "return None"),
        b=hook("check", "1 / 0"),
        c=hook("check", "return (draft, desk)", "desk, draft"),
        d=hook("check", "raise SystemExit('bye')"),
        e=hook("check", "return float('inf')"),
    )
    answers = [(one.plugin, one.value, one.error) for one in ask(host)]
    assert answers == [
        ("a", None, ""),
        ("b", None, "ZeroDivisionError: division by zero"),
        ("c", (1, 2), ""),
        ("d", None, "SystemExit: bye"),
        ("e", float("inf"), ""),
    ]
    assert all(one.took_ms >= 0 for one in ask(host))
    assert host.plugins["c"].calls == 2


def test_interrupt_passes(load: Load) -> None:
    host = load(a=hook("check", "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        ask(host)


def test_first_answer_is_that_of_the_last_loaded(load: Load) -> None:
    body = "return 'ours' if symbol == 'X/Y' else None"
    host = load(
        a=hook("map_symbol", body, "symbol"), b=hook("map_symbol", "return None")
    )
    first = [
        host.ask_first("map_symbol", symbol=symbol, aliases={})
        for symbol in ("X/Y", "BTC/USD")
    ]
    assert [(one.plugin, one.value) for one in first if one] == [
        ("a", "ours"),
        ("symbols", "BTC/USD"),
    ]
    assert host.ask_first("vote", candles=1) is None


def test_failing_answer_is_the_first_one(load: Load) -> None:
    host = load(a=hook("map_symbol", "1 / 0"))
    answer = host.ask_first("map_symbol", symbol="BTC/USD", aliases={})
    assert answer
    assert (answer.plugin, answer.error[:17]) == ("a", "ZeroDivisionError")


def given(record: object) -> Callable[[str], dict[str, object]]:
    return lambda _: {"record": record}


RECORDS = [
    Resumed(at_ms=1, key="x"),
    Stopped(at_ms=1, symbol="*", until_ms=2, why="x"),
    PluginFault(at_ms=1, plugin="a", where="b", error="c", off=False),
]


@pytest.mark.parametrize(
    ("annotation", "count"),
    [
        ("", 3),
        (": Any", 3),
        (": object", 3),
        (": Record", 3),
        (": Stopped", 1),
        (": 'Stopped'", 1),
        (": Stopped | Resumed", 2),
        (": 'Closed | Filled'", 0),
    ],
)
def test_records_are_told_to_those_who_want_them(
    load: Load, annotation: str, count: int
) -> None:
    text = "from typing import Any\n"
    text += hook("learn", "return [record]", f"record{annotation}")
    host = load(("analytics", "learning", "tuner"), mine=text)
    answers = [
        answer
        for record in RECORDS
        for answer in host.tell("learn", record, given(record))
        if answer.plugin == "mine"
    ]
    assert len(answers) == count
    assert all(answer.error == "" for answer in answers)


# -- faults

FLAKY = "calls = []\n" + hook("vote", "calls.append(1); return plan[len(calls) - 1]()")


def flaky(plan: str) -> str:
    """Return a plugin whose votes go as planned: ``x`` raises, ``o`` answers."""
    words = {"x": "lambda: 1 / 0", "o": "lambda: None"}
    return f"plan = [{', '.join(words[one] for one in plan)}]\n{FLAKY}"


@pytest.mark.parametrize(
    ("plan", "asked", "faults"),
    [("xxxo", 3, 3), ("xxoxxo", 6, 4), ("oxxxo", 4, 3), ("xoxoxoxo", 8, 4)],
)
def test_plugin_that_fails_in_a_row_is_switched_off(
    load: Load, plan: str, asked: int, faults: int
) -> None:
    host = load(mine=flaky(plan))
    told: list[tuple[str, str, bool]] = []
    host.on_fault = lambda name, where, _, off: told.append((name, where, off))
    for _ in plan:
        ask(host, "vote")
    plugin = host.plugins["mine"]
    assert (plugin.calls, plugin.faults) == (asked, faults)
    assert len(told) == faults
    assert [off for *_, off in told].count(True) == (not plugin.active)
    if not plugin.active:
        assert told[-1] == ("mine", "vote", True)
        assert plugin.fault.startswith("switched off: failed 3 times in a row, last in")


def test_success_elsewhere_hides_no_row_of_faults(load: Load) -> None:
    host = load(mine=hook("vote", "1 / 0") + hook("check", "return None"))
    for _ in range(FAULTS_IN_A_ROW):
        ask(host, "vote")
        ask(host, "check")
        host.settle("mine", "fact something")
    assert not host.plugins["mine"].active


def test_faulty_answers_are_in_a_row_too(load: Load) -> None:
    host = load(mine=hook("vote", "return 'nonsense'"))
    for _ in range(FAULTS_IN_A_ROW):
        assert ask(host, "vote")[0].error == ""
        host.blame("mine", "vote", "no scores")
    assert ask(host, "vote") == []
    assert host.plugins["mine"].faults == FAULTS_IN_A_ROW


def test_facts_that_fail_switch_off_and_settle(load: Load) -> None:
    host = load(mine=facts(FACT.format("fresh")))
    for _ in range(FAULTS_IN_A_ROW - 1):
        host.blame("mine", "fact fresh", "x")
    host.settle("mine", "fact fresh")
    host.blame("mine", "fact fresh", "x")
    assert host.plugins["mine"].active
    host.blame("mine", "fact fresh", "x")
    host.blame("mine", "fact fresh", "x")
    assert not host.plugins["mine"].active


def test_switched_off_check_lets_nothing_pass(load: Load) -> None:
    host = load(mine=hook("check", "1 / 0"), other=hook("check", "return None"))
    for _ in range(FAULTS_IN_A_ROW + 2):
        answers = ask(host)
    assert [(one.plugin, bool(one.error)) for one in answers] == [
        ("mine", True),
        ("other", False),
    ]
    assert answers[0].error.startswith("switched off")
    assert host.plugins["mine"].calls == FAULTS_IN_A_ROW
