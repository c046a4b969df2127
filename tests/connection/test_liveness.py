"""A silent server is noticed within (N·I, (N+1)·I], whatever the connection is busy with, and then left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from natstui.connection import (
    Attempt,
    ConnectionLostError,
    ConnectionState,
    Disconnected,
    ManagedConnection,
    PingSent,
    PongReceived,
    Reconnected,
    StaleConnection,
)
from tests.certificates import CertificateAuthority
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

BUSY_MACHINE = 1.5
"""Seconds by which busy cores may delay what is measured; the pings counted beside it leave no such room."""
CLOCK = 0.001
"""Seconds by which two readings of the clock may differ."""

Publish = Callable[[ManagedConnection], Awaitable[None]]


@dataclass
class Scene:
    """A connection to a server that is about to fall silent, and the server that it should go to then."""

    connection: ManagedConnection
    silence: Callable[[], None]
    victim: str
    other: str
    publish: Publish | None = None
    held_back: list[ConnectionLostError] = field(default_factory=list)

    async def keep_publishing(self) -> None:
        assert self.publish is not None
        while not self.held_back:
            try:
                await self.publish(self.connection)
            except ConnectionLostError as error:
                self.held_back.append(error)


async def _little_and_often(connection: ManagedConnection) -> None:
    await connection.publish("orders", b"x")
    await asyncio.sleep(connection.options.ping_interval / 10)


async def _as_fast_as_the_socket_takes_it(connection: ManagedConnection) -> None:
    await connection.publish("orders", b"x" * 100_000)


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


@asynccontextmanager
async def scene(
    case: str, managed: Managed, authority: CertificateAuthority, interval: float, allowed: int
) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        tls = authority.server() if "TLS" in case else None
        server = stack.enter_context(NatsServer(tls=tls, websocket=True))
        other = stack.enter_context(NatsServer(tls=tls, websocket=True))
        websocket = "websocket" in case
        victim, elsewhere = (server.websocket_url, other.websocket_url) if websocket else (server.url, other.url)
        silence, publish = server.freeze, None
        if "buffer full" in case:
            proxy = await stack.enter_async_context(Proxy(victim, receive_buffer=4096))
            victim, silence, publish = proxy.url, proxy.silence, _as_fast_as_the_socket_takes_it
        elif "publishing" in case:
            publish = _little_and_often
        connection = managed(
            victim,
            elsewhere,
            ping_interval=interval,
            max_outstanding_pings=allowed,
            root_certificates=authority.certificate if tls else None,
        )
        await connection.open()
        yield Scene(connection, silence, victim, elsewhere, publish)
        await connection.close()


async def _notice(stage: Scene, record: EventRecord, phase: float = 0.5) -> tuple[float, float]:
    """Silence the server at `phase` of a ping interval; return the seconds to `Disconnected`, at most and at least."""
    interval = stage.connection.options.ping_interval
    await record.first(PongReceived)
    await until(
        lambda: (
            stage.connection.stats().pings_outstanding == 0
            and time.monotonic() >= record.times(PingSent)[-1] + phase * interval
        )
    )
    before = time.monotonic()
    stage.silence()
    after = time.monotonic()
    record.clear()
    publishing = asyncio.ensure_future(stage.keep_publishing()) if stage.publish else None
    try:
        await record.first(Disconnected, timeout=20, server=stage.victim)
        noticed = record.times(Disconnected)[0]
        await record.first(Reconnected, timeout=20, server=stage.other)
    finally:
        if publishing is not None:
            publishing.cancel()
            with suppress(asyncio.CancelledError):
                await publishing
    return noticed - before, noticed - after


def _assert_noticed_in_bounds(stage: Scene, record: EventRecord, at_most: float, at_least: float) -> None:
    interval, allowed = stage.connection.options.ping_interval, stage.connection.options.max_outstanding_pings
    assert at_most >= allowed * interval - CLOCK, "given up too early"
    assert at_least <= (allowed + 1) * interval + BUSY_MACHINE, "given up too late"
    noticed = record.times(StaleConnection)[0]
    pings = [event.outstanding for at, event in record.entries if isinstance(event, PingSent) and at < noticed]
    assert pings == list(range(1, allowed + 1)), "every ping allowed was sent, and none too many"
    stale = record.of(StaleConnection)[0]
    assert (stale.outstanding, stale.allowed, stale.noticed_by) == (allowed, allowed, "client")
    assert stale.ping_interval == interval
    assert stale.silent_for is not None and stale.silent_for >= allowed * interval - CLOCK
    assert f"{allowed} of {allowed} pings unanswered" in record.of(Disconnected)[0].reason
    assert record.of(Attempt)[0].server == stage.other, "the next server of the pool comes next"
    assert stage.connection.state is ConnectionState.CONNECTED
    assert stage.connection.stats().reconnects == 1


@pytest.mark.parametrize("case", CASES)
async def test_a_silent_server_is_noticed_in_time_and_left(
    managed: Managed, certificate_authority: CertificateAuthority, case: str
) -> None:
    async with scene(case, managed, certificate_authority, 0.2, 2) as stage:
        record = EventRecord(stage.connection)
        at_most, at_least = await _notice(stage, record)
        _assert_noticed_in_bounds(stage, record, at_most, at_least)
        if "buffer full" in case:
            assert stage.held_back, "the send buffer was not full, so this case says nothing"


@pytest.mark.parametrize(
    ("interval", "allowed", "phase"), [(0.1, 1, 0.1), (0.1, 5, 0.9), (0.3, 1, 0.9), (0.4, 1, 0.1), (0.2, 3, 0.5)]
)
async def test_the_bound_follows_interval_and_allowed_pings(
    managed: Managed, certificate_authority: CertificateAuthority, interval: float, allowed: int, phase: float
) -> None:
    async with scene("idle", managed, certificate_authority, interval, allowed) as stage:
        record = EventRecord(stage.connection)
        at_most, at_least = await _notice(stage, record, phase)
        _assert_noticed_in_bounds(stage, record, at_most, at_least)


async def test_a_server_that_is_silent_for_less_is_kept(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, ping_interval=0.2, max_outstanding_pings=3)
    record = EventRecord(connection)
    await connection.open()
    for _ in range(2):
        await record.first(PongReceived)
        record.clear()
        nats_server.freeze()
        await record.first(PingSent, outstanding=2)
        nats_server.thaw()
        await record.first(PongReceived, outstanding=0)
    assert connection.stats().reconnects == 0
    assert not record.of(StaleConnection)


async def test_a_silent_server_holds_back_publishers_instead_of_filling_memory(
    nats_server: NatsServer, managed: Managed
) -> None:
    more_than_sockets_take = 32 << 20
    async with Proxy(nats_server.url, receive_buffer=4096) as proxy:
        connection = managed(proxy.url)
        await connection.open()
        proxy.silence()
        sent = 0

        async def publish() -> None:
            nonlocal sent
            while sent < more_than_sockets_take:
                await connection.publish("orders", b"x" * 1_000)
                sent += 1_000
                await asyncio.sleep(0)

        publishing = asyncio.ensure_future(publish())
        held_at = -1
        while sent != held_at and not publishing.done():
            held_at = sent
            await asyncio.wait({publishing}, timeout=0.3)
        assert sent < more_than_sockets_take
        proxy.pass_on()
        await until(lambda: sent > held_at, what="it goes on")
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
