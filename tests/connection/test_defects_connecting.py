"""nats-py's defects around connecting and the server pool (nats-py-2.16.md, part 2): none may reach a user."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from natstui.connection import (
    Auth,
    AuthenticationError,
    Connected,
    ConnectionState,
    Disconnected,
    HandshakeError,
    ManagedConnection,
    NoServerAvailableError,
    Reconnected,
    ServerDiscovered,
    ServerRemoved,
    Stage,
    StateChanged,
    TcpError,
    TlsError,
)
from tests.certificates import CertificateAuthority
from tests.clusters import NatsCluster
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Peer, Proxy, Script, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

Proxies = Callable[..., Awaitable[Proxy]]
Scripted = Callable[[Script], Awaitable[ScriptedServer]]
Clusters = Callable[..., NatsCluster]
Servers = Callable[..., NatsServer]

IN_TIME = 10.0
"""Seconds: these failures are known at once; nats-py hangs for minutes, or for ever."""


def _pool(connection: ManagedConnection) -> list[str]:
    return sorted(server.url for server in connection.stats().server_pool)


async def test_bad_ca_fails_fast_with_the_reason(
    certificate_authority: CertificateAuthority, tmp_path: Path, proxy_factory: Proxies, managed: Managed
) -> None:
    """Defect 4: nats-py's connect() hangs, and is still stuck after 80 s."""
    stranger = CertificateAuthority(tmp_path / "stranger", "stranger")
    with NatsServer(tls=certificate_authority.server()) as server:
        proxy = await proxy_factory(server.url)
        connection = managed(proxy.url, root_certificates=stranger.certificate, connection_timeout=60)
        with pytest.raises(TlsError, match="certificate"):
            await asyncio.wait_for(connection.open(), IN_TIME)
        assert connection.state is ConnectionState.FAILED
        await until(lambda: proxy.open_connections == 0, what="the socket is closed")


async def test_a_refused_port_fails_fast_with_the_reason(managed: Managed) -> None:
    """Defect 6: nats-py tries 61 times, every 2 s, without a word."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        connection = managed(f"nats://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(TcpError, match="refused"):
            await asyncio.wait_for(connection.open(), IN_TIME)
    assert connection.state is ConnectionState.FAILED


async def test_a_wrong_password_fails_fast_and_is_tried_once(nats_server_factory: Servers, managed: Managed) -> None:
    """Defect 6: nats-py presents the wrong password 61 times, and may get the user locked out."""
    server = nats_server_factory(user="ann", password="right")
    connection = managed(server.url, user="ann", password="wrong")
    with pytest.raises(AuthenticationError, match="Authorization Violation") as failure:
        await asyncio.wait_for(connection.open(), IN_TIME)
    assert failure.value.stage is Stage.AUTHENTICATION
    assert "wrong" not in str(failure.value)
    assert server.varz()["total_connections"] == 1


async def test_a_pool_of_dead_servers_fails_with_each_reason(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 6, for more than one server."""
    nats_server.kill()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        connection = managed(nats_server.url, f"nats://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(NoServerAvailableError, match="2 servers") as failure:
            await asyncio.wait_for(connection.open(), IN_TIME)
    assert [type(error) for error in failure.value.attempts] == [TcpError, TcpError]


@pytest.mark.parametrize(
    "ahead", [b"PING\r\n", b"+OK\r\n", b"INFO {}\r\n", b"INFO {}\r\nPING\r\n", b"INFO not json\r\n"], ids=repr
)
async def test_what_comes_ahead_of_the_first_pong_does_not_stop_the_connecting(
    scripted_server: Scripted, managed: Managed, ahead: bytes
) -> None:
    """Defect 13: nats-py is CONNECTING for ever, while publish and flush "succeed"."""
    echoed: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.send_info()
        await peer.expect(b"CONNECT ")
        await peer.expect(b"PING")
        await peer.send(ahead + b"PONG\r\n")
        while True:
            line, body = await peer.read_operation()
            if line == b"PING":
                await peer.send(b"PONG\r\n")
            elif line.startswith(b"PUB"):
                echoed.append(body)

    server = await scripted_server(script)
    connection = managed(server.url)
    await asyncio.wait_for(connection.open(), IN_TIME)
    assert connection.state is ConnectionState.CONNECTED
    assert connection.stats().rtt_ms is not None, "the PONG was awaited"
    await connection.publish("orders", b"arrives")
    await connection.flush()
    assert echoed == [b"arrives"]


async def test_a_server_that_hangs_up_before_the_first_pong_is_no_connection(
    scripted_server: Scripted, managed: Managed
) -> None:
    """Defect 13: nats-py's connect() returns success."""

    async def script(peer: Peer) -> None:
        await peer.send_info()
        await peer.expect(b"CONNECT ")
        await peer.expect(b"PING")

    server = await scripted_server(script)
    connection = managed(server.url)
    with pytest.raises(HandshakeError, match="closed the connection") as failure:
        await asyncio.wait_for(connection.open(), IN_TIME)
    assert failure.value.stage is Stage.FIRST_PING
    assert connection.state is ConnectionState.FAILED


async def test_asking_for_health_during_the_handshake_does_not_break_it(
    nats_server_factory: Servers, managed: Managed
) -> None:
    """Defect 14: nats-py's rtt() sends PING ahead of CONNECT, and the server refuses the credentials."""
    server = nats_server_factory(user="ann", password="right")
    asked, answer = asyncio.Event(), asyncio.Event()

    async def sign_in(_nonce: bytes) -> Auth:
        asked.set()
        await answer.wait()
        return Auth(user="ann", password="right")

    connection = managed(server.url, auth_callback=sign_in)
    opening = asyncio.ensure_future(connection.open())
    await asked.wait()
    health = await connection.check_health(timeout=1.0)
    assert not health.healthy and "opening" in health.problems[0]
    flushing = asyncio.ensure_future(connection.flush())
    publishing = asyncio.ensure_future(connection.publish("orders", b"x"))
    await asyncio.sleep(0)
    answer.set()
    await asyncio.wait_for(asyncio.gather(opening, flushing, publishing), IN_TIME)
    assert (await connection.check_health()).healthy
    assert server.varz()["total_connections"] == 1


async def test_credentials_in_a_url_serve_discovered_servers_too(
    nats_cluster_factory: Clusters, managed: Managed
) -> None:
    """Defect 15: nats-py does not know the password on the second server, and is CLOSED beside two live ones."""
    cluster = nats_cluster_factory(2, user="ann", password="s3cret")
    first, second = cluster.nodes
    connection = managed(first.url.replace("nats://", "nats://ann:s3cret@"))
    await connection.open()
    record = EventRecord(connection)
    await until(lambda: _pool(connection) == sorted(cluster.urls))
    assert connection.stats().server == first.url
    first.kill()
    await record.first(Reconnected, server=second.url)
    told = [*map(repr, connection.events), *map(str, connection.events), connection.stats().model_dump_json()]
    assert not [text for text in told if "s3cret" in text]


async def test_a_server_that_left_the_cluster_is_forgotten(nats_cluster_factory: Clusters, managed: Managed) -> None:
    """Defect 16: nats-py never removes a discovered server, and does not tell of those it learns while connecting."""
    cluster = nats_cluster_factory(2)
    first, second = cluster.nodes
    connection = managed(first.url)
    record = EventRecord(connection)
    await connection.open()
    await record.first(ServerDiscovered, server=second.url)
    third = cluster.add_node()
    await record.first(ServerDiscovered, server=third.url)
    assert _pool(connection) == sorted([first.url, second.url, third.url])
    cluster.remove_node(third)
    await record.first(ServerRemoved, server=third.url)
    # The nodes' gossip may tell of a node that has left once more before it settles.
    await until(lambda: _pool(connection) == sorted([first.url, second.url]))


async def test_a_changed_payload_limit_is_known(nats_cluster_factory: Clusters, managed: Managed) -> None:
    """Defect 16: nats-py keeps the max_payload of its first INFO for ever."""
    cluster = nats_cluster_factory(1)
    server = cluster.nodes[0]
    connection = managed(server.url)
    await connection.open()
    assert connection.stats().max_payload == 1_048_576
    server.reload(max_payload=2_000)
    cluster.add_node()
    await until(lambda: connection.stats().max_payload == 2_000)


async def test_a_websocket_cluster_is_not_left_for_tcp(nats_cluster_factory: Clusters, managed: Managed) -> None:
    """Defect 17: nats-py discovers nats:// URLs, and is CLOSED beside a live websocket server."""
    cluster = nats_cluster_factory(2, websocket=True)
    first, second = cluster.nodes
    connection = managed(first.websocket_url)
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    record = EventRecord(connection)
    await until(lambda: _pool(connection) == sorted([first.websocket_url, second.websocket_url]))
    first.kill()
    await record.first(Reconnected, server=second.websocket_url)
    await connection.publish("flow", b"over the second")
    await until(lambda: received == [b"over the second"])


async def test_reopening_does_not_multiply_the_pool(nats_cluster_factory: Clusters, managed: Managed) -> None:
    """Defect 21: a nats-py client that connects again has every server twice."""
    cluster = nats_cluster_factory(2)
    connection = managed(*cluster.urls)
    for _ in range(4):
        await connection.open()
        assert _pool(connection) == sorted(cluster.urls)
        await connection.sleep()
    for _ in range(3):
        await connection.open()
        await connection.force_reconnect()
        await until(lambda: connection.state is ConnectionState.CONNECTED)
        assert _pool(connection) == sorted(cluster.urls)
    assert connection.stats().opens == 5
    assert connection.stats().reconnects == 3


async def test_a_connection_is_up_for_its_listeners_when_open_returns(
    nats_server: NatsServer, managed: Managed
) -> None:
    """Defect 13 and 16: nats-py has no word for "connected", and none for the first time."""
    connection = managed(nats_server.url)
    record = EventRecord(connection)
    await connection.open()
    connected = await record.first(Connected)
    assert connected.server == nats_server.url
    assert connected.client_id == nats_server.connections()[0]["cid"]
    assert connected.rtt is not None and 0 < connected.rtt < IN_TIME
    await connection.force_reconnect()
    await record.first(Reconnected)
    assert [(change.old.value, change.new.value) for change in record.of(StateChanged)] == [
        ("new", "opening"),
        ("opening", "connected"),
        ("connected", "reconnecting"),
        ("reconnecting", "connected"),
    ]
    assert record.of(Disconnected)[0].reason == "reconnect requested"
    assert urlsplit(record.of(Reconnected)[0].server).port == nats_server.port
