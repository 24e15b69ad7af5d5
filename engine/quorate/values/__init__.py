"""Exact numbers, market columns and the nouns of a trade; imports nothing above."""
