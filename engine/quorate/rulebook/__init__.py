"""From YAML text to one checked, frozen rulebook."""
