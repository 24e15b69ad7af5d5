"""Views for people: what the journal's events say, as columns in any SQLite browser.

Decimals are exact texts under their own names. Where a user would sum or compare, the
same number stands beside it as a REAL, its name ending in ``_real``. ``at`` is UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_AT: Final = "strftime('%Y-%m-%d %H:%M:%f', {0}.at_ms / 1000.0, 'unixepoch') AS at"


def _field(path: str, row: str = "e", name: str = "") -> str:
    name = name or path.rpartition(".")[2]
    return f"json_extract({row}.body, '$.{path}') AS \"{name}\""


def _real(path: str, row: str = "e", name: str = "") -> str:
    name = name or path.rpartition(".")[2]
    return f"CAST(json_extract({row}.body, '$.{path}') AS REAL) AS {name}_real"


def _both(path: str, row: str = "e") -> tuple[str, str]:
    return _field(path, row), _real(path, row)


def _fields(*paths: str) -> list[str]:
    return [_field(path) for path in paths]


def _select(kind: str, *columns: str) -> str:
    """Return a view of one kind of event, a row for each."""
    shown = ",\n    ".join(("e.seq", "e.at_ms", _AT.format("e"), *columns))
    return f"SELECT\n    {shown}\nFROM events AS e\nWHERE e.kind = '{kind}'"


_INTENTS: Final = _select(
    "Intended",
    "e.client_id",
    "e.position_id",
    "e.symbol",
    *_fields("intent.root_id", "intent.venue_symbol", "intent.purpose"),
    *_fields("intent.rule", "intent.side", "intent.type", "intent.time_in_force"),
    *_fields("intent.post_only"),
    *_both("intent.amount"),
    *_both("intent.limit_price"),
    *_both("intent.reference_price"),
    *_fields("intent.attempt", "intent.max_attempts", "intent.cancel_after_ms"),
    _field("intent.deadline_ms"),
    *_both("confidence"),
)

_FILLS: Final = f"""
SELECT
    e.seq, e.at_ms, {_AT.format("e")},
    e.client_id, i.position_id, i.symbol,
    {_field("intent.side", "i")},
    {_field("intent.purpose", "i")},
    {_field("fill.trade_id")},
    {", ".join(_both("fill.price"))},
    {", ".join(_both("fill.amount"))},
    CAST(json_extract(e.body, '$.fill.price') AS REAL)
        * CAST(json_extract(e.body, '$.fill.amount') AS REAL) AS cost_real,
    {", ".join(_both("fill.fee"))},
    {_field("fill.fee_currency")},
    {_field("fill.liquidity")}
FROM events AS e
LEFT JOIN events AS i ON i.client_id = e.client_id AND i.kind = 'Intended'
WHERE e.kind = 'Filled'
"""

_WORD: Final = """
        SELECT {what} FROM events AS e
        WHERE e.client_id = i.client_id AND e.kind IN ({kinds})
        ORDER BY e.seq DESC LIMIT 1"""
_ENDED: Final = _WORD.format(
    what="json_extract(e.body, '$.reason')", kinds="'Ended', 'Refused'"
)
# An order that is over stays over; else the venue's last word on it counts.
_STATUS: Final = f"""coalesce(({
    _WORD.format(
        what="CASE e.kind WHEN 'Ended' THEN 'done' ELSE 'refused' END",
        kinds="'Ended', 'Refused'",
    )
}
    ), ({
    _WORD.format(
        what="CASE e.kind WHEN 'Unknown' THEN 'unknown' ELSE 'open' END",
        kinds="'Accepted', 'Unknown', 'Filled'",
    )
}
    ), 'sent')"""
_FILLED: Final = """(
        SELECT coalesce(sum({what}), 0) FROM events AS e
        WHERE e.client_id = i.client_id AND e.kind = 'Filled'
    )"""
_FILL_AMOUNT: Final = "CAST(json_extract(e.body, '$.fill.amount') AS REAL)"
_FILL_COST: Final = (
    f"CAST(json_extract(e.body, '$.fill.price') AS REAL) * {_FILL_AMOUNT}"
)

_ORDERS: Final = f"""
SELECT
    i.seq, i.at_ms, i.at, i.client_id, i.position_id, i.symbol, i.purpose, i.rule,
    i.side, i.type, i.time_in_force, i.attempt,
    {_STATUS} AS status,
    i.amount, i.amount_real, i.limit_price, i.limit_price_real,
    {_FILLED.format(what="1")} AS fills,
    {_FILLED.format(what=_FILL_AMOUNT)} AS filled_real,
    {_FILLED.format(what=_FILL_COST)} AS cost_real,
    ({
    _WORD.format(what="json_extract(e.body, '$.venue_id')", kinds="'Accepted'")
}) AS venue_id,
    ({_WORD.format(what="e.at_ms", kinds="'Accepted'")}) AS accepted_ms,
    ({_WORD.format(what="e.at_ms", kinds="'Ended', 'Refused'")}) AS ended_ms,
    ({_ENDED}) AS end_reason,
    ({
    _WORD.format(
        what="json_extract(e.body, '$.errors')", kinds="'Refused', 'CancelRefused'"
    )
}) AS errors
FROM intents AS i
"""

_POSITIONS: Final = f"""
SELECT
    p.position_id, p.symbol, p.rule,
    CASE WHEN c.seq IS NULL THEN 'open' ELSE 'closed' END AS status,
    p.opened_ms, p.bought_real, p.cost_real, p.sold_real, p.proceeds_real,
    {_field("trade.closed_ms", "c")},
    {_field("trade.exit_rule", "c")},
    {", ".join(_both("trade.fee_quote", "c"))},
    {", ".join(_both("trade.profit_quote", "c"))},
    {", ".join(_both("trade.profit_ratio", "c"))}
FROM (
    SELECT
        f.position_id,
        max(f.symbol) AS symbol,
        max(CASE f.purpose WHEN 'entry' THEN json_extract(i.body, '$.intent.rule') END)
            AS rule,
        min(f.at_ms) AS opened_ms,
        sum(CASE f.side WHEN 'buy' THEN f.amount_real ELSE 0 END) AS bought_real,
        sum(CASE f.side WHEN 'buy' THEN f.cost_real ELSE 0 END) AS cost_real,
        sum(CASE f.side WHEN 'sell' THEN f.amount_real ELSE 0 END) AS sold_real,
        sum(CASE f.side WHEN 'sell' THEN f.cost_real ELSE 0 END) AS proceeds_real
    FROM fills AS f
    JOIN events AS i ON i.client_id = f.client_id AND i.kind = 'Intended'
    GROUP BY f.position_id
) AS p
LEFT JOIN events AS c ON c.position_id = p.position_id AND c.kind = 'Closed'
"""

_BALANCES: Final = f"""
SELECT
    e.seq, e.at_ms, {_AT.format("e")},
    json_extract(pair.value, '$[0]') AS currency,
    json_extract(pair.value, '$[1]') AS total,
    CAST(json_extract(pair.value, '$[1]') AS REAL) AS total_real,
    coalesce(json_extract(e.body, '$.why'), 'the run began') AS why
FROM events AS e, json_each(e.body, '$.balances') AS pair
WHERE e.kind IN ('Started', 'BalancesSeen')
"""

_STOPS: Final = f"""
SELECT
    e.seq, e.at_ms, {_AT.format("e")}, e.symbol,
    CASE e.kind WHEN 'Stopped' THEN 'stopped' ELSE 'released' END AS what,
    {_field("until_ms")},
    {_field("why")}
FROM events AS e
WHERE e.kind IN ('Stopped', 'Released')
"""

_TRADES: Final = _select(
    "Closed",
    "e.position_id",
    "e.symbol",
    *_fields("trade.rule", "trade.exit_rule", "trade.opened_ms", "trade.closed_ms"),
    *_both("trade.amount"),
    *_both("trade.cost_quote"),
    *_both("trade.proceeds_quote"),
    *_both("trade.fee_quote"),
    *_both("trade.profit_quote"),
    *_both("trade.profit_ratio"),
    *_both("trade.dust"),
)

# Views may read views that stand above them.
VIEWS: Final[Mapping[str, str]] = {
    "intents": _INTENTS,
    "fills": _FILLS,
    "orders": _ORDERS,
    "positions": _POSITIONS,
    "trades": _TRADES,
    "learned": _select(
        "Learned",
        "e.symbol",
        _field("what"),
        *_both("value"),
        *_fields("expires_ms", "why"),
    ),
    "tunings": _select("Tuned", *_fields("param", "old", "new", "rule", "why")),
    "errors": _select(
        "ErrorSeen", "e.symbol", "e.client_id", *_fields("error", "rule", "learn")
    ),
    "modes": _select("ModeSet", *_fields("mode", "why", "rule"), "e.symbol"),
    "stops": _STOPS,
    "found": _select("Found", "e.symbol", *_fields("what", "venue_id", "detail")),
    "balances": _BALANCES,
    "rulebook_changes": _select("RulesChanged", _field("rulebook")),
    "plugin_faults": _select(
        "PluginFault", *_fields("plugin", "where", "error", "off")
    ),
}
