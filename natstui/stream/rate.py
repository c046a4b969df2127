"""Messages per second, from a running total that is sampled now and then: the way in pays nothing for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class RateMeter:
    """Rates over the last second and the last ten, from samples of a total that only grows.

    Args:
        clock: monotonic seconds.
    """

    LONGEST = 10.0
    """The longest window that can be asked for, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque(((clock(), 0),))

    def sample(self, total: int) -> None:
        """Notes the total as it is now. Called once or more per second; more often makes the windows more exact."""
        now, samples = self._clock(), self._samples
        samples.append((now, total))
        while len(samples) > 2 and samples[1][0] <= now - self.LONGEST:
            samples.popleft()

    def rate(self, window: float) -> float:
        """Messages per second over the last `window` seconds, or since the beginning where that is shorter.

        The rate of a meter less than a second old is what came so far, as if it had taken a second.
        """
        now, total = self._samples[-1]
        then, before = self._samples[0]
        for moment, value in reversed(self._samples):
            if moment <= now - window:
                then, before = moment, value
                break
        return (total - before) / max(now - then, min(window, 1.0))

    @property
    def one_second(self) -> float:
        """Messages per second over the last second."""
        return self.rate(1.0)

    @property
    def ten_seconds(self) -> float:
        """Messages per second over the last ten seconds."""
        return self.rate(10.0)
