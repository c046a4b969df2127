"""NATS over websockets: the same options, the same failures, and clusters that stay on websocket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from natstui.connection import (
    AuthenticationError,
    ClientError,
    ConnectionState,
    Disconnected,
    ExpiryWarning,
    Message,
    NameLookupError,
    OpenError,
    OptionError,
    Reconnected,
    ServerDiscovered,
    StaleConnection,
    TcpError,
    TlsError,
)
from tests.certificates import CertificateAuthority
from tests.clusters import NatsCluster
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.credentials import Operator
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

pytest.importorskip("aiohttp", reason="the extra natstui[websocket] is not installed")

Servers = Callable[..., NatsServer]
Clusters = Callable[..., NatsCluster]
Proxies = Callable[..., Awaitable[Proxy]]


async def test_messages_requests_and_pings_go_over_a_websocket(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(websocket=True)
    connection = managed(server.websocket_url)
    received: list[Message] = []
    await connection.subscribe("orders.>", received.append)
    service = managed(server.websocket_url)

    async def answer(message: Message) -> None:
        await service.publish(message.reply, message.data + b"!", headers={"Served-By": "ws"})

    await service.subscribe("svc.echo", answer)
    big = bytes(range(256)) * 4_000
    await connection.publish("orders.big", big)
    reply = await connection.request("svc.echo", b"hi")
    assert (reply.data, reply.headers) == (b"hi!", {"Served-By": "ws"})
    await until(lambda: received)
    assert received[0].data == big
    assert (await connection.check_health()).healthy
    stats = connection.stats()
    assert stats.server == server.websocket_url
    assert stats.in_bytes > len(big) < stats.out_bytes


async def test_ten_thousand_messages_arrive_whole_and_in_order(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(websocket=True)
    connection = managed(server.websocket_url)
    received: list[int] = []
    await connection.subscribe("n", batch=lambda records: received.extend(int(record[2]) for record in records))
    for number in range(10_000):
        await connection.publish("n", b"%d" % number)
    await until(lambda: len(received) == 10_000, timeout=20)
    assert received == list(range(10_000))


async def test_credentials_go_over_a_websocket_and_wrong_ones_are_told_at_once(
    nats_server_factory: Servers, managed: Managed
) -> None:
    operator = Operator()
    server = nats_server_factory(operator.server_config(), websocket=True)
    connection = managed(server.websocket_url, credentials=operator.user().text)
    await connection.open()
    stranger = managed(server.websocket_url, credentials=Operator().user().text)
    with pytest.raises(AuthenticationError):
        await stranger.open()


async def test_wss_trusts_the_authority_it_was_given_and_no_other(
    nats_server_factory: Servers, managed: Managed, certificate_authority: CertificateAuthority, tmp_path: Path
) -> None:
    other = CertificateAuthority(tmp_path / "other", "somebody else")
    server = nats_server_factory(websocket_tls=certificate_authority.server())
    assert server.websocket_url.startswith("wss://")
    connection = managed(server.websocket_url, root_certificates=certificate_authority.certificate, require_tls=True)
    await connection.open()
    assert (await connection.check_health()).healthy
    stranger = managed(server.websocket_url, root_certificates=other.certificate)
    with pytest.raises(TlsError, match="authority that is not trusted"):
        await stranger.open()


async def test_wss_compares_the_name_and_takes_another_when_told(
    nats_server_factory: Servers, managed: Managed, certificate_authority: CertificateAuthority
) -> None:
    server = nats_server_factory(websocket_tls=certificate_authority.server("nats.example"))
    trusting = {"root_certificates": certificate_authority.certificate}
    with pytest.raises(TlsError, match="for another name"):
        await managed(server.websocket_url, **trusting).open()
    await managed(server.websocket_url, tls_hostname="nats.example", **trusting).open()


async def test_a_certificate_that_expires_soon_is_warned_of_over_wss_too(
    nats_server_factory: Servers, managed: Managed, certificate_authority: CertificateAuthority
) -> None:
    server = nats_server_factory(websocket_tls=certificate_authority.server(expires_in=timedelta(days=3)))
    connection = managed(server.websocket_url, root_certificates=certificate_authority.certificate)
    record = EventRecord(connection)
    await connection.open()
    assert isinstance((await record.first(ClientError)).error, ExpiryWarning)


async def test_tls_options_refuse_a_plain_websocket_before_anything_is_sent(
    nats_server_factory: Servers, managed: Managed, proxy_factory: Proxies
) -> None:
    server = nats_server_factory(websocket=True)
    proxy = await proxy_factory(server.websocket_url)
    with pytest.raises(TlsError, match="use wss://"):
        await managed(proxy.url, require_tls=True, token="s3cr3t").open()
    assert proxy.accepted == 0


async def test_the_connection_timeout_holds_for_a_silent_websocket(
    nats_server_factory: Servers, managed: Managed, proxy_factory: Proxies
) -> None:
    proxy = await proxy_factory(nats_server_factory(websocket=True).websocket_url)
    proxy.silence()
    connection = managed(proxy.url, connection_timeout=0.3)
    with pytest.raises(OpenError, match=r"within 0\.3 s"):
        await asyncio.wait_for(connection.open(), 10)
    await until(lambda: connection.state is ConnectionState.FAILED)


async def test_a_port_that_speaks_no_websocket_is_told_as_such(nats_server: NatsServer, managed: Managed) -> None:
    with pytest.raises(OpenError, match=r"no websocket there|cannot be reached"):
        await managed(nats_server.url.replace("nats://", "ws://"), connection_timeout=2.0).open()


async def test_the_local_address_is_that_of_the_websocket_too(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(websocket=True)
    await managed(server.websocket_url, local_address="127.0.0.7").open()
    assert [client["ip"] for client in server.connections()] == ["127.0.0.7"]


async def test_websocket_beside_tcp_is_refused_when_it_is_set(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(websocket=True)
    with pytest.raises(OptionError, match="mixes websocket with other URLs"):
        managed(server.url, server.websocket_url)
    connection = managed(server.websocket_url)
    with pytest.raises(OptionError, match="mixes websocket with other URLs"):
        connection.set_server_pool([server.url, server.websocket_url])
    await connection.open()
    assert connection.stats().server == server.websocket_url


async def test_a_websocket_cluster_stays_on_websocket(nats_cluster_factory: Clusters, managed: Managed) -> None:
    cluster = nats_cluster_factory(3, websocket=True)
    connection = managed(cluster.nodes[0].websocket_url)
    record = EventRecord(connection)
    received: list[Message] = []
    await connection.subscribe("orders.>", received.append)
    await until(lambda: len(connection.stats().server_pool) == 3)
    websockets = {node.websocket_url for node in cluster.nodes}
    assert {server.url for server in connection.stats().server_pool} == websockets
    assert {event.server for event in record.of(ServerDiscovered)} == websockets - {cluster.nodes[0].websocket_url}
    cluster.nodes[0].kill()
    await record.first(Reconnected)
    assert connection.stats().server in websockets - {cluster.nodes[0].websocket_url}
    await connection.publish("orders.new", b"1")
    await until(lambda: received)


async def test_a_silent_websocket_is_left_for_the_next_server(
    nats_server_factory: Servers, managed: Managed, proxy_factory: Proxies
) -> None:
    silent, healthy = nats_server_factory(websocket=True), nats_server_factory(websocket=True)
    proxy = await proxy_factory(silent.websocket_url)
    connection = managed(proxy.url, healthy.websocket_url, ping_interval=0.1, max_outstanding_pings=2)
    record = EventRecord(connection)
    await connection.open()
    proxy.silence()
    await record.first(Reconnected, server=healthy.websocket_url)
    kinds = record.kinds()
    assert kinds.index(StaleConnection.__name__) < kinds.index(Disconnected.__name__)


async def test_without_aiohttp_the_sentence_says_what_to_install(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nats.aio.transport.aiohttp", None)
    with pytest.raises(TcpError, match=r"pip install 'natstui\[websocket\]'"):
        await managed("ws://127.0.0.1:1").open()


async def test_a_name_server_that_never_answers_holds_up_neither_the_attempt_nor_the_end_of_the_process(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    asked: list[threading.Thread] = []

    def never(*_: object, **__: object) -> list[object]:
        asked.append(threading.current_thread())
        released.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    try:
        with pytest.raises(NameLookupError, match=r"did not answer within 0\.3 s"):
            await asyncio.wait_for(managed("ws://nats.example", connection_timeout=0.3).open(), 10)
        assert asked and all(thread.daemon for thread in asked)
    finally:
        released.set()


async def test_a_host_name_is_looked_up_for_a_websocket(nats_server_factory: Servers, managed: Managed) -> None:
    server = nats_server_factory(websocket=True)
    connection = managed(server.websocket_url.replace("127.0.0.1", "localhost"))
    await connection.open()
    assert (await connection.check_health()).healthy
