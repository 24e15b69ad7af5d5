"""Write the outputs that pages show again: python tests/docs/refresh.py [PAGE]..."""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "tutorial.md")

console = import_module("console")


def main(names: list[str]) -> None:
    """Run each page in a folder of its own, and write it where it differs."""
    for page in [Path(name) for name in names] or PAGES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                text = console.rewritten(page, Path(folder))
            except AssertionError as error:
                sys.exit(f"{page}: {error}")
        same = text == page.read_text("utf-8")
        page.write_text(text, "utf-8")
        sys.stdout.write(f"{page}: {'as before' if same else 'written'}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
