"""The journal's tables, indexes and triggers, as SQL.

A column is NULL where a record or decision has nothing to say ("" in Python), so that
the indexes hold only the rows that can be looked up by them.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x51554F52  # "QUOR" in the file's header
VERSION: Final = 2
OLDEST: Final = 1  # an older journal is brought up to date when it is gone on with

CANDLES: Final = """
    CREATE TABLE candles (
        symbol TEXT NOT NULL,
        open_ms INTEGER NOT NULL,
        open REAL NOT NULL,
        high REAL NOT NULL,
        low REAL NOT NULL,
        close REAL NOT NULL,
        volume REAL NOT NULL,
        unit INTEGER NOT NULL,
        PRIMARY KEY (symbol, open_ms)
    ) WITHOUT ROWID
"""

TABLES: Final = (
    """
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE rulebooks (
        digest TEXT PRIMARY KEY,
        files TEXT  -- JSON object of path to text; NULL while only its hash is known
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        kind TEXT NOT NULL,
        symbol TEXT,
        client_id TEXT,
        position_id TEXT,
        body TEXT NOT NULL,
        unit INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE decisions (
        seq INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        symbol TEXT,
        section TEXT NOT NULL,
        rule TEXT NOT NULL,
        place TEXT NOT NULL,
        verdict TEXT NOT NULL,
        inputs TEXT NOT NULL,
        effect TEXT NOT NULL,
        client_id TEXT,
        position_id TEXT,
        rulebook TEXT NOT NULL REFERENCES rulebooks (digest),
        unit INTEGER NOT NULL
    )
    """,
    CANDLES,
)

INDEXES: Final = (
    "CREATE INDEX events_by_kind ON events (kind)",
    """
    CREATE INDEX events_by_order ON events (client_id, kind)
    WHERE client_id IS NOT NULL
    """,
    """
    CREATE INDEX events_by_position ON events (position_id, kind)
    WHERE position_id IS NOT NULL
    """,
    "CREATE INDEX decisions_by_time ON decisions (at_ms)",
    """
    CREATE INDEX decisions_by_symbol ON decisions (symbol, at_ms)
    WHERE symbol IS NOT NULL
    """,
    "CREATE INDEX decisions_by_rule ON decisions (section, rule, at_ms)",
    """
    CREATE INDEX decisions_by_order ON decisions (client_id)
    WHERE client_id IS NOT NULL
    """,
    """
    CREATE INDEX decisions_by_position ON decisions (position_id)
    WHERE position_id IS NOT NULL
    """,
)


def _append_only(table: str, change: str) -> str:
    return f"""
    CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table}
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
    """


_CHANGES: Final = ("UPDATE", "DELETE")
CANDLE_TRIGGERS: Final = tuple(_append_only("candles", change) for change in _CHANGES)
TRIGGERS: Final = (
    *(
        _append_only(table, change)
        for table in ("events", "decisions")
        for change in _CHANGES
    ),
    *CANDLE_TRIGGERS,
)

ADD_EVENT: Final = """
    INSERT INTO events (at_ms, kind, symbol, client_id, position_id, body, unit)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
ADD_DECISION: Final = """
    INSERT INTO decisions (
        at_ms, symbol, section, rule, place, verdict, inputs, effect,
        client_id, position_id, rulebook, unit
    )
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# The first to be told stands: it is what was decided with.
ADD_CANDLE: Final = """
    INSERT INTO candles (symbol, open_ms, open, high, low, close, volume, unit)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (symbol, open_ms) DO NOTHING
"""
ADD_DIGEST: Final = "INSERT OR IGNORE INTO rulebooks (digest) VALUES (?)"
KEEP_RULEBOOK: Final = """
    INSERT INTO rulebooks (digest, files) VALUES (?, ?)
    ON CONFLICT (digest) DO UPDATE SET files = excluded.files WHERE files IS NULL
"""
SET_META: Final = """
    INSERT INTO meta (key, value) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
