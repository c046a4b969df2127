"""The closed set of connection events.

Each event is frozen, says when (`at`) and which connection (`connection_id`), and its ``str()`` is a log line.
Texts that come from a server are kept as they came: sanitise them before they reach a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from natstui.connection.durations import format_duration
from natstui.connection.errors import ExpiryWarning, ManagedConnectionError, Stage
from natstui.connection.state import ConnectionState


def _milliseconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds * 1000:.1f} ms"


@dataclass(frozen=True, slots=True)
class Event:
    """What every event carries."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC), kw_only=True)
    """Wall clock, timezone-aware (UTC)."""
    connection_id: str = field(default="", kw_only=True)
    """The id under which `ConnectionManager` knows the connection."""


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """The connection moved from one state to another."""

    old: ConnectionState
    new: ConnectionState
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.old} → {self.new}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Attempt(Event):
    """A server is about to be tried; `delay` seconds are waited first."""

    server: str
    number: int
    """1 for the first attempt since the connection was last up."""
    delay: float = 0.0

    def __str__(self) -> str:
        wait = f" in {format_duration(self.delay)}" if self.delay else ""
        return f"attempt {self.number} on {self.server}{wait}"


@dataclass(frozen=True, slots=True)
class AttemptFailed(Event):
    """An attempt failed, and at which stage."""

    server: str
    number: int
    stage: Stage
    error: Exception

    def __str__(self) -> str:
        return f"attempt {self.number} failed at {self.stage}: {self.error}"


@dataclass(frozen=True, slots=True)
class Connected(Event):
    """A server took the connection and answered the first ping (`rtt` in seconds)."""

    server: str
    client_id: int | None
    rtt: float | None

    def __str__(self) -> str:
        return f"connected to {self.server} as client {self.client_id}, round trip {_milliseconds(self.rtt)}"


@dataclass(frozen=True, slots=True)
class Disconnected(Event):
    """The server was lost, or left on request."""

    server: str
    reason: str
    silent_for: float | None = None
    """Seconds since the server was last heard: messages of that time may be missing too. None where the connection was
    closed in order, and so nothing sent before is lost."""

    def __str__(self) -> str:
        silent = f" (last heard {format_duration(round(self.silent_for, 2))} before)" if self.silent_for else ""
        return f"disconnected from {self.server}: {self.reason}{silent}"


@dataclass(frozen=True, slots=True)
class Reconnected(Event):
    """A server is there again after `downtime` seconds; messages of that time may be missing."""

    server: str
    downtime: float

    def __str__(self) -> str:
        return f"reconnected to {self.server} after {format_duration(round(self.downtime, 2))}"


@dataclass(frozen=True, slots=True)
class PingSent(Event):
    """A keep-alive PING went out; `outstanding` of them are unanswered now."""

    outstanding: int

    def __str__(self) -> str:
        return f"ping sent, {self.outstanding} outstanding"


@dataclass(frozen=True, slots=True)
class PongReceived(Event):
    """A PONG came; `rtt` in seconds."""

    rtt: float
    outstanding: int

    def __str__(self) -> str:
        return f"pong after {_milliseconds(self.rtt)}"


@dataclass(frozen=True, slots=True)
class StaleConnection(Event):
    """The server was given up as silent, or gave us up (`noticed_by` is "client" or "server")."""

    outstanding: int
    allowed: int
    noticed_by: str = "client"
    silent_for: float | None = None
    """Seconds since the server was last heard; where the server noticed, those before it said so."""
    ping_interval: float | None = None
    """The client's ping interval in force, in seconds."""

    def __str__(self) -> str:
        if self.noticed_by == "server":
            return "stale connection: the server heard nothing from this client in time and closed the connection"
        silent = "" if self.silent_for is None else f", silent for {format_duration(round(self.silent_for, 2))}"
        every = "" if self.ping_interval is None else f", one every {format_duration(self.ping_interval)}"
        return f"stale connection: {self.outstanding} pings unanswered, {self.allowed} allowed{every}{silent}"


@dataclass(frozen=True, slots=True)
class ServerDiscovered(Event):
    """The cluster told of a server that was not in the pool."""

    server: str

    def __str__(self) -> str:
        return f"server discovered: {self.server}"


@dataclass(frozen=True, slots=True)
class ServerRemoved(Event):
    """A discovered server left the cluster, and so the pool."""

    server: str

    def __str__(self) -> str:
        return f"server removed: {self.server}"


@dataclass(frozen=True, slots=True)
class LameDuck(Event):
    """The server is about to shut down and asks its clients to go elsewhere."""

    server: str

    def __str__(self) -> str:
        return f"{self.server} enters lame duck mode: it will shut down soon"


@dataclass(frozen=True, slots=True)
class SlowConsumer(Event):
    """`dropped` more messages of a subscription were dropped by the client; at most one event a second."""

    subject: str
    dropped: int

    def __str__(self) -> str:
        return f"slow consumer on {self.subject}: {self.dropped:,} messages dropped"


@dataclass(frozen=True, slots=True)
class ServerError(Event):
    """The server sent ``-ERR`` with this text."""

    text: str

    def __str__(self) -> str:
        return f"server error: {self.text}"


@dataclass(frozen=True, slots=True)
class PermissionDenied(Event):
    """The server refused an operation ("publish" or "subscription") on a subject."""

    operation: str
    subject: str

    def __str__(self) -> str:
        return f"permission denied: {self.operation} to {self.subject}"


@dataclass(frozen=True, slots=True)
class ClientError(Event):
    """Something went wrong on this side: a handler or callback raised, buffered messages were discarded …

    Or is about to: with an `ExpiryWarning` for `error`, a certificate or the user JWT expires within 14 days.
    """

    error: Exception

    def __str__(self) -> str:
        error = self.error
        if isinstance(error, ManagedConnectionError):
            return f"{'warning' if isinstance(error, ExpiryWarning) else 'client error'}: {error}"
        where = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
        said = " ".join(str(error).split())
        return f"client error: {where}{type(error).__name__}" + (f" ({said})" if said else "")


@dataclass(frozen=True, slots=True)
class HealthCheckFailed(Event):
    """A health check found these problems."""

    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "health check failed: " + "; ".join(self.problems)


@dataclass(frozen=True, slots=True)
class FaultInjected(Event):
    """A fault was made on purpose: what follows is an exercise."""

    fault: str
    """"reconnect", "stall" or "drop"."""
    seconds: float | None = None
    """How long a stall lasts at most; it ends with the connection."""

    def __str__(self) -> str:
        lasting = "" if self.seconds is None else f" for {format_duration(round(self.seconds, 2))}"
        return f"fault drill, an exercise: {self.fault}{lasting}"


@dataclass(frozen=True, slots=True)
class IdleClosing(Event):
    """Nobody used the connection for `idle_for` seconds: it is being closed."""

    idle_for: float

    def __str__(self) -> str:
        return f"closing after {format_duration(round(self.idle_for, 1))} without use"


@dataclass(frozen=True, slots=True)
class IdleClosed(Event):
    """The connection is asleep."""

    def __str__(self) -> str:
        return "asleep"


@dataclass(frozen=True, slots=True)
class IdleHeld(Event):
    """The idle timeout has passed, but live subscriptions hold the connection open."""

    subscriptions: int

    def __str__(self) -> str:
        return f"idle, but held by {self.subscriptions} subscription" + ("" if self.subscriptions == 1 else "s")


@dataclass(frozen=True, slots=True)
class Reopened(Event):
    """A sleeping connection woke; messages of the `slept` seconds may be missing."""

    slept: float

    def __str__(self) -> str:
        return f"awake again after {format_duration(round(self.slept, 2))}"


@dataclass(frozen=True, slots=True)
class Draining(Event):
    """The connection delivers what has arrived, flushes what was published, and then closes."""

    def __str__(self) -> str:
        return "draining"


@dataclass(frozen=True, slots=True)
class Closed(Event):
    """The connection is closed for good."""

    reason: str = ""

    def __str__(self) -> str:
        return "closed" + (f": {self.reason}" if self.reason else "")


ConnectionEvent = (
    StateChanged
    | Attempt
    | AttemptFailed
    | Connected
    | Disconnected
    | Reconnected
    | PingSent
    | PongReceived
    | StaleConnection
    | ServerDiscovered
    | ServerRemoved
    | LameDuck
    | SlowConsumer
    | ServerError
    | PermissionDenied
    | ClientError
    | HealthCheckFailed
    | FaultInjected
    | IdleClosing
    | IdleClosed
    | IdleHeld
    | Reopened
    | Draining
    | Closed
)
"""Every event that a managed connection emits."""
