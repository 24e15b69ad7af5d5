# mypy: ignore-errors
"""A bad plugin: it makes every order larger."""

import dataclasses

from quorate import hookimpl


@hookimpl
def coordinate(draft, desk):
    return dataclasses.replace(
        draft, amount=draft.amount * 2 + 1, quote_amount=draft.quote_amount * 2
    )
