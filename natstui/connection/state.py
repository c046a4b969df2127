"""The states of a managed connection."""

from __future__ import annotations

from enum import StrEnum


class ConnectionState(StrEnum):
    """Where a managed connection stands (DESIGN part 3)."""

    NEW = "new"
    """Added, never opened."""
    OPENING = "opening"
    """Being opened or reopened; every use waits for it."""
    CONNECTED = "connected"
    """A server answers."""
    RECONNECTING = "reconnecting"
    """The server was lost; servers of the pool are being tried."""
    IDLE = "idle"
    """Asleep: closed for idleness, everything remembered; the next use reopens."""
    FAILED = "failed"
    """Could not be opened; keeps its typed reason; the next use tries again."""
    DRAINING = "draining"
    """On its way to closed: delivering what has arrived, flushing what was published."""
    CLOSED = "closed"
    """Final."""

    @property
    def is_final(self) -> bool:
        """Whether the connection takes no further use."""
        return self in (ConnectionState.DRAINING, ConnectionState.CLOSED)
