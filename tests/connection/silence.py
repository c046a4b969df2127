"""A connection, and a server that falls silent on it in one of many ways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from natstui.connection import (
    ConnectionLostError,
    ConnectionManager,
    ConnectOptions,
    Disconnected,
    Event,
    ManagedConnection,
    PingSent,
    PongReceived,
    Reconnected,
)
from tests.certificates import CertificateAuthority
from tests.connection.event_record import EventRecord
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

CASES = (
    "idle",
    "publishing faster than I",
    "send buffer full",
    "TLS frozen",
    "TLS frozen, publishing faster than I",
    "TLS, send buffer full",
    "websocket frozen",
    "websocket, send buffer full",
)


@dataclass
class SilentServer:
    """A connection to a server that is about to fall silent, and the server that it should go to then."""

    connection: ManagedConnection
    url: str
    other_url: str
    fall_silent: Callable[[], None]
    publishes: bool
    fills_buffer: bool
    held_back: list[ConnectionLostError] = field(default_factory=list)
    """Why the publisher that filled the buffer could not go on."""
    told: list[Event] = field(default_factory=list)
    """The connection's events since the silence began."""

    async def noticed(self, phase: float = 0.5) -> tuple[float, float]:
        """Fall silent at `phase` of a ping interval; return the seconds until `Disconnected`, at most and at least.

        Returns when the other server has taken over.
        """
        connection, interval = self.connection, self.connection.options.ping_interval
        record = EventRecord(connection)
        publishing = asyncio.ensure_future(self._publish()) if self.publishes else None
        try:
            await record.first(PongReceived)
            await until(
                lambda: (
                    connection.stats().pings_outstanding == 0
                    and time.monotonic() >= record.times(PingSent)[-1] + phase * interval
                )
            )
            before = time.monotonic()
            self.fall_silent()
            after, count = time.monotonic(), len(connection.events)
            if self.fills_buffer:
                publishing = asyncio.ensure_future(self._fill_buffer())
            await record.first(Disconnected, timeout=20, server=self.url)
            noticed = record.times(Disconnected)[0]
            await record.first(Reconnected, timeout=20, server=self.other_url)
            self.told = list(connection.events)[count:]
        finally:
            record.stop()
            if publishing is not None:
                publishing.cancel()
                with suppress(asyncio.CancelledError):
                    await publishing
        return noticed - before, noticed - after

    async def _publish(self) -> None:
        while True:
            await self.connection.publish("orders", b"x")
            await asyncio.sleep(self.connection.options.ping_interval / 10)

    async def _fill_buffer(self) -> None:
        while not self.held_back:
            try:
                await self.connection.publish("orders", b"x" * 100_000)
            except ConnectionLostError as error:
                self.held_back.append(error)


@asynccontextmanager
async def silent_server(
    case: str, manager: ConnectionManager, authority: CertificateAuthority, interval: float, allowed: int
) -> AsyncIterator[SilentServer]:
    """One of `CASES`, with the connection up."""
    async with AsyncExitStack() as stack:
        tls = authority.server() if "TLS" in case else None
        server = stack.enter_context(NatsServer(tls=tls, websocket=True))
        other = stack.enter_context(NatsServer(tls=tls, websocket=True))
        websocket, fills_buffer = "websocket" in case, "buffer full" in case
        url, other_url = (server.websocket_url, other.websocket_url) if websocket else (server.url, other.url)
        fall_silent = server.freeze
        if fills_buffer:
            proxy = await stack.enter_async_context(Proxy(url, receive_buffer=4096))
            url, fall_silent = proxy.url, proxy.silence
        options = ConnectOptions(
            servers=(url, other_url),
            retain_servers_order=True,
            ping_interval=interval,
            max_outstanding_pings=allowed,
            root_certificates=authority.certificate if tls else None,
        )
        connection = manager.add(options)
        await connection.open()
        yield SilentServer(connection, url, other_url, fall_silent, "publishing" in case, fills_buffer)
        await manager.remove(connection.connection_id)
