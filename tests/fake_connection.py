"""A connection that does what a test tells it to, at the seam between the dashboard and `natstui.connection`.

Snapshots and screenshots are drawn over it, with a clock that is ticked by hand; behaviour is tested over real servers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from natstui.clock import Clock
from natstui.connection.errors import ManagedConnectionError
from natstui.connection.events import Closed, Connected, Event, FaultInjected, StateChanged
from natstui.connection.message import Message, Record, Reply
from natstui.connection.options import ConnectOptions
from natstui.connection.outcome import Outcome, PublishOutcome
from natstui.connection.state import ConnectionState
from natstui.connection.stats import ConnectionStats, HealthReport, ServerStats

START = datetime(2026, 3, 14, 14, 2, 37, tzinfo=UTC)


@dataclass
class HandTickedClock:
    """A clock that stands still until it is told to go on."""

    moment: datetime = START

    def tick(self, seconds: float = 1.0) -> datetime:
        self.moment += timedelta(seconds=seconds)
        return self.moment

    def ago(self, seconds: float) -> datetime:
        return self.moment - timedelta(seconds=seconds)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.moment, lambda: (self.moment - START).total_seconds())


@dataclass(eq=False)
class FakeSubscription:
    connection: FakeConnection
    subject: str
    queue: str = ""
    max_msgs: int = 0
    batch: Callable[[list[Record]], None] | None = None
    received: int = 0
    dropped: int = 0
    denied: str = ""
    active: bool = True

    async def unsubscribe(self) -> None:
        self.active = False
        self.connection.taken_subscriptions.remove(self)

    def deliver(self, *records: Record) -> None:
        self.received += len(records)
        if self.batch:
            self.batch(list(records))


@dataclass(eq=False)
class FakeConnection:
    """Stands for a `ManagedConnection`. `told` holds what its stats say beyond the defaults."""

    connection_id: str
    options: ConnectOptions
    clock: HandTickedClock
    state: ConnectionState = ConnectionState.NEW
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=1000))
    last_error: Exception | None = None
    told: dict[str, Any] = field(default_factory=dict)
    taken_subscriptions: list[FakeSubscription] = field(default_factory=list)
    published: list[tuple[str, bytes, str, dict[str, str]]] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    open_error: ManagedConnectionError | None = None
    subscribe_error: ManagedConnectionError | None = None
    outcomes: deque[PublishOutcome] = field(default_factory=deque)
    replies: deque[list[Reply] | ManagedConnectionError] = field(default_factory=deque)
    gate: asyncio.Event | None = None
    """Where set, every use waits for it."""
    listeners: list[Callable[[Event], Any]] = field(default_factory=list)

    def add_listener(self, callback: Callable[[Event], Any]) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback) if callback in self.listeners else None

    def emit(self, event_type: type[Event], *values: Any, at: datetime | None = None, **named: Any) -> None:
        """Emit an event of this connection, now by the hand-ticked clock."""
        event = event_type(*values, at=at or self.clock.moment, connection_id=self.connection_id, **named)
        self.events.append(event)
        for listener in list(self.listeners):
            listener(event)

    def become(self, state: ConnectionState, reason: str = "", **told: Any) -> None:
        """Move to a state, with what the stats then say, and tell the listeners."""
        old, self.state = self.state, state
        self.told.update(told)
        self.emit(StateChanged, old, state, reason)

    async def _use(self, what: str) -> None:
        self.uses.append(what)
        if self.gate is not None:
            await self.gate.wait()
        if self.open_error is not None:
            self.last_error = self.open_error
            self.become(ConnectionState.FAILED, str(self.open_error), down_since=self.clock.moment)
            raise self.open_error
        if self.state in (ConnectionState.NEW, ConnectionState.IDLE, ConnectionState.FAILED):
            self.become(ConnectionState.OPENING)
            self.told["opens"] = self.told.get("opens", 0) + 1
            self.become(ConnectionState.CONNECTED, rtt_ms=0.4, client_id=7)
            self.emit(Connected, self.options.servers[0], 7, 0.0004)

    async def open(self) -> None:
        await self._use("open")

    async def subscribe(
        self, subject: str, handler: Any = None, *, batch: Any = None, queue: str = "", max_msgs: int = 0
    ) -> FakeSubscription:
        await self._use(f"subscribe {subject}")
        if self.subscribe_error is not None:
            raise self.subscribe_error
        subscription = FakeSubscription(self, subject, queue, max_msgs, batch)
        self.taken_subscriptions.append(subscription)
        return subscription

    @property
    def subscriptions(self) -> tuple[FakeSubscription, ...]:
        return tuple(self.taken_subscriptions)

    async def publish_confirmed(
        self,
        subject: str,
        payload: bytes = b"",
        reply: str = "",
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
        on_buffered: Callable[[], None] | None = None,
        wait_when_buffered: bool = False,
    ) -> PublishOutcome:
        await self._use(f"publish {subject}")
        outcome = self.outcomes.popleft() if self.outcomes else PublishOutcome(Outcome.CONFIRMED, 0.0006)
        if outcome.outcome is Outcome.CONFIRMED:
            self.published.append((subject, payload, reply, dict(headers or {})))
        return outcome

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float | None = None,
        headers: dict[str, str] | None = None,
        inbox: str | None = None,
    ) -> Message:
        await self._use(f"request {subject}")
        answer = self.replies.popleft() if self.replies else [Reply(Message((b"_INBOX.1", b"", payload, b"")), 0.0009)]
        if isinstance(answer, ManagedConnectionError):
            raise answer
        self.clock.tick(answer[0].latency)
        return answer[0].message

    async def request_many(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float | None = None,
        headers: dict[str, str] | None = None,
        max_replies: int = 0,
        stall: float | None = None,
    ) -> AsyncIterator[Reply]:
        await self._use(f"request many {subject}")
        answer = self.replies.popleft() if self.replies else [Reply(Message((b"_INBOX.1", b"", payload, b"")), 0.0009)]
        if isinstance(answer, ManagedConnectionError):
            raise answer
        for reply in answer:
            yield reply

    async def flush(self, timeout: float | None = None) -> None:
        await self._use("flush")

    async def check_health(self, timeout: float | None = None) -> HealthReport:
        self.uses.append("check_health")
        return HealthReport(self.state is ConnectionState.CONNECTED, 0.0004)

    def stats(self) -> ConnectionStats:
        connected = self.state is ConnectionState.CONNECTED
        values: dict[str, Any] = {
            "connection_id": self.connection_id,
            "last_activity": self.clock.ago(2),
            "idle_timeout": "30m0s",
            "time_remaining": "29m58s" if connected else "0s",
            "is_healthy": connected,
            "is_connected": connected,
            "state": self.state,
            "name": self.options.name,
            "server": self.options.servers[0] if self.state is not ConnectionState.NEW else None,
            "max_outstanding_pings": self.options.max_outstanding_pings,
            "ping_interval": self.options.ping_interval,
            "subscriptions": len(self.taken_subscriptions),
            "held_by": len(self.taken_subscriptions),
        }
        values |= self.told
        first = self.options.servers[0]
        pool = tuple(
            ServerStats(
                url=url,
                did_connect=url in (first, values["server"]) and self.state is not ConnectionState.NEW,
                is_current=connected and url == values["server"],
            )
            for url in self.options.servers
        )
        return ConnectionStats(**({"server_pool": pool} | values))

    async def force_reconnect(self) -> None:
        self.uses.append("force_reconnect")

    async def stall(self, seconds: float) -> None:
        self.uses.append(f"stall {seconds:g}")
        self.emit(FaultInjected, "stall", seconds)

    async def drop(self) -> None:
        self.uses.append("drop")
        self.emit(FaultInjected, "drop")

    async def drill_reconnect(self) -> None:
        self.uses.append("drill_reconnect")
        self.emit(FaultInjected, "reconnect")

    def set_server_pool(self, urls: list[str]) -> None:
        self.options = self.options.replace(servers=urls)

    async def sleep(self) -> None:
        self.uses.append("sleep")
        self.become(ConnectionState.IDLE, "put to sleep", down_since=self.clock.moment)

    async def drain(self) -> None:
        self.uses.append("drain")
        await self.close()

    async def close(self) -> None:
        self.uses.append("close")
        self.become(ConnectionState.CLOSED)
        self.emit(Closed)


class FakeManager:
    """Stands for a `ConnectionManager`. `prepare` is called with each connection before it is handed out."""

    def __init__(self, clock: HandTickedClock, prepare: Callable[[FakeConnection], None] | None = None) -> None:
        self.clock = clock
        self.prepare = prepare
        self.connections: dict[str, FakeConnection] = {}
        self.removed: list[FakeConnection] = []
        self.closed = False
        self._listeners: list[Callable[[Event], Any]] = []

    def add(self, options: ConnectOptions, connection_id: str | None = None) -> FakeConnection:
        connection = FakeConnection(connection_id or f"connection-{len(self.connections) + 1}", options, self.clock)
        self.connections[connection.connection_id] = connection
        connection.add_listener(self._tell)
        if self.prepare:
            self.prepare(connection)
        return connection

    def _tell(self, event: Event) -> None:
        for listener in list(self._listeners):
            listener(event)

    def add_listener(self, callback: Callable[[Event], Any]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def remove(self, connection_id: str) -> None:
        connection = self.connections.pop(connection_id)
        self.removed.append(connection)
        await connection.close()

    async def close(self) -> None:
        self.closed = True
        for connection_id in list(self.connections):
            await self.remove(connection_id)
