"""A read-only connection: whatever is tried, no message leaves the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from natstui.connection import (
    ClientError,
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    ManagedConnection,
    Outcome,
    ReadOnlyError,
)
from natstui.connection.client import NatsClient
from natstui.connection.message import holds_publish
from natstui.headless.diagnosis import ServerDiagnosis
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]
Proxies = Callable[..., Awaitable[Proxy]]


async def _all_ways_out(connection: ManagedConnection) -> None:
    """Try each of them; each has to refuse."""
    headers = {"Nats-Msg-Id": "1"}
    with pytest.raises(ReadOnlyError, match=r"read-only.*: publish and request on a connection without read_only"):
        await connection.publish("orders.new", b"1")
    with pytest.raises(ReadOnlyError):
        await connection.publish("orders.new", b"1", reply="answers", headers=headers)
    outcome = await connection.publish_confirmed("orders.new", b"1", headers=headers)
    assert outcome.outcome is Outcome.REFUSED and outcome.reason.startswith("this connection is read-only")
    waited = await connection.publish_confirmed("orders.new", b"1", wait_when_buffered=True)
    assert waited.outcome is Outcome.REFUSED
    for inbox in (None, "my.inbox"):
        with pytest.raises(ReadOnlyError):
            await connection.request("$JS.API.STREAM.PURGE.ORDERS", b"", inbox=inbox)
    with pytest.raises(ReadOnlyError):
        async for _ in connection.request_many("svc.echo", b"1", timeout=1):
            pass


async def test_nothing_leaves_before_after_and_without_a_connection(
    nats_server: NatsServer, proxy_factory: Proxies, manager: ConnectionManager
) -> None:
    proxy = (await proxy_factory(nats_server.url)).record()
    received: list[Any] = []
    listener = manager.add(ConnectOptions(servers=nats_server.url))
    await listener.subscribe(">", received.append)
    connection = manager.add(ConnectOptions(servers=proxy.url, read_only=True))
    await _all_ways_out(connection)
    assert connection.state is ConnectionState.NEW
    assert proxy.accepted == 0, "a refused use opens nothing"
    heard: list[bytes] = []
    await connection.subscribe("orders.>", lambda message: heard.append(message.data), queue="q")
    await _all_ways_out(connection)
    assert (await connection.check_health()).healthy
    connection.set_server_pool([proxy.url, nats_server.url])
    await connection.force_reconnect()
    await _all_ways_out(connection)
    await connection.sleep()
    await _all_ways_out(connection)
    assert connection.state is ConnectionState.IDLE
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    await _all_ways_out(connection)
    assert connection.stats().buffered == 0
    nats_server.restart()
    await until(lambda: connection.state is ConnectionState.CONNECTED, 10)
    await until(lambda: listener.state is ConnectionState.CONNECTED, 10)
    await connection.flush()
    await listener.publish("orders.seen", b"by others")
    await until(lambda: heard == [b"by others"])
    assert [message.data for message in received] == [b"by others"]
    assert connection.stats().out_msgs == 0
    assert proxy.publishes == [] and b"SUB orders.> q" in proxy.said


async def test_what_waits_for_a_server_does_not_go_out_once_it_is_read_only(
    nats_server: NatsServer, proxy_factory: Proxies, manager: ConnectionManager
) -> None:
    proxy = (await proxy_factory(nats_server.url)).record()
    connection = manager.add(ConnectOptions(servers=proxy.url))
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    await connection.publish("orders.new", b"1")
    waiting = asyncio.create_task(connection.publish_confirmed("orders.new", b"2", wait_when_buffered=True))
    await until(lambda: connection.stats().buffered == 2)
    connection.options = connection.options.replace(read_only=True)
    nats_server.restart()
    outcome = await asyncio.wait_for(waiting, 10)
    assert outcome.outcome is Outcome.REFUSED and "read-only" in outcome.reason
    assert any(isinstance(event, ClientError) and "read-only" in str(event) for event in connection.events)
    await connection.flush()
    assert (proxy.publishes, connection.stats().buffered, connection.stats().out_msgs) == ([], 0, 0)


async def test_the_client_itself_writes_no_message(
    nats_server: NatsServer, proxy_factory: Proxies, manager: ConnectionManager
) -> None:
    proxy = (await proxy_factory(nats_server.url)).record()
    connection = manager.add(ConnectOptions(servers=proxy.url, read_only=True))
    await connection.open()
    client = connection._client
    assert isinstance(client, NatsClient)
    for try_it in (
        lambda: client.send("orders.new", "", b"1", b""),
        lambda: client.send("orders.new", "", b"1", b"NATS/1.0\r\nA: b\r\n\r\n"),
        lambda: client.publish("orders.new", b"1"),
        lambda: client.publish("orders.new", b"1", headers={"A": "b"}),
        lambda: client.request("svc.echo", b"1", timeout=1),
        lambda: client.jetstream().publish("orders.new", b"1", timeout=1),
        lambda: client._send_command(b"UNSUB 9\r\npub orders.new 1\r\n1\r\n"),
    ):
        with pytest.raises(ReadOnlyError):
            await try_it()
    await connection.flush()
    assert proxy.publishes == [] and connection.stats().out_msgs == 0
    assert b"pub" not in proxy.said.lower()


async def test_nothing_leaves_over_a_websocket(nats_server_factory: Servers, manager: ConnectionManager) -> None:
    server = nats_server_factory(websocket=True)
    connection = manager.add(ConnectOptions(servers=server.websocket_url, read_only=True))
    await connection.open()
    await _all_ways_out(connection)
    await connection.flush()
    assert [one["in_msgs"] for one in server.connections()] == [0]


async def test_the_walk_of_check_and_the_connect_dialog_asks_jetstream_nothing(
    nats_server_factory: Servers, proxy_factory: Proxies
) -> None:
    server = nats_server_factory(jetstream=True)
    proxy = (await proxy_factory(server.url)).record()
    for read_only, jetstream in ((True, "skipped"), (False, "ok")):
        options = ConnectOptions(servers=proxy.url, read_only=read_only)
        diagnosis = ServerDiagnosis(options, *options.pool[0])
        reports = {report.stage: report async for report in diagnosis.walk()}
        assert (reports["ping"].status, reports["JetStream"].status) == ("ok", jetstream)
        assert bool(proxy.publishes) is not read_only


@pytest.mark.parametrize(
    "command", [b"PUB a 1\r\n", b"hpub a 1 2\r\n", b"SUB a\nPub b 1\r\n", b"PING\r\n PUB\ta 1\r\n"]
)
def test_a_message_is_found_wherever_it_hides(command: bytes) -> None:
    assert holds_publish(command)


@pytest.mark.parametrize("command", [b"SUB pub 1\r\n", b"SUB publish.PUB q 1\r\n", b"UNSUB 1\r\n", b"PING\r\n"])
def test_what_is_no_message_goes_through(command: bytes) -> None:
    assert not holds_publish(command)
