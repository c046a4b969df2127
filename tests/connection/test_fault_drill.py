"""The fault drill: faults made on purpose look to the connection as real ones do, and only where they are allowed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from natstui.connection import (
    ClientError,
    ConnectionLostError,
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    Disconnected,
    Event,
    FaultDrillError,
    FaultInjected,
    ManagedConnection,
    NotConnectedError,
    OperationTimeoutError,
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
"""Seconds by which busy cores may delay what is measured."""
KINDS = ("tcp", "TLS", "websocket", "secure websocket")


@asynccontextmanager
async def drilled(
    kind: str, manager: ConnectionManager, authority: CertificateAuthority, **options: object
) -> AsyncIterator[tuple[ManagedConnection, NatsServer]]:
    """A connection of this kind that allows fault drills, open."""
    tls = authority.server()
    with NatsServer(
        tls=tls if kind == "TLS" else None,
        websocket=kind == "websocket",
        websocket_tls=tls if kind == "secure websocket" else None,
    ) as server:
        secure = {} if kind in ("tcp", "websocket") else {"root_certificates": authority.certificate}
        url = server.websocket_url if "websocket" in kind else server.url
        connection = manager.add(ConnectOptions(servers=url, fault_drill=True, **secure, **options))  # type: ignore[arg-type]
        await connection.open()
        yield connection, server
        await manager.remove(connection.connection_id)


def after_fault(connection: ManagedConnection) -> list[Event]:
    told = list(connection.events)
    return told[next(place for place, event in enumerate(told) if isinstance(event, FaultInjected)) :]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stall_is_noticed_by_the_pings_within_the_bound(
    manager: ConnectionManager, certificate_authority: CertificateAuthority, kind: str
) -> None:
    interval, allowed = 0.2, 2
    pings = {"ping_interval": interval, "max_outstanding_pings": allowed}
    async with drilled(kind, manager, certificate_authority, **pings) as (connection, server):
        received: list[bytes] = []
        await connection.subscribe("orders", lambda message: received.append(message.data))
        record = EventRecord(connection)
        await record.first(PongReceived)
        await connection.stall(60)
        await record.first(Reconnected)
        stalled, noticed = record.times(FaultInjected)[0], record.times(Disconnected)[0]
        assert allowed * interval - 0.05 <= noticed - stalled <= (allowed + 1) * interval + BUSY_MACHINE
        told = after_fault(connection)
        lost = next(place for place, event in enumerate(told) if isinstance(event, Disconnected))
        assert [event.outstanding for event in told[:lost] if isinstance(event, PingSent)] == [1, 2]
        assert not any(isinstance(event, PongReceived) for event in told[:lost])
        stale = next(event for event in told if isinstance(event, StaleConnection))
        assert (stale.outstanding, stale.allowed, stale.noticed_by) == (2, 2, "client")
        await connection.publish("orders", b"after")
        await until(lambda: received == [b"after"])
        await until(lambda: len(server.connections()) == 1, what="the stalled connection is closed")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_short_stall_loses_nothing_and_keeps_the_order(
    manager: ConnectionManager, certificate_authority: CertificateAuthority, kind: str
) -> None:
    many = 300
    async with drilled(kind, manager, certificate_authority, ping_interval=30.0) as (connection, _):
        other = manager.add(connection.options.replace(fault_drill=False), "other")
        coming: list[int] = []
        going: list[int] = []
        await connection.subscribe("in", batch=lambda records: coming.extend(int(record[2]) for record in records))
        await other.subscribe("out", batch=lambda records: going.extend(int(record[2]) for record in records))
        numbers = itertools.count()

        async def exchange(count: int) -> None:
            for number in itertools.islice(numbers, count):
                await connection.publish("out", b"%d" % number)
                await other.publish("in", b"%d" % number)
                if number % 50 == 0:
                    await asyncio.sleep(0)

        await exchange(many)
        await connection.stall(60)
        await exchange(many)
        await other.flush()
        with pytest.raises(OperationTimeoutError):
            await connection.flush(0.2)
        assert len(coming) <= many and len(going) <= many, "bytes pass a stall"
        await connection.stall(0.01)
        await until(lambda: len(coming) == len(going) == 2 * many)
        await exchange(many)
        await connection.flush()
        await until(lambda: len(coming) == len(going) == 3 * many)
        assert coming == going == list(range(3 * many))
        assert connection.stats().reconnects == 0
        assert not any(isinstance(event, Disconnected) for event in connection.events)


@pytest.mark.parametrize("kind", ["tcp", "websocket"])
async def test_no_byte_passes_the_network_during_a_stall(
    manager: ConnectionManager, certificate_authority: CertificateAuthority, kind: str
) -> None:
    async with (
        drilled(kind, manager, certificate_authority) as (direct, server),
        Proxy(server.websocket_url if kind == "websocket" else server.url) as proxy,
    ):
        options = direct.options.replace(servers=proxy.url, ping_interval=0.1, max_outstanding_pings=6)
        connection = manager.add(options, "through")
        received: list[bytes] = []
        await connection.subscribe("orders", lambda message: received.append(message.data))
        await connection.stall(60)
        stats = connection.stats()
        record = EventRecord(connection)
        await connection.publish("orders", b"held")
        await direct.publish("orders", b"x" * 1000)
        await record.first(PingSent, outstanding=3)
        passed = proxy.bytes_from_client
        await record.first(PingSent, outstanding=6)
        assert proxy.bytes_from_client == passed
        assert (connection.stats().out_bytes, connection.stats().in_bytes) == (stats.out_bytes, stats.in_bytes)
        assert received == []
        await record.first(Reconnected)
        await manager.remove("through")


async def test_the_end_of_the_connection_is_not_told_during_a_stall(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, fault_drill=True, ping_interval=0.2)
    record = EventRecord(connection)
    await connection.open()
    await record.first(PongReceived)
    await connection.stall(60)
    nats_server.kill()
    await record.first(PingSent, outstanding=2)
    assert not record.of(Disconnected)
    await record.first(StaleConnection)
    nats_server.restart()
    await record.first(Reconnected)


async def test_the_end_of_the_connection_is_told_when_a_short_stall_is_over(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(nats_server.url, fault_drill=True)
    record = EventRecord(connection)
    await connection.open()
    await connection.stall(60)
    nats_server.kill()
    with pytest.raises(OperationTimeoutError):
        await connection.flush(0.1)
    assert not record.of(Disconnected)
    await connection.stall(0.01)
    await record.first(Disconnected)
    assert not record.of(StaleConnection)


async def test_publishers_are_held_back_during_a_stall_and_released_when_it_is_noticed(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(nats_server.url, fault_drill=True, ping_interval=0.2)
    await connection.open()
    await connection.stall(60)
    sent = 0

    async def publish() -> None:
        nonlocal sent
        while True:
            await connection.publish("orders", b"x" * 100_000)
            sent += 1

    with pytest.raises(ConnectionLostError):
        await asyncio.wait_for(publish(), 20)
    assert sent * 100_000 < 8 << 20
    await until(lambda: connection.state is ConnectionState.CONNECTED)
    await connection.flush()


async def test_a_second_stall_takes_the_place_of_the_first(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, fault_drill=True)
    await connection.open()
    await connection.stall(60)
    await connection.stall(0.1)
    await connection.flush()
    assert connection.stats().reconnects == 0


async def test_a_stalled_connection_closes_in_time(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, fault_drill=True)
    await connection.open()
    await connection.stall(60)
    await asyncio.wait_for(connection.close(), 5)
    assert connection.state is ConnectionState.CLOSED
    await until(lambda: not nats_server.connections())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_stalled", [False, True], ids=["flowing", "stalled"])
async def test_a_drop_is_noticed_at_once_and_mended(
    manager: ConnectionManager, certificate_authority: CertificateAuthority, kind: str, is_stalled: bool
) -> None:
    async with drilled(kind, manager, certificate_authority) as (connection, server):
        received: list[bytes] = []
        await connection.subscribe("orders", lambda message: received.append(message.data))
        record = EventRecord(connection)
        if is_stalled:
            await connection.stall(60)
        await connection.drop()
        lost = await record.first(Disconnected)
        assert "connection reset" in lost.reason
        assert not record.of(StaleConnection) and not record.of(PingSent)
        await record.first(Reconnected)
        await connection.publish("orders", b"after")
        await until(lambda: received == [b"after"])
        await until(lambda: len(server.connections()) == 1)
        assert not record.of(ClientError)


async def test_a_drilled_reconnect_is_told_as_one(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, fault_drill=True)
    record = EventRecord(connection)
    await connection.open()
    await connection.drill_reconnect()
    await record.first(Reconnected)
    kinds = record.kinds()
    assert kinds.index("FaultInjected") < kinds.index("Disconnected")
    assert str(record.of(FaultInjected)[0]) == "fault drill, an exercise: reconnect"


FAULTS: list[Callable[[ManagedConnection], object]] = [
    lambda connection: connection.stall(1),
    lambda connection: connection.drop(),
    lambda connection: connection.drill_reconnect(),
]


@pytest.mark.parametrize("inject", FAULTS, ids=["stall", "drop", "reconnect"])
async def test_without_permission_nothing_is_done(
    nats_server: NatsServer, managed: Managed, inject: Callable[[ManagedConnection], object]
) -> None:
    connection = managed(nats_server.url, ping_interval=0.1)
    record = EventRecord(connection)
    await connection.open()
    with pytest.raises(FaultDrillError, match="set fault_drill = true"):
        await inject(connection)  # type: ignore[misc]
    await record.first(PongReceived)
    assert connection.stats().reconnects == 0
    assert not record.of(FaultInjected) and not record.of(Disconnected)


@pytest.mark.parametrize("inject", FAULTS, ids=["stall", "drop", "reconnect"])
async def test_what_is_not_connected_cannot_be_broken(
    nats_server: NatsServer, managed: Managed, inject: Callable[[ManagedConnection], object]
) -> None:
    connection = managed(nats_server.url, fault_drill=True)
    with pytest.raises(NotConnectedError, match="it is new: connect first"):
        await inject(connection)  # type: ignore[misc]
    await connection.open()
    await connection.sleep()
    with pytest.raises(NotConnectedError, match="it is idle"):
        await inject(connection)  # type: ignore[misc]
    assert connection.stats().opens == 1
    assert not any(isinstance(event, FaultInjected) for event in connection.events)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
async def test_a_stall_without_an_end_is_refused(nats_server: NatsServer, managed: Managed, seconds: float) -> None:
    connection = managed(nats_server.url, fault_drill=True)
    await connection.open()
    with pytest.raises(ValueError, match="longer than 0 seconds"):
        await connection.stall(seconds)
    await connection.flush()
