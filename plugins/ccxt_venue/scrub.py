"""Keep keys out of what is said: of errors, answers and logs."""

from __future__ import annotations

from quorate import Keys, secret_forms

LONGEST = 300
"""How much of a reply or an error is told."""
_SHORTEST = 4
"""A text this short is in everything, and no secret."""


def forms_of(keys: Keys | None) -> tuple[str, ...]:
    """Return every form in which a key or its secret could stand in a text."""
    secrets = (keys.key, keys.secret) if keys else ()
    forms = {form for secret in secrets for form in secret_forms(secret)}
    long = [form for form in forms if len(form) > _SHORTEST]
    return tuple(sorted(long, key=len, reverse=True))


def scrubbed(text: str, forms: tuple[str, ...]) -> str:
    """Return ``text`` in one line, cut to a readable length, without any secret."""
    for form in forms:
        text = text.replace(form, "***")
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."
