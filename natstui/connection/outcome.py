"""What became of a published message, as far as it can be known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The four honest answers to "was it sent?" (DESIGN part 5)."""

    CONFIRMED = "confirmed"
    """The server answered a PING sent after the message: it has it."""
    BUFFERED = "buffered"
    """No server is connected; the message waits here and goes out on reconnecting."""
    UNKNOWN = "unknown"
    """It was written, but nothing came back: it may or may not arrive."""
    REFUSED = "refused"
    """It was not accepted, and will not arrive; the reason says why."""


@dataclass(frozen=True, slots=True)
class PublishOutcome:
    """An outcome, how long it took to know it (seconds), and why where it is not *confirmed*."""

    outcome: Outcome
    elapsed: float
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.outcome} in {self.elapsed * 1000:.1f} ms" + (f": {self.reason}" if self.reason else "")
