"""Tests of rules, written in YAML beside them, run through the engine's own stages."""
