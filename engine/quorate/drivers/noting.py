"""Which records a person is told of, and in which words. Pure."""

from __future__ import annotations

from quorate.contract.records import (
    Closed,
    Declined,
    ErrorSeen,
    ModeSet,
    PluginFault,
    Record,
    Released,
    RulesChanged,
    RulesHeld,
    RulesRefused,
    Stopped,
    Unknown,
)
from quorate.values.mode import Mode


def told_of(record: Record) -> tuple[str, str] | None:
    """Return how urgent a record is and what it says; None for the ordinary ones.

    Orders, fills and decisions are shown by themselves.
    """
    match record:
        case Unknown(client_id=client_id, why=why):
            return "warning", f"order {client_id}: no clear answer ({why})"
        case Declined(symbol=symbol, rule=rule, by=by, position_id=position) if (
            position
        ):
            return "alarm", f"{position} {symbol} does not leave by {rule}: {by}"
        case ErrorSeen(client_id=client_id, error=error, rule=""):
            return "warning", f"order {client_id}: {error} (no rule matches)"
        case Closed(trade=trade):
            return "info", (
                f"{trade.position_id} {trade.symbol} closed by {trade.exit_rule}: "
                f"{trade.profit_ratio:+.2%} net of fees"
            )
        case ModeSet(mode=mode, why=why, rule=rule):
            level = "info" if mode is Mode.ACTIVE else "alarm" if rule else "warning"
            return level, f"mode {mode}: {why}"
        case Stopped(symbol=symbol, why=why):
            where = "in all symbols" if symbol == "*" else f"in {symbol}"
            return "warning", f"entries stop {where}: {why}"
        case Released(symbol=symbol, why=why):
            where = "in all symbols" if symbol == "*" else f"in {symbol}"
            return "info", f"entries go on {where}: {why}"
        case PluginFault(plugin=plugin, where=where, error=error, off=off):
            told = ", and is switched off" if off else ""
            return "warning", f"plugin {plugin} failed in {where}{told}: {error}"
        case RulesChanged() | RulesRefused() | RulesHeld():
            return _told_of_rules(record)
    return None


def _told_of_rules(
    record: RulesChanged | RulesRefused | RulesHeld,
) -> tuple[str, str]:
    match record:
        case RulesChanged(rulebook=digest):
            return "info", f"the rules have changed: {digest[:12]}"
        case RulesRefused(problems=problems):
            told = "\n".join(problems)
            return "alarm", f"the edited rules are not used, the old ones stay:\n{told}"
        case RulesHeld(rulebook=digest, loosened=loosened):
            told = "\n".join(f"  {line}" for line in loosened)
            return "warning", (
                f"the edited rules {digest[:12]} permit more and wait until they are "
                f"accepted (quorate rules accept):\n{told}"
            )
