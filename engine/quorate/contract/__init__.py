"""What plugins and the engine agree on: hooks, facts, units, the venue protocol."""
