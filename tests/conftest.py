"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine makes examples slow; that is not what a property test is about.
settings.register_profile(
    "quorate", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("quorate")
