"""ConnectionManager: the registry of managed connections, its idle reaper, and the shutdown of all."""

from __future__ import annotations

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Self

from natstui.connection.dispatcher import Listener
from natstui.connection.durations import parse_duration
from natstui.connection.errors import ManagedConnectionError, OptionError
from natstui.connection.managed import ManagedConnection
from natstui.connection.options import ConnectOptions
from natstui.connection.stats import ConnectionStats
from natstui.connection.tasks import begin

_logger = logging.getLogger("natstui.connection")


class ConnectionManager:
    """Managed connections under their ids, as HeyNATS's connection store keeps them.

    A background reaper closes connections that fall idle, at their own deadline; `check_interval` (default 300
    seconds, as the seed has it) is only the longest time between two of its sweeps. Leaving the ``async with`` drains
    and closes all connections within `shutdown_timeout` seconds, with a frozen server too.

    Raises:
        OptionError: an interval is no duration, or not positive.
    """

    def __init__(
        self,
        check_interval: float = 300.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        shutdown_timeout: float = 5.0,
    ) -> None:
        self.check_interval = _positive("check_interval", check_interval)
        """Seconds."""
        self.shutdown_timeout = _positive("shutdown_timeout", shutdown_timeout)
        """Seconds."""
        self._clock = clock
        self._wall_clock = wall_clock
        self._connections: dict[str, ManagedConnection] = {}
        self._listeners: list[Listener] = []
        self._reaper: asyncio.Task[None] | None = None
        self._recount = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._start_reaper()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def connections(self) -> Mapping[str, ManagedConnection]:
        """The connections by id; a live view."""
        return MappingProxyType(self._connections)

    def add(self, options: ConnectOptions, connection_id: str | None = None) -> ManagedConnection:
        """Register a connection; nothing is opened yet. The id defaults to a UUID.

        Raises:
            ValueError: the id is taken.
        """
        name = connection_id if connection_id is not None else str(uuid.uuid4())
        if name in self._connections:
            raise ValueError(f"there is a connection {name!r} already")
        connection = ManagedConnection(
            options, name, clock=self._clock, wall_clock=self._wall_clock, changed=self._recount.set
        )
        for listener in self._listeners:
            connection.add_listener(listener)
        self._connections[name] = connection
        self._start_reaper()
        return connection

    async def remove(self, connection_id: str) -> None:
        """Close a connection and forget it.

        Raises:
            KeyError: there is none of that id.
        """
        await self._connections.pop(connection_id).close()

    def add_listener(self, callback: Listener) -> Callable[[], None]:
        """Have `callback` called with every event of every connection; the function returned removes it."""
        self._listeners.append(callback)
        removals = [connection.add_listener(callback) for connection in self._connections.values()]

        def remove() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)
            for one in removals:
                one()

        return remove

    async def get_or_reconnect(self, connection_id: str) -> ManagedConnection:
        """Return a connection, open; a closed or dead one is reconnected with its stored options.

        Raises:
            KeyError: there is none of that id.
            OpenError: it could not be opened; typed by stage.
        """
        connection = self._connections[connection_id]
        await connection.ensure_connected()
        return connection

    def update_activity(self, connection_id: str) -> None:
        """Count a use of a connection now.

        Raises:
            KeyError: there is none of that id.
        """
        self._connections[connection_id].touch()

    def stats(self, connection_id: str) -> ConnectionStats:
        """Return a connection's stats.

        Raises:
            KeyError: there is none of that id.
        """
        return self._connections[connection_id].stats()

    async def cleanup_idle_connections(self) -> list[str]:
        """Make one sweep of the reaper now; return the ids of the connections that fell asleep.

        What has come to expire soon since a connection was made is told on this occasion.
        """
        candidates = list(self._connections.items())
        for _, connection in candidates:
            connection.look_at_expiries()
        closed = await asyncio.gather(*(connection.close_if_idle() for _, connection in candidates))
        asleep = [name for (name, _), fell_asleep in zip(candidates, closed, strict=True) if fell_asleep]
        if asleep:
            _logger.info("closed %d idle connections: %s", len(asleep), ", ".join(asleep))
        return asleep

    def _start_reaper(self) -> None:
        if self._reaper is not None and not self._reaper.done():
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        self._reaper = begin(self._reap(), "natstui idle reaper")

    async def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        latest = loop.time() + self.check_interval
        while True:
            self._recount.clear()
            try:
                async with asyncio.timeout(self._until_next_sweep(latest - loop.time())):
                    await self._recount.wait()
                    continue
            except TimeoutError:
                pass
            latest = loop.time() + self.check_interval
            try:
                await self.cleanup_idle_connections()
            except Exception:
                _logger.exception("a sweep of the idle reaper failed")

    def _until_next_sweep(self, latest: float) -> float:
        deadlines = (connection.idle_check_in for connection in self._connections.values())
        return max(0.005, min(latest, min(deadlines, default=math.inf)))

    async def close(self) -> None:
        """Stop the reaper; drain and close every connection, within `shutdown_timeout` seconds."""
        reaper, self._reaper = self._reaper, None
        if reaper is not None:
            reaper.cancel()
        closing = [connection.shut_down(self.shutdown_timeout) for connection in self._connections.values()]
        for result in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, ManagedConnectionError):
                _logger.error("closing a connection failed: %r", result)


def _positive(name: str, value: float) -> float:
    try:
        seconds = parse_duration(value)
    except (TypeError, ValueError) as error:
        raise OptionError(name, "is no duration", str(error)) from None
    if seconds == 0:
        raise OptionError(name, "must be longer than 0", "give seconds, or text such as 5m")
    return seconds
