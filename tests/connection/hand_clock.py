"""A clock that is ticked by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class HandClock:
    """Monotonic seconds when called, and the wall clock that goes with them."""

    def __init__(self) -> None:
        self._now = 1_000.0

    def __call__(self) -> float:
        return self._now

    def wall(self) -> datetime:
        """2026-01-01 at the start."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._now - 1_000)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
