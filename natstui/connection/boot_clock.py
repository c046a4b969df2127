"""A clock that goes on while the machine sleeps: what was silent meanwhile was silent all that time."""

from __future__ import annotations

import sys
import time

if sys.platform == "win32":
    seconds_since_boot = time.monotonic
else:
    # Linux leaves the time asleep out of CLOCK_MONOTONIC, and so out of the event loop's time; macOS does not.
    _CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def seconds_since_boot() -> float:
        """Seconds since some moment in the past, those that the machine was suspended included."""
        return time.clock_gettime(_CLOCK)
