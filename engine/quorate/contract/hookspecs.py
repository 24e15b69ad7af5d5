"""Every hook a plugin may implement; each docstring is the contract.

Hooks are synchronous and quick. Arguments may be left out, but never given defaults.
A plugin never acts: it answers. A hook that raises counts as a fault of its plugin;
after repeated faults in a row the plugin is switched off for the run and reported.

In live trading a plugin that is not quorate's own runs in a process of its own, if the
workspace has accepted it. There it has milliseconds for each call, reads no files but
Python's and those beside it, writes none, and starts no threads, processes or
connections. A memory holds plain values and quorate's own: no objects of the plugin's.
Five hooks are not asked of it: rate_limits, venue, live_venue, exchange, commands.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import click
import pluggy

from quorate.contract.live import LiveVenue, LoopbackExchange
from quorate.contract.records import Learned, Record
from quorate.contract.venue import SimulatedVenue
from quorate.contract.views import Desk, Draft
from quorate.contract.vocabulary import Fact, Function
from quorate.values.market import Candles, Floats
from quorate.values.rates import RateLimits

hookspec = pluggy.HookspecMarker("quorate")
hookimpl = pluggy.HookimplMarker("quorate")


class Hooks:
    """The hooks, in the order of the road of one trade."""

    @hookspec
    def facts(self) -> list[Fact]:  # type: ignore[empty-body]
        """Return the facts this plugin can answer for.

        Called once at load. Names must be new: a name that another plugin declared
        refuses the later plugin. A ``compute`` that raises makes its fact unknown.
        """

    @hookspec
    def functions(self) -> list[Function]:  # type: ignore[empty-body]
        """Return functions of candle columns that rules may call.

        Called once at load; names must be new. A crash refuses the whole plugin, here
        and in ``facts``. A ``compute`` that raises makes what it was called for
        unknown.
        """

    @hookspec
    def vote(self, candles: Candles) -> Floats | None:
        """Return one score for each candle: -1 (against buying) to 1 (for it).

        Called with the closed candles of one symbol in the tape's own timeframe. Row
        ``i`` may use rows up to ``i`` only. NaN abstains for that candle, None
        abstains for all. Scores outside the range, a wrong length and a crash
        abstain, and count as a fault. The weight is 1 unless a vote rule with the
        plugin's name as ``assistant`` and no ``score`` gives another.
        """

    @hookspec
    def map_symbol(self, symbol: str, aliases: Mapping[str, str]) -> str | None:
        """Return the venue's name for ``symbol`` ("BTC/USD"), None for no opinion.

        Called once for each symbol at start. ``aliases`` are the rulebook's symbol
        rules, pattern to meaning. The first answer counts, user plugins first. A crash
        counts as an answer and leaves the market's own name.
        """

    @hookspec
    def rate_limits(self, tier: str) -> RateLimits | None:
        """Return the limits of the venue's account ``tier``, None if not known.

        Called once at start. The first answer counts, user plugins first. A crash
        counts as an answer and stops the start.
        """

    @hookspec
    def coordinate(self, draft: Draft, desk: Desk) -> Draft | None:
        """Return ``draft`` with its amount, price or venue symbol settled, or None.

        Called for every order before the checks, each plugin in load order, each
        seeing the one before. A later plugin may lower an amount, never raise it: a
        raised amount is a fault and is not used. A crash leaves the draft as it was.
        """

    @hookspec
    def check(self, draft: Draft, desk: Desk) -> str | None:
        """Return why this order must not be sent, or None to let it pass.

        Called for every order, exits included, after the rulebook's own checks passed.
        A crash refuses the order, and a plugin that was switched off refuses every
        order: what cannot be checked is not sent.
        """

    @hookspec
    def remember(
        self, memory: MutableMapping[str, Any], record: Record, desk: Desk
    ) -> None:
        """Fold ``record`` into this plugin's own ``memory``.

        Called once for every record, in journal order, after the state has changed;
        and again from an empty memory when a journal is replayed, so use nothing but
        the arguments. Facts read the memory back by ``desk.recall(plugin_name)``.
        Annotate ``record`` with the kinds you want (``record: Closed | Started``) and
        you are called for those only. A crash leaves the record out of this memory; it
        is a fault of the plugin and stops nothing else.
        """

    @hookspec
    def learn(self, record: Record, desk: Desk) -> list[Learned] | None:
        """Return what is to be learned from ``record``, None for nothing.

        Called once for every record when it happens, not on replay: what is returned
        is journalled, and comes back by the journal. A crash learns nothing. An
        annotation of ``record`` chooses its kinds, as in ``remember``.
        """

    @hookspec
    def venue(
        self, name: str, settings: Mapping[str, Any], limits: RateLimits | None
    ) -> SimulatedVenue | None:
        """Open the venue ``name`` with the workspace's settings, or None if not ours.

        Called once at start. The first answer counts, user plugins first. A crash
        stops the start.
        """

    @hookspec
    def live_venue(
        self, name: str, settings: Mapping[str, Any], tier: str
    ) -> LiveVenue | None:
        """Return the venue that reaches exchange ``name``, or None if it is not ours.

        Called once at start, before anything is sent anywhere. ``settings`` is the
        ``exchange`` section of quorate.yaml; keys are no part of it, they are given to
        the venue's ``open``. The first answer counts, user plugins first. A crash
        stops the start.
        """

    @hookspec
    def exchange(
        self, name: str, settings: Mapping[str, Any]
    ) -> LoopbackExchange | None:
        """Return a server that speaks the protocol of ``name`` on loopback, or None.

        Called by ``quorate exchange``; "" asks for any. ``settings`` are its options:
        tapes (candles), pace, balances, tier, faults (mappings), seed, key and secret
        ("" for its own), and tell, a function that takes one line about an order. The
        first answer counts, user plugins first. A crash stops the command.
        """

    @hookspec
    def commands(self, group: click.Group) -> None:
        """Add commands to quorate's command line.

        Called once when the command line starts. A crash is reported and skipped.
        """
