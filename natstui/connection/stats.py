"""What a managed connection tells about itself: one frozen snapshot that panels, `natstui stats` and tests read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from natstui.connection.state import ConnectionState


class ServerStats(BaseModel):
    """One server of the pool, as the async-nats seed keeps it."""

    model_config = ConfigDict(frozen=True)

    url: str
    """Without credentials."""
    discovered: bool = False
    """Learnt from the cluster (``INFO connect_urls``), not from the options."""
    failed_attempts: int = 0
    """Attempts that failed since it last took a connection."""
    did_connect: bool = False
    """Whether it ever took a connection of this pool."""
    last_error: str | None = None
    """Why the last attempt on it failed, or the connection to it was lost; None once it connects."""
    is_current: bool = False


class ConnectionStats(BaseModel):
    """A snapshot of one managed connection. The first six keys are HeyNATS's, as its JSON prints them.

    Counters add up across reopenings and reconnects.
    """

    model_config = ConfigDict(frozen=True)

    connection_id: str
    last_activity: datetime
    """Wall clock of the last use, or message in or out. PING, PONG, health checks and stats are none."""
    idle_timeout: str
    """As "30m0s"; "0s" means that the connection never sleeps."""
    time_remaining: str
    """Until the idle timeout, as "25m30s"; "0s" when it has passed or the connection is not open."""
    is_healthy: bool
    """Connected, the client's own tasks alive, and the last ping answered within what is allowed."""
    is_connected: bool

    state: ConnectionState
    name: str = ""
    server: str | None = None
    """The server connected to, or last connected to; without credentials."""
    server_name: str | None = None
    server_version: str | None = None
    rtt_ms: float | None = None
    """The last round trip of a PING, in milliseconds."""
    pings_outstanding: int = 0
    max_outstanding_pings: int = 2
    ping_interval: float = 20.0
    """Seconds."""
    last_in: datetime | None = None
    """When a message last came in."""
    last_out: datetime | None = None
    """When something was last published or asked for."""
    reconnects: int = 0
    """Times that a lost server was replaced."""
    opens: int = 0
    """Times that the connection was opened or reopened."""
    in_msgs: int = 0
    out_msgs: int = 0
    in_bytes: int = 0
    """Bytes read from the network."""
    out_bytes: int = 0
    """Bytes handed to the network."""
    subscriptions: int = 0
    dropped: int = 0
    """Messages that the client dropped because a handler did not keep up."""
    buffered: int = 0
    """Messages published while reconnecting that wait to go out."""
    last_error: str | None = None
    client_id: int | None = None
    max_payload: int | None = None
    """Bytes that the server takes in one message."""
    held_by: int = 0
    """Subscriptions that keep an idle connection open."""
    attempt: int = 0
    """The number of the present attempt; 0 while connected or asleep."""
    next_attempt: datetime | None = None
    """When the next attempt begins, while waiting for it."""
    down_since: datetime | None = None
    """Since when the server is lost, or the connection asleep or failed."""
    server_pool: tuple[ServerStats, ...] = Field(default=())


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The outcome of a health check."""

    healthy: bool
    rtt: float | None
    """Seconds of the check's own ping; None where it was not answered."""
    problems: tuple[str, ...] = ()
    """One sentence each; empty when healthy."""
