"""A silent server is noticed within (N·I, (N+1)·I], whatever the connection is busy with, and then left."""

from __future__ import annotations

import asyncio

import pytest

from natstui.connection import (
    Attempt,
    ConnectionManager,
    ConnectionState,
    Disconnected,
    PingSent,
    PongReceived,
    StaleConnection,
)
from tests.certificates import CertificateAuthority
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.connection.silence import CASES, SilentServer, silent_server
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

BUSY_MACHINE = 1.5
"""Seconds by which busy cores may delay what is measured; the pings counted beside it leave no such room."""
CLOCK = 0.001
"""Seconds by which two readings of the clock may differ."""


def _assert_noticed_in_bounds(server: SilentServer, at_most: float, at_least: float) -> None:
    interval, allowed = server.connection.options.ping_interval, server.connection.options.max_outstanding_pings
    assert at_most >= allowed * interval - CLOCK, "given up too early"
    assert at_least <= (allowed + 1) * interval + BUSY_MACHINE, "given up too late"
    stale = next(event for event in server.told if isinstance(event, StaleConnection))
    before = server.told[: server.told.index(stale)]
    assert [ping.outstanding for ping in before if isinstance(ping, PingSent)] == list(range(1, allowed + 1))
    assert (stale.outstanding, stale.allowed, stale.noticed_by) == (allowed, allowed, "client")
    assert stale.ping_interval == interval
    assert stale.silent_for is not None and stale.silent_for >= allowed * interval - CLOCK
    disconnected = next(event for event in server.told if isinstance(event, Disconnected))
    assert f"{allowed} of {allowed} pings unanswered" in disconnected.reason
    first = next(event for event in server.told if isinstance(event, Attempt))
    assert first.server == server.other_url, "the next server of the pool comes next"
    assert server.connection.state is ConnectionState.CONNECTED
    assert server.connection.stats().reconnects == 1


@pytest.mark.parametrize("case", CASES)
async def test_a_silent_server_is_noticed_in_time_and_left(
    manager: ConnectionManager, certificate_authority: CertificateAuthority, case: str
) -> None:
    async with silent_server(case, manager, certificate_authority, 0.2, 2) as server:
        _assert_noticed_in_bounds(server, *await server.noticed())
        assert bool(server.held_back) == server.fills_buffer, "the send buffer was not full, so this says nothing"


@pytest.mark.parametrize(("interval", "allowed", "phase"), [(0.4, 1, 0.1), (0.4, 1, 0.9), (0.1, 5, 0.5), (0.2, 3, 0.9)])
async def test_the_bound_follows_interval_and_allowed_pings(
    manager: ConnectionManager, certificate_authority: CertificateAuthority, interval: float, allowed: int, phase: float
) -> None:
    async with silent_server("idle", manager, certificate_authority, interval, allowed) as server:
        _assert_noticed_in_bounds(server, *await server.noticed(phase))


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
