"""Whoever ends the connection's own tasks from outside gets a reconnect, not a connection that is dead in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from natstui.connection import (
    ConnectionState,
    Disconnected,
    ManagedConnection,
    Message,
    NotConnectedError,
    Reconnected,
    TcpError,
)
from tests.certificates import CertificateAuthority
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]

IN_TIME = 10.0


def _tasks_since(before: set[asyncio.Task[Any]], name: str = "") -> list[asyncio.Task[Any]]:
    found = asyncio.all_tasks() - before
    return sorted((task for task in found if name in task.get_name()), key=lambda task: str(task.get_coro()))


async def _flows(connection: ManagedConnection, received: list[bytes], mark: bytes) -> None:
    await connection.publish("flow", mark)
    await until(lambda: mark in received, what=f"{mark!r} comes back over the connection")


@pytest.mark.parametrize("scheme", ["nats", "tls", "ws"])
async def test_an_ended_task_of_the_client_leads_to_a_reconnect(
    certificate_authority: CertificateAuthority, nats_server_factory: Servers, managed: Managed, scheme: str
) -> None:
    server = nats_server_factory(
        tls=certificate_authority.server() if scheme == "tls" else None, websocket=scheme == "ws"
    )
    connection = managed(
        server.websocket_url if scheme == "ws" else server.url,
        root_certificates=certificate_authority.certificate if scheme == "tls" else None,
    )
    before = asyncio.all_tasks()
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    record = EventRecord(connection)
    count = len(_tasks_since(before))
    assert count >= 2, "the client reads and pings in tasks of its own"
    for number in range(count):
        await until(lambda: len(_tasks_since(before)) == count, what="no task is left behind, and none is missing")
        tasks = _tasks_since(before)
        record.clear()
        tasks[number].cancel()
        assert "task" in (await record.first(Disconnected)).reason
        await record.first(Reconnected)
        await _flows(connection, received, b"after %d" % number)
    assert connection.stats().reconnects == count
    assert (await connection.check_health()).healthy


async def test_the_first_use_after_a_tasks_end_finds_a_new_connection(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(nats_server.url)
    before = asyncio.all_tasks()
    await connection.open()
    client_id = connection.stats().client_id
    tasks = _tasks_since(before)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.wait_for(connection.flush(), IN_TIME)
    assert connection.stats().client_id != client_id


async def test_ending_the_task_that_reconnects_does_not_end_the_reconnecting(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(nats_server.url)
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    before = asyncio.all_tasks()
    nats_server.kill()
    for _ in range(3):
        task = (await until(lambda: _tasks_since(before, "natstui reconnect")))[0]
        task.cancel()
        await asyncio.wait({task})
        assert connection.state is ConnectionState.RECONNECTING
    nats_server.start()
    await until(lambda: connection.state is ConnectionState.CONNECTED)
    await _flows(connection, received, b"again")


async def test_ending_the_task_that_opens_fails_the_open_and_the_next_one_succeeds(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(nats_server.url)
    nats_server.freeze()
    before = asyncio.all_tasks()
    opening = asyncio.ensure_future(connection.open())
    task = (await until(lambda: _tasks_since(before, "natstui open")))[0]
    task.cancel()
    with pytest.raises(NotConnectedError):
        await asyncio.wait_for(opening, IN_TIME)
    assert connection.state is ConnectionState.FAILED
    nats_server.thaw()
    await asyncio.wait_for(connection.open(), IN_TIME)
    assert connection.state is ConnectionState.CONNECTED


async def test_ending_the_task_that_falls_asleep_leaves_it_asleep_or_awake(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(nats_server.url)
    await connection.open()
    before = asyncio.all_tasks()
    nats_server.freeze()
    sleeping = asyncio.ensure_future(connection.sleep())
    task = (await until(lambda: _tasks_since(before, "natstui sleep")))[0]
    task.cancel()
    await asyncio.wait({sleeping})
    # Awake where it was ended before it had begun.
    assert connection.state in (ConnectionState.IDLE, ConnectionState.CONNECTED)
    nats_server.thaw()
    await asyncio.wait_for(connection.flush(), IN_TIME)
    await until(lambda: len(nats_server.connections()) == 1, what="the connection of before is gone")
    await asyncio.wait_for(connection.sleep(), IN_TIME)
    assert connection.state is ConnectionState.IDLE


@pytest.mark.parametrize("ended", ["from outside", "by what it awaits"])
async def test_ending_the_task_of_a_handler_does_not_end_the_subscription(
    nats_server: NatsServer, managed: Managed, ended: str
) -> None:
    connection = managed(nats_server.url)
    handled: list[bytes] = []
    stuck = asyncio.get_running_loop().create_future()
    entered = asyncio.Event()

    async def handler(message: Message) -> None:
        if message.data == b"stuck":
            entered.set()
            await stuck
        handled.append(message.data)

    subscription = await connection.subscribe("flow", handler)
    before = asyncio.all_tasks()
    await connection.publish("flow", b"stuck")
    await connection.publish("flow", b"waits behind it")
    await until(lambda: entered.is_set() and subscription.received == 2)
    if ended == "from outside":
        (task,) = _tasks_since(before, "natstui handler")
        task.cancel()
    else:
        stuck.cancel()
    await until(lambda: handled == [b"waits behind it"])
    await connection.publish("flow", b"next")
    await until(lambda: handled == [b"waits behind it", b"next"])
    await asyncio.wait_for(subscription.delivered(), IN_TIME)


async def test_a_reconnect_that_gives_up_is_no_zombie(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, max_reconnects=1)
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.FAILED)
    with pytest.raises(TcpError):
        await connection.publish("orders")
    nats_server.start()
    await connection.publish("orders")
    assert connection.state is ConnectionState.CONNECTED
