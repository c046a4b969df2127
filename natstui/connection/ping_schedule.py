"""When a keep-alive ping is due, and when a server's silence is no longer borne. No I/O, and no clock of its own."""

from __future__ import annotations

from enum import Enum, auto


class Tick(Enum):
    """What to do at a tick."""

    PING = auto()
    WAIT = auto()
    STALE = auto()


class PingSchedule:
    """A ping every interval I; with N allowed, silence is noticed within (N·I, (N+1)·I] of its beginning."""

    def __init__(self, interval: float, allowed: int, now: float) -> None:
        self.next_tick = now + interval
        """When `tick` is to be called next."""
        self._interval = interval
        self._allowed = allowed
        self._unanswered_since = now

    def tick(self, now: float, outstanding: int) -> Tick:
        """Return what to do at `now`, with `outstanding` pings unanswered, and set `next_tick`."""
        if now - self.next_tick > self._interval / 2:
            # The event loop stood still: answers may lie unread in the socket. They get a turn to be read.
            self.next_tick = now + self._interval / 4
            return Tick.WAIT
        if not outstanding:
            self._unanswered_since = now
        elif outstanding >= self._allowed:
            due = self._unanswered_since + self._allowed * self._interval
            if now < due:
                # The first ping went out late: the server gets its time all the same.
                self.next_tick = due
                return Tick.WAIT
            return Tick.STALE
        self.next_tick += self._interval
        return Tick.PING
