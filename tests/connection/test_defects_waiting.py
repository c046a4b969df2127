"""nats-py's defects around waiting for the server's answer (nats-py-2.16.md, part 2): none may reach a user."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from natstui.connection import (
    ConnectionClosedError,
    ConnectionLostError,
    ConnectionState,
    ManagedConnection,
    NotConnectedError,
    OperationTimeoutError,
    PongReceived,
)
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

Proxies = Callable[..., Awaitable[Proxy]]
Use = Callable[[ManagedConnection], Awaitable[Any]]

IN_TIME = 10.0
"""Seconds: far less than any patience in these tests, far more than a busy machine needs."""


async def _messages_flow(connection: ManagedConnection, received: list[bytes], mark: bytes) -> None:
    await connection.publish("flow", mark)
    await until(lambda: mark in received, timeout=IN_TIME, what=f"{mark!r} comes back over the connection")


TIMED_OUT: dict[str, Use] = {
    "flush": lambda connection: connection.flush(timeout=0.05),
    "request": lambda connection: connection.request("flow", timeout=0.05),
    "publish_confirmed": lambda connection: connection.publish_confirmed("quiet", timeout=0.05),
    "check_health": lambda connection: connection.check_health(timeout=0.05),
}


@pytest.mark.parametrize("name", TIMED_OUT)
async def test_a_late_pong_does_not_silence_the_connection(
    nats_server: NatsServer, proxy_factory: Proxies, managed: Managed, name: str
) -> None:
    """Defect 1, timed out: nats-py's read loop dies of the late PONG, and later flushes return at once."""
    proxy = await proxy_factory(nats_server.url)
    connection = managed(proxy.url)
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    client_id = connection.stats().client_id
    record = EventRecord(connection)
    proxy.delay(0.15)
    for _ in range(3):
        try:
            await TIMED_OUT[name](connection)
        except OperationTimeoutError:
            pass
    with pytest.raises(OperationTimeoutError):
        await connection.flush(timeout=0.05)
    await record.first(PongReceived)
    proxy.pass_on()
    await _messages_flow(connection, received, b"after late pongs")
    proxy.silence()
    with pytest.raises(OperationTimeoutError):
        await connection.flush(timeout=0.05)
    proxy.pass_on()
    await connection.flush()
    assert connection.stats().client_id == client_id
    assert connection.stats().reconnects == 0


CANCELLED: dict[str, Use] = {
    "flush": lambda connection: connection.flush(),
    "check_health": lambda connection: connection.check_health(),
    "request": lambda connection: connection.request("echo", b"?"),
    "publish_confirmed": lambda connection: connection.publish_confirmed("quiet", b"!"),
    "publish": lambda connection: connection.publish("quiet", b"x" * 100_000),
    "subscribe": lambda connection: connection.subscribe("other", lambda _message: None),
}


@pytest.mark.parametrize("name", CANCELLED)
async def test_a_use_cancelled_at_any_point_does_not_harm_the_connection(
    nats_server: NatsServer, managed: Managed, name: str
) -> None:
    """Defect 1, cancelled: an exclusive worker of Textual cancels just so, and nats-py's read loop dies."""
    connection, responder = managed(nats_server.url), managed(nats_server.url)
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    tasks: set[asyncio.Task[Any]] = set()

    def answer(message: Any) -> None:
        task = asyncio.ensure_future(responder.publish(message.reply, b"here"))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    await responder.subscribe("echo", answer)
    client_id = connection.stats().client_id
    finished = 0
    for trial in range(32):
        use = asyncio.ensure_future(CANCELLED[name](connection))
        for _ in range(trial % 16):
            await asyncio.sleep(0)
        if trial >= 16:
            await asyncio.sleep(trial * 0.0001)
        finished += use.done()
        use.cancel()
        await asyncio.gather(use, return_exceptions=True)
        if trial % 8 == 7:
            await _messages_flow(connection, received, b"after trial %d" % trial)
    assert finished < 32, "no trial was cancelled in time, so this test says nothing"
    assert (await connection.check_health()).healthy
    assert (await connection.request("echo", timeout=IN_TIME)).data == b"here"
    assert connection.stats().client_id == client_id
    assert connection.stats().reconnects == 0


async def test_a_flush_comes_back_only_when_the_server_has_all_published_before(managed: Managed) -> None:
    """Defect 9: nats-py's PING overtakes the messages that wait to be written."""
    with NatsServer(trace=True) as server:
        connection = managed(server.url)
        await connection.open()
        before = len(server.logs())
        for number in range(3):
            await connection.publish("orders", b"%d" % number)
        await connection.flush()

        def operations() -> list[str]:
            return re.findall(r"<<- \[(PUB|PING)\b", server.logs()[before:])

        await until(lambda: "PING" in operations())
        assert operations() == ["PUB", "PUB", "PUB", "PING"]


async def test_a_flush_is_not_reported_done_while_there_is_no_server(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 9: while reconnecting, nats-py's flush returns without having sent anything."""
    connection = managed(nats_server.url)
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    with pytest.raises(NotConnectedError):
        await connection.flush(timeout=0.2)
    waiting = asyncio.ensure_future(connection.flush(timeout=30))
    nats_server.start()
    await asyncio.wait_for(waiting, IN_TIME)
    assert connection.state is ConnectionState.CONNECTED


async def _asks(connection: ManagedConnection, nats_server: NatsServer) -> list[asyncio.Future[Any]]:
    """Uses in flight that the frozen server does not answer, each with far more patience than the test."""
    await connection.open()
    nats_server.freeze()
    uses = [
        asyncio.ensure_future(connection.request("slow", timeout=300)),
        asyncio.ensure_future(connection.request("slow", inbox="my.inbox", timeout=300)),
        asyncio.ensure_future(connection.flush(timeout=300)),
    ]
    await until(lambda: connection.stats().out_msgs == 2)
    return uses


async def test_uses_in_flight_end_with_the_connection_that_is_lost(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 18: nats-py's request and flush wait for their timeout, though the answer can no longer come."""
    connection = managed(nats_server.url)
    uses = await _asks(connection, nats_server)
    nats_server.kill()
    results = await asyncio.wait_for(asyncio.gather(*uses, return_exceptions=True), IN_TIME)
    assert [type(result) for result in results] == [ConnectionLostError] * 3


async def test_uses_in_flight_end_with_the_connection_that_is_closed(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 18, on close()."""
    connection = managed(nats_server.url)
    uses = await _asks(connection, nats_server)
    await asyncio.wait_for(connection.close(), IN_TIME)
    results = await asyncio.wait_for(asyncio.gather(*uses, return_exceptions=True), IN_TIME)
    assert all(isinstance(result, ConnectionLostError | ConnectionClosedError) for result in results), results
