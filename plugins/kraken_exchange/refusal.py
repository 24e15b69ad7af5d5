"""How the exchange says no."""

from __future__ import annotations


class KrakenError(Exception):
    """An answer with an empty result; ``errors`` are the raw strings on the wire."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


def invalid(argument: str) -> KrakenError:
    """Return the error for an argument that cannot be read."""
    return refused(f"EGeneral:Invalid arguments:{argument}")


def refused(error: str) -> KrakenError:
    """Return the error that says just this."""
    return KrakenError((error,))
