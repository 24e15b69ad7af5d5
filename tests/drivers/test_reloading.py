"""When rule files count as edited: two looks alike, once for each content."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from quorate import RulesHeld, RulesRefused
from quorate.drivers.reloading import MOST_PROBLEMS, Judged, Reloader, refusal
from quorate.flow.book import Book
from quorate.rulebook.diagnostics import Problem, Span
from quorate.rulebook.rulebook import Sources

live_rules = import_module("live_rules")


class Files:
    """Rule files that a test edits."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.problems: list[Problem] = []

    def gather(self) -> tuple[Sources, list[Problem]]:
        return self.sources, self.problems

    def add(self, text: str) -> None:
        (shown, data), *rest = self.sources.rules
        rules = ((shown, data + text.encode()), *rest)
        self.sources = replace(self.sources, rules=rules)


def made() -> tuple[Files, Reloader]:
    files = Files(live_rules.own_rules().sources)
    host = live_rules.own_host()
    return files, Reloader(files.gather, host, live_rules.own_rules())


def test_nothing_is_seen_while_nothing_changes() -> None:
    _, reloader = made()
    assert [reloader.look() for _ in range(3)] == [None] * 3


def test_a_change_is_seen_when_two_looks_are_alike_and_once() -> None:
    files, reloader = made()
    files.add("# one\n")
    assert reloader.look() is None, "it may still be written to"
    edited = reloader.look()
    assert edited is not None
    assert edited.sources == files.sources
    assert reloader.look() is None


def test_a_file_that_is_written_in_steps_is_waited_for() -> None:
    files, reloader = made()
    for step in range(5):
        files.add(f"# {step}\n")
        assert reloader.look() is None
    assert reloader.look() is not None


def test_files_that_cannot_be_read_are_told_once() -> None:
    files, reloader = made()
    files.problems = [Problem("Y101", "it is gone", Span("rules"))]
    assert [reloader.look() is None for _ in range(4)] == [True, False, True, True]
    judged = Judged("", None, ("rules:1:1: error Y101: it is gone",))
    assert isinstance(reloader.decide(judged, 1), RulesRefused)


def test_what_is_judged_is_ready_to_be_swapped_in() -> None:
    files, reloader = made()
    files.add("# a word\n")
    reloader.look()
    edited = reloader.look()
    assert edited is not None
    book = reloader.decide(reloader.judge(edited), 1)
    assert isinstance(book, Book)
    reloader.took(book.rulebook)
    assert reloader.active.digest == files.sources.digest


def test_only_the_rules_that_are_held_can_be_accepted() -> None:
    files, reloader = made()
    rules = tuple(
        (shown, data.replace(b"<= rate_threshold", b"<= rate_threshold * 2"))
        for shown, data in files.sources.rules
    )
    files.sources = replace(files.sources, rules=rules)
    reloader.look()
    edited = reloader.look()
    assert edited is not None
    held = reloader.decide(reloader.judge(edited), 1)
    assert isinstance(held, RulesHeld)
    assert reloader.accept("") is None
    assert reloader.accept("0123456789ab") is None
    assert isinstance(reloader.accept(held.rulebook), Book)
    assert reloader.accept(held.rulebook) is None, "it was taken already"


def test_many_problems_are_told_in_part() -> None:
    told = refusal("f00", [str(number) for number in range(50)], 1)
    assert len(told.problems) == MOST_PROBLEMS + 1
    assert "and 30 more" in told.problems[-1]
