"""The durable record; the only package that touches SQLite."""
