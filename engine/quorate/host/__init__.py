"""Find, load, ask and list plugins."""
