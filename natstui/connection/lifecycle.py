"""The life of a managed connection: opening, reconnecting, falling asleep, draining, closing (DESIGN part 3)."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from natstui.connection import events
from natstui.connection.dispatcher import EventDispatcher, Listener
from natstui.connection.errors import (
    AuthenticationError,
    ConnectionClosedError,
    ConnectionLostError,
    ManagedConnectionError,
    NoServerAvailableError,
    NotConnectedError,
    OpenError,
    ReconnectsExhaustedError,
    ServerNotInPoolError,
)
from natstui.connection.options import ConnectOptions
from natstui.connection.outbox import Outbox
from natstui.connection.pool import PoolServer, ServerPool
from natstui.connection.requests import RequestMultiplexer, Sink
from natstui.connection.state import ConnectionState
from natstui.connection.stats import ServerStats
from natstui.connection.subscription import Subscription
from natstui.connection.tally import Tally

if TYPE_CHECKING:
    from natstui.connection.client import NatsClient

_logger = logging.getLogger("natstui.connection")

_EVENTS_KEPT = 1_000
_SHORTEST_PAUSE = 0.05
_SLEEP_PATIENCE = 5.0
_FLUSH_PATIENCE = 1.0
_PERMISSION = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"', re.IGNORECASE)


class ConnectionLifecycle:
    """The state machine. One client at a time; each opening and each reconnect has a fresh one."""

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
        self._hurry: asyncio.Event | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._publish_denied: set[Callable[[str], None]] = set()
        self._connected_since = 0.0
        self._down_since: float | None = None
        self._down_since_at: datetime | None = None
        self._attempt_number = 0
        self._next_attempt_at: datetime | None = None
        self._attempts_made = 0
        self._server_info: dict[str, Any] = {}
        self._multiplexer_subscription: Subscription | None = None
        self._request_sinks: set[Sink] = set()
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
        self._touch()
        self._in_use += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._in_use -= 1
            if not self._in_use:
                self._unused.set()
            self._touch()

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
    def may_fall_asleep(self) -> bool:
        """Whether the idle timeout will close it, or is to be told as held."""
        open_now = self._state in (ConnectionState.CONNECTED, ConnectionState.RECONNECTING)
        busy = self._in_use or len(self._outbox) or self._sleep_task is not None
        return open_now and not busy and not self._held_told

    def touch(self) -> None:
        """Count a use now."""
        self._touch()

    async def ensure_connected(self) -> None:
        """Return once the connection is up: opened, reopened, or reconnected within `request_timeout`.

        Raises:
            OpenError, NotConnectedError, ConnectionClosedError: it is not to be had.
        """
        with self._using():
            await self._ready(self.options.request_timeout)

    async def shut_down(self, timeout: float) -> None:
        """Drain within most of `timeout` seconds, then close what is left."""
        if self._state in (ConnectionState.NEW, ConnectionState.IDLE, ConnectionState.FAILED):
            await self.close()
        else:
            await self.drain(timeout * 0.8)

    async def close_if_idle(self) -> bool:
        """Fall asleep if the idle timeout has passed; return whether it did.

        Live subscriptions hold the connection open under `idle_policy="hold"`, and what is in flight always does.
        """
        if self._state not in (ConnectionState.CONNECTED, ConnectionState.RECONNECTING) or self._in_use:
            return False
        if self.idle_remaining > 0 or len(self._outbox):
            return False
        if self.held_by:
            if not self._held_told:
                self._held_told = True
                self._emit(events.IdleHeld, self.held_by)
            return False
        await self.sleep()
        return True

    # -- opening ------------------------------------------------------------------------------------------------

    @property
    def _is_down(self) -> bool:
        """Whether servers are being tried in the background, and operations can be queued."""
        return self._reconnect_task is not None

    async def open(self) -> None:
        """Open the connection, or join an opening under way; nothing to do where it is up.

        With `retry_on_initial_connect` it returns at once and goes on trying in the background.

        Raises:
            OpenError: no server of the pool could be reached; typed by stage. Refused credentials end the pass at once.
            ConnectionClosedError: it was closed for good.
        """
        self._touch()
        closed = self._state in (ConnectionState.NEW, ConnectionState.FAILED)
        if self.options.retry_on_initial_connect and closed and not self._is_down:
            self._start_reconnecting(initial=True)
        elif not (self.options.retry_on_initial_connect and self._is_down):
            await self._ready()

    async def _ready(self, timeout: float | None = None) -> NatsClient:
        """Return the client, connected; open, reopen or wait as needed.

        Raises:
            OpenError: it could not be opened.
            NotConnectedError: it was still reconnecting after `timeout` seconds.
            ConnectionClosedError: it was closed for good.
        """
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        while True:
            if self._state.is_final:
                raise ConnectionClosedError(f"connection {self.connection_id} is {self._state}", "open another one")
            if self._sleep_task is not None:
                await asyncio.shield(self._sleep_task)
            elif self._client is not None and self._state is ConnectionState.CONNECTED:
                if self._client.is_alive:
                    return self._client
                self.client_lost(self._client, ConnectionLostError("the client's own tasks had ended"))
            elif self._is_down:
                await self._state_change(deadline, timeout)
                if self._state is ConnectionState.FAILED and self.last_error is not None:
                    raise self.last_error
            else:
                await self._open_shared()

    async def _state_change(self, deadline: float | None, timeout: float | None) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
        except TimeoutError:
            why = f"; last: {self.last_error}" if self.last_error else ""
            raise NotConnectedError(f"not connected within {timeout:g} s, nothing was sent{why}") from None
        finally:
            self._waiters.discard(waiter)

    async def _open_shared(self) -> None:
        if self._opening is None:
            opening = self._opening = asyncio.get_running_loop().create_future()
            opening.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._open_task = asyncio.get_running_loop().create_task(self._open(opening), name="natstui open")
        await asyncio.shield(self._opening)

    async def _open(self, opening: asyncio.Future[None]) -> None:
        slept = None
        if self._state is ConnectionState.IDLE and self._down_since is not None:
            slept = self._clock() - self._down_since
        failure: Exception | None = None
        try:
            self._set_state(ConnectionState.OPENING)
            failure = await self._try_each()
        except Exception as error:  # noqa: BLE001 - an opening must end in a state, whatever happens
            failure = error
            self._emit(events.ClientError, error)
        finally:
            if self._opening is opening:
                self._opening = self._open_task = None
        if failure is not None:
            self._fail(failure)
            opening.set_exception(failure)
            return
        self._tally.opens += 1
        if slept is not None:
            self._emit(events.Reopened, slept)
        opening.set_result(None)

    async def _try_each(self) -> OpenError | None:
        errors: list[OpenError] = []
        for number, server in enumerate(self._pool.one_pass(), 1):
            try:
                await self._attempt(server, number, 0.0)
            except AuthenticationError as error:
                return error
            except OpenError as error:
                errors.append(error)
            else:
                return None
        return errors[0] if len(errors) == 1 else NoServerAvailableError(tuple(errors))

    async def _attempt(self, server: PoolServer, number: int, delay: float) -> None:
        from natstui.connection.client import NatsClient

        self._attempt_number = number
        self._emit(events.Attempt, server.url, number, delay)
        _logger.info("%s: attempt %d on %s", self.connection_id, number, server.url)
        if delay:
            await self._pause(delay)
        self._pool.trying(server, self._clock())
        client = NatsClient(self.options, server, self)
        try:
            await client.establish(server.userinfo)
        except OpenError as error:
            self._pool.failed(server, str(error))
            self.last_error = error
            self._emit(events.AttemptFailed, server.url, number, error.stage, error)
            _logger.warning("%s: attempt %d failed at %s: %s", self.connection_id, number, error.stage, error)
            raise
        self._adopt(client, server)

    async def _pause(self, delay: float) -> None:
        self._next_attempt_at = self._wall_clock() + timedelta(seconds=delay)
        self._hurry = asyncio.Event()
        try:
            async with asyncio.timeout(delay):
                await self._hurry.wait()
        except TimeoutError:
            pass
        finally:
            self._next_attempt_at = None

    def _adopt(self, client: NatsClient, server: PoolServer) -> None:
        self._pool.connected(server)
        self._client = client
        self._server_info = client.server_info
        self._reconnect_task = None
        self._connected_since = self._clock()
        self._down_since = self._down_since_at = None
        self._attempt_number = 0
        self.last_error = None
        self._touch()
        self._subscriptions = [s for s in self._subscriptions if s.active or s.denied]
        for subscription in self._subscriptions:
            subscription.denied, subscription.active = "", True
            client.attach(subscription)
        self._send_buffered(client)
        self._take_cluster(client.server_info)
        self._emit(events.Connected, server.url, client.server_info.get("client_id"), client.handshake_rtt)
        self._set_state(ConnectionState.CONNECTED)

    def _send_buffered(self, client: NatsClient) -> None:
        while (message := self._outbox.take()) is not None:
            failure = None
            try:
                client.post(message.subject, message.reply, message.payload, message.header_block)
            except ManagedConnectionError as error:
                failure = error
                self._emit(events.ClientError, error)
            if message.written is not None and not message.written.done():
                if failure is None:
                    message.written.set_result(None)
                else:
                    message.written.set_exception(failure)

    def _fail(self, error: Exception) -> None:
        self.last_error = error
        self._down_since, self._down_since_at = self._clock(), self._wall_clock()
        self._attempt_number = 0
        self._give_up_buffered(error)
        self._set_state(ConnectionState.FAILED, str(error))

    def _give_up_buffered(self, error: Exception) -> None:
        count = self._outbox.discard(error)
        if count:
            lost = ManagedConnectionError(f"{count:,} buffered messages were given up, never sent: {error}")
            self._emit(events.ClientError, lost)

    # -- losing and finding again -------------------------------------------------------------------------------

    def _retire(self) -> NatsClient | None:
        """Take the client out of use, keeping its counters."""
        client, self._client = self._client, None
        if client is not None:
            self._tally.add(client)
        return client

    def client_lost(self, client: NatsClient, reason: Exception) -> None:
        """Take note that the connection is gone, and look for another server."""
        if client is not self._client:
            return
        from natstui.connection.client import StaleError

        self.last_error = reason
        stale = isinstance(reason, StaleError)
        server = self._pool.current
        self._retire()
        client.abort()
        if stale:
            allowed = self.options.max_outstanding_pings
            self._emit(
                events.StaleConnection,
                allowed,
                allowed,
                silent_for=client.silent_for(),
                ping_interval=self.options.ping_interval,
            )
        self._disconnected(server, str(reason), stale=stale)

    def _fail_requests(self, error: Exception) -> None:
        self._multiplexer.fail(error)
        for sink in tuple(self._request_sinks):
            sink(error)

    def _disconnected(self, server: PoolServer | None, reason: str, *, stale: bool = False) -> None:
        self._fail_requests(ConnectionLostError(f"the connection was lost before the reply: {reason}"))
        self._pool.lost(reason, lived=self._clock() - self._connected_since, stale=stale)
        self._emit(events.Disconnected, server.url if server else "", reason)
        self._down_since, self._down_since_at = self._clock(), self._wall_clock()
        if self._state is ConnectionState.CONNECTED and self._sleep_task is None:
            self._start_reconnecting(reason=reason)

    def _start_reconnecting(self, *, initial: bool = False, reason: str = "") -> None:
        self._reconnect_task = asyncio.get_running_loop().create_task(
            self._reconnect(initial), name="natstui reconnect"
        )
        self._set_state(ConnectionState.OPENING if initial else ConnectionState.RECONNECTING, reason)

    async def _reconnect(self, initial: bool) -> None:
        began = self._clock()
        self._attempts_made = 0
        failure = OpenError("", f"no reconnect attempts are allowed, and the connection was lost: {self.last_error}")
        limit = self.options.max_reconnects
        while limit is None or self._attempts_made < limit:
            self._attempts_made += 1
            number = self._attempts_made
            try:
                server, delay = await self._choose(number)
                await self._attempt(server, number, delay)
            except OpenError as error:
                failure = error
                if initial and isinstance(error, AuthenticationError):
                    break
                continue
            except Exception as error:  # noqa: BLE001 - reconnecting must go on, whatever happens
                self._emit(events.ClientError, error)
                await asyncio.sleep(1)
                continue
            if initial:
                self._tally.opens += 1
            else:
                self._tally.reconnects += 1
                self._emit(events.Reconnected, server.url, self._clock() - began)
            return
        self._reconnect_task = None
        exhausted = limit is not None and self._attempts_made >= limit
        self._fail(ReconnectsExhaustedError(self._attempts_made, failure) if exhausted else failure)

    async def _choose(self, number: int) -> tuple[PoolServer, float]:
        now = self._clock()
        chosen, delay = await self._ask_for_server()
        if chosen is None:
            chosen, usual = self._pool.next(now)
            delay = self._ask_for_delay(number)
            if delay is None:
                return chosen, usual
        elif delay is None:
            return chosen, self._pool.delay(chosen, now)
        # However fast a callback wants it, the same server is not hammered.
        pause = 0.0 if chosen.last_attempt is None else chosen.last_attempt + _SHORTEST_PAUSE - now
        return chosen, max(delay, pause, 0.0)

    async def _ask_for_server(self) -> tuple[PoolServer | None, float | None]:
        callback = self.options.reconnect_to_server_callback
        if callback is None:
            return None, None
        try:
            async with asyncio.timeout(self.options.connection_timeout):
                choice = await callback(list(self._pool.snapshot()), self.server_info)
            if choice is None:
                return None, None
            server, delay = choice
            url = server.url if isinstance(server, ServerStats) else str(server)
            wait = None if delay is None else _checked_delay(delay)
        except Exception as error:  # noqa: BLE001 - a caller's mistake must not end the reconnecting
            self._emit(events.ClientError, error)
            return None, None
        found = self._pool.find(url)
        if found is None:
            self._emit(events.ClientError, ServerNotInPoolError(url))
            return None, None
        return found, wait

    def _ask_for_delay(self, number: int) -> float | None:
        if self.options.reconnect_delay_callback is None:
            return None
        try:
            return _checked_delay(self.options.reconnect_delay_callback(number))
        except Exception as error:  # noqa: BLE001 - a caller's mistake must not end the reconnecting
            self._emit(events.ClientError, error)
            return None

    async def force_reconnect(self) -> None:
        """Leave the server for the next one of the pool; while waiting for an attempt, make it now.

        Raises:
            OpenError, ConnectionClosedError: as `open` does, where the connection was not up.
        """
        self._touch()
        client = self._client
        if self._is_down:
            if self._hurry is not None:
                self._hurry.set()
        elif client is None or self._state is not ConnectionState.CONNECTED:
            await self._ready()
        else:
            try:
                await client.flush(_FLUSH_PATIENCE)
            except (ManagedConnectionError, TimeoutError):
                pass
            if client is self._client:
                self._retire()
                self._disconnected(self._pool.current, "reconnect requested")
                await client.shut()

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

    def server_error(self, client: NatsClient, text: str) -> None:
        """Tell of an -ERR."""
        if client is not self._client:
            return
        denied = _PERMISSION.search(text)
        if denied is not None:
            operation, subject = denied[1].lower(), denied[2]
            self._emit(events.PermissionDenied, operation, subject)
            if operation == "publish":
                for watcher in tuple(self._publish_denied):
                    watcher(subject)
            else:
                for subscription in self._subscriptions:
                    if subscription.subject == subject:
                        subscription.denied, subscription.active = text, False
        elif "stale connection" in text.lower():
            self._emit(
                events.StaleConnection,
                client.pings_outstanding,
                self.options.max_outstanding_pings,
                noticed_by="server",
                silent_for=client.silent_for(),
                ping_interval=self.options.ping_interval,
            )
        else:
            self._emit(events.ServerError, text)

    # -- sleeping -----------------------------------------------------------------------------------------------

    async def sleep(self) -> None:
        """Close for idleness now; everything is remembered, and the next use reopens. Nothing in flight is cut."""
        if self._is_down:
            self._stop_trying()
            self._down_since, self._down_since_at = self._clock(), self._wall_clock()
            self._emit(events.IdleClosing, self._clock() - self._last_activity)
            self._set_state(ConnectionState.IDLE, "asleep while reconnecting")
            self._emit(events.IdleClosed)
        elif self._state is ConnectionState.CONNECTED:
            if self._sleep_task is None:
                self._sleep_task = asyncio.get_running_loop().create_task(self._fall_asleep(), name="natstui sleep")
            await asyncio.shield(self._sleep_task)

    async def _fall_asleep(self) -> None:
        idle_for = self._clock() - self._last_activity
        self._emit(events.IdleClosing, idle_for)
        _logger.info("%s: closing after %.0f s without use", self.connection_id, idle_for)
        try:
            try:
                async with asyncio.timeout(_SLEEP_PATIENCE):
                    await self._unused.wait()
                if self._client is not None:
                    await self._client.flush(_FLUSH_PATIENCE)
            except (ManagedConnectionError, TimeoutError):
                pass
            client = self._retire()
            if client is not None:
                await client.shut()
        finally:
            self._sleep_task = None
            self._fail_requests(ConnectionLostError("the connection was put to sleep before the reply"))
            if not self._state.is_final:
                self._down_since, self._down_since_at = self._clock(), self._wall_clock()
                self._set_state(ConnectionState.IDLE, "idle")
                self._emit(events.IdleClosed)

    def _stop_trying(self, error: Exception | None = None) -> None:
        for task in (self._reconnect_task, self._open_task):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        opening, self._opening = self._opening, None
        self._reconnect_task = self._open_task = None
        self._attempt_number = 0
        if opening is not None and not opening.done():
            opening.set_exception(error or NotConnectedError("the opening was called off"))

    # -- the end ------------------------------------------------------------------------------------------------

    async def drain(self, timeout: float = 5.0) -> None:
        """Deliver what has arrived, flush what was published, wait for requests in flight, and close for good.

        Always ends in *closed*, `timeout` seconds from now at the latest, whatever the server does.
        """
        if self._state.is_final:
            await self.close()
            return
        self._emit(events.Draining)
        client = self._client
        self._set_state(ConnectionState.DRAINING)
        self._stop_trying(ConnectionClosedError("the connection is being drained"))
        if client is not None:
            try:
                async with asyncio.timeout(timeout):
                    for subscription in self._subscriptions:
                        if not subscription.internal:
                            client.detach(subscription, keep_receiving=True)
                    await client.flush(timeout)
                    for subscription in self._subscriptions:
                        await subscription.delivered()
                    await self._unused.wait()
                    await client.flush(timeout)
            except (ManagedConnectionError, TimeoutError) as error:
                _logger.warning("%s: drain cut short: %s", self.connection_id, error)
        await self._finish("drained")

    async def close(self) -> None:
        """Close for good: write what is pending, and end within a second, with a frozen server too."""
        await self._finish("closed")

    async def _finish(self, reason: str) -> None:
        if self._state is ConnectionState.CLOSED:
            return
        error = ConnectionClosedError(f"connection {self.connection_id} was closed")
        self._stop_trying(error)
        client = self._retire()
        self._set_state(ConnectionState.CLOSED, reason)
        self._give_up_buffered(error)
        self._fail_requests(error)
        for subscription in self._subscriptions:
            subscription.stop()
        if client is not None:
            await client.shut()
        self._emit(events.Closed, reason)


def _checked_delay(value: float) -> float:
    delay = float(value)
    if not math.isfinite(delay) or delay < 0:
        raise ValueError(f"a reconnect delay must be finite and not negative, but it was {delay}")
    return delay
