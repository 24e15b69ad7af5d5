"""Every code a check may give: what it means, why, a bad and a good example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from quorate.bundle import bundled
from quorate.rulebook import cross, shape, terms, text
from quorate.rulebook.printing import visible

TITLES: Mapping[str, str] = {
    **text.CODES,
    **shape.CODES,
    **terms.CODES,
    **cross.CODES,
}
"""What each code means, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code explained.

    ``bad`` and ``good`` are what is laid into the default rulebook as the file
    ``name``, or over it when ``overlay``; a code that no such file can give has them
    empty, and says in ``why`` what does.
    """

    code: str
    title: str
    why: str
    bad: str
    good: str
    name: str
    overlay: bool

    def __str__(self) -> str:
        """Return the whole explanation as text."""
        parts = [f"{self.code}: {self.title}", self.why]
        for label, example in (("Bad", self.bad), ("Good", self.good)):
            if example:
                lines = map(visible, example.splitlines())
                told = "\n".join(f"    {line}" for line in lines)
                parts.append(f"{label}:\n{told}")
        return "\n\n".join(parts)


def as_page() -> str:
    """Return the whole catalogue as a page of Markdown."""
    parts = [
        "# What a check says\n\n"
        "Every code of `quorate check`, printed by `quorate check --explain-code all`. "
        "Codes never change\nmeaning. Y1xx: text and YAML; S2xx: keys and types; R3xx: "
        "expressions; R4xx: the rulebook as a whole.\nEach bad example gives its code, "
        "laid into the default rulebook, and each good one nothing.\n"
    ]
    for code in catalogue().values():
        parts.append(f"\n## {code.code}: {code.title}\n\n{code.why}\n")
        for label, example in (("Bad", code.bad), ("Good", code.good)):
            if example:
                told = "\n".join(map(visible, example.splitlines()))
                parts.append(f"\n{label}:\n\n```yaml\n{told}\n```\n")
    return "".join(parts)


@cache
def catalogue() -> Mapping[str, Code]:
    """Return every code with its explanation, in the order of the codes."""
    content = (bundled("schemas") / "codes.json").read_text("utf-8")
    entries: dict[str, dict[str, Any]] = json.loads(content)
    return {code: _code(code, entry) for code, entry in sorted(entries.items())}


def _code(code: str, entry: Mapping[str, Any]) -> Code:
    return Code(
        code=code,
        title=TITLES[code],
        why=entry["why"],
        bad="".join(f"{line}\n" for line in entry.get("bad", ())),
        good="".join(f"{line}\n" for line in entry.get("good", ())),
        name=entry.get("file", "extra.yaml"),
        overlay=entry.get("overlay", False),
    )
