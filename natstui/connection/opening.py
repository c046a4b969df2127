"""Opening and reconnecting: which server, when, and what is restored on it (DESIGN part 3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from natstui.connection import events
from natstui.connection.address import without_userinfo
from natstui.connection.callbacks import call_within
from natstui.connection.core import ConnectionCore
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
    StaleError,
)
from natstui.connection.nats_py_import import import_nats_py
from natstui.connection.pool import PoolServer
from natstui.connection.state import ConnectionState
from natstui.connection.stats import ServerStats
from natstui.connection.tasks import begin

if TYPE_CHECKING:
    from natstui.connection.client import NatsClient

_logger = logging.getLogger("natstui.connection")

_SHORTEST_PAUSE = 0.05
_FLUSH_PATIENCE = 1.0
_SHORT_ATTEMPT = 1.0
_LONGEST_WAIT = 365 * 86_400


class OpeningConnection(ConnectionCore):
    """Opens once for all who wait, and looks for another server when one is lost."""

    # -- opening ------------------------------------------------------------------------------------------------

    @property
    def _is_down(self) -> bool:
        """Whether servers are being tried in the background, and operations can be queued."""
        return self._reconnect_task is not None

    def _must_queue(self) -> bool:
        """Whether an operation is to be queued; begins the search where `retry_on_initial_connect` asks for it."""
        fresh = self._state in (ConnectionState.NEW, ConnectionState.FAILED)
        if fresh and self.options.retry_on_initial_connect and not self._is_down:
            self._start_reconnecting(initial=True)
        return self._is_down

    async def open(self) -> None:
        """Open the connection, or join an opening under way; nothing to do where it is up.

        With `retry_on_initial_connect` it returns at once and goes on trying in the background.

        Raises:
            OpenError: no server of the pool could be reached; typed by stage. Refused credentials end the pass at once.
            ConnectionClosedError: it was closed for good.
        """
        with self._using():
            if not self._must_queue() or not self.options.retry_on_initial_connect:
                await self._ready()

    async def _ready(self, timeout: float | None = None, *, while_draining: bool = False) -> NatsClient:
        """Return the client, connected; open, reopen or wait as needed. To be called within `_using`.

        A reconnect is waited for `timeout` seconds (default `request_timeout`); an opening too, where one is given.
        A connection that drains is given out `while_draining` only.

        Raises:
            OpenError: it could not be opened.
            NotConnectedError: it was not connected in time.
            ConnectionClosedError: it was closed for good.
        """
        patience = self.options.request_timeout if timeout is None else timeout
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            if self._state is ConnectionState.DRAINING and while_draining and self._client is not None:
                return self._client
            if self._state.is_final:
                raise ConnectionClosedError(f"connection {self.connection_id} is {self._state}", "open another one")
            if self._sleep_task is not None:
                # Waiting for the sleep to end is no use that the sleep has to wait for.
                self._leave_use()
                try:
                    await asyncio.shield(self._sleep_task)
                finally:
                    self._enter_use()
            elif self._client is not None and self._state is ConnectionState.CONNECTED:
                if self._client.is_alive:
                    return self._client
                self.client_lost(self._client, ConnectionLostError("the client's own tasks had ended"))
            elif self._must_queue():
                await self._in_time(self._state_change(), deadline, patience)
                if self._state is ConnectionState.FAILED and self.last_error is not None:
                    raise self.last_error
            else:
                await self._in_time(self._open_shared(), None if timeout is None else deadline, patience)

    async def _in_time(self, waiting: Awaitable[None], deadline: float | None, patience: float) -> None:
        expired = asyncio.timeout_at(deadline)
        try:
            async with expired:
                await waiting
        except TimeoutError:
            if not expired.expired():
                raise
            why = f"; last: {self.last_error}" if self.last_error else ""
            raise NotConnectedError(f"not connected within {patience:g} s, nothing was sent{why}") from None

    async def _state_change(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    async def _open_shared(self) -> None:
        if self._opening is None:
            opening = self._opening = asyncio.get_running_loop().create_future()
            opening.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._open_task = begin(self._open(opening), "natstui open")
            self._open_task.add_done_callback(lambda _task: self._opening_ended(opening))
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

    def _opening_ended(self, opening: asyncio.Future[None]) -> None:
        """Fail an opening whose task was ended from outside, so that nobody waits for it for ever."""
        if not opening.done():
            error = NotConnectedError("the opening was called off", "use the connection again")
            self._opening = self._open_task = None
            self._fail(error)
            opening.set_exception(error)

    async def _try_each(self) -> OpenError | None:
        errors: list[OpenError] = []
        tried: list[PoolServer] = []
        while (server := self._pool.untried(tried)) is not None:
            tried.append(server)
            self._announce(server, len(tried), 0.0)
            failure = await self._attempt(server, len(tried))
            if failure is None or isinstance(failure, AuthenticationError):
                return failure
            errors.append(failure)
        return errors[0] if len(errors) == 1 else NoServerAvailableError(tuple(errors))

    def _announce(self, server: PoolServer, number: int, delay: float) -> None:
        self._attempt_number = number
        self._emit(events.Attempt, server.url, number, delay)
        _logger.info("%s: attempt %d on %s", self.connection_id, number, server.url)

    async def _attempt(self, server: PoolServer, number: int) -> OpenError | None:
        """Try a server; return why it failed, not raised: a traceback would keep the whole client in memory."""
        import_nats_py()
        from natstui.connection.client import NatsClient

        self._pool.trying(server, self._clock())
        client = NatsClient(self.options, server, self)
        failure: OpenError | None = None
        self._called_off = ""
        try:
            async with asyncio.timeout(None) as patience:
                self._trying = server, patience, asyncio.get_running_loop().time()
                await client.establish(server.userinfo)
        except OpenError as error:
            failure = error.with_traceback(None)
        except TimeoutError:
            failure = OpenError(server.url, f"the attempt was called off: {self._called_off}", "", client.stage)
        finally:
            self._trying = None
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # asyncio.wait_for, which nats-py uses, loses a cancellation that meets a result (Python 3.11).
            client.abort()
            raise asyncio.CancelledError
        if failure is not None:
            self._pool.failed(server, str(failure))
            self.last_error = failure
            self._emit(events.AttemptFailed, server.url, number, failure.stage, failure)
            _logger.warning("%s: attempt %d failed at %s: %s", self.connection_id, number, failure.stage, failure)
        else:
            self._adopt(client, server)
        return failure

    def _call_off_attempt(self, why: str, unless: Callable[[PoolServer, float], bool]) -> None:
        """End the attempt under way, `unless` its server and the seconds it has taken speak against that."""
        if self._trying is not None:
            server, patience, began = self._trying
            now = asyncio.get_running_loop().time()
            if not unless(server, now - began):
                self._called_off = why
                patience.reschedule(now)

    async def _pause(self, delay: float) -> None:
        self._next_attempt_due = self._clock() + delay
        self._hurry = asyncio.Event()
        try:
            async with asyncio.timeout(delay):
                await self._hurry.wait()
        except TimeoutError:
            pass
        finally:
            self._next_attempt_due = None

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
        self._warn_of_expiry(client)
        self._set_state(ConnectionState.CONNECTED)

    def _send_buffered(self, client: NatsClient) -> None:
        while (message := self._outbox.take()) is not None:
            failure = None
            try:
                client.post(message.subject, message.reply, message.payload, message.header_block)
            except ManagedConnectionError as error:
                failure = error
                self._emit(events.ClientError, error)
            else:
                self._tally.last_out = self._wall_clock()
            if message.written is not None and not message.written.done():
                if failure is None:
                    message.written.set_result(client)
                else:
                    message.written.set_exception(failure)

    def _fail(self, error: Exception) -> None:
        self.last_error = error
        self._down_since, self._down_since_at = self._clock(), self._wall_clock()
        self._attempt_number = 0
        self._give_up_buffered(error)
        self._set_state(ConnectionState.FAILED, str(error))

    async def ensure_connected(self) -> None:
        """Return once the connection is up: opened, reopened, or reconnected within `request_timeout`.

        Raises:
            OpenError, NotConnectedError, ConnectionClosedError: it is not to be had.
        """
        with self._using():
            await self._ready(self.options.request_timeout)

    # -- losing and finding again -------------------------------------------------------------------------------

    def client_lost(self, client: NatsClient, reason: Exception) -> None:
        """Take note that the connection is gone, and look for another server."""
        if client is not self._client:
            return
        self.last_error = reason
        stale = isinstance(reason, StaleError)
        silent_for = client.silent_for()
        self._retire()
        client.abort()
        if stale:
            allowed = self.options.max_outstanding_pings
            self._emit(
                events.StaleConnection,
                allowed,
                allowed,
                silent_for=silent_for,
                ping_interval=self.options.ping_interval,
            )
        self._disconnected(str(reason), silent_for, stale=stale)

    def _disconnected(
        self, reason: str, silent_for: float | None, *, stale: bool = False, requested: bool = False
    ) -> None:
        server = self._pool.current
        self._fail_requests(ConnectionLostError(f"the connection was lost before the reply: {reason}"))
        self._pool.lost(None if requested else reason, lived=self._clock() - self._connected_since, stale=stale)
        self._emit(events.Disconnected, server.url if server else "", reason, silent_for)
        self._down_since, self._down_since_at = self._clock(), self._wall_clock()
        if self._state is ConnectionState.CONNECTED and self._sleep_task is None:
            self._start_reconnecting(reason=reason)

    def _start_reconnecting(self, *, initial: bool = False, reason: str = "") -> None:
        task = begin(self._reconnect(initial), "natstui reconnect")
        task.add_done_callback(lambda ended: self._reconnecting_ended(ended, initial))
        self._reconnect_task = task
        self._set_state(ConnectionState.OPENING if initial else ConnectionState.RECONNECTING, reason)

    def _reconnecting_ended(self, task: asyncio.Task[None], initial: bool) -> None:
        if task is self._reconnect_task:
            # It was ended from outside: nothing else would ever end the waiting.
            self._start_reconnecting(initial=initial)

    async def _reconnect(self, initial: bool) -> None:
        began = self._clock()
        self._attempts_made = 0
        failure = OpenError("", str(self.last_error))
        limit = self.options.max_reconnects
        if limit is not None and initial:
            limit += 1
        while limit is None or self._attempts_made < limit:
            try:
                server = await self._turn()
                failed = await self._attempt(server, self._attempt_number)
            except Exception as error:  # noqa: BLE001 - reconnecting must go on, whatever happens
                self._emit(events.ClientError, error)
                await asyncio.sleep(1)
                continue
            if failed is not None:
                failure = failed
                if initial and isinstance(failed, AuthenticationError):
                    break
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

    async def _turn(self) -> PoolServer:
        """Return the server to try, when its delay has passed; choose again where the pool is replaced meanwhile."""
        while True:
            replacements = self._pool.replacements
            self._attempts_made += 1
            server, delay = await self._choose(self._attempts_made)
            self._announce(server, self._attempts_made, delay)
            if delay:
                await self._pause(delay)
            if replacements == self._pool.replacements:
                return server

    async def _choose(self, number: int) -> tuple[PoolServer, float]:
        chosen, delay = await self._ask_for_server()
        if delay is None:
            delay = await self._ask_for_delay(number)
        now = self._clock()
        if chosen is None:
            chosen, usual = self._pool.next(now)
        else:
            usual = self._pool.delay(chosen, now)
        if delay is None:
            return chosen, usual
        # However fast a callback wants it, the same server is not hammered.
        pause = 0.0 if chosen.last_attempt is None else chosen.last_attempt + _SHORTEST_PAUSE - now
        return chosen, max(delay, pause, 0.0)

    async def _ask_for_server(self) -> tuple[PoolServer | None, float | None]:
        callback = self.options.reconnect_to_server_callback
        if callback is None:
            return None, None
        patience, name = self.options.connection_timeout, "reconnect_to_server_callback"
        try:
            choice = await call_within(patience, name, callback, list(self._pool.snapshot()), self.server_info)
            if choice is None:
                return None, None
            if not isinstance(choice, tuple) or len(choice) != 2:
                raise TypeError(f"it returned a {type(choice).__name__}, neither (server, delay) nor None")
            server, delay = choice
            url = server.url if isinstance(server, ServerStats) else str(server)
            wait = None if delay is None else _checked_delay(delay)
        except Exception as error:  # noqa: BLE001 - a caller's mistake must not end the reconnecting
            self._tell_mistake(error, name)
            return None, None
        found = self._pool.find(url)
        if found is None:
            self._emit(events.ClientError, ServerNotInPoolError(without_userinfo(url)))
            return None, None
        return found, wait

    async def _ask_for_delay(self, number: int) -> float | None:
        callback = self.options.reconnect_delay_callback
        if callback is None:
            return None
        patience = self.options.connection_timeout
        try:
            return _checked_delay(await call_within(patience, "reconnect_delay_callback", callback, number))
        except Exception as error:  # noqa: BLE001 - a caller's mistake must not end the reconnecting
            self._tell_mistake(error, "reconnect_delay_callback")
            return None

    async def force_reconnect(self) -> None:
        """Leave the server for the next one of the pool; while waiting for an attempt, make it now.

        An attempt under way that has taken more than a second is called off for the next one.

        Raises:
            OpenError, ConnectionClosedError: as `open` does, where the connection was not up.
        """
        self._touch()
        client = self._client
        if self._is_down:
            if self._hurry is not None:
                self._hurry.set()
            self._call_off_attempt("a reconnect was asked for", lambda _server, took: took < _SHORT_ATTEMPT)
        elif client is None or self._state is not ConnectionState.CONNECTED:
            with self._using():
                await self._ready()
        else:
            silent_for = None
            try:
                await client.flush(_FLUSH_PATIENCE)
            except (ManagedConnectionError, TimeoutError):
                silent_for = client.silent_for()
            if client is self._client:
                self._retire()
                self._disconnected("reconnect requested", silent_for, requested=True)
                await client.shut()


def _checked_delay(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= _LONGEST_WAIT:
        raise ValueError(f"a delay is a number of seconds from 0 to {_LONGEST_WAIT:,}, but it was {value!r}")
    return float(value)
