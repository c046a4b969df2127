"""Requests: one reply or many, and every way in which none comes."""

from __future__ import annotations

import asyncio

import pytest

from natstui.connection import (
    ConnectionLostError,
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    ManagedConnection,
    Message,
    NoRespondersError,
    NotConnectedError,
    OperationTimeoutError,
)
from tests.servers import NatsServer
from tests.waiting import until


async def _service(manager: ConnectionManager, url: str, subject: str, answers: int = 1) -> ManagedConnection:
    service = manager.add(ConnectOptions(servers=url))

    async def respond(message: Message) -> None:
        for number in range(answers):
            await service.publish(message.reply, b"%d:" % number + message.data, headers=message.headers)

    await service.subscribe(subject, respond)
    return service


async def test_a_hundred_requests_at_once_each_get_their_own_reply(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    await _service(manager, nats_server.url, "svc.echo")
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    replies = await asyncio.gather(*(connection.request("svc.echo", b"%d" % n) for n in range(100)))
    assert [reply.data for reply in replies] == [b"0:%d" % n for n in range(100)]
    counts = [(c["subscriptions"], c["in_msgs"]) for c in nats_server.connz()["connections"]]
    assert sorted(counts) == [(1, 100), (1, 100)]


async def test_headers_go_there_and_back(nats_server: NatsServer, manager: ConnectionManager) -> None:
    await _service(manager, nats_server.url, "svc.echo")
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    assert (await connection.request("svc.echo", b"", headers={"Trace": "7"})).headers == {"Trace": "7"}


async def test_an_inbox_of_ones_own_bypasses_the_multiplexer(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    await _service(manager, nats_server.url, "svc.echo")
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    reply = await connection.request("svc.echo", b"hi", inbox="my.own.inbox")
    assert (reply.subject, reply.data) == ("my.own.inbox", b"0:hi")
    await connection.flush()
    assert sorted(c["subscriptions"] for c in nats_server.connz()["connections"]) == [0, 1]
    assert connection.subscriptions == ()


async def test_the_custom_inbox_prefix_is_used(nats_server: NatsServer, manager: ConnectionManager) -> None:
    await _service(manager, nats_server.url, "svc.echo")
    connection = manager.add(ConnectOptions(servers=nats_server.url, custom_inbox_prefix="_REPLIES.ops"))
    assert (await connection.request("svc.echo")).subject.startswith("_REPLIES.ops.")


async def test_nobody_there_is_told_at_once(nats_server: NatsServer, manager: ConnectionManager) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    with pytest.raises(NoRespondersError, match=r"nobody answers on svc\.none"):
        await connection.request("svc.none", timeout=30)
    with pytest.raises(NoRespondersError):
        async for _ in connection.request_many("svc.none", timeout=30):
            pass


async def test_a_silent_service_times_out_and_its_late_reply_harms_nothing(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    service = manager.add(ConnectOptions(servers=nats_server.url))
    asked: list[Message] = []
    await service.subscribe("svc.slow", asked.append)
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    with pytest.raises(OperationTimeoutError, match=r"no reply from svc\.slow within 0\.1 s"):
        await connection.request("svc.slow", timeout=0.1)
    await service.publish(asked[0].reply, b"late")
    await service.flush()
    await _service(manager, nats_server.url, "svc.echo")
    assert (await connection.request("svc.echo", b"x")).data == b"0:x"


async def test_many_replies_come_each_with_its_latency_until_the_number_or_the_time_is_up(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    for _ in range(3):
        await _service(manager, nats_server.url, "svc.pricing", answers=2)
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    some = [reply async for reply in connection.request_many("svc.pricing", b"a", max_replies=4)]
    assert len(some) == 4
    everyone = [reply async for reply in connection.request_many("svc.pricing", b"a", timeout=30, stall=0.5)]
    assert sorted(reply.message.data for reply in everyone) == [b"0:a"] * 3 + [b"1:a"] * 3
    assert all(0 < reply.latency < 30 for reply in everyone)


async def test_a_request_in_flight_fails_at_once_when_the_connection_is_lost(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    service = manager.add(ConnectOptions(servers=nats_server.url))
    asked: list[Message] = []
    await service.subscribe("svc.slow", asked.append)
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    one = asyncio.create_task(connection.request("svc.slow", timeout=60))
    own = asyncio.create_task(connection.request("svc.slow", timeout=60, inbox="own.box"))
    await until(lambda: len(asked) == 2)
    nats_server.kill()
    async with asyncio.timeout(10):
        for request in (one, own):
            with pytest.raises(ConnectionLostError, match="lost before the reply"):
                await request


async def test_a_request_while_reconnecting_waits_for_the_server_and_no_longer_than_its_timeout(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    service = await _service(manager, nats_server.url, "svc.echo")
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    with pytest.raises(NotConnectedError, match="nothing was sent"):
        await connection.request("svc.echo", timeout=0.1)
    waiting = asyncio.create_task(service.request("svc.echo", b"x", timeout=30))
    nats_server.restart()
    assert (await waiting).data == b"0:x"
