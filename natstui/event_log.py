"""The log of all connection events: the newest in memory, every one in a file that only its owner can read."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from natstui.connection import events as kinds
from natstui.connection.events import Event, StaleConnection
from natstui.stale_advice import explain_stale
from natstui.stream.sanitise import sanitise

CAPACITY = 10_000
"""Events kept in memory."""

MAX_FILE_BYTES = 5 * 1024 * 1024
"""Beyond this size the file is moved to events.log.1 and begun anew."""


EXPLANATION = "↳ "
"""What a line begins with that explains the event above it."""


class Weight(StrEnum):
    """How an event is to be read at a glance."""

    QUIET = "quiet"
    PLAIN = "plain"
    GOOD = "good"
    ASLEEP = "asleep"
    WARNING = "warning"
    BAD = "bad"


_WEIGHTS: dict[type[Event], Weight] = {
    kinds.PingSent: Weight.QUIET,
    kinds.PongReceived: Weight.QUIET,
    kinds.Connected: Weight.GOOD,
    kinds.Reconnected: Weight.GOOD,
    kinds.Reopened: Weight.GOOD,
    kinds.IdleClosing: Weight.ASLEEP,
    kinds.IdleClosed: Weight.ASLEEP,
    kinds.IdleHeld: Weight.ASLEEP,
    kinds.SlowConsumer: Weight.WARNING,
    kinds.LameDuck: Weight.WARNING,
    kinds.FaultInjected: Weight.WARNING,
    kinds.ServerRemoved: Weight.WARNING,
    kinds.AttemptFailed: Weight.BAD,
    kinds.Disconnected: Weight.BAD,
    kinds.StaleConnection: Weight.BAD,
    kinds.ServerError: Weight.BAD,
    kinds.PermissionDenied: Weight.BAD,
    kinds.ClientError: Weight.BAD,
    kinds.HealthCheckFailed: Weight.BAD,
}


def weight(event: Event) -> Weight:
    """How an event is to be read at a glance."""
    return _WEIGHTS.get(type(event), Weight.PLAIN)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as it is shown and written."""

    number: int
    """Counts up from 0 over all connections."""
    at: datetime
    connection_id: str
    """Sanitised."""
    text: str
    """Sanitised."""
    weight: Weight

    @property
    def explains(self) -> bool:
        """Whether it is a line about the event above it."""
        return self.text.startswith(EXPLANATION)


def state_directory() -> Path:
    """Where programs keep what they note: $XDG_STATE_HOME/natstui, or ~/.local/state/natstui."""
    given = os.environ.get("XDG_STATE_HOME", "")
    return (Path(given) if given else Path.home() / ".local" / "state") / "natstui"


class EventLog:
    """Events of all connections, oldest first.

    Args:
        path: the file; None writes none. It is made with mode 0600 when the first event is written.
    """

    def __init__(self, path: Path | None = None, capacity: int = CAPACITY) -> None:
        self.path = path
        self.problem = ""
        """Why the file cannot be written, in one sentence; empty while it can."""
        self.entries: deque[LoggedEvent] = deque(maxlen=capacity)
        self.total = 0
        """Lines ever logged."""
        self._unwritten: list[LoggedEvent] = []
        self._watchers: list[Callable[[], None]] = []

    def add(self, event: Event) -> None:
        """Log an event: a listener for `ConnectionManager`. Writes nothing yet.

        A stale connection is followed by lines that say which side noticed, the settings in force, what to change.
        """
        self._add(event, str(event), weight(event))
        if isinstance(event, StaleConnection):
            for words in explain_stale(event).sentences:
                self._add(event, f"{EXPLANATION}{words}", Weight.PLAIN)

    def say(self, event: Event, words: str, weight: Weight) -> None:
        """Log words of natstui's own that an event gave rise to."""
        self._add(event, words, weight)

    def note(self, at: datetime, connection_id: str, words: str) -> None:
        """Log what the user did."""
        self._append(at, connection_id, words, Weight.PLAIN)

    def _add(self, event: Event, text: str, weight: Weight) -> None:
        self._append(event.at, event.connection_id, text, weight)

    def _append(self, at: datetime, connection_id: str, text: str, weight: Weight) -> None:
        entry = LoggedEvent(self.total, at, sanitise(connection_id), sanitise(text), weight)
        self.total += 1
        self.entries.append(entry)
        if self.path is not None and not self.problem:
            self._unwritten.append(entry)

    @property
    def has_unwritten(self) -> bool:
        """Whether there is something to write."""
        return bool(self._unwritten)

    def write(self) -> None:
        """Append to the file what was logged since the last time."""
        if not self._unwritten or self.path is None:
            return
        entries, self._unwritten = self._unwritten, []
        lines = "".join(
            f"{entry.at.astimezone().isoformat(timespec='milliseconds')} {entry.connection_id} {entry.text}\n"
            for entry in entries
        )
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size > MAX_FILE_BYTES:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                self.path.chmod(0o600)
                file.write(lines)
        except OSError as error:
            self.problem = f"The event log {self.path} cannot be written: {error.strerror or error}."
