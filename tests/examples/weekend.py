"""An example plugin: a check. Nothing is bought on Saturdays and Sundays (UTC)."""

from quorate import Desk, Draft, Side, hookimpl

DAY_MS = 86_400_000
SATURDAY = 5


@hookimpl
def check(draft: Draft, desk: Desk) -> str | None:
    """Refuse purchases at the weekend; the first day of 1970 was a Thursday."""
    weekday = (desk.now_ms // DAY_MS + 3) % 7
    if draft.side is Side.BUY and weekday >= SATURDAY:
        return "no purchase at the weekend"
    return None
