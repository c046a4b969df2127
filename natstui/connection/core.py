"""What every part of a managed connection shares: state, events, activity, and what its client tells."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from natstui.connection import events
from natstui.connection.dispatcher import EventDispatcher, Listener
from natstui.connection.errors import ManagedConnectionError, PermissionDeniedError
from natstui.connection.expiry import expiry_warnings
from natstui.connection.options import ConnectOptions
from natstui.connection.outbox import Outbox
from natstui.connection.pool import PoolServer, ServerPool
from natstui.connection.requests import RequestMultiplexer, Sink
from natstui.connection.state import ConnectionState
from natstui.connection.subscription import Subscription
from natstui.connection.tally import Tally

if TYPE_CHECKING:
    from natstui.connection.client import NatsClient

_logger = logging.getLogger("natstui.connection")

_EVENTS_KEPT = 1_000
_SLOW_CONSUMER_PAUSE = 1.0
_PERMISSION = re.compile(
    r'permissions violation for (publish|subscription) to "([^"]*)"(?: using queue "([^"]*)")?', re.IGNORECASE
)


class ConnectionCore:
    """State, events and activity. One client at a time; each opening and each reconnect has a fresh one."""

    def __init__(
        self,
        options: ConnectOptions,
        connection_id: str,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], datetime],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.options = options
        self.connection_id = connection_id
        self.events: deque[events.Event] = deque(maxlen=_EVENTS_KEPT)
        """The last 1,000 events, oldest first."""
        self.last_error: Exception | None = None
        """Why the last attempt failed or the connection was lost; None once it is up."""
        self._clock = clock
        self._wall_clock = wall_clock
        self._changed = changed
        self._dispatcher = EventDispatcher()
        if options.event_callback is not None:
            self._dispatcher.add(options.event_callback)
        self._state = ConnectionState.NEW
        self._pool = ServerPool(options.pool, retain_order=options.retain_servers_order)
        self._client: NatsClient | None = None
        self._subscriptions: list[Subscription] = []
        self._handing_over: list[Subscription] = []
        """Subscriptions at an end whose handlers have not taken all of it yet."""
        self._multiplexer = RequestMultiplexer(options.custom_inbox_prefix)
        self._outbox = Outbox(options.client_capacity)
        self._tally = Tally()
        self._in_use = 0
        self._unused = asyncio.Event()
        self._unused.set()
        self._last_activity = clock()
        self._last_activity_at = wall_clock()
        self._held_told = False
        self._opening: asyncio.Future[None] | None = None
        self._open_task: asyncio.Task[None] | None = None
        self._reconnect_task: asyncio.Task[None] | None = None
        self._sleep_task: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self._hurry: asyncio.Event | None = None
        self._trying: tuple[PoolServer, asyncio.Timeout, float] | None = None
        """The server of the attempt under way, what can end it, and when it began (event loop's time)."""
        self._called_off = ""
        self._waiters: set[asyncio.Future[None]] = set()
        self._publish_denied: set[Callable[[str], None]] = set()
        self._connected_since = 0.0
        self._down_since: float | None = None
        self._down_since_at: datetime | None = None
        self._attempt_number = 0
        self._next_attempt_due: float | None = None
        self._attempts_made = 0
        self._server_info: dict[str, Any] = {}
        self._multiplexer_subscription: Subscription | None = None
        self._request_sinks: dict[Subscription, Sink] = {}
        self._expiries_told: set[tuple[str, datetime]] = set()
        self._slow_consumers: dict[Subscription, tuple[int, float]] = {}

    # -- what it tells ------------------------------------------------------------------------------------------

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._state

    @property
    def server_info(self) -> MappingProxyType[str, Any]:
        """The INFO of the server connected to, or last connected to."""
        return MappingProxyType(self._server_info)

    def add_listener(self, callback: Listener) -> Callable[[], None]:
        """Have `callback` called with each event from now on; the function returned removes it."""
        return self._dispatcher.add(callback)

    def _emit(self, kind: type[events.Event], *fields: Any, **named: Any) -> None:
        event = kind(*fields, **named, at=self._wall_clock(), connection_id=self.connection_id)
        self.events.append(event)
        self._dispatcher.emit(event)

    def _set_state(self, state: ConnectionState, reason: str = "") -> None:
        old, self._state = self._state, state
        if state is old:
            return
        self._emit(events.StateChanged, old, state, reason)
        _logger.info("%s: %s → %s%s", self.connection_id, old, state, f" ({reason})" if reason else "")
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._changed()

    # -- activity -----------------------------------------------------------------------------------------------

    def _touch(self) -> None:
        self._last_activity = self._clock()
        self._last_activity_at = self._wall_clock()
        self._held_told = False

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Count a use: nothing in flight is cut by idleness."""
        self._enter_use()
        try:
            yield
        finally:
            self._leave_use()

    def _enter_use(self) -> None:
        self._touch()
        self._in_use += 1
        self._unused.clear()

    def _leave_use(self) -> None:
        self._touch()
        self._in_use -= 1
        if not self._in_use:
            self._unused.set()

    @property
    def held_by(self) -> int:
        """Live subscriptions that keep the connection open when it is idle."""
        if self.options.idle_policy == "close":
            return 0
        return sum(1 for subscription in self._subscriptions if subscription.active and not subscription.internal)

    @property
    def idle_remaining(self) -> float:
        """Seconds until the idle timeout; infinite where the connection never sleeps."""
        if not self.options.idle_timeout:
            return math.inf
        return max(0.0, self._last_activity + self.options.idle_timeout - self._clock())

    @property
    def idle_check_in(self) -> float:
        """Seconds until the reaper has to look again; infinite where nothing can fall asleep."""
        if self._state not in (ConnectionState.CONNECTED, ConnectionState.RECONNECTING):
            return math.inf
        if self._in_use or len(self._outbox) or self._held_told:
            # What ends this counts as activity, so the deadline is a whole idle timeout away at least.
            return self.options.idle_timeout or math.inf
        return self.idle_remaining

    def touch(self) -> None:
        """Count a use now."""
        self._touch()

    # -- what the client tells ----------------------------------------------------------------------------------

    def ping_sent(self, client: NatsClient, outstanding: int) -> None:
        """Tell of a keep-alive ping."""
        if client is self._client:
            self._emit(events.PingSent, outstanding)

    def pong_received(self, client: NatsClient, rtt: float, outstanding: int) -> None:
        """Tell of a pong."""
        if client is self._client:
            self._emit(events.PongReceived, rtt, outstanding)

    def messages_received(self, client: NatsClient, count: int) -> None:
        """Note that messages came."""
        self._touch()
        self._tally.last_in = self._last_activity_at

    def info_received(self, client: NatsClient, info: dict[str, Any]) -> None:
        """Take what a later INFO tells of the cluster; the handshake's is taken when the connection is up."""
        if client is not self._client:
            return
        self._server_info = client.server_info
        if info.get("ldm") and self._pool.current is not None:
            self._emit(events.LameDuck, self._pool.current.url)
        self._take_cluster(info)

    def _take_cluster(self, info: dict[str, Any]) -> None:
        if self.options.ignore_discovered_servers:
            return
        added, removed = self._pool.discover(info.get("connect_urls") or ())
        for server in added:
            self._emit(events.ServerDiscovered, server.url)
        for server in removed:
            self._emit(events.ServerRemoved, server.url)

    def _warn_of_expiry(self, client: NatsClient) -> None:
        if self._pool.current is None or client.link is None:
            return
        for warning in expiry_warnings(
            self.options, self._pool.current.url, client.link.tls_object(), client.presented_jwt, self._wall_clock()
        ):
            if (warning.what, warning.expires_at) not in self._expiries_told:
                self._expiries_told.add((warning.what, warning.expires_at))
                self._emit(events.ClientError, warning)

    def look_at_expiries(self) -> None:
        """Warn of what has come to expire within 14 days since the connection was made."""
        if self._client is not None and self._state is ConnectionState.CONNECTED:
            self._warn_of_expiry(self._client)

    def server_error(self, client: NatsClient, text: str) -> None:
        """Tell of an -ERR."""
        if client is not self._client:
            return
        denied = _PERMISSION.search(text)
        if denied is not None:
            operation, subject, queue = denied[1].lower(), denied[2], denied[3] or ""
            self._emit(events.PermissionDenied, operation, subject)
            if operation == "publish":
                for watcher in tuple(self._publish_denied):
                    watcher(subject)
            else:
                for subscription in tuple(self._subscriptions):
                    if (subscription.subject, subscription.queue) == (subject, queue):
                        subscription.denied, subscription.active = text, False
                        if subscription.internal:
                            self._inbox_denied(client, subscription)
        elif "stale connection" in text.lower():
            self._emit(
                events.StaleConnection,
                client.pings_outstanding,
                self.options.max_outstanding_pings,
                noticed_by="server",
                silent_for=client.quiet_before,
                ping_interval=self.options.ping_interval,
            )
        else:
            self._emit(events.ServerError, text)
            if "maximum subscriptions exceeded" in text.lower():
                self._deny_newest(text)

    def _deny_newest(self, text: str) -> None:
        """The server does not say which subscription it refused; over its limit, it is always the last to come."""
        newest = next((s for s in reversed(self._subscriptions) if s.active), None)
        if newest is not None:
            newest.denied, newest.active = text, False

    def _inbox_denied(self, client: NatsClient, subscription: Subscription) -> None:
        error = PermissionDeniedError(
            f"the server does not let this user receive replies on {subscription.subject}",
            "set custom_inbox_prefix to one that it allows",
        )
        if subscription is self._multiplexer_subscription:
            self._multiplexer_subscription = None
            self._subscriptions.remove(subscription)
            client.detach(subscription)
            self._multiplexer.fail(error)
        elif (sink := self._request_sinks.get(subscription)) is not None:
            sink(error)

    # -- what its subscriptions tell ----------------------------------------------------------------------------

    def _forget(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def subscription_ended(self, subscription: Subscription) -> None:
        """Forget a subscription whose `max_msgs` have come, but for what its handler has yet to take."""
        self._forget(subscription)
        self._handing_over = [s for s in (*self._handing_over, subscription) if not s.is_delivered]

    def messages_dropped(self, subscription: Subscription, count: int) -> None:
        """Count and tell, once a second at most, that a handler does not keep up."""
        self._tally.dropped += count
        now = self._clock()
        pending, told = self._slow_consumers.get(subscription, (0, -_SLOW_CONSUMER_PAUSE))
        if now - told >= _SLOW_CONSUMER_PAUSE:
            self._slow_consumers[subscription] = (0, now)
            self._emit(events.SlowConsumer, subscription.subject, pending + count)
            asyncio.get_running_loop().call_later(_SLOW_CONSUMER_PAUSE, self._tell_dropped, subscription)
        else:
            self._slow_consumers[subscription] = (pending + count, told)

    def _tell_dropped(self, subscription: Subscription) -> None:
        pending, _ = self._slow_consumers.pop(subscription, (0, 0.0))
        if pending and self._state is not ConnectionState.CLOSED:
            self._slow_consumers[subscription] = (0, self._clock())
            self._emit(events.SlowConsumer, subscription.subject, pending)
            asyncio.get_running_loop().call_later(_SLOW_CONSUMER_PAUSE, self._tell_dropped, subscription)

    def handler_raised(self, subscription: Subscription, error: Exception) -> None:
        """Tell that a handler raised; the subscription goes on."""
        self._tell_mistake(error, f"the handler of {subscription.subject}")

    def _tell_mistake(self, error: Exception, where: str) -> None:
        """Tell of what a caller's function raised."""
        if where not in getattr(error, "__notes__", ()):
            error.add_note(where)
        self._emit(events.ClientError, error)

    # -- what goes with a client ---------------------------------------------------------------------------------

    def _retire(self) -> NatsClient | None:
        """Take the client out of use, keeping its counters."""
        client, self._client = self._client, None
        if client is not None:
            self._tally.add(client)
        return client

    def _fail_requests(self, error: Exception) -> None:
        self._multiplexer.fail(error)
        for sink in tuple(self._request_sinks.values()):
            sink(error)

    def _give_up_buffered(self, error: Exception) -> None:
        count = self._outbox.discard(error)
        if count:
            lost = ManagedConnectionError(f"{count:,} buffered messages were given up, never sent: {error}")
            self._emit(events.ClientError, lost)
