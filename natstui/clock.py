"""Time, as the dashboard reads it: handed in from outside, so that a test can tick it by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the dashboard's time comes from."""

    now: Callable[[], datetime] = _utc_now
    """Wall clock, timezone-aware (UTC)."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds that only grow."""

    def epoch(self) -> float:
        """The wall clock in seconds since the epoch."""
        return self.now().timestamp()
