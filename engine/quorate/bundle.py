"""Where the shipped folders are, in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path


def bundled(kind: str) -> Path:
    """Return the shipped folder ``kind``: "plugins", "rules" or "schemas".

    A wheel holds it inside the package; a source checkout keeps it at the root.
    """
    package = Path(__file__).resolve().parent
    inside = package / kind
    return inside if inside.is_dir() else package.parents[1] / kind
