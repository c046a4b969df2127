"""The end of a managed connection's use: falling asleep, draining, closing (DESIGN part 3)."""

from __future__ import annotations

import asyncio
import logging

from natstui.connection import events
from natstui.connection.errors import (
    ConnectionClosedError,
    ConnectionLostError,
    ManagedConnectionError,
    NotConnectedError,
)
from natstui.connection.opening import OpeningConnection
from natstui.connection.state import ConnectionState
from natstui.connection.tasks import begin

_logger = logging.getLogger("natstui.connection")

_SLEEP_PATIENCE = 5.0
_FLUSH_PATIENCE = 1.0
_LISTENER_PATIENCE = 0.5


class ConnectionLifecycle(OpeningConnection):
    """The state machine whole: falls asleep, drains, closes."""

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
                self._sleep_task = begin(self._fall_asleep(), "natstui sleep")
                self._sleep_task.add_done_callback(self._sleep_ended)
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
            if (left := self._retire()) is not None:
                left.abort()
            self._fail_requests(ConnectionLostError("the connection was put to sleep before the reply"))
            if not self._state.is_final:
                self._down_since, self._down_since_at = self._clock(), self._wall_clock()
                self._set_state(ConnectionState.IDLE, "idle")
                self._emit(events.IdleClosed)

    def _sleep_ended(self, task: asyncio.Task[None]) -> None:
        if task is self._sleep_task:
            # It was ended from outside before it had begun.
            self._sleep_task = None

    def _stop_trying(self, error: Exception | None = None) -> None:
        for task in (self._reconnect_task, self._open_task):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        opening, self._opening = self._opening, None
        self._reconnect_task = self._open_task = None
        self._attempt_number = 0
        if opening is not None and not opening.done():
            opening.set_exception(error or NotConnectedError("the opening was called off"))

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

    # -- the end ------------------------------------------------------------------------------------------------

    async def drain(self, timeout: float = 5.0) -> None:
        """Deliver what has arrived, flush what was published, wait for requests in flight, and close for good.

        Handlers can still publish meanwhile, to answer what has arrived. Always ends in *closed*, `timeout` seconds
        from now at the latest, whatever the server does, and though the caller be cancelled.
        """
        if self._state.is_final:
            await self._closed.wait()
            return
        self._emit(events.Draining)
        client = self._client
        self._set_state(ConnectionState.DRAINING)
        self._stop_trying(ConnectionClosedError("the connection is being drained"))
        how = "drained"
        try:
            if client is not None:
                async with asyncio.timeout(timeout):
                    for subscription in self._subscriptions:
                        if not subscription.internal:
                            client.detach(subscription, keep_receiving=True)
                    await client.flush(timeout)
                    for subscription in (*self._subscriptions, *self._handing_over):
                        await subscription.delivered()
                    await self._unused.wait()
                    await client.flush(timeout)
        except (ManagedConnectionError, TimeoutError) as error:
            how = f"drained, but cut short: {error or f'not done within {timeout:g} s'}"
            _logger.warning("%s: %s", self.connection_id, how)
        finally:
            await self._finish(how)

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
        for subscription in (*self._subscriptions, *self._handing_over):
            subscription.stop()
        try:
            if client is not None:
                await client.shut()
        finally:
            self._emit(events.Closed, reason)
            self._closed.set()
        await self._dispatcher.settle(_LISTENER_PATIENCE)

    async def shut_down(self, timeout: float) -> None:
        """Drain within most of `timeout` seconds, then close what is left."""
        if self._state in (ConnectionState.NEW, ConnectionState.IDLE, ConnectionState.FAILED):
            await self.close()
        else:
            await self.drain(timeout * 0.8)
