"""Property tests on busy cores: no example has a deadline of its own."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("busy-cores", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-cores")
